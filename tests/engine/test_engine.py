"""The engine: derivatives, exact solves and the shortcuts that must not show."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.bilevel import outer
from sklearn_myhpo.bilevel.counts import OracleCounts
from sklearn_myhpo.data.limits import RowLimits
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.glm.products import ProductHessian
from sklearn_myhpo.engine.glm.split import GLMSplit
from sklearn_myhpo.engine.linalg.hessian import DenseHessian, DiagonalHessian
from sklearn_myhpo.engine.linalg.newton import minimize_newton
from sklearn_myhpo.engine.linalg.symmetric import symmetric_solver
from sklearn_myhpo.engine.plan import Plan, use_limits
from sklearn_myhpo.engine.ridge import diagonal
from sklearn_myhpo.engine.split import Proximal
from tests.helpers import (
    PROBLEMS,
    SPECS,
    class_scores,
    class_spec,
    numerical_gradient,
    reference_fit,
    reference_loss,
    reference_objective,
    ridge_spec,
    sparsified,
)


def lambdas(problem):
    """Return a different lambda for every group."""
    return np.linspace(-2.5, -1.5, problem.n_groups)


def random_weights(split, seed=0):
    """Return weights at which nothing vanishes."""
    return 0.3 * np.random.default_rng(seed).standard_normal(split.shape)


def coefficients(problem, lambda_):
    """Return coef and intercept of every split's exact solution."""
    weights = problem.minimize(lambda_, problem.starts())
    return [
        np.vstack(split.to_features(w))
        for split, w in zip(problem.splits, weights, strict=True)
    ]


def objective(problem, lambda_):
    """Return the validation loss at the exact solutions."""
    return problem.validation_loss(problem.minimize(lambda_, problem.starts()))


def adaptive_model(problem, lambda_):
    """Return the second-order model of the validation loss at lambda."""
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
    return problem.at(lambda_, weights).model()


