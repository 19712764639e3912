"""Second derivatives in many lambdas: fast ways must give the plain result."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.ridge.quadratic import QuadraticSplit
from tests.bilevel.helpers import CLASSES_OF_MANY_LAMBDAS, place
from tests.helpers import (
    ridge_spec,
)

SPECS = {
    "each": ridge_spec(n_features=12, n_groups=12),
    "pairs": ridge_spec(n_features=12, n_groups=6, n_targets=2),
    "wide": ridge_spec(n_samples=24, n_features=40, n_groups=40),
    "no-intercept": ridge_spec(n_features=8, n_groups=8, fit_intercept=False),
}


def model_at(problem, lambda_):
    """Return the second-order model of the objective at lambda."""
    weights = problem.minimize(lambda_, problem.starts())
    return problem.at(lambda_, weights).model()


@pytest.mark.parametrize("dropped", [None, 0.5, 1.0])
@pytest.mark.parametrize("name", SPECS)
def test_curvature_by_inverse(name, dropped, monkeypatch):
    """Steps on many lambdas would have wrong lengths, and take hundreds."""
    problem = SPECS[name].problem()
    rng = np.random.default_rng(0)
    lambda_ = rng.uniform(-6.0, 1.0, problem.n_groups)
    if dropped is not None:
        lambda_[: int(dropped * problem.n_groups)] = problem.bounds[1, 0] - 1.0
    assert problem.splits[0].prefers_inverse
    fast = model_at(problem, lambda_)
    monkeypatch.setattr(QuadraticSplit, "prefers_inverse", False)
    plain = model_at(SPECS[name].problem(), lambda_)
    np.testing.assert_allclose(fast.gradient, plain.gradient, rtol=1e-9, atol=1e-15)
    # Each lambda has its own scale, that of its metric.
    unit = np.sqrt(np.diag(plain.metric))
    unit = np.outer(unit, unit)
    rtol = 1e-9 if dropped is None else 1e-3
    for ours, theirs in zip(fast[1:], plain[1:], strict=True):
        error = np.max(np.abs(ours - theirs) / unit)
        assert error <= rtol * np.max(np.abs(theirs) / unit)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("name", CLASSES_OF_MANY_LAMBDAS)
def test_curvature_by_near_hessians(name, dropped, by_inverse, set_limits):
    """Steps would have wrong lengths; at its own prediction a split is exact."""
    set_limits(changed_curvature=0.0)
    spec = CLASSES_OF_MANY_LAMBDAS[name]
    spec = replace(spec, pairs=spec.pairs[:1])
    fast = spec.problem()
    assert fast.split_set.prefers_inverse
    ours = place(fast, dropped).model()
    with use_limits(formed_cost=np.inf):
        plain = spec.problem()
        assert not plain.split_set.prefers_inverse
        theirs = place(plain, dropped).model()
    np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-5, atol=1e-12)
    unit = np.sqrt(np.diag(theirs.metric))
    unit = np.outer(unit, unit)
    for left, right in zip(ours[1:], theirs[1:], strict=True):
        error = np.max(np.abs(left - right) / unit)
        assert error <= 1e-4 * np.max(np.abs(right) / unit)
