"""The division of rows among splits."""

import numpy as np
import pytest

from sklearn_myhpo.data.parts import add, add_others
from sklearn_myhpo.data.sums import Sums


def make_sums(n_atoms, seed=0):
    """Return random sums."""
    rng = np.random.default_rng(seed)
    return [
        Sums(rng.random((4, 4)), rng.random((3, 1)), rng.random())
        for _ in range(n_atoms)
    ]


@pytest.mark.parametrize("n_atoms", [2, 3, 7])
def test_sums_over_the_other_parts(n_atoms):
    """A training fold would miss rows or hold its own validation rows."""
    parts = make_sums(n_atoms)
    for number, others in enumerate(add_others(parts)):
        expected = add(parts[:number] + parts[number + 1 :])
        for a, b in zip(others, expected, strict=True):
            np.testing.assert_allclose(a, b)
