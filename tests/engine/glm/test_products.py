"""Hessians known by their products."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel import outer
from sklearn_myhpo.engine.glm.products import ProductHessian
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.linalg.hessian import DenseHessian
from tests.engine.helpers import adaptive_model, coefficients, lambdas, random_weights
from tests.helpers import (
    PROBLEMS,
)


@pytest.mark.parametrize("name", ["logistic-groups", "logistic-sparse", "multinomial"])
def test_product_hessian_equals_dense_hessian(name, monkeypatch):
    """Wide data switch to conjugate gradients: same steps, same curvatures."""
    dense = PROBLEMS[name]()
    with use_limits(dense_size=0):
        iterative = PROBLEMS[name]()
    split, lambda_ = dense.splits[0], lambdas(dense)
    w, x = random_weights(split), random_weights(split, 1)
    expected = split.hessian(w, lambda_)
    model, exact = adaptive_model(dense, lambda_), coefficients(dense, lambda_)
    # As accurate as the factors, which a step of lambda does not need.
    monkeypatch.setattr(outer, "JACOBIAN_TOL", 1e-10)
    monkeypatch.setattr(outer, "ADJOINT_TOL", 1e-10)
    hessian = iterative.splits[0].hessian(w, lambda_)
    assert isinstance(hessian, ProductHessian)
    assert isinstance(expected, DenseHessian)
    np.testing.assert_allclose(hessian.product(x), expected.product(x), atol=1e-12)
    np.testing.assert_allclose(hessian.solve(x), expected.solve(x), rtol=1e-7)
    for a, b in (
        (hessian.plus(0.3), expected.plus(0.3)),
        (hessian.plus(0.3, hessian), expected.plus(0.3, expected)),
    ):
        np.testing.assert_allclose(a.product(x), b.product(x), atol=1e-12)
    for a, b in zip(adaptive_model(iterative, lambda_), model, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    for a, b in zip(coefficients(iterative, lambda_), exact, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
