"""The estimate of how far a minimized validation loss lies below that of new rows."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_myhpo import (
    BilevelRidge,
    MYHPORidge,
)
from sklearn_myhpo.data.held_out import hold_out
from sklearn_myhpo.diagnostics import optimism
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import (
    Spec,
    class_spec,
    data_for,
    no_warnings,
    numerical_gradient,
    reference_fit,
    ridge_spec,
    sparsified,
)


def row_losses(spec, lambda_):
    """Return every row's part of the validation loss, straight from its definition."""
    held_out = sum(spec.weight[part].sum() for _, part in spec.pairs)
    out = np.zeros(len(spec.y))
    for train, part in spec.pairs:
        coef, intercept = reference_fit(spec, lambda_, train)
        raw = spec.dense[part] @ coef + intercept
        if not spec.is_ridge and coef.shape[1] > 1:
            raw = raw @ spec.loss.contrasts
        losses = spec.loss.value(spec.y[part], raw)
        np.add.at(out, part, spec.weight[part] / held_out * losses)
    return out


def covariance_at(spec, lambda_):
    """Return what `slope_covariance` makes of a problem."""
    problem = spec.problem()
    weights = problem.minimize(lambda_, problem.starts(), 1e-12)
    rows = hold_out(spec.X, spec.y, spec.loss, spec.parts)
    return optimism.slope_covariance(problem.at(lambda_, weights), rows)


def overlapping(spec):
    """Return the same rows with splits whose held-out parts share rows."""
    order = np.arange(len(spec.y))
    pairs = [(order[10:], order[:10]), (order[:-9], order[-9:]), (order[5:], order[:5])]
    return replace(spec, pairs=pairs)


@pytest.mark.parametrize(
    "spec",
    [
        ridge_spec(n_groups=3),
        ridge_spec(n_groups=3, n_targets=2, fit_intercept=False),
        ridge_spec(n_samples=24, n_features=60, n_groups=2),
        overlapping(ridge_spec(n_groups=2)),
        sparsified(ridge_spec(n_groups=2)),
        class_spec(n_groups=2),
        class_spec(n_groups=2, n_classes=3),
    ],
    ids=["ridge", "targets", "wide", "overlap", "sparse", "logistic", "multinomial"],
)
def test_covariance_of_slopes(spec):
    """The optimism would be that of another model, or of another sample."""
    lambda_ = np.linspace(-2.0, -1.0, spec.n_groups)
    slopes = numerical_gradient(lambda x: row_losses(spec, x), lambda_, step=1e-3)
    n_rows = len(np.unique(np.concatenate([part for _, part in spec.pairs])))
    expected = slopes.T @ slopes - np.outer(slopes.sum(0), slopes.sum(0)) / n_rows
    with use_limits(cached_entries=40):
        found = covariance_at(spec, lambda_)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-5 * expected.max())


def test_covariance_counts_weights_as_rows():
    """Repeating a row and weighting it would differ."""
    spec = ridge_spec(n_groups=2, n_folds=3)
    weight = np.where(np.arange(len(spec.y)) % 4 == 0, 3.0, 1.0)
    rows = np.repeat(np.arange(len(spec.y)), weight.astype(int))
    pairs = [
        tuple(np.flatnonzero(np.isin(rows, part)) for part in pair)
        for pair in spec.pairs
    ]
    repeated = Spec(spec.X[rows], spec.y[rows], spec.loss, pairs, spec.labels)
    lambda_ = np.array([-2.0, -1.0])
    np.testing.assert_allclose(
        covariance_at(replace(spec, sample_weight=weight), lambda_),
        covariance_at(repeated, lambda_),
        rtol=1e-9,
    )


