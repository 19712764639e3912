"""Inverses for all penalties after one eigensystem."""

import numpy as np
import pytest

from sklearn_myhpo.engine.linalg.penalty_path import DiagonalPath, TridiagonalPath


@pytest.mark.parametrize("kind", [DiagonalPath, TridiagonalPath])
@pytest.mark.parametrize("free", [(), (4,), (1, 4)])
@pytest.mark.parametrize("n_rows", [3, 40])
def test_solutions_are_those_of_the_matrices(free, n_rows, kind):
    """Weights of every lambda of a scan would be of another penalty."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2, max(n_rows, len(free) + 1), 5))
    grams = rows.transpose(0, 2, 1) @ rows
    factors = rng.uniform(0.5, 2.0, 5)
    factors[list(free)] = 0.0
    path, rights = kind(grams, factors), rng.standard_normal((2, 3, 5))
    for penalty in (0.01, 1.0, 100.0):
        found = path.solve(rights, penalty)
        for gram, own, right in zip(grams, found, rights, strict=True):
            expected = np.linalg.solve(gram + penalty * np.diag(factors), right.T).T
            np.testing.assert_allclose(own, expected, rtol=1e-8, atol=1e-10)
    # Weights of all penalties are linear in these coordinates.
    penalties = np.array([0.01, 1.0, 100.0])
    found = path.back(path.shrunk(path.turned(rights[:, :1]), penalties))
    found += path.rest(rights[:, :1])
    for number, penalty in enumerate(penalties):
        own = path.solve(rights[:, :1], penalty)[:, 0]
        np.testing.assert_allclose(found[:, number], own, rtol=1e-9, atol=1e-12)
    inverses = np.linalg.inv(grams + np.diag(factors))
    freedom = 5 - np.trace(inverses * factors, axis1=1, axis2=2) - len(free)
    np.testing.assert_allclose(path.freedom(np.ones(1))[:, 0], freedom)
