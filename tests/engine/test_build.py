"""Splits from rows: every engine gives the same numbers, in any units."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_myhpo.engine.glm.split import GLMSplit
from tests.engine.helpers import assert_same_problem, coefficients, lambdas, objective
from tests.helpers import (
    SPECS,
    class_spec,
    reference_loss,
    reference_objective,
    ridge_spec,
)

RIDGES = [name for name in SPECS if name.startswith("ridge") and "rows" not in name]


@pytest.mark.parametrize("name", RIDGES)
def test_moments_engine_equals_rows_engine(name):
    """Ridge may not depend on which of its two engines the size selects."""
    spec = SPECS[name]()
    slow = replace(spec, rows_engine=True).problem()
    assert isinstance(slow.splits[0], GLMSplit)
    assert_same_problem(spec.problem(), slow, rtol=1e-7)


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


@pytest.mark.one_in(3)
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
