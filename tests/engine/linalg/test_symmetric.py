"""Factors and inverses of symmetric matrices."""

import numpy as np

from sklearn_myhpo.engine.linalg.symmetric import symmetric_solver


def test_symmetric_solver_on_a_singular_matrix():
    """Collinear features without a penalty: finite weights of least norm."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((5, 3))
    singular = half @ half.T
    # Rounding decides how Cholesky would end; a negative eigenvalue decides it.
    singular -= 1e-15 * np.trace(singular) * np.eye(5)
    target = half @ rng.standard_normal((3, 2))
    solution = symmetric_solver(singular)(target)
    assert np.all(np.isfinite(solution))
    np.testing.assert_allclose(half @ half.T @ solution, target, atol=1e-9)


def test_symmetric_solver_does_not_depend_on_units():
    """Metres and nanometres in one table."""
    rng = np.random.default_rng(0)
    half = rng.standard_normal((6, 4))
    gram, target = half.T @ half, rng.standard_normal((4, 1))
    units = np.array([1e-9, 1.0, 1e3, 1e8])
    scaled = units[:, None] * gram * units
    solution = units[:, None] * symmetric_solver(scaled)(units[:, None] * target)
    np.testing.assert_allclose(solution, np.linalg.solve(gram, target), rtol=1e-10)
