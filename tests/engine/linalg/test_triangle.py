"""Orthonormal coordinates of rows from a Cholesky factor."""

import numpy as np
import pytest

from sklearn_myhpo.engine.linalg.triangle import triangle_of


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("shape", [(2, 5), (12, 40), (300, 700)])
def test_coordinates_of_rows(centred, shape):
    """A refit of wide rows would solve another problem."""
    rng = np.random.default_rng(0)
    rows, y = rng.standard_normal(shape), rng.standard_normal((shape[0], 3))
    dependent = None
    if centred:
        share = rng.uniform(0.2, 1.0, shape[0])
        share /= share.sum()
        dependent = np.sqrt(share)
        rows = dependent[:, None] * (rows - share @ rows)
        y = dependent[:, None] * (y - share @ y)
    triangle = triangle_of(rows @ rows.T, dependent)
    basis = rows.T @ triangle.combine
    assert basis.shape[1] == shape[0] - centred
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-9)
    inside = rows @ basis
    scale = np.abs(inside).max()
    np.testing.assert_allclose(inside @ basis.T, rows, atol=1e-9 * scale)
    w = rng.standard_normal((basis.shape[1], 3))
    np.testing.assert_allclose(triangle.rows(w), inside @ w, atol=1e-9 * scale)
    np.testing.assert_allclose(
        triangle.gram, inside.T @ inside, atol=1e-9 * scale**2 * shape[0]
    )
    np.testing.assert_allclose(triangle.linear(y), inside.T @ y, atol=1e-9 * scale)
    fitted = inside @ triangle.least_squares(y)
    np.testing.assert_allclose(fitted, y, atol=1e-7)


@pytest.mark.parametrize("factor", [0.0, 1e-7])
def test_dependent_rows_have_none(factor):
    """Rounding would be divided by rounding."""
    rows = np.random.default_rng(0).standard_normal((6, 20))
    rows[3] = rows[1] + factor * rows[3]
    assert triangle_of(rows @ rows.T) is None
