"""Rows of a block in the coordinates of a fit."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.streams.view import RowView

RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 3)) * (RNG.random((30, 3)) < 0.7) + 0.0
SHIFT, SCALE = np.array([1.0, -2.0, 1e3]), np.array([0.5, 3.0, 1.0])


@pytest.mark.parametrize("make", [np.asarray, np.float32, sparse.csr_array])
@pytest.mark.parametrize("is_far", [False, True])
@pytest.mark.parametrize("used", [None, np.array([0, 3, 4, 20, 29])])
def test_parts_are_the_rows(make, is_far, used):
    """Rows would be in other units than the weights, or left out."""
    rows = make(X)
    view = RowView(SHIFT, SCALE, True, is_far)
    assert view.n_coordinates == 4
    plain = np.asarray(rows.toarray() if sparse.issparse(rows) else rows, float)
    expected = np.column_stack([(plain - SHIFT) * SCALE, np.ones(30)])
    expected = expected if used is None else expected[used]
    found = [(rows, part.to_dense()) for rows, part in view.parts(rows, used, 2**17)]
    assert len(found) > 1 or used is not None
    assert found[-1][0].stop == len(expected)
    np.testing.assert_allclose(np.concatenate([one for _, one in found]), expected)
