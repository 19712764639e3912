"""Rows of X: products, selections and stacks, dense and sparse."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.arrays import (
    as_rows,
    linear_predictor,
    select_rows,
)

DENSE = np.arange(12.0).reshape(4, 3) - 5.0
FORMS = {
    "dense": np.asarray,
    "csr_array": sparse.csr_array,
    "csr_matrix": sparse.csr_matrix,
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def dense(X):
    """Return X as an ndarray."""
    return X.toarray() if sparse.issparse(X) else X


@each_form
def test_linear_predictor(form):
    """Predictions would be those of other weights, or of another shape."""
    coef, intercept = np.array([[1.0, 0.0], [2.0, 1.0], [0.5, -1.0]]), [3.0, -4.0]
    found = linear_predictor(form(DENSE), coef, np.array(intercept))
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, DENSE @ coef + intercept)


@each_form
@pytest.mark.parametrize(
    "index", [np.array([2, 0, 0]), np.array([True, False, True, False]), slice(1, 3)]
)
def test_select_rows(form, index):
    """Rows would come in another order, or as another container."""
    found = select_rows(form(DENSE), index)
    assert type(found) is type(form(DENSE))
    np.testing.assert_array_equal(dense(found), DENSE[index])


def test_as_rows():
    """Rows of a column-compressed matrix are slow to select; others need no copy."""
    assert as_rows(DENSE) is DENSE
    row_wise = sparse.csr_array(DENSE)
    assert as_rows(row_wise) is row_wise
    found = as_rows(sparse.csc_array(DENSE))
    assert found.format == "csr"
    np.testing.assert_array_equal(found.toarray(), DENSE)
