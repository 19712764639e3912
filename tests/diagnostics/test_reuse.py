"""What the solver's last state knows is not computed again for what reports on it."""

import numpy as np
import pytest

from sklearn_myhpo.data.held_out import hold_out
from sklearn_myhpo.diagnostics import optimism
from sklearn_myhpo.diagnostics.certificate import certify
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.helpers import PROBLEMS, SPECS

#: Counts of what an evaluation in lambda costs.
COSTLY = ("n_validation_gradients", "n_hessian_products", "n_factorizations")


@pytest.mark.parametrize(
    "name", ["ridge-5-fold", "ridge-groups", "ridge-each", "logistic-groups"]
)
def test_reports_cost_no_further_evaluation(name):
    """A tenth of a fit would go into numbers that are known."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    result = minimize_bilevel(problem, MYHPO(), max_iter=200)
    place = result.lambda_, result.weights
    before = problem.counts.as_dict()
    hessians = problem.hessians(*place)
    certify(problem, result, hessians)
    rows = hold_out(spec.X, spec.y, spec.loss, spec.pairs, spec.weight)
    optimism.slope_covariance(problem, rows, *place, hessians)
    after = problem.counts.as_dict()
    assert {key: after[key] for key in COSTLY} == {key: before[key] for key in COSTLY}


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
def test_what_is_kept_belongs_to_its_place(name):
    """Another lambda, or other weights, would get the numbers of the last ones."""
    problem, fresh = PROBLEMS[name](), PROBLEMS[name]()
    first, second = np.array([-2.0, -1.0, -3.0]), np.array([-1.0, -2.0, -2.5])
    weights = problem.minimize(first, problem.starts())
    kept = problem.model(first, weights, problem.hessians(first, weights))
    copies = [w.copy() for w in weights]
    for lambda_, own in ((second, weights), (first, copies), (first, weights)):
        found = problem.model(lambda_, own, problem.hessians(lambda_, own))
        expected = fresh.model(lambda_, own, fresh.hessians(lambda_, own))
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-12)
        np.testing.assert_allclose(found.tangent, expected.tangent, rtol=1e-12)
    np.testing.assert_allclose(found.gradient, kept.gradient, rtol=1e-12)


def test_prediction_is_along_the_kept_responses():
    """Weights would start from elsewhere once their tangents are kept."""
    problem, fresh = PROBLEMS["logistic-groups"](), PROBLEMS["logistic-groups"]()
    lambda_, move = np.array([-2.0, -1.0, -3.0]), np.array([0.1, -0.2, 0.05])
    weights = problem.minimize(lambda_, problem.starts())
    hessians = problem.hessians(lambda_, weights)
    problem.model(lambda_, weights, hessians)
    before = problem.counts.as_dict()
    found = problem.predict(lambda_, weights, hessians, move)
    assert problem.counts.as_dict() == before
    own = fresh.hessians(lambda_, weights)
    for w, one, other in zip(
        weights, found, fresh.predict(lambda_, weights, own, move), strict=True
    ):
        np.testing.assert_allclose(one - w, other - w, rtol=1e-6, atol=1e-12)
