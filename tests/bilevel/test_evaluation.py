"""A problem at one lambda: nothing is computed twice, nor for another place."""

import numpy as np
import pytest

from sklearn_myhpo.data.held_out import hold_out
from sklearn_myhpo.diagnostics import optimism
from sklearn_myhpo.diagnostics.certificate import certify
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.helpers import PROBLEMS, SPECS

#: Counts of the expensive parts of an evaluation.
COSTLY = ("n_validation_gradients", "n_hessian_products", "n_factorizations")


@pytest.mark.parametrize(
    "name", ["ridge-5-fold", "ridge-groups", "ridge-each", "logistic-groups"]
)
def test_reports_cost_no_further_evaluation(name):
    """A tenth of a fit would go into numbers that are known."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    result = minimize_bilevel(problem, MYHPO(), max_iter=200)
    before = problem.counts.as_dict()
    certify(problem, result)
    rows = hold_out(spec.X, spec.y, spec.loss, spec.parts)
    optimism.slope_covariance(result.place, rows)
    after = problem.counts.as_dict()
    assert {key: after[key] for key in COSTLY} == {key: before[key] for key in COSTLY}


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
def test_an_evaluation_belongs_to_its_place(name):
    """Another lambda, or a released place, would get the numbers of the last ones."""
    problem, fresh = PROBLEMS[name](), PROBLEMS[name]()
    first, second = np.array([-2.0, -1.0, -3.0]), np.array([-1.0, -2.0, -2.5])
    weights = problem.minimize(first, problem.starts())
    place = problem.at(first, weights)
    kept = place.model()
    for lambda_ in (second, first):
        found = problem.at(lambda_, weights).model()
        expected = fresh.at(lambda_, weights).model()
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-12)
        np.testing.assert_allclose(found.tangent, expected.tangent, rtol=1e-12)
    np.testing.assert_allclose(found.gradient, kept.gradient, rtol=1e-12)
    place.release()
    np.testing.assert_allclose(place.hypergradient(), kept.gradient, rtol=1e-6)


def test_prediction_is_along_the_kept_responses():
    """Weights would start from elsewhere once their tangents are kept."""
    problem, fresh = PROBLEMS["logistic-groups"](), PROBLEMS["logistic-groups"]()
    lambda_, move = np.array([-2.0, -1.0, -3.0]), np.array([0.1, -0.2, 0.05])
    weights = problem.minimize(lambda_, problem.starts())
    place = problem.at(lambda_, weights)
    place.model()
    before = problem.counts.as_dict()
    found = place.predict(move)
    assert problem.counts.as_dict() == before
    expected = fresh.at(lambda_, weights).predict(move)
    for w, one, other in zip(weights, found, expected, strict=True):
        np.testing.assert_allclose(one - w, other - w, rtol=1e-6, atol=1e-12)
