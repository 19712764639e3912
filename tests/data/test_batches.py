"""Random batches of rows."""

import numpy as np
import pytest

from sklearn_myhpo.data.batches import sample_batches
from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.data.streamed import StreamedDesign
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import ridge_spec


@pytest.mark.parametrize(("n", "size"), [(1, 64), (7, 64), (100, 64), (1000, 64)])
def test_batches_are_a_partition(n, size):
    """A row that is in no batch would be lost, one in two would count twice."""
    strata = np.arange(n) % 4 == 0
    batches = sample_batches(np.random.default_rng(0), n, size, strata)
    again = sample_batches(np.random.default_rng(0), n, size, strata)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(n))
    assert max(map(len, batches)) <= size
    assert all(map(np.array_equal, batches, again))
    shares = [strata[batch].sum() for batch in batches]
    assert max(shares) - min(shares) <= 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_streamed_rows_are_rows(dtype):
    """Blocks of a file, centred on the way, against all rows in memory."""
    X = ridge_spec().X.astype(dtype) + dtype(100)
    weight = np.random.default_rng(0).random(len(X))
    plain = DenseDesign(X.astype(float)).at_means(weight, True)
    with use_limits(block_entries=60):
        streamed = StreamedDesign(X).at_means(weight, True)
        w = np.ones((X.shape[1] + 1, 2))
        values = np.random.default_rng(1).random((len(X), 2))
        np.testing.assert_allclose(streamed.shift, plain.shift, rtol=1e-13)
        for name, argument in [
            ("forward", w),
            ("adjoint", values),
            ("gram", weight),
            ("squares", values),
        ]:
            found, expected = (
                getattr(one, name)(argument) for one in (streamed, plain)
            )
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)
        for name in ("to_dense", "row_products"):
            found, expected = (getattr(one, name)() for one in (streamed, plain))
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)
