"""Blocks that do not depend on batches, and few rows in memory."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.selected import select
from sklearn_myhpo.data.sparse import as_sparse_if_mostly_zero
from sklearn_myhpo.data.streams.design import BatchesDesign
from sklearn_myhpo.data.streams.rows import BatchRows
from sklearn_myhpo.engine.limits import use_limits

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3)).astype(np.float32)
Y = RNG.standard_normal(40)
#: Entries of a block: of ten rows.
FEW = {"block_entries": 30}


def design_of(X, size, y=Y):
    """Return the design of batches."""
    return BatchesDesign(BatchRows(Batches.from_arrays(X, y, batch_size=size)))


@pytest.mark.parametrize("kind", [np.float64, np.float32, sparse.csr_array])
@pytest.mark.parametrize("size", [1, 7, 10, 20, 40])
def test_blocks_are_the_same_for_all_batches(size, kind):
    """Results would depend on the size of batches by rounding and more."""
    rows = kind(X) if kind is sparse.csr_array else X.astype(kind)
    with use_limits(**FEW):
        design = design_of(rows, size)
        found = [(own, block.raw()) for own, block in design.blocks()]
    assert [own for own, _ in found] == [slice(i, i + 10) for i in range(0, 40, 10)]
    np.testing.assert_array_equal(np.concatenate([part for _, part in found]), X)
    assert {part.dtype for _, part in found} == {np.dtype(np.float64)}


def test_few_rows_are_read_once():
    """A small source would be read dozens of times."""
    design = design_of(X, 7)
    for _ in range(3):
        assert sum(len(block.raw()) for _, block in design.blocks()) == 40
    assert design.rows.batches.n_passes == 2
    with use_limits(**FEW):
        for _ in range(3):
            list(design.blocks())
    assert design.rows.batches.n_passes == 5


def test_facts_need_no_pass():
    """Constants and the largest entry would cost a pass each."""
    rows = X.copy()
    rows[:, 1] = -7.0
    with use_limits(**FEW):
        design = design_of(rows, 7)
        index, values = design.constants()
        assert (index.tolist(), values.tolist()) == ([1], [-7.0])
        assert design.largest() == 7.0
        assert design.no_rows().raw().shape == (0, 3)
        found = design.sample(10).raw()
        np.testing.assert_array_equal(found, rows[::4])
    assert design.rows.batches.n_passes == 1


def test_rows_are_not_gathered_in_memory():
    """Rows of positive weight, or mostly zero, would be copied as a whole."""
    zero = np.zeros((40, 3))
    zero[::7, 0] = 1.0
    with use_limits(**FEW, many_entries=1, few_rows=1.0):
        design = design_of(zero, 7)
        assert as_sparse_if_mostly_zero(design) is design
        part = select(design, np.arange(0, 40, 2))
        assert part.is_beyond_memory
        np.testing.assert_array_equal(part.take(slice(None)).raw(), zero[::2])


def test_single_rows_cannot_be_looked_up():
    """A splitter that needs X would split something else."""
    design = design_of(X, 7)
    for look in (lambda: design[0], lambda: np.asarray(design)):
        with pytest.raises(TypeError, match="X is read from Batches"):
            look()
