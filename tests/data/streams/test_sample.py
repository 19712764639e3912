"""A sample of rows of unknown number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_myhpo.data.streams.sample import MOST_PARTS, sample_block
from sklearn_myhpo.data.streams.source import Block


def sample_of(sizes, order, step, most, *, kind=np.asarray, tree=False):
    """Return the sample of blocks of some sizes, added in some order."""
    samples, start = [], 0
    for number, size in enumerate(sizes):
        rows = np.arange(start, start + size, dtype=float)
        X = kind(np.column_stack([rows + 1, -rows - 1]))
        block = Block(X, 3 * rows, 5 * rows, start, number)
        samples.append(sample_block(block, np.arange(size)[:, None] % 3, step, most))
        start += size
    samples = [samples[number] for number in order]
    while len(samples) > 1:
        first, second, *others = samples
        both = first.plus(second)
        samples = [*others, both] if tree else [both, *others]
    return samples[0]


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    step=st.integers(1, 5),
    most=st.integers(1, 20),
    data=st.data(),
)
def test_sample_does_not_depend_on_blocks(sizes, step, most, data):
    """The optimism of a fit would depend on the sizes of batches, or on the cluster."""
    order = data.draw(st.permutations(range(len(sizes))))
    found = sample_of(sizes, order, step, most, tree=data.draw(st.booleans()))
    rows, n_rows = found.joined(), sum(sizes)
    np.testing.assert_array_equal(rows.number, np.arange(0, n_rows, found.step))
    assert len(rows) == found.n_rows <= most
    ratio = found.step // step
    assert ratio & (ratio - 1) == 0
    # No row is left out without need.
    assert ratio == 1 or -(-n_rows // (found.step // 2)) >= most
    for values, expected in (
        (rows.X[:, 0], rows.number + 1),
        (rows.y[:, 0], 3 * rows.number),
        (rows.weight, 5 * rows.number),
    ):
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_rows_are_copies(kind):
    """Every block would stay in memory."""
    found = sample_of([30], [0], 10, 100, kind=kind).joined()
    np.testing.assert_array_equal(found.X[:, 1], [-1, -11, -21])
    np.testing.assert_array_equal(found.kind[:, 0], [0, 1, 2])
    for column in found:
        assert column.base is None or column.base.size < 10


def test_samples_keep_no_block():
    """Numbers of all rows would pile up, one view of each block."""
    (part,) = sample_of([3000], [0], 1000, 100).parts
    for column in part:
        assert column.base is None or column.base.size < 10


def test_parts_are_joined():
    """The sums over ten thousand blocks would take longer than all products."""
    n_blocks = 3 * MOST_PARTS
    found = sample_of([2] * n_blocks, range(n_blocks), 1, 1000)
    assert len(found.parts) <= MOST_PARTS
    np.testing.assert_array_equal(found.joined().number, np.arange(2 * n_blocks))
