"""Subspaces of the solutions of all penalties."""

import numpy as np
import pytest
from scipy.linalg import hilbert

from sklearn_myhpo.engine.linalg.krylov import krylov_subspace, range_subspace


@pytest.mark.parametrize("size", [30, 300])
def test_ill_conditioned_moments_have_no_small_subspace(size):
    """A truncated space would hide the solutions of weak penalties."""
    assert krylov_subspace(hilbert(size), np.ones(size)) is None
    assert range_subspace(hilbert(size)) is None