def assert_same_problem(one, other, rtol=1e-9):
    """Compare solutions, losses, slopes and curvatures at a few lambdas."""
    for shift in (-6.0, 0.0, 3.0):
        lambda_ = lambdas(one) + shift
        for a, b in zip(
            coefficients(one, lambda_), coefficients(other, lambda_), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
        np.testing.assert_allclose(
            objective(one, lambda_), objective(other, lambda_), rtol=rtol
        )
        a, b = adaptive_model(one, lambda_), adaptive_model(other, lambda_)
        for left, right in zip(a, b, strict=True):
            atol = rtol * np.abs(right).max()
            np.testing.assert_allclose(left, right, rtol=100 * rtol, atol=10 * atol)


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients(name):
    """Gradient steps would go in the wrong direction."""
    problem = PROBLEMS[name]()
    split, lambda_ = problem.splits[0], lambdas(problem)
    w = random_weights(split)
    proximal = Proximal(
        random_weights(split, 1),
        random_weights(split, 2),
        0.7,
        split.hessian(w, lambda_),
    )
    for gradient, value in (
        (split.train_gradient(w, lambda_), lambda w: split.train_loss(w, lambda_)),
        (split.validation_gradient(w), split.validation_loss),
        (
            split.consensus_gradient(w, lambda_, proximal),
            lambda w: split.train_loss(w, lambda_) + proximal.value(w),
        ),
    ):
        expected = numerical_gradient(value, w)
        atol = 1e-8 * np.abs(expected).max()
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("name", PROBLEMS)
def test_hessian(name):
    """Newton steps, hypergradients and the Hessian metric all use it."""
    problem = PROBLEMS[name]()
    split, lambda_ = problem.splits[0], lambdas(problem)
    w, x = random_weights(split), random_weights(split, 1)
    hessian = split.hessian(w, lambda_)
    step = 1e-5
    expected = (
        split.train_gradient(w + step * x, lambda_)
        - split.train_gradient(w - step * x, lambda_)
    ) / (2 * step)
    atol = 1e-8 * np.abs(expected).max()
    np.testing.assert_allclose(hessian.product(x), expected, rtol=1e-6, atol=atol)
    np.testing.assert_allclose(hessian.solve(hessian.product(x)), x, atol=1e-9)
    # Stacks of directions, one for each group.
    stack = np.stack([x, w])
    np.testing.assert_allclose(hessian.product(stack)[1], hessian.product(w))
    np.testing.assert_allclose(hessian.solve(stack)[0], hessian.solve(x))
    for other, image in ((None, x), (hessian, hessian.product(x))):
        total = hessian.plus(0.5, other).product(x)
        np.testing.assert_allclose(total, hessian.product(x) + 0.5 * image)


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimize_is_stationary(name):
    """An inner solution that is not one makes every hypergradient wrong."""
    problem = PROBLEMS[name]()
    lambda_ = lambdas(problem)
    for split in [*problem.splits, problem.full]:
        scale = np.linalg.norm(split.train_gradient(split.start(), lambda_))
        w = split.minimize(lambda_, split.start())
        assert np.linalg.norm(split.train_gradient(w, lambda_)) <= 1e-8 * scale
        for metric in (None, split.hessian(w, lambda_)):
            proximal = Proximal(
                0.1 * random_weights(split), random_weights(split, 1), 0.7, metric
            )
            w = split.minimize(lambda_, w, proximal)
            slope = split.consensus_gradient(w, lambda_, proximal)
            assert np.linalg.norm(slope) <= 1e-8 * scale


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimize_agrees_with_scikit_learn(name):
    """Every split, and the refit, must be the model that the user knows."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    lambda_ = lambdas(problem)
    trains = [train for train, _ in spec.pairs] + [np.arange(len(spec.y))]
    for split, train in zip([*problem.splits, problem.full], trains, strict=True):
        coef, intercept = split.to_features(split.minimize(lambda_, split.start()))
        expected, offset = reference_fit(spec, lambda_, train)
        np.testing.assert_allclose(class_scores(spec, coef), expected, atol=1e-8)
        offset = offset - (offset.mean() if not spec.is_ridge else 0.0) * (
            len(offset) > 1
        )
        np.testing.assert_allclose(class_scores(spec, intercept), offset, atol=1e-8)


@pytest.mark.parametrize("name", PROBLEMS)
def test_validation_loss_is_the_mean_over_held_out_rows(name):
    """Otherwise the learned lambda is not the one of cross-validation."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    for shift in (-5.0, 0.0, 4.0):
        lambda_ = lambdas(problem) + shift
        expected = reference_objective(spec, lambda_)
        np.testing.assert_allclose(objective(problem, lambda_), expected, rtol=1e-9)


@pytest.mark.parametrize("name", PROBLEMS)
def test_hypergradient(name):
    """The derivative of what scikit-learn's fits give at lambda +- a little."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    lambda_ = lambdas(problem)
    weights = problem.minimize(lambda_, problem.starts())
    expected = numerical_gradient(
        lambda x: reference_objective(spec, x), lambda_, step=1e-4
    )
    np.testing.assert_allclose(
        problem.hypergradient(lambda_, weights), expected, rtol=1e-5, atol=1e-8
    )


@pytest.mark.parametrize("name", PROBLEMS)
def test_second_derivative_of_the_adaptive_model(name):
    """A wrong curvature costs iterations, or the convergence."""
    problem = PROBLEMS[name]()
    lambda_ = lambdas(problem)

    def hypergradient(lambda_):
        weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
        return problem.hypergradient(lambda_, weights)

    model = adaptive_model(problem, lambda_)
    np.testing.assert_allclose(model.gradient, hypergradient(lambda_), rtol=1e-10)
    expected = numerical_gradient(hypergradient, lambda_, step=1e-4)
    atol = 1e-6 * np.abs(expected).max()
    np.testing.assert_allclose(
        model.tangent + model.bend, expected, rtol=1e-5, atol=atol
    )


@pytest.mark.parametrize("name", PROBLEMS)
def test_predict_follows_the_tangent(name):
    """Warm starts would be worse than none."""
    problem = PROBLEMS[name]()
    lambda_, step = lambdas(problem), 1e-4
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
    move = step * np.arange(1.0, problem.n_groups + 1)
    exact = problem.minimize(lambda_ + move, weights, tol=1e-14)
    predicted = problem.at(lambda_, weights).predict(move)
    for before, after, guess in zip(weights, exact, predicted, strict=True):
        scale = np.abs(after - before).max()
        np.testing.assert_allclose(guess, after, atol=1e-3 * scale)


@pytest.mark.parametrize("name", PROBLEMS)
def test_weights_survive_the_way_to_features_and_back(name):
    """A warm start must continue where the last fit ended."""
    problem = PROBLEMS[name]()
    for split in [*problem.splits, problem.full]:
        w = split.minimize(lambdas(problem), split.start())
        back = split.from_features(*split.to_features(w))
        np.testing.assert_allclose(back, w, atol=1e-10)


RIDGES = [name for name in SPECS if name.startswith("ridge") and "rows" not in name]


@pytest.mark.parametrize("name", RIDGES)
def test_moments_engine_equals_rows_engine(name):
    """Ridge may not depend on which of its two engines the size selects."""
    spec = SPECS[name]()
    slow = replace(spec, rows_engine=True).problem()
    assert isinstance(slow.splits[0], GLMSplit)
    assert_same_problem(spec.problem(), slow, rtol=1e-7)


@pytest.mark.parametrize(
    "spec",
    [
        ridge_spec(n_samples=90, n_features=4),
        ridge_spec(n_samples=20, n_features=12),
        ridge_spec(n_samples=45, n_features=9, fit_intercept=False),
    ],
)
def test_diagonalized_equals_plain(spec, monkeypatch):
    """The eigenvectors (or singular vectors) are a shortcut, not another model."""
    fast = spec.problem()
    monkeypatch.setattr(
        diagonal.Diagonalizer, "__call__", lambda self, split, *_: split
    )
    plain = spec.problem()
    lambda_ = lambdas(fast)
    assert isinstance(fast.splits[0].hessian(None, lambda_), DiagonalHessian)
    assert isinstance(plain.splits[0].hessian(None, lambda_), DenseHessian)
    assert_same_problem(fast, plain, rtol=1e-9)


@pytest.mark.parametrize(
    "name", ["ridge-wide", "ridge-wide-groups", "logistic-wide", "wide-multinomial"]
)
def test_row_space_equals_features(name, monkeypatch):
    """The reduction for d > n is a shortcut, not another model."""
    spec = (
        class_spec(n_samples=24, n_features=40, n_classes=3)
        if name == "wide-multinomial"
        else SPECS[name]()
    )
    reduced = spec.problem()
    monkeypatch.setattr(Plan, "reduces_columns", False)
    direct = spec.problem()
    assert reduced.splits[0].shape[0] < direct.splits[0].shape[0]
    assert_same_problem(reduced, direct, rtol=1e-8)
    # Means over the features of a group, for the paper's response.
    w = direct.splits[0].minimize(lambdas(direct), direct.splits[0].start())
    short = reduced.splits[0].from_features(*direct.splits[0].to_features(w))
    for means, split in (
        (direct.splits[0].group_means(w), direct.splits[0]),
        (reduced.splits[0].group_means(short), reduced.splits[0]),
    ):
        expected = np.empty((spec.X.shape[1], w.shape[1]))
        coef = direct.splits[0].to_features(w)[0]
        for group in range(spec.n_groups):
            own = spec.labels == group
            expected[own] = coef[own].mean(axis=0)
        np.testing.assert_allclose(split.to_features(means)[0], expected, atol=1e-12)


@pytest.mark.parametrize("make", [ridge_spec, class_spec])
@pytest.mark.parametrize("kind", ["bootstrap", "overlapping", "not all rows"])
def test_any_pairs_of_rows(make, kind):
    """Splitters may repeat rows, share them or leave some out."""
    spec = make()
    n_samples = len(spec.y)
    rng = np.random.default_rng(3)
    if kind == "bootstrap":
        trains = [rng.integers(0, n_samples, n_samples) for _ in range(3)]
        pairs = [(t, np.setdiff1d(np.arange(n_samples), t)) for t in trains]
    elif kind == "overlapping":
        orders = [rng.permutation(n_samples) for _ in range(3)]
        pairs = [(o[: n_samples // 2], o[n_samples // 2 :]) for o in orders]
    else:
        pairs = [(train[5:], held_out[2:]) for train, held_out in spec.pairs]
    spec = replace(spec, pairs=pairs)
    problem = spec.problem()
    for lambda_ in ([-6.0], [-2.0], [1.0]):
        lambda_ = np.array(lambda_)
        expected = reference_objective(spec, lambda_)
        np.testing.assert_allclose(objective(problem, lambda_), expected, rtol=1e-9)


def on_a_dyadic_grid(X):
    """Return X rounded, so that shifts by powers of two lose nothing."""
    return np.round(X * 2.0**12) / 2.0**12


@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize("n_folds", [1, 3])
@pytest.mark.parametrize("make", [ridge_spec, class_spec])
def test_large_means_lose_no_accuracy(make, n_folds, n_groups):
    """A column of years or of timestamps: the weights may not notice its mean."""
    spec = make(n_folds=n_folds, n_groups=n_groups)
    spec = replace(spec, X=on_a_dyadic_grid(spec.X))
    shift = 2.0**20 * np.array([1.0, -1.0] * 6)[: spec.X.shape[1]]
    shifted = replace(spec, X=spec.X + shift)
    np.testing.assert_array_equal(shifted.X - shift, spec.X)
    lambda_ = lambdas(spec)
    near, far = spec.problem(), shifted.problem()
    for a, b in zip(
        coefficients(far, lambda_), coefficients(near, lambda_), strict=True
    ):
        np.testing.assert_allclose(a[:-1], b[:-1], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        objective(far, lambda_), objective(near, lambda_), rtol=1e-9
    )


@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize("n_folds", [1, 3])
@pytest.mark.parametrize("make", [ridge_spec, class_spec])
def test_nearly_constant_columns_lose_no_accuracy(make, n_folds, n_groups):
    """A column like 1 + 1e-7 noise keeps the effect that the noise alone has."""
    spec = make(n_folds=n_folds, n_groups=n_groups)
    X = on_a_dyadic_grid(spec.X)
    X[:, 0] *= 2.0**-23
    spec = replace(spec, X=X)
    shift = np.zeros(X.shape[1])
    shift[0] = 1.0
    shifted = replace(spec, X=X + shift)
    np.testing.assert_array_equal(shifted.X - shift, X)
    # So weakly penalized that the small column matters.
    lambda_ = np.full(spec.n_groups, -34.0)
    near, far = spec.problem(), shifted.problem()
    for a, b in zip(
        coefficients(far, lambda_), coefficients(near, lambda_), strict=True
    ):
        np.testing.assert_allclose(a[:-1], b[:-1], rtol=1e-6)
    expected = reference_objective(spec, lambda_)
    np.testing.assert_allclose(objective(near, lambda_), expected, rtol=1e-7)
    np.testing.assert_allclose(objective(far, lambda_), expected, rtol=1e-7)


@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_validation_loss_of_a_nearly_perfect_model(fit_intercept, n_groups):
    """R^2 = 1 - 1e-12: second moments alone would return rounding errors."""
    spec = ridge_spec(n_groups=n_groups, noise=1e-6, fit_intercept=fit_intercept)
    if not fit_intercept:
        spec = replace(spec, y=spec.y - 2.0)
    problem = spec.problem()
    lambda_ = np.full(spec.n_groups, -33.0)
    weights = problem.minimize(lambda_, problem.starts())
    for split, w, (_, validation) in zip(
        problem.splits, weights, spec.pairs, strict=True
    ):
        direct = reference_loss(spec, *split.to_features(w), validation)
        assert direct < 1e-11 * np.mean(spec.y**2)
        np.testing.assert_allclose(split.validation_loss(w), direct, rtol=1e-6)


def test_symmetric_solver_on_a_singular_matrix():
    """Collinear features without a penalty: finite weights of least norm."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((5, 3))
    singular = half @ half.T
    # Rounding decides how Cholesky would end; a negative eigenvalue decides it.
    singular -= 1e-15 * np.trace(singular) * np.eye(5)
    target = half @ rng.standard_normal((3, 2))
    solution = symmetric_solver(singular)(target)
    assert np.all(np.isfinite(solution))
    np.testing.assert_allclose(half @ half.T @ solution, target, atol=1e-9)


def test_symmetric_solver_does_not_depend_on_units():
    """Metres and nanometres in one table."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((6, 4))
    gram, target = half.T @ half, rng.standard_normal((4, 1))
    units = np.array([1e-9, 1.0, 1e3, 1e8])
    scaled = units[:, None] * gram * units
    solution = units[:, None] * symmetric_solver(scaled)(units[:, None] * target)
    np.testing.assert_allclose(solution, np.linalg.solve(gram, target), rtol=1e-10)


def make_rows(is_sparse, fit_intercept):
    """Return a `Design`, and the matrix of its map."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((11, 4)) * (rng.random((11, 4)) < 0.6)
    weight = rng.uniform(0.5, 2.0, 11)
    rows = as_design(sparse.csr_array(X) if is_sparse else X)
    rows = rows.at_means(weight, fit_intercept)
    matrix = X
    if fit_intercept:
        matrix = np.column_stack([X - weight @ X / weight.sum(), np.ones(11)])
    return rows, matrix


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_rows_is_its_matrix(is_sparse, fit_intercept):
    """Sparse X, never centred in memory, must act as if it were."""
    rows, matrix = make_rows(is_sparse, fit_intercept)
    rng = np.random.default_rng(1)
    w, values = (
        rng.standard_normal((rows.n_coordinates, 2)),
        rng.standard_normal((11, 2)),
    )
    np.testing.assert_allclose(rows.forward(w), matrix @ w, atol=1e-13)
    np.testing.assert_allclose(rows.adjoint(values), matrix.T @ values, atol=1e-13)
    grams = np.stack([matrix.T @ (value[:, None] * matrix) for value in values.T])
    np.testing.assert_allclose(rows.grams(values), grams, atol=1e-13)
    for gram, value in zip(grams, values.T, strict=True):
        np.testing.assert_allclose(rows.gram(value), gram, atol=1e-13)
    positive = np.abs(values)
    np.testing.assert_allclose(
        rows.squares(positive), (matrix**2).T @ positive, atol=1e-13
    )
    index = np.array([7, 2, 2, 5])
    np.testing.assert_allclose(rows.take(index).forward(w), (matrix @ w)[index])


@pytest.mark.parametrize("is_sparse", [False, True])
def test_blocks_cover_the_rows_once(is_sparse, set_limits):
    """Data too large for one temporary must give the same sums."""
    rows, matrix = make_rows(is_sparse, True)
    whole = rows.grams(np.ones((11, 1)))
    set_limits(block_entries=12, pair_entries=0, pair_entries_of_many=0)
    w = np.ones((rows.n_coordinates, 1))
    pieces = list(rows.blocks(3))
    assert len(pieces) == 3
    np.testing.assert_array_equal(
        np.concatenate([np.arange(11)[index] for index, _ in pieces]), np.arange(11)
    )
    stacked = np.vstack([block.forward(w) for _, block in pieces])
    np.testing.assert_allclose(stacked, matrix @ w, atol=1e-13)
    np.testing.assert_allclose(rows.grams(np.ones((11, 1))), whole, atol=1e-13)


@pytest.mark.parametrize("n_grams", [1, RowLimits().many_grams])
@pytest.mark.parametrize("kept", ["pair_entries", "pair_entries_of_many"])
def test_kept_pairs_change_no_gram(n_grams, kept, set_limits):
    """Curvature would depend on what fits into a cache."""
    set_limits(**{"pair_entries": 0, "pair_entries_of_many": 0, kept: 10**6})
    rows, matrix = make_rows(False, True)
    weights = np.random.default_rng(0).standard_normal((len(matrix), n_grams))
    for _ in range(2):
        np.testing.assert_allclose(
            rows.grams(weights),
            np.einsum("nk,ni,nj->kij", weights, matrix, matrix),
            atol=1e-12,
        )


@pytest.mark.parametrize("name", ["logistic-groups", "logistic-sparse", "multinomial"])
def test_product_hessian_equals_dense_hessian(name, monkeypatch):
    """Wide data switch to conjugate gradients: same steps, same curvatures."""
    dense = PROBLEMS[name]()
    with use_limits(dense_size=0):
        iterative = PROBLEMS[name]()
    split, lambda_ = dense.splits[0], lambdas(dense)
    w, x = random_weights(split), random_weights(split, 1)
    expected = split.hessian(w, lambda_)
    model, exact = adaptive_model(dense, lambda_), coefficients(dense, lambda_)
    # As accurate as the factors, which a step of lambda does not need.
    monkeypatch.setattr(outer, "JACOBIAN_TOL", 1e-10)
    monkeypatch.setattr(outer, "ADJOINT_TOL", 1e-10)
    hessian = iterative.splits[0].hessian(w, lambda_)
    assert isinstance(hessian, ProductHessian)
    assert isinstance(expected, DenseHessian)
    np.testing.assert_allclose(hessian.product(x), expected.product(x), atol=1e-12)
    np.testing.assert_allclose(hessian.solve(x), expected.solve(x), rtol=1e-7)
    for a, b in (
        (hessian.plus(0.3), expected.plus(0.3)),
        (hessian.plus(0.3, hessian), expected.plus(0.3, expected)),
    ):
        np.testing.assert_allclose(a.product(x), b.product(x), atol=1e-12)
    for a, b in zip(adaptive_model(iterative, lambda_), model, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    for a, b in zip(coefficients(iterative, lambda_), exact, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


def test_newton_converges_from_far():
    """A full Newton step from here would overshoot: the line search must hold it."""
    counts = OracleCounts()

    def value(w):
        return float(np.sum(np.logaddexp(0, w) + np.logaddexp(0, -w)))

    start = np.array([[12.0], [-9.0]])
    w = minimize_newton(
        value,
        lambda w: np.tanh(w / 2),
        lambda w: DenseHessian(np.diag(0.5 / np.cosh(w[:, 0] / 2) ** 2), counts),
        start,
    )
    np.testing.assert_allclose(w, 0.0, atol=1e-6)


def test_counts_of_the_oracles():
    """Budgets are compared in these numbers."""
    problem = PROBLEMS["ridge-groups"]()
    n_splits, before = len(problem.splits), problem.counts.as_dict()
    weights = problem.minimize(lambdas(problem), problem.starts())
    problem.hypergradient(lambdas(problem), weights)
    problem.train_loss(weights, lambdas(problem))
    for split, w in zip(problem.splits, weights, strict=True):
        split.train_gradient(w, lambdas(problem))
    after = problem.counts.as_dict()
    assert {name: after[name] - before[name] for name in after} == {
        "n_values": n_splits,
        "n_train_gradients": n_splits,
        "n_validation_gradients": n_splits,
        "n_consensus_gradients": 0,
        "n_hessian_products": 0,
        # One serves the solution and the adjoint.
        "n_factorizations": n_splits,
        "n_inner_solves": n_splits,
        "n_unfinished_solves": 0,
        "n_gradients": 2 * n_splits,
    }


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_sparse_rows_by_their_products(fit_intercept, n_targets):
    """Sparse data with more features than rows would be slow, or be made dense."""
    spec = sparsified(
        ridge_spec(
            n_samples=24,
            n_features=60,
            n_targets=n_targets,
            fit_intercept=fit_intercept,
        )
    )
    fast = spec.problem(all_directions=False)
    assert {split.solves_by for split in fast.splits} == {"diagonal"}
    assert fast.splits[0].coordinates.design.is_sparse
    assert_same_problem(fast, replace(spec, X=spec.dense).problem(), rtol=1e-8)
