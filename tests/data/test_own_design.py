"""A data source from outside the package: two methods, and everything works."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.criteria import CRITERIA
from sklearn_myhpo.data.held_out import hold_out
from sklearn_myhpo.diagnostics.certificate import certify
from sklearn_myhpo.diagnostics.optimism import slope_covariance
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.data.helpers import sharded
from tests.helpers import SPECS, replace

DENSE = [name for name, make in SPECS.items() if not sparse.issparse(make().X)]


def learned(problem):
    """Return the result and the certificate of a problem."""
    result = minimize_bilevel(problem, MYHPO(), tol=1e-8)
    certificate, _ = certify(problem, result)
    return result, certificate


def assert_same(one, other):
    """Compare two runs."""
    (left, found), (right, expected) = one, other
    np.testing.assert_allclose(left.lambda_, right.lambda_, atol=1e-6)
    np.testing.assert_allclose(left.validation_loss, right.validation_loss, rtol=1e-9)
    assert found.is_minimum == expected.is_minimum
    np.testing.assert_allclose(found.inner_residuals, 0.0, atol=1e-6)
    if expected.least_curvature is not None:
        assert found.least_curvature == pytest.approx(
            expected.least_curvature, rel=1e-4, abs=1e-9
        )


@pytest.mark.one_in(3)
@pytest.mark.parametrize("all_directions", [False, True])
@pytest.mark.parametrize("name", DENSE)
def test_validation_loss(name, all_directions):
    """Shards would learn another lambda than the same rows in one array."""
    spec = SPECS[name]()
    design = sharded(spec.X)
    plain = spec.problem(all_directions=all_directions)
    own = replace(spec, X=design).problem(all_directions=all_directions)
    one, other = learned(own), learned(plain)
    assert_same(one, other)
    if not spec.weight.all():
        return  # Estimators drop rows of weight zero before they look at slopes.
    covariance = [
        slope_covariance(result.place, hold_out(X, spec.y, spec.loss, spec.parts))
        for X, (result, _) in ((design, one), (spec.X, other))
    ]
    scale = np.abs(covariance[1]).max()
    np.testing.assert_allclose(*covariance, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("name", ["ridge-groups", "ridge-wide", "logistic-groups"])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_criteria(name, criterion):
    """A criterion would be that of other rows."""
    spec = SPECS[name]()
    if not isinstance(spec.loss, CRITERIA[criterion].losses):
        pytest.skip("not defined for the loss")
    plain = spec.criterion_problem(criterion)
    own = replace(spec, X=sharded(spec.X)).criterion_problem(criterion)
    assert_same(learned(own), learned(plain))
