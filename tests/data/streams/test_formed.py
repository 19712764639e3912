"""Rows that are formed when they are visited, as blocks of a pass."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.formed import FormedDesign
from sklearn_myhpo.data.streams.formed import FormedSource
from sklearn_myhpo.engine.limits import use_limits
from tests.data.streams.test_source import add_rows, joined, see

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y, WEIGHT = RNG.standard_normal(40), RNG.uniform(size=40)


def source(kind=np.asarray, weight=WEIGHT):
    """Return rows that are formed of others."""
    other = 3.0 * X
    form = FormedDesign(lambda i: kind(other[i] / 3.0), 40, kind(X[:20]))
    return FormedSource(form, Y, weight)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, np.float32])
@pytest.mark.parametrize("weight", [WEIGHT, None])
def test_blocks_are_the_rows_in_their_order(kind, weight):
    """Rows would be lost, or stand beside targets of others."""
    with use_limits(block_entries=3):
        rows = source(kind, weight)
        for n_passes in (1, 2):
            seen = rows.map_reduce(see)
            assert rows.n_passes == n_passes
    assert len(seen.blocks) > 4
    np.testing.assert_allclose(joined(seen, 0), X, rtol=1e-6)
    np.testing.assert_array_equal(joined(seen, 1), Y)
    if weight is not None:
        np.testing.assert_array_equal(joined(seen, 2), WEIGHT)
    sizes = [block.n_rows for block in seen.blocks]
    starts = [block.start for block in seen.blocks]
    np.testing.assert_array_equal(starts, np.cumsum([0, *sizes[:-1]]))
    assert [block.number for block in seen.blocks] == list(range(len(sizes)))
    assert rows.n_samples == 40
    assert rows.n_features == rows.head.shape[1] == 3
    assert rows.dtype == rows.head.dtype


def test_first_block_is_no_pass():
    """A look at y would count as a visit of all rows."""
    with use_limits(block_entries=3):
        rows = source()
        np.testing.assert_allclose(rows.first().X, X[:8])
        assert rows.n_passes == 0
        n_rows, squares, total = rows.map_reduce(add_rows, 2).parts
    assert n_rows == 40
    np.testing.assert_allclose(squares, (X**2).sum(axis=0))
    assert total == pytest.approx(Y.sum())


def test_passes_are_watched():
    """Nothing would be seen of a pass of minutes."""
    told = []
    with use_limits(block_entries=3):
        rows = source()
        rows.watch = lambda *how_far: told.append(how_far)
        rows.map_reduce(add_rows, 1)
    assert told == [(1, 8), (1, 16), (1, 24), (1, 32), (1, 40), (1, None)]
