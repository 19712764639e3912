"""Rows as a linear map."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.limits import RowLimits
from sklearn_myhpo.data.sources import as_design
from tests.data.helpers import sharded


def make_rows(is_sparse, fit_intercept):
    """Return a `Design`, and the matrix of its map."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((11, 4)) * (rng.random((11, 4)) < 0.6)
    weight = rng.uniform(0.5, 2.0, 11)
    rows = as_design(sparse.csr_array(X) if is_sparse else X)
    rows = rows.at_means(weight, fit_intercept)
    matrix = X
    if fit_intercept:
        matrix = np.column_stack([X - weight @ X / weight.sum(), np.ones(11)])
    return rows, matrix


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_rows_is_its_matrix(is_sparse, fit_intercept):
    """Sparse X, never centred in memory, must act as if it were."""
    rows, matrix = make_rows(is_sparse, fit_intercept)
    rng = np.random.default_rng(1)
    w, values = (
        rng.standard_normal((rows.n_coordinates, 2)),
        rng.standard_normal((11, 2)),
    )
    np.testing.assert_allclose(rows.forward(w), matrix @ w, atol=1e-13)
    np.testing.assert_allclose(rows.adjoint(values), matrix.T @ values, atol=1e-13)
    grams = np.stack([matrix.T @ (value[:, None] * matrix) for value in values.T])
    np.testing.assert_allclose(rows.grams(values), grams, atol=1e-13)
    for gram, value in zip(grams, values.T, strict=True):
        np.testing.assert_allclose(rows.gram(value), gram, atol=1e-13)
    positive = np.abs(values)
    np.testing.assert_allclose(
        rows.squares(positive), (matrix**2).T @ positive, atol=1e-13
    )
    index = np.array([7, 2, 2, 5])
    np.testing.assert_allclose(rows.take(index).forward(w), (matrix @ w)[index])


@pytest.mark.parametrize("is_sparse", [False, True])
def test_blocks_cover_the_rows_once(is_sparse, set_limits):
    """Data too large for one temporary must give the same sums."""
    rows, matrix = make_rows(is_sparse, True)
    whole = rows.grams(np.ones((11, 1)))
    set_limits(block_entries=12, pair_entries=0, pair_entries_of_many=0)
    w = np.ones((rows.n_coordinates, 1))
    pieces = list(rows.blocks(3))
    assert len(pieces) == 3
    np.testing.assert_array_equal(
        np.concatenate([np.arange(11)[index] for index, _ in pieces]), np.arange(11)
    )
    stacked = np.vstack([block.forward(w) for _, block in pieces])
    np.testing.assert_allclose(stacked, matrix @ w, atol=1e-13)
    np.testing.assert_allclose(rows.grams(np.ones((11, 1))), whole, atol=1e-13)


@pytest.mark.parametrize("n_grams", [1, RowLimits().many_grams])
@pytest.mark.parametrize("kept", ["pair_entries", "pair_entries_of_many"])
def test_kept_pairs_change_no_gram(n_grams, kept, set_limits):
    """Curvature would depend on what fits into a cache."""
    set_limits(**{"pair_entries": 0, "pair_entries_of_many": 0, kept: 10**6})
    rows, matrix = make_rows(False, True)
    weights = np.random.default_rng(0).standard_normal((len(matrix), n_grams))
    for _ in range(2):
        np.testing.assert_allclose(
            rows.grams(weights),
            np.einsum("nk,ni,nj->kij", weights, matrix, matrix),
            atol=1e-12,
        )


@pytest.mark.parametrize("kind", ["dense", "sparse", "streamed", "shards"])
def test_no_rows_give_nothing(kind):
    """A block without a row of a fold would end a fit in an error."""
    X = np.arange(12.0).reshape(4, 3)
    given = {
        "dense": lambda: as_design(X),
        "sparse": lambda: as_design(sparse.csr_array(X)),
        "streamed": lambda: as_design(X.astype(np.float32)),
        "shards": lambda: sharded(X),
    }[kind]()
    for large in (False, True):
        design = given.about(np.ones(3), None, True, large).take(np.array([], int))
        assert design.n_samples == 0
        assert design.forward(np.ones((4, 2))).shape == (0, 2)
        np.testing.assert_array_equal(design.adjoint(np.ones((0, 2))), np.zeros((4, 2)))
        np.testing.assert_array_equal(design.gram(np.ones(0)), np.zeros((4, 4)))
        np.testing.assert_array_equal(design.squares(np.ones((0, 2))), 0.0)
        assert design.centred().shape == (0, 3)


def test_squares_of_sparse_columns_with_large_means():
    """A column of 1e9 +- 1 would count as constant, its lambda as without effect."""
    rng = np.random.default_rng(0)
    X = np.column_stack([1e9 + rng.standard_normal(300), rng.standard_normal(300)])
    weight = np.ones(300)
    dense = as_design(X).at_means(weight, True)
    found = as_design(sparse.csr_array(X)).at_means(weight, True)
    np.testing.assert_allclose(
        found.second_moments(weight), dense.second_moments(weight), rtol=1e-6
    )
