"""The shortcuts of ridge: sums in one pass, and the subspace of the solutions."""

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import hilbert
from sklearn.linear_model import Ridge

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.data.limits import RowLimits
from sklearn_myhpo.data.parts import add, add_others, divide_rows
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.sums import Sums
from sklearn_myhpo.engine.linalg.krylov import krylov_subspace, range_subspace
from sklearn_myhpo.engine.ridge.moments import sum_parts
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.engine.test_engine import assert_same_problem, lambdas
from tests.helpers import ridge_spec, weighted

SUBSPACES = {
    "tall": ridge_spec(n_samples=900, n_features=120, n_folds=5),
    "tall-holdout": ridge_spec(n_samples=900, n_features=120, n_folds=1),
    "tall-weighted": weighted(ridge_spec(n_samples=900, n_features=120)),
    "tall-no-intercept": ridge_spec(n_samples=900, n_features=120, fit_intercept=False),
    "wide": ridge_spec(n_samples=100, n_features=2000),
    "wide-holdout": ridge_spec(n_samples=100, n_features=2000, n_folds=1),
    "wide-weighted": weighted(ridge_spec(n_samples=100, n_features=2000)),
    "wide-no-intercept": ridge_spec(
        n_samples=100, n_features=2000, fit_intercept=False
    ),
}


@pytest.mark.parametrize("name", SUBSPACES)
def test_subspace_of_the_solutions_equals_all_directions(name):
    """The subspace is a shortcut, not another model."""
    spec = SUBSPACES[name]
    fast, plain = spec.problem(all_directions=False), spec.problem()
    assert fast.splits[0].shape[0] < min(plain.splits[0].shape[0], *spec.X.shape)
    np.testing.assert_allclose(fast.bounds, plain.bounds, rtol=1e-9)
    assert_same_problem(fast, plain, rtol=1e-8)
    lambda_ = lambdas(fast)
    for a, b in zip(
        fast.full.to_features(fast.full.minimize(lambda_, fast.full.start())),
        plain.full.to_features(plain.full.minimize(lambda_, plain.full.start())),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "spec",
    [
        SUBSPACES["tall"],
        ridge_spec(n_targets=3),
        ridge_spec(n_samples=24, n_features=40),
    ],
)
def test_path_equals_single_lambdas(spec):
    """The scan would rank the wrong minimum first."""
    problem = spec.problem(all_directions=False)
    grid = np.linspace(-12.0, 6.0, 7)
    values, slopes = problem.path(grid)
    for lambda_, value, slope in zip(grid, values, slopes, strict=True):
        weights = problem.minimize(np.array([lambda_]), problem.starts())
        np.testing.assert_allclose(value, problem.validation_loss(weights), rtol=1e-10)
        expected = problem.hypergradient(np.array([lambda_]), weights)
        np.testing.assert_allclose(slope, expected[0], rtol=1e-8)


@pytest.mark.parametrize("size", [30, 300])
def test_ill_conditioned_moments_have_no_small_subspace(size):
    """A truncated space would hide the solutions of weak penalties."""
    assert krylov_subspace(hilbert(size), np.ones(size)) is None
    assert range_subspace(hilbert(size)) is None


def test_mean_response_needs_all_directions():
    """The published method would stop at another lambda on well-conditioned data."""
    spec = SUBSPACES["tall"]
    options = {"response": "mean", "metric": "identity", "rho": 1.0, "refit": False}
    model = MYHPORidge(cv=spec.pairs, lambda_init=-1.0, max_iter=5, tol=0, **options)
    with pytest.warns(UserWarning, match="max_iter=5"):
        model.fit(spec.X, spec.y[:, 0])
    problem = spec.problem()
    solver = MYHPO(response="mean", metric="identity", rho=1.0)
    result = minimize_bilevel(problem, solver, lambda_init=-1.0, max_iter=5, tol=0)
    np.testing.assert_allclose(
        model.history_["lambda"], result.history["lambda"][:, 0], rtol=1e-9
    )


def make_sums(n_atoms, seed=0):
    """Return random sums."""
    rng = np.random.default_rng(seed)
    return [
        Sums(rng.random((4, 4)), rng.random((3, 1)), rng.random())
        for _ in range(n_atoms)
    ]


@pytest.mark.parametrize("n_atoms", [2, 3, 7])
def test_sums_over_the_other_parts(n_atoms):
    """A training fold would miss rows or hold its own validation rows."""
    parts = make_sums(n_atoms)
    for number, others in enumerate(add_others(parts)):
        expected = add(parts[:number] + parts[number + 1 :])
        for a, b in zip(others, expected, strict=True):
            np.testing.assert_allclose(a, b)


