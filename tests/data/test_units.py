"""Rows in units: every method of a design against an explicitly scaled matrix."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.arrays import as_rows
from sklearn_myhpo.data.partial import PartialDesign, explain, without_explained
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.sparse import as_sparse_if_mostly_zero
from sklearn_myhpo.data.sums import sum_products, sum_residuals
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import as_sums

N, D = 61, 5
RNG = np.random.default_rng(0)
SCALE = np.array([0.5, 3.0, 1.0, 1e-3, 1e4])
WEIGHT = RNG.uniform(0.1, 2.0, N)


def matrix(offset):
    """Return rows half of whose entries are zero."""
    X = RNG.standard_normal((N, D)) + offset
    return np.where(RNG.random((N, D)) < 0.5, X, 0.0)


def given(kind, X):
    """Return X as a source reads it."""
    return {
        "dense": X,
        "fortran": np.asfortranarray(X),
        "single": X.astype(np.float32),
        "sparse": sparse.csr_array(X),
    }[kind]


@pytest.fixture(
    params=[
        (kind, fit_intercept, offset, many)
        for kind in ("dense", "fortran", "single", "sparse")
        for fit_intercept in (True, False)
        for offset in (0.5, 2e3)
        for many in (True, False)
    ],
    ids=str,
)
def pair(request, set_limits):
    """Return a design in units and the dense matrix that it stands for."""
    kind, fit_intercept, offset, many_blocks = request.param
    if many_blocks:
        set_limits(block_entries=40, cached_entries=40, pair_entries=0)
    X = matrix(offset)
    if kind == "single":
        X = X.astype(np.float32).astype(float)
    design = as_design(given(kind, X)).in_units(SCALE)
    design = design.at_means(WEIGHT, fit_intercept)
    rows = X * SCALE
    if fit_intercept:
        rows = np.column_stack([rows - WEIGHT @ rows / WEIGHT.sum(), np.ones(N)])
    return design, rows


def assert_close(found, expected):
    """Compare numbers relative to the largest of them."""
    atol = 1e-10 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=atol)


def test_maps(pair):
    """Predictions, gradients and the rows themselves."""
    design, rows = pair
    assert design.n_coordinates == rows.shape[1]
    w, values = RNG.standard_normal((rows.shape[1], 3)), RNG.standard_normal((N, 3))
    assert_close(design.forward(w), rows @ w)
    # Columns differ in size.
    size = np.abs(rows).max(axis=0)[:, None]
    assert_close(design.adjoint(values) / size, rows.T @ values / size)
    assert_close(design.to_dense() / size.T, rows / size.T)
    core = rows[:, :D] / size.T[:, :D]
    assert_close(design.centred() / size.T[:, :D], core)
    assert_close(design.columns(np.array([3, 1])) / size.T[:, [3, 1]], core[:, [3, 1]])
    index = np.array([0, 3, 4, 50])
    assert_close(design.take(index).forward(w), rows[index] @ w)
    assert_close(design.take(slice(5, 20, 3)).centred() / size.T[:, :D], core[5:20:3])
    out = np.empty_like(rows[index])
    design.take(slice(None)).fill(index, out)
    assert_close(out / size.T, rows[index] / size.T)


def test_sums(pair):
    """Gram matrices, of all rows and of parts, and their diagonals."""
    design, rows = pair
    size = np.abs(rows).max(axis=0)
    unit = np.outer(size, size)
    weights = RNG.standard_normal((N, 2))
    weights[::3, 1] = 0.0
    expected = np.stack([rows.T @ (weight[:, None] * rows) for weight in weights.T])
    assert_close(design.grams(weights) / unit, expected / unit)
    labels = RNG.integers(-1, 3, N)
    found = design.part_grams(weights, labels, 3)
    for part in range(3):
        own = rows[labels == part]
        for weight, gram in zip(weights[labels == part].T, found[part], strict=True):
            assert_close(gram / unit, own.T @ (weight[:, None] * own) / unit)
    square = np.abs(weights)
    with use_limits(rough_features=1):
        found = design.roughly().part_grams(square, labels, 3)
    for part in range(3):
        own = rows[labels == part]
        for weight, gram in zip(square[labels == part].T, found[part], strict=True):
            exact = own.T @ (weight[:, None] * own)
            np.testing.assert_allclose(gram / unit, exact / unit, atol=1e-4)
    assert_close(
        design.squares(square) / size[:, None] ** 2,
        (rows**2).T @ square / size[:, None] ** 2,
    )
    assert_close(design.mean_squares / size**2, (rows**2).mean(axis=0) / size**2)
    share = WEIGHT / WEIGHT.sum()
    assert_close(
        design.second_moments(WEIGHT) / size[:D] ** 2,
        share @ rows[:, :D] ** 2 / size[:D] ** 2,
    )
    assert_close(design.row_products(), rows[:, :D] @ rows[:, :D].T)


def test_products_of_parts(pair):
    """The moments of folds."""
    design, rows = pair
    design = design.about(design.shift, design.scale, False, design.has_large_means)
    y, order = RNG.standard_normal((N, 2)), RNG.permutation(N)
    parts = divide_rows([(order[20:], order[:20]), (order[:20], order[20:])], WEIGHT)
    found = sum_products(design, y, parts)
    core = rows[:, :D]
    size = np.concatenate([np.abs(core).max(axis=0), np.ones(3)])
    unit = np.outer(size, size)
    (visit,) = parts.visits()
    full = np.column_stack([core, np.ones(N), y])
    for atom, own in enumerate(found):
        index = np.flatnonzero(visit.labels == atom)
        expected = full[index].T @ (WEIGHT[index, None] * full[index])
        unit_of_sums = as_sums(unit, D + 1) + (as_sums(unit, D + 1) == 0)
        assert_close(own / unit_of_sums, as_sums(expected, D + 1) / unit_of_sums)
    reference = RNG.standard_normal((D, 2)) / size[:D, None]
    residuals = sum_residuals(design, y, parts, reference)
    for atom, (linear, square) in enumerate(residuals):
        index = np.flatnonzero(visit.labels == atom)
        residual = (y - core @ reference)[index]
        weighted = WEIGHT[index, None] * residual
        expected = full[index, : D + 1].T @ weighted / size[: D + 1, None]
        assert_close(linear / size[: D + 1, None], expected)
        assert_close(square, np.sum(weighted * residual, axis=0))


def test_large_means_are_found_in_the_units_of_the_rows():
    """Products about far means would lose digits."""
    X = RNG.standard_normal((N, 2)) + np.array([1e6, 0.0])
    for scale in (None, np.array([1e-8, 1.0]), np.array([1e8, 1.0])):
        design = as_design(X).in_units(scale).at_means(np.ones(N), True)
        assert design.has_large_means


def test_origin_of_a_mean():
    """Intercepts would be off by it."""
    X = matrix(2.0)
    design = as_design(X).in_units(SCALE)
    mean = (X * SCALE).mean(axis=0)
    np.testing.assert_allclose(design.moved_origin(mean), X.mean(axis=0))


def test_mostly_zero_rows_keep_their_units(set_limits):
    """The sparse copy would be another problem."""
    set_limits(many_entries=0, mostly_zero=0.9)
    X = matrix(0.0)
    design = as_sparse_if_mostly_zero(as_design(X).in_units(SCALE))
    assert design.is_sparse
    np.testing.assert_allclose(design.to_dense(), X * SCALE)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("scale", [None, SCALE])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_rows_without_what_columns_explain(kind, scale, fit_intercept):
    """Criteria of ridge see the others so."""
    X = matrix(0.5)
    X = np.column_stack([X, X[:, 0] - 2 * X[:, 3], np.ones(N), 3 * X[:, 0]])
    scale = None if scale is None else np.append(scale, [2.0, 1.0, 1.0])
    share = WEIGHT / WEIGHT.sum()
    design = as_design(as_rows(given(kind, X))).in_units(scale)
    design = design.at_means(WEIGHT, fit_intercept)
    rows = design.centred()
    free = np.array([0, 2, 6, 7]) if fit_intercept else np.array([0, 2, 7])
    explained, q = explain(design, share, free)
    np.testing.assert_allclose(q.T @ (share[:, None] * q), np.eye(2), atol=1e-10)
    kept = explained.kept
    size = np.abs(rows).max(axis=0)[kept]
    root = np.sqrt(share)[:, None]
    z = root * rows[:, free]
    z = z / np.maximum(np.abs(z).max(axis=0), 1e-8)
    left = root * rows[:, kept]
    expected = (left - z @ np.linalg.lstsq(z, left, rcond=1e-9)[0]) / root
    found = PartialDesign(design, explained)
    assert_close(found.centred() / size, expected / size)
    w = RNG.standard_normal((len(kept), 2)) / size[:, None]
    values = RNG.standard_normal((N, 2))
    assert_close(found.forward(w), expected @ w)
    assert_close(
        found.adjoint(values) / size[:, None], expected.T @ values / size[:, None]
    )
    assert_close(found.row_products(), expected @ expected.T)
    index = np.array([1, 5, 7])
    assert_close(found.take(index).centred() / size, expected[index] / size)
    assert_close(
        found.gram(share) / np.outer(size, size),
        expected.T @ (share[:, None] * expected) / np.outer(size, size),
    )


def test_explained_columns_are_zero():
    """Rounding would count as a feature."""
    X = matrix(0.5)
    X = np.column_stack([X, 1e6 * X[:, 0] + 1e6 * X[:, 1]])
    design = as_design(X).at_means(WEIGHT, True)
    explained, _ = explain(design, WEIGHT / WEIGHT.sum(), np.array([0, 1]))
    rows = without_explained(design, explained).centred()
    assert not rows[:, -1].any()
    assert np.all(np.abs(rows[:, :-1]).max(axis=0) > 0.1)
