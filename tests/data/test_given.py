"""Rows in the form in which the user gave them."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.given import GivenRows

X = np.arange(12.0).reshape(6, 2)
INDEX = np.array([4, 1, 1])


@pytest.mark.parametrize(
    "container", [np.asarray, sparse.csr_array, sparse.coo_array, sparse.dia_matrix]
)
def test_rows_of_arrays(container):
    """A scorer would get other rows, or an error for a format without rows."""
    given = GivenRows(container(X), list("abcdef"), np.arange(6.0))
    found = given.features(INDEX)
    assert sparse.issparse(found) == (container is not np.asarray)
    found = found.toarray() if sparse.issparse(found) else found
    np.testing.assert_array_equal(found, X[INDEX])
    assert given.target(INDEX) == ["e", "b", "b"]
    np.testing.assert_array_equal(given.weight(INDEX), INDEX)
    assert GivenRows(X, X, None).weight(INDEX) is None


def test_rows_of_frames():
    """Labels of the index would be taken for positions."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"], index=[5, 4, 3, 2, 1, 0])
    given = GivenRows(frame, frame["a"], None)
    pandas.testing.assert_frame_equal(given.features(INDEX), frame.iloc[INDEX])
    pandas.testing.assert_series_equal(given.target(INDEX), frame["a"].iloc[INDEX])
