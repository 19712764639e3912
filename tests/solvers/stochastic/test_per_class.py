"""Steps of lambdas of classes: sums over the weights of a class alone."""

import numpy as np
import pytest

from sklearn_myhpo.solvers.stochastic.steps import Outer, Steps
from tests.per_class import class_problem, some_lambdas


@pytest.mark.parametrize("labels", [(0,) * 5, (0, 0, 1, 1, 1), (0, 1, 2, 3, 4)])
@pytest.mark.parametrize("standardize", [False, True])
def test_hypergradient_of_exact_adjoints(labels, standardize):
    """The lambda of a class would follow the weights of another."""
    problem = class_problem(labels=labels, standardize=standardize, by_rows=True)
    lambda_ = some_lambdas(problem)
    weights = problem.minimize(lambda_, tol=1e-12)
    hessians = problem.hessians(lambda_, weights)
    slopes = problem.validation_gradients(weights)
    adjoints = problem.split_set.solve(hessians, slopes, 1e-10)
    outer = Outer(problem)
    w, q = (np.stack(one).swapaxes(1, 2) for one in (weights, adjoints))
    penalty = outer.penalty(lambda_)
    for split, own in zip(problem.splits, penalty, strict=standardize):
        np.testing.assert_allclose(own.T, split.penalty(lambda_))
    found = outer.hypergradient(lambda_, penalty, w, q)
    expected = problem.hypergradient(lambda_, weights, 1e-10)
    np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())
    steps = Steps(np.ones(w.shape[2]), 0.1, 0.2)
    moved = outer.stepped(lambda_.copy(), penalty, w, q, steps) - lambda_
    inside = (lambda_ > problem.bounds[0]) & (lambda_ < problem.bounds[1])
    assert np.all(moved[inside] * expected[inside] <= 0.0)
    # No step is longer than its size.
    assert np.abs(moved).max() <= 0.2
