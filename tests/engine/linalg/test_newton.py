"""Newton's method for one split."""

import numpy as np

from sklearn_myhpo.bilevel.counts import OracleCounts
from sklearn_myhpo.engine.linalg.hessian import DenseHessian
from sklearn_myhpo.engine.linalg.newton import minimize_newton


def test_newton_converges_from_far():
    """A full Newton step from here would overshoot: the line search must hold it."""
    counts = OracleCounts()

    def value(w):
        return float(np.sum(np.logaddexp(0, w) + np.logaddexp(0, -w)))

    start = np.array([[12.0], [-9.0]])
    w = minimize_newton(
        value,
        lambda w: np.tanh(w / 2),
        lambda w: DenseHessian(np.diag(0.5 / np.cosh(w[:, 0] / 2) ** 2), counts),
        start,
    )
    np.testing.assert_allclose(w, 0.0, atol=1e-6)
