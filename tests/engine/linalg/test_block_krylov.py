"""The subspace of the ridge solutions of several targets."""

import numpy as np
import pytest
from scipy.linalg import hilbert

from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.linalg.block_krylov import block_krylov_subspace
from sklearn_myhpo.engine.linalg.krylov import krylov_subspace


def well_conditioned(size=300, seed=0):
    """Return a matrix of products of rows."""
    rows = np.random.default_rng(seed).standard_normal((size, 10 * size))
    return rows @ rows.T / size


@pytest.mark.parametrize("kind", ["any", "dependent", "zero", "one", "scaled"])
@pytest.mark.parametrize("unit", [1.0, 1e-150, 1e120])
def test_solutions_of_every_penalty(kind, unit):
    """The loss of some target would be that of another model."""
    gram = unit * well_conditioned()
    y = np.random.default_rng(1).standard_normal((300, 4))
    if kind == "dependent":
        y[:, 3] = -y[:, :3].sum(axis=1)
    elif kind == "zero":
        y[:, 1] = 0.0
    elif kind == "one":
        y = y[:, :1]
    elif kind == "scaled":
        y *= [1.0, 1e-9, 1e9, 1e100]
    with use_limits(krylov_share=0.9):
        space = block_krylov_subspace(gram, y)
    basis, values = space
    size = basis.shape[1]
    assert size < 300 * 0.9
    np.testing.assert_allclose(basis.T @ basis, np.eye(size), atol=1e-12)
    image = basis.T @ gram @ basis
    np.testing.assert_allclose(image, np.diag(values), atol=1e-12 * values[-1])
    for penalty in (0.0, 1e-3 * unit, unit, 1e3 * unit):
        exact = np.linalg.solve(gram + penalty * np.eye(300), y)
        found = basis @ ((basis.T @ y) / (values + penalty)[:, None])
        size = np.abs(exact).max(axis=0)
        size[size == 0.0] = 1.0
        np.testing.assert_allclose(found / size, exact / size, atol=1e-11)


def test_a_space_that_ends():
    """Rows of two kinds have few directions, where the next vector is rounding."""
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((200, 200)))
    values = np.resize([1.0, 2.0, 5.0], 200)
    gram = (basis * values) @ basis.T
    y = rng.standard_normal((200, 3))
    space = block_krylov_subspace(gram, y)
    assert space.basis.shape[1] == 9
    exact = np.linalg.solve(gram, y)
    found = space.basis @ ((space.basis.T @ y) / space.values[:, None])
    np.testing.assert_allclose(found, exact, atol=1e-12)


def test_where_there_is_none():
    """Unclear directions, or more of them than a decomposition has."""
    ones = np.ones((400, 2)) * [1.0, 2.0]
    assert block_krylov_subspace(hilbert(400), ones) is None
    assert krylov_subspace(hilbert(400), ones[:, 0]) is None
    many = np.random.default_rng(0).standard_normal((300, 60))
    assert block_krylov_subspace(well_conditioned(), many) is None
    assert block_krylov_subspace(well_conditioned(), np.zeros((300, 2))) is None
    slow = np.diag(np.geomspace(1e-6, 1.0, 300))
    assert block_krylov_subspace(slow, many[:, :3]) is None
