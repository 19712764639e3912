"""Rational Krylov subspaces."""

import numpy as np
import pytest

from sklearn_myhpo.engine.limits import limits
from sklearn_myhpo.engine.linalg.rational import rational_subspace


def matrix_of(condition, size, seed=0):
    """Return a matrix with this condition number, and a vector in its units."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    values = np.geomspace(1.0, 1.0 / condition, size)
    gram = (basis * values) @ basis.T
    start = basis @ (np.sqrt(values) * rng.standard_normal(size))
    return 0.5 * (gram + gram.T), start


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e7])
@pytest.mark.parametrize("unit", [1.0, 1e-100, 1e100])
def test_space_holds_the_solutions_of_all_penalties(condition, unit):
    """The scan would take a weak or a strong penalty for a bad one."""
    gram, start = matrix_of(condition, limits().rational_size)
    basis, values = rational_subspace(gram * unit, start * unit)
    assert basis.shape[1] < len(start) // 2
    np.testing.assert_allclose(basis.T @ basis, np.eye(len(values)), atol=1e-13)
    for penalty in (0.0, *np.geomspace(1e-3 / condition, 1e3, 13)):
        w = basis @ ((basis.T @ start) / (values / unit + penalty))
        exact = np.linalg.solve(gram + penalty * np.eye(len(gram)), start)
        error = w - exact
        # A solution is known to a few rounding errors times the condition number.
        accuracy = 1e-14 * (1.0 + condition)
        assert np.linalg.norm(error) <= accuracy * np.linalg.norm(exact)
        assert error @ gram @ error <= (accuracy**2) * (exact @ gram @ exact)


def test_no_space_where_rounding_decides():
    """Directions that are known to few digits would be taken for known ones."""
    assert rational_subspace(*matrix_of(1e10, limits().rational_size)) is None
    gram, start = matrix_of(1e2, limits().rational_size - 1)
    assert rational_subspace(gram, start) is None
    size = limits().rational_size
    assert rational_subspace(np.zeros((size, size)), np.ones(size)) is None
    assert rational_subspace(np.eye(size), np.zeros(size)) is None