SPLITS = {
    "folds": [(np.r_[200:700], np.r_[0:200]), (np.r_[0:200], np.r_[200:700])],
    "mixed rows": [(np.r_[0:700:2], np.r_[1:700:2]), (np.r_[1:700:2], np.r_[0:700:2])],
    "holdout": [(np.r_[0:500], np.r_[500:700])],
    "not all rows": [(np.r_[0:300], np.r_[300:400]), (np.r_[350:600], np.r_[0:100])],
    "repeated rows": [(np.r_[0:300, 0:100], np.r_[400:700]), (np.r_[400:700], [3, 7])],
    "overlapping": [
        tuple(np.sort(part) for part in np.split(order, [400]))
        for order in (
            np.random.default_rng(seed).permutation(700)[:600] for seed in range(5)
        )
    ],
}


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("splits", SPLITS)
@pytest.mark.parametrize("kind", ["dense", "fortran", "single", "sparse", "far"])
def test_sums_are_those_of_the_rows(kind, splits, fit_intercept, set_limits):
    """Blocks, weights, kinds of rows or the origin would lose rows."""
    set_limits(block_entries=1)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((700, 3)) + 5.0, rng.standard_normal((700, 2)) - 3.0
    weight = rng.integers(0, 3, 700).astype(float)
    given = {
        "dense": X,
        "fortran": np.asfortranarray(X),
        "single": X.astype(np.float32),
        "sparse": sparse.csr_array(X),
        "far": X + 1e3,
    }[kind]
    X = given.toarray() if kind == "sparse" else given.astype(float)
    parts = divide_rows(SPLITS[splits], weight)
    assert (parts.kinds is None) == (splits == "overlapping")
    found = sum_parts(as_design(given), y, parts, fit_intercept)
    whole = (np.arange(700), np.arange(700))
    for own, pair in zip(found.parts, [*SPLITS[splits], whole], strict=True):
        for sums, index in zip(own, pair, strict=True):
            rows = np.column_stack(
                [X - found.design.shift, np.ones(700), y - found.y_shift]
            )[index]
            part = weight[index]
            np.testing.assert_allclose(
                sums.matrix, rows.T @ (part[:, None] * rows), rtol=1e-9, atol=1e-9
            )
            residual = rows[:, 4:] - rows[:, :3] @ found.reference
            scale = np.abs(rows).max() ** 2
            np.testing.assert_allclose(
                sums.residual_linear,
                rows[:, :4].T @ (part[:, None] * residual),
                atol=1e-10 * scale,
            )
            np.testing.assert_allclose(
                sums.residual_square,
                np.sum(part[:, None] * residual**2, axis=0),
                rtol=1e-9,
            )


def sums_of_all(X, y):
    """Return the sources of one split that trains on all rows but one."""
    pairs = [(np.arange(1, len(X)), np.array([0]))]
    return sum_parts(as_design(X), y, divide_rows(pairs, np.ones(len(X))), True)


def test_shift_of_rows_that_the_sample_misses():
    """Rows in a pattern that the sample misses would cancel to noise."""
    rng = np.random.default_rng(0)
    n_samples = 4 * RowLimits().shift_rows
    X = rng.standard_normal((n_samples, 3))
    X[np.arange(n_samples) % 4 != 0] += 1e8
    X[:, 2] = 7.0
    y = np.where(np.arange(n_samples) % 4 == 0, 0.0, rng.standard_normal(n_samples))
    found = sums_of_all(X, y[:, None])
    matrix = found.parts[-1][0].matrix
    assert found.design.shift[2] == 7.0
    centred = X[:, :2] - X[:, :2].mean(axis=0)
    mean = matrix[3, :2] / n_samples
    gram = matrix[:2, :2] / n_samples - np.outer(mean, mean)
    np.testing.assert_allclose(gram, centred.T @ centred / n_samples, rtol=1e-9)
    assert not np.any(matrix[2, :3])


def test_residuals_of_a_nearly_perfect_model():
    """The validation loss would be the rounding of the sum of squares of y."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    y = X @ rng.standard_normal((5, 1)) + 1e-9 * rng.standard_normal((400, 1))
    found = sums_of_all(X, y)
    residual = (y - found.y_shift) - (X - found.design.shift) @ found.reference
    np.testing.assert_allclose(
        found.parts[-1][0].residual_square, np.sum(residual**2), rtol=1e-6
    )


@pytest.mark.parametrize("shape", [(900, 120), (100, 2000)])
def test_estimator_on_the_fast_path(shape):
    """`alpha_` would not give scikit-learn's ridge the same coefficients."""
    spec = ridge_spec(*shape, noise=3.0)
    X, y = spec.X, spec.y[:, 0]
    model = MYHPORidge(cv=4, random_state=0).fit(X, y)
    plain = Ridge(alpha=model.alpha_).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, rtol=1e-8)
    each = MYHPORidge(cv=4, random_state=0, refit=False).fit(X, y)
    assert np.isfinite(each.coef_).all()