def simulate(seed, n_samples=120, n_features=12):
    """Return a regression where every feature wants about the same penalty."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples + 4000, n_features))
    y = X @ (0.3 * rng.standard_normal(n_features)) + rng.standard_normal(len(X))
    return X[:n_samples], y[:n_samples], X[n_samples:], y[n_samples:]


@pytest.mark.slow
@no_warnings
def test_optimism_predicts_the_gap_to_new_rows():
    """The validation loss of many lambdas would be believed.

    The gap is between new and held-out rows, for the very models of the splits, and
    in excess of the gap of one lambda, whose mean is nearly zero.
    """
    gaps, estimates = [], []
    for seed in range(12):
        X, y, X_new, y_new = simulate(seed)
        options = {"cv": 5, "random_state": 0, "refit": False}
        found = []
        for groups in (None, "each"):
            model = MYHPORidge(feature_groups=groups, **options).fit(X, y)
            new = [
                0.5 * np.mean((y_new - X_new @ coef[:, 0] - intercept) ** 2)
                for coef, intercept in model._last_fit.weights
            ]
            found.append((np.mean(new) - model.validation_loss_, model.optimism_))
        gaps.append(found[1][0] - found[0][0])
        estimates.append(found[1][1] - found[0][1])
    assert np.min(estimates) > 0
    assert np.mean(gaps) > 0.02
    assert 0.6 < np.mean(estimates) / np.mean(gaps) < 1.7


@no_warnings
def test_optimism_of_what_cannot_move_is_zero():
    """Lambdas held by their bounds, or by shrinkage, would seem to overfit."""
    X, y = data_for(MYHPORidge)
    options = {"cv": 3, "random_state": 0, "feature_groups": "each"}
    free = MYHPORidge(**options).fit(X, y)
    held = MYHPORidge(**options, lambda_bounds=(-40.0, -30.0)).fit(X, y)
    shrunken = MYHPORidge(**options, shrinkage=1e5).fit(X, y)
    one = MYHPORidge(cv=3, random_state=0).fit(X, y)
    assert held.optimism_ == 0.0
    assert 0 < one.optimism_ < free.optimism_
    assert shrunken.optimism_ == pytest.approx(one.optimism_, rel=1e-2)


@no_warnings
@pytest.mark.parametrize("scale", [1e-60, 1e-3, 1e60])
def test_optimism_has_the_units_of_the_loss(scale):
    """The same data in other units would have another share of optimism."""
    X, y = data_for(MYHPORidge)
    options = {"cv": 3, "random_state": 0, "feature_groups": ["a", "a", "b", "b"]}
    model = MYHPORidge(**options).fit(X, y)
    other = MYHPORidge(**options).fit(X / scale, y * scale)
    assert other.optimism_ / scale**2 == pytest.approx(model.optimism_, rel=1e-3)


@no_warnings
def test_data_without_noise_or_signal_are_no_trouble():
    """A perfect or an empty fit would end in NaN."""
    X, y = data_for(MYHPORidge, n_samples=20)
    for target in (X @ np.ones(4), np.full(len(y), 3.0)):
        for cv in (3, 0.3, len(y)):
            model = MYHPORidge(cv=cv, feature_groups="each", shrinkage=0.1)
            model.fit(X.astype(np.float32), target)
            assert np.isfinite(model.optimism_)
            assert np.all(np.isfinite(model.coef_))
    constant = np.column_stack([X, np.ones(len(X))])
    model = MYHPORidge(cv=3, feature_groups="each", shrinkage="auto").fit(constant, y)
    assert np.isfinite(model.optimism_)


@no_warnings
def test_too_many_lambdas_for_an_estimate():
    """Thousands of lambdas would fill the memory for a number beside the point."""
    X, y = data_for(MYHPORidge)
    with use_limits(most_responses=10):
        model = BilevelRidge(solver="implicit", feature_groups="each", cv=3).fit(X, y)
    assert model.optimism_ is None
    assert model.certificate_.least_curvature is None
    assert "too many lambdas to tell" in str(model.certificate_)
    assert model.certificate_.relative_hypergradient <= 1e-6
