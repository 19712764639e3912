"""Rows as a linear map."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.data.limits import RowLimits
from sklearn_myhpo.data.selected import select
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.stacked import stack
from tests.data.helpers import SOURCES


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


@pytest.mark.parametrize("kind", ["sparse", "single", *SOURCES])
def test_no_rows_give_nothing(kind):
    """A block without a row of a fold would end a fit in an error."""
    X = np.arange(36.0).reshape(12, 3)
    make = SOURCES | {
        "sparse": lambda X: as_design(sparse.csr_array(X)),
        "single": lambda X: as_design(X.astype(np.float32)),
    }
    given = make[kind](X)
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


@pytest.mark.parametrize("scale", [None, np.array([2.0, 0.5, 1.0, 3.0, 1.0])])
@pytest.mark.parametrize("block_entries", [30, 2**20])
@pytest.mark.parametrize("source", SOURCES)
def test_every_question_about_rows(source, block_entries, scale, set_limits):
    """A fit would depend on where its rows are."""
    set_limits(block_entries=block_entries)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5)) * [1.0, 2.0, 3.0, 0.0, 1.0] + [0, 1, 100, 3, 1e6]
    weight, values = rng.random(40), rng.standard_normal((40, 3))
    w, labels = rng.standard_normal((6, 2)), rng.integers(-1, 3, 40)
    labelled = labels[:, None] == np.arange(3)
    for means in ([0, 1, 100, 3, 1e6], np.zeros(5)):
        rows = X - [0, 1, 100, 3, 1e6] + means
        given = SOURCES[source](rows).about(None, scale, False, False)
        own = given.at_means(weight, True)
        np.testing.assert_allclose(own.shift, weight @ rows / weight.sum(), atol=1e-9)
        assert own.shift[3] == means[3]
        matrix = np.ones((40, 6))
        matrix[:, :5] = (rows - own.shift) * (1.0 if scale is None else scale)
        for design in (own, own.take(slice(None)), own.in_memory()):
            assert design.shape == rows.shape
            for found, expected in [
                (design.to_dense(), matrix),
                (design.centred(), matrix[:, :5]),
                (design.columns([1, 4]), matrix[:, [1, 4]]),
                (design.forward(w), matrix @ w),
                (design.adjoint(values), matrix.T @ values),
                (design.gram(weight), matrix.T @ (weight[:, None] * matrix)),
                (design.squares(values), (matrix**2).T @ values),
                (design.mean_squares, np.mean(matrix**2, axis=0)),
                (design.row_products(), matrix[:, :5] @ matrix[:, :5].T),
                (design.take([3, 9, 31]).to_dense(), matrix[[3, 9, 31]]),
                (design.take(slice(5, 9)).to_dense(), matrix[5:9]),
                (design.sample(10).to_dense(), matrix[::4]),
                (
                    design.grams(values),
                    np.einsum("nk,ni,nj->kij", values, matrix, matrix),
                ),
                (
                    design.part_grams(values, labels, 3),
                    np.einsum("np,nk,ni,nj->pkij", labelled, values, matrix, matrix),
                ),
            ]:
                size = np.abs(expected).max()
                np.testing.assert_allclose(found, expected, atol=1e-9 * size)
            assert design.largest() == np.abs(rows).max()
            index, values_of = design.constants()
            np.testing.assert_array_equal(index, [3])
            np.testing.assert_array_equal(values_of, means[3])


@pytest.mark.parametrize("second", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("first", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("block_entries", [1, 2**20])
def test_stack(first, second, block_entries, set_limits):
    """A validation set could not follow training rows of another kind."""
    set_limits(block_entries=block_entries)
    X = np.random.default_rng(0).standard_normal((9, 4))
    rows = stack(first(X), second(X[:3]))
    np.testing.assert_array_equal(rows.to_dense(), np.vstack([X, X[:3]]))
    assert rows.is_sparse == (sparse.csr_array in (first, second))
    np.testing.assert_array_equal(rows.take(slice(8, 10)).raw(), X[[8, 0]])


def test_stacked_rows_have_the_precision_of_the_first():
    """A validation set in double precision would double the memory of X."""
    X = np.full((2, 1), 1.0 + 1e-12)
    assert np.all(stack(X.astype(np.float32), X).to_dense() == 1.0)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("step", [1, 2, 30])
def test_select(container, step, set_limits):
    """Rows of weight zero would count, or a selection of a selection be another."""
    X, index = np.random.default_rng(0).standard_normal((90, 4)), np.arange(0, 90, step)
    for block_entries in (1, 2**20):
        set_limits(block_entries=block_entries)
        rows = select(container(X), index)
        np.testing.assert_array_equal(rows.to_dense(), X[index])
        some = np.arange(len(index))[1::2]
        np.testing.assert_array_equal(select(rows, some).to_dense(), X[index[some]])


@pytest.mark.parametrize("scale", [None, 3.0])
@pytest.mark.parametrize("mean", [0.0, 0.9, -1.1, 1e3, 1e7])
def test_moments_about_means(mean, scale):
    """Bounds of lambda would be off where columns have means, or one is constant."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((500, 3))
    X[:, 1] += mean
    for last in (X[:, 2], np.full(500, mean)):
        X[:, 2] = last
        weight = rng.uniform(0.0, 2.0, 500)
        units = None if scale is None else np.full(3, scale)
        design = DenseDesign(X, None, units, True, False)
        _, found = design.with_moments(weight, True)
        centred = X - np.average(X, axis=0, weights=weight)
        expected = np.average(centred**2, axis=0, weights=weight)
        expected *= 1.0 if scale is None else scale**2
        np.testing.assert_allclose(found[:2], expected[:2], rtol=1e-9)
        is_constant = np.ptp(X[:, 2]) == 0
        np.testing.assert_allclose(
            found[2], 0.0 if is_constant else expected[2], rtol=1e-9
        )
