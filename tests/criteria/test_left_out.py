"""Predictions of every row by the model of all other rows."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_myhpo.criteria._left_out import left_out_predictions
from tests.helpers import SPECS, reference_fit

RIDGE = [name for name, make in SPECS.items() if make().is_ridge and "rows" not in name]
OTHERS = ["logistic-5-fold", "logistic-groups", "multinomial", "multinomial-factors"]


def predictions(spec, criterion, lambda_):
    """Return those of the package, and those of exact models of the other rows."""
    problem = spec.criterion_problem(criterion)
    found = left_out_predictions(problem, spec.y, lambda_)
    total, exact = spec.weight.sum(), []
    for row in range(len(spec.y)):
        others = np.delete(np.arange(len(spec.y)), row)
        stronger = lambda_ + np.log(total / spec.weight[others].sum())
        coef, intercept = reference_fit(spec, stronger, others)
        exact.append(spec.dense[row] @ coef + intercept)
    coef, intercept = reference_fit(spec, lambda_, np.arange(len(spec.y)))
    return found, np.array(exact), spec.dense @ coef + intercept


@pytest.mark.parametrize("name", RIDGE)
@pytest.mark.parametrize("strength", [-4.0, -1.0])
def test_ridge(name, strength):
    """A row would be predicted by a model that has seen it."""
    spec = SPECS[name]()
    lambda_ = strength + 0.5 * np.arange(spec.n_groups)
    if spec.sample_weight is not None:
        # Estimators drop rows of weight zero before.
        spec = replace(spec, sample_weight=np.maximum(spec.weight, 0.1))
    found, exact, _ = predictions(spec, "loo", lambda_)
    np.testing.assert_allclose(found, exact, atol=1e-7)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", OTHERS)
def test_one_newton_step(name):
    """A probability would be that of a model that has seen the row."""
    spec = SPECS[name]()
    lambda_ = np.full(spec.n_groups, -3.0)
    found, exact, seen = predictions(spec, "alo", lambda_)
    if found.shape != exact.shape:
        found, exact, seen = spec.loss.scores(found), centred(exact), centred(seen)
    assert np.abs(found - exact).max() < 0.2 * np.abs(seen - exact).max()


def centred(scores):
    """Return scores whose sum over classes is zero."""
    return scores - scores.mean(axis=1, keepdims=True)
