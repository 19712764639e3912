"""Criteria against their definitions, their derivatives against differences."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.linalg import helmert, hilbert

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.criteria import CRITERIA
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.solvers import SOLVERS, Status, minimize_bilevel
from tests.criteria.helpers import at, model, slope, trial_lambda, value
from tests.helpers import (
    SPECS,
    class_spec,
    numerical_gradient,
    reference_gcv,
    reference_left_out,
    reference_mlr,
    reference_reml,
    reference_sure,
    ridge_spec,
    sparsified,
    weighted,
)

#: Every criterion on every problem that has its loss.
CASES = [
    (criterion, name)
    for criterion, kind in CRITERIA.items()
    for name, make in SPECS.items()
    if isinstance(make().loss, kind.losses)
    and not name.endswith(("fold", "rows"))
    # Labels change places only where all rows weigh the same.
    and (criterion, name) != ("mlr", "ridge-weighted")
]


#: Exact values of the criteria; all others leave out row by row.
REFERENCES = {
    "gcv": reference_gcv,
    "sure": reference_sure,
    "reml": reference_reml,
    "mlr": reference_mlr,
}


RIDGE = [case for case in CASES if SPECS[case[1]]().is_ridge]


#: Solvers that work without a split.
SPLITLESS = [
    name for name, make in SOLVERS.items() if not make().capabilities.needs_split
]


each_case = pytest.mark.parametrize(("criterion", "name"), CASES)


pytestmark = pytest.mark.filterwarnings("ignore:criterion='mlr' over-regularizes")


@each_case
def test_value(criterion, name):
    """A user would minimize something else than what the name says."""
    spec = SPECS[name]()
    lambda_ = trial_lambda(spec)
    found = value(spec.criterion_problem(criterion), lambda_)
    if criterion in REFERENCES:
        expected = REFERENCES[criterion](spec, lambda_)
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    else:
        # One Newton step is exact for ridge, and off by its square otherwise.
        rtol = 1e-10 if criterion == "loo" else 1e-2
        left_out = reference_left_out(spec, lambda_)
        np.testing.assert_allclose(found, left_out, rtol=rtol)


@pytest.mark.parametrize("name", ["logistic-weighted", "multinomial-groups"])
def test_alo_is_one_newton_step(name):
    """Close to leave-one-out is not enough: what is approximated must be known."""
    spec = SPECS[name]()
    problem, lambda_ = spec.criterion_problem("alo"), trial_lambda(spec)
    (w,) = at(problem, lambda_)
    share = spec.weight / spec.weight.sum()
    X = np.column_stack([spec.X - share @ spec.X, np.ones(len(spec.y))])
    penalty = np.append(2 * np.exp(lambda_)[spec.labels], 0.0)
    n_outputs = w.shape[1]
    raw = X @ w
    slopes, curvatures = (
        spec.loss.gradient(spec.y, raw),
        spec.loss.curvature(spec.y, raw),
    )
    wide = [np.kron(row[:, None], np.eye(n_outputs)) for row in X]
    hessian = np.diag(np.repeat(penalty, n_outputs))
    for row, own, curvature in zip(wide, share, curvatures, strict=True):
        hessian = hessian + own * row @ curvature @ row.T
    left_out = []
    for row, own, row_slope, curvature in zip(
        wide, share, slopes, curvatures, strict=True
    ):
        rest = hessian - own * row @ curvature @ row.T
        step = np.linalg.solve(rest, own * row @ row_slope)
        left_out.append(row.T @ (w.ravel() + step))
    expected = share @ spec.loss.value(spec.y, np.stack(left_out))
    np.testing.assert_allclose(value(problem, lambda_), expected, rtol=1e-10)


@each_case
def test_derivatives(criterion, name):
    """Solvers would stop elsewhere than at a minimum, or crawl towards it."""
    spec = SPECS[name]()
    problem, lambda_ = spec.criterion_problem(criterion), trial_lambda(spec)
    found = model(problem, lambda_)
    gradient = numerical_gradient(lambda x: value(problem, x), lambda_, 1e-4)
    size = np.abs(gradient).max()
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-7 * size)
    np.testing.assert_allclose(found.gradient, slope(problem, lambda_), rtol=1e-10)
    second = numerical_gradient(lambda x: slope(problem, x), lambda_, 1e-4)
    scale = np.abs(found.tangent).max()
    atol = 1e-7 * scale if spec.is_ridge else 2e-3 * scale
    np.testing.assert_allclose(found.tangent + found.bend, second, atol=atol)
    assert np.linalg.eigvalsh(found.tangent)[0] > -1e-12 * scale
    weights = at(problem, lambda_)[0]
    jacobian = numerical_gradient(lambda x: at(problem, x)[0], lambda_, 1e-4)
    (hessian,) = problem.hessians(lambda_, [weights])
    moves = np.moveaxis(jacobian, -1, 0)
    metric = np.tensordot(moves, hessian.product(moves), axes=([1, 2], [1, 2]))
    np.testing.assert_allclose(found.metric, metric, rtol=1e-5, atol=1e-9)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_many_lambdas_of_a_classifier(n_classes):
    """Where curvature is held fixed the model must still bring Newton's method home."""
    spec = class_spec(n_features=5, n_groups=5, n_classes=n_classes)
    problem, lambda_ = spec.criterion_problem("alo"), trial_lambda(spec)
    found = model(problem, lambda_)
    second = numerical_gradient(lambda x: slope(problem, x), lambda_, 1e-4)
    error = np.abs(found.tangent + found.bend - second).max()
    assert error <= 0.3 * np.abs(second).max()
    result = minimize_bilevel(problem, SOLVERS["myhpo"]())
    assert result.status is Status.CONVERGED
    assert result.n_iter <= 40


