"""The parameter `shrinkage` for rows in batches, against fits in memory."""

import numpy as np
import pytest
from sklearn.model_selection import RepeatedKFold

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
)
from sklearn_myhpo.data import RowFolds
from tests.helpers import start_from
from tests.linear_model.streams.cases import (
    GROUPS,
    RAW,
    WEIGHT,
    N,
    X,
    batches,
    fit,
    minimum,
    problem_of,
    raw_of,
)

RNG = np.random.default_rng(4)
Y = RAW / 4 + 3.0 * RNG.standard_normal(N)
THREE = np.digitize(Y, [-1.5, 1.5])
COUNT = RNG.poisson(np.exp(RAW / 20))
REPEATED = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    """Let the fit start from some 200 rows."""
    start_from(monkeypatch, 200)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("model", "y", "weight"),
    [
        (MYHPORidge(), Y, None),
        (MYHPORidge(cv=REPEATED, standardize=True), 1e4 + Y, WEIGHT),
        (MYHPORidge(fit_intercept=False), np.column_stack([Y, RAW - Y]), None),
        (MYHPORidgeClassifier(), THREE, WEIGHT),
    ],
    ids=["default", "repeated", "targets", "classes"],
)
def test_shrinkage_is_chosen_by_moments(model, y, weight):
    """Rows would be read for every split within a split, or others judge."""
    options = {**model.get_params(), "feature_groups": GROUPS, "shrinkage": "auto"}
    plain = type(model)(**options).fit(X, y, weight)
    source = batches(y, weight)
    found = fit(type(model)(**options), source)
    assert found.shrinkage_ == plain.shrinkage_
    own, other = (one.shrinkage_path_["nested_loss"] for one in (found, plain))
    np.testing.assert_allclose(own, other, rtol=1e-6)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-9)
    # One for the classes or the weights, one for the moments, one to judge.
    assert source.n_passes <= 3


@pytest.mark.parametrize(
    ("model", "y", "weight", "refit"),
    [
        (MYHPOPoissonRegressor, COUNT, WEIGHT, True),
        pytest.param(
            *(MYHPOLogisticRegression, THREE, None, False), marks=pytest.mark.slow
        ),
    ],
    ids=["counts", "classes"],
)
def test_a_number_for_likelihoods(model, y, weight, refit):
    """Lambdas would be held together by another unit, or not at all."""
    options = {"feature_groups": GROUPS, "cv": RowFolds(4), "refit": refit}
    found, source = model(**options, shrinkage=0.3), batches(y, weight)
    fit(found, source)
    assert found.converged_
    assert source.n_passes <= 12
    assert found.shrinkage_ == 0.3
    one = model(cv=RowFolds(4)).fit(X, y, sample_weight=weight)
    lambda_, weights = minimum(problem_of(one, y, weight), np.atleast_1d(one.lambda_))
    reference = problem_of(one, y, weight).validation_loss(weights)
    problem = problem_of(found, y, weight)
    problem.shrink(0.3, reference)
    lambda_, weights = minimum(problem, found.lambda_)
    np.testing.assert_allclose(found.lambda_, lambda_, atol=1e-7)
    loss = problem.validation_loss(weights)
    assert found.validation_loss_ == pytest.approx(loss, rel=1e-9)
    each = problem.to_features(weights)
    coef = np.mean([own for own, _ in each], axis=0)
    if refit:
        full = problem.minimize_full(lambda_, problem.full.start())
        coef, _ = problem.full.to_features(full)
    np.testing.assert_allclose(raw_of(found.coef_, found), coef, atol=1e-6)
    free = model(**options).fit(X, y, sample_weight=weight)
    assert np.ptp(found.lambda_) < np.ptp(free.lambda_)
