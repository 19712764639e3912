"""Rows that train and rows that validate, from two sources."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.streams.joined import FIRST_ROW, JoinedSource, OwnValidation
from sklearn_myhpo.data.streams.kept import (
    TooManyRowsError,
    bytes_of,
    named,
    parts_of,
    rows_of_block,
)
from sklearn_myhpo.data.streams.source import BatchSource, Sums
from sklearn_myhpo.engine.limits import use_limits

RNG = np.random.default_rng(0)
X, X_VAL = RNG.standard_normal((23, 2)), RNG.standard_normal((9, 2))
Y, Y_VAL = RNG.standard_normal(23), RNG.standard_normal(9)


def joined(weight=None, kind=np.asarray, other=np.asarray):
    """Return the rows in batches, those that validate too."""
    own = Batches.from_arrays(kind(X), Y, weight, batch_size=5)
    more = Batches.from_arrays(other(X_VAL), Y_VAL, batch_size=4)
    return JoinedSource(BatchSource(own), BatchSource(more))


def by_kind(block, rule):
    """Return numbers of rows and sums of y and weights, by kind: a task."""
    kind = rule.kinds(block)[:, 0]
    weight = np.ones(block.n_rows) if block.weight is None else block.weight
    values = np.ones(block.n_rows), block.y, weight, np.ravel(block.X.sum(axis=1))
    return Sums(tuple(np.bincount(kind, one, 2) for one in values))


@pytest.mark.parametrize("weight", [None, RNG.uniform(size=23)])
@pytest.mark.parametrize("kinds", [(np.asarray,) * 2, (sparse.csr_array, np.asarray)])
def test_sums_over_both(weight, kinds):
    """Validation rows would train, or be of other numbers than they are."""
    with use_limits(block_entries=12):
        source = joined(weight, *kinds)
        found = source.map_reduce(by_kind, OwnValidation()).parts
        held = source.map_held_out(by_kind, OwnValidation()).parts
    own = np.ones(23) if weight is None else weight
    np.testing.assert_array_equal(found[0], [23, 9])
    np.testing.assert_allclose(found[1], [Y.sum(), Y_VAL.sum()])
    np.testing.assert_allclose(found[2], [own.sum(), 9])
    np.testing.assert_allclose(found[3], [X.sum(), X_VAL.sum()])
    np.testing.assert_allclose(held[1], [0.0, Y_VAL.sum()])
    assert source.n_samples == 32
    assert source.n_passes == 1


def test_tables_of_own_validation():
    """The final weights would be fitted to the validation rows too."""
    uses = OwnValidation().uses
    np.testing.assert_array_equal(uses.trained(np.array([5.0, 7.0])), [5.0, 5.0])
    np.testing.assert_array_equal(uses.held(np.array([5.0, 7.0])), [7.0])
    assert not uses.refits_all


def test_kept_rows_are_in_their_order():
    """Rows in memory would be those of another source, or of other targets."""
    with use_limits(block_entries=12):
        source = joined()
        rows = source.map_reduce(rows_of_block, 10_000).joined()
        assert rows.start < FIRST_ROW
        (own, y, _), (more, y_val, _) = parts_of(rows, 23)
        with pytest.raises(TooManyRowsError):
            source.map_reduce(rows_of_block, 300)
        assert source.map_reduce(rows_of_block, 32 * 24).n_bytes == 32 * 24
    for found, wanted in ((own, X), (y, Y), (more, X_VAL), (y_val, Y_VAL)):
        np.testing.assert_array_equal(found, wanted)
    rows = sparse.csr_array(X)
    assert bytes_of(rows) == rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes


def test_names_of_kept_rows():
    """Validation rows of a frame would have lost the names of their columns."""
    pytest.importorskip("pandas")
    assert list(named(X, ["a", "b"]).columns) == ["a", "b"]
    assert named(X, None) is X
    assert sparse.issparse(named(sparse.csr_array(X), ["a", "b"]))