@pytest.mark.parametrize(("criterion", "name"), RIDGE)
def test_path(criterion, name):
    """A scan by other values than the solver's would start in the wrong valley."""
    problem = SPECS[name]().criterion_problem(criterion)
    assert problem.scans_by == "diagonal"
    lambdas = np.linspace(-8.0, 4.0, 7)
    values, slopes = problem.path(lambdas)
    shared = lambdas[:, None] * np.ones(problem.n_groups)
    direct = [value(problem, lambda_) for lambda_ in shared]
    np.testing.assert_allclose(values, direct, rtol=1e-10)
    summed = [slope(problem, lambda_).sum() for lambda_ in shared]
    size = np.abs(summed).max()
    np.testing.assert_allclose(slopes, summed, rtol=1e-7, atol=1e-10 * size)


@each_case
@pytest.mark.parametrize("solver", SPLITLESS)
def test_solvers_find_the_minimum(solver, criterion, name):
    """Otherwise another lambda close by, or a grid, would have been better."""
    problem = SPECS[name]().criterion_problem(criterion)
    result = minimize_bilevel(problem, SOLVERS[solver](), max_iter=200)
    assert result.status is Status.CONVERGED
    gradient = problem.projected(result.lambda_, slope(problem, result.lambda_))
    assert np.abs(gradient).max() <= 1.1e-6 * result.validation_loss
    np.testing.assert_allclose(
        value(problem, result.lambda_), result.validation_loss, rtol=1e-9
    )
    if problem.scans_by == "diagonal":
        best = problem.path(np.linspace(-20.0, 12.0, 100))[0].min()
    else:
        ones = np.ones(problem.n_groups)
        best = min(value(problem, point * ones) for point in np.linspace(-9, 3, 13))
    assert result.validation_loss <= best * (1 + 1e-6)


def test_no_solver_looks_at_a_split():
    """A criterion has none: what is not declared would crash or mislead."""
    assert SPLITLESS == ["myhpo", "implicit"]
    problem = SPECS["ridge-groups"]().criterion_problem("loo")
    assert not hasattr(problem, "validation_loss")


@pytest.mark.parametrize("criterion", ["loo", "gcv", "reml"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_interpolation_in_the_limit(criterion, fit_intercept):
    """Residual and leverage vanish together: their quotient must not be noise."""
    spec = ridge_spec(n_samples=12, n_features=20, fit_intercept=fit_intercept)
    contrasts = helmert(12) if fit_intercept else np.eye(12)
    rows = contrasts @ spec.X
    left = contrasts.T @ np.linalg.solve(rows @ rows.T, contrasts)
    residual = left @ spec.y
    diagonal = np.diag(left)[:, None]
    if criterion == "gcv":
        diagonal = diagonal.mean()
    limit = 0.5 * np.mean((residual / diagonal) ** 2)
    if criterion == "reml":
        root = np.exp(np.linalg.slogdet(rows @ rows.T)[1] / len(rows))
        limit = 0.5 * np.mean(spec.y * residual) * root
    problem = spec.criterion_problem(criterion, lambda_bounds=(-np.inf, np.inf))
    values, slopes = problem.path(np.array([-700.0, -300.0, -25.0]))
    np.testing.assert_allclose(values, limit, rtol=1e-8)
    assert np.abs(slopes[:2]).max() <= 1e-9 * limit
    found = model(problem, np.array([-690.0]))
    assert all(np.all(np.isfinite(part)) for part in found)


@pytest.mark.parametrize("criterion", ["loo", "gcv", "reml"])
def test_several_lambdas_near_interpolation(criterion):
    """There the differences of large numbers once led the solver astray."""
    spec = ridge_spec(n_samples=20, n_features=45, n_groups=3, n_targets=2)
    problem = spec.criterion_problem(criterion)
    lambda_ = problem.bounds[0] + np.array([0.0, 0.5, 0.2])
    A = (spec.X - spec.X.mean(axis=0)) / np.sqrt(2 * np.exp(lambda_))[spec.labels]
    rows = helmert(20) @ A
    gram = rows @ rows.T / 20 + np.eye(19)
    left = helmert(20).T @ np.linalg.solve(gram, helmert(20))
    diagonal = np.diag(left)[:, None]
    if criterion == "gcv":
        diagonal = diagonal.mean()
    expected = 0.5 * np.sum((left @ spec.y / diagonal) ** 2) / 20
    if criterion == "reml":
        root = np.exp(np.linalg.slogdet(gram)[1] / len(gram))
        expected = 0.5 * np.sum(spec.y * (left @ spec.y)) / 20 * root
    np.testing.assert_allclose(value(problem, lambda_), expected, rtol=1e-8)
    gradient = numerical_gradient(lambda x: value(problem, x), lambda_ + 3.0, 1e-3)
    found = slope(problem, lambda_ + 3.0)
    np.testing.assert_allclose(found, gradient, rtol=1e-4, atol=1e-9 * expected)


def test_a_row_of_its_own_feature():
    """Without a penalty the row is predicted by nothing: finite, and as refitted."""
    spec = ridge_spec(n_samples=30, n_features=5)
    own = np.zeros((30, 1))
    own[4] = 1.0
    spec = replace(spec, X=np.hstack([spec.X, own]), labels=np.zeros(6, dtype=int))
    problem = spec.criterion_problem("loo")
    for lambda_ in (-12.0, -3.0):
        point = np.array([lambda_])
        expected = reference_left_out(spec, point)
        np.testing.assert_allclose(value(problem, point), expected, rtol=1e-7)


def test_ill_conditioned_features():
    """Squaring the rows would lose the directions that decide."""
    spec = ridge_spec(n_samples=40, n_features=8)
    spec = replace(spec, X=spec.X @ hilbert(8))
    problem = spec.criterion_problem("loo")
    for lambda_ in (-28.0, -20.0, -8.0):
        point = np.array([lambda_])
        expected = reference_left_out(spec, point)
        np.testing.assert_allclose(value(problem, point), expected, rtol=1e-7)


@pytest.mark.parametrize("criterion", ["loo", "gcv"])
def test_a_feature_that_unpenalized_ones_explain(criterion):
    """Its residual is rounding, without a unit: LAPACK would find NaN in it."""
    spec = ridge_spec()
    X = np.column_stack([spec.X, spec.X[:, 0] * (1.0 + 1e-8 * np.sin(spec.y[:, 0]))])
    factors = np.append(0.0, np.ones(X.shape[1] - 1))
    found = MYHPORidge(criterion=criterion, penalty_factors=factors).fit(X, spec.y)
    plain = MYHPORidge(criterion=criterion, penalty_factors=factors[:-1])
    plain.fit(X[:, :-1], spec.y)
    predicted = found.predict(X), plain.predict(X[:, :-1])
    np.testing.assert_allclose(*predicted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("criterion", ["loo", *REFERENCES])
def test_features_of_very_different_size(criterion):
    """No decomposition sees them all: the dense way must take over."""
    spec = ridge_spec()
    scale = 10.0 ** np.linspace(-6, 6, 9)
    problem = replace(spec, X=spec.X * scale).criterion_problem(criterion)
    assert problem.scans_by == "dense"
    expected = replace(spec, X=spec.X * scale)
    lambda_ = np.array([2.0])
    reference = REFERENCES.get(criterion, reference_left_out)
    found, wanted = value(problem, lambda_), reference(expected, lambda_)
    # The reference of REML has a covariance that loses digits.
    np.testing.assert_allclose(
        found, wanted, rtol=1e-6 if criterion == "reml" else 1e-8
    )


@pytest.mark.parametrize("criterion", ["loo", *REFERENCES])
@pytest.mark.parametrize("shape", [(45, 9), (20, 33)])
def test_sparse_is_dense(criterion, shape):
    """Storage is no part of a model."""
    for n_groups in (1, 3):
        spec = sparsified(ridge_spec(*shape, n_groups=n_groups))
        dense = replace(spec, X=spec.dense).criterion_problem(criterion)
        problem = spec.criterion_problem(criterion)
        lambda_ = trial_lambda(spec)
        expected = value(dense, lambda_)
        np.testing.assert_allclose(value(problem, lambda_), expected, rtol=1e-10)
        grid = np.linspace(-8.0, 3.0, 5)
        np.testing.assert_allclose(problem.path(grid), dense.path(grid), rtol=1e-7)
        split, other = problem.full, dense.full
        for mine, theirs in zip(
            split.to_features(at(problem, lambda_)[0]),
            other.to_features(at(dense, lambda_)[0]),
            strict=True,
        ):
            np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("criterion", ["loo", "alo"])
@pytest.mark.parametrize("make_sparse", [False, True])
def test_blocks_of_rows_change_nothing(criterion, make_sparse):
    """Memory is bounded by blocks of rows; a seam would be an error in every fit."""
    make = ridge_spec if criterion == "loo" else class_spec
    for n_groups in (1, 2):
        spec = weighted(make(n_groups=n_groups))
        spec = sparsified(spec) if make_sparse else spec
        lambda_, found = trial_lambda(spec), []
        for entries in (2**23, 100):
            with use_limits(block_entries=entries, spectrum_entries=entries):
                problem = spec.criterion_problem(criterion)
                parts = model(problem, lambda_)
                found.append(np.concatenate([part.ravel() for part in parts]))
        np.testing.assert_allclose(found[1], found[0], rtol=1e-9, atol=1e-13)


def test_too_large_is_refused():
    """Rather than to fill the memory or to run for hours."""
    X = sparse.eye_array(3000, format="csr")
    y = np.arange(3000) % 2
    spec = replace(class_spec(), X=X, y=y, labels=np.zeros(3000, dtype=int))
    with pytest.raises(ValueError, match=r"3001 rows.*at most 2500.*'validation'"):
        spec.criterion_problem("alo")
    X = sparse.eye_array(6000, format="csr")
    labels = np.zeros(6000, dtype=int)
    spec = replace(ridge_spec(), X=X, y=np.ones((6000, 1)), labels=labels)
    with pytest.raises(ValueError, match=r"6000 rows.*at most 5000"):
        spec.criterion_problem("gcv")
