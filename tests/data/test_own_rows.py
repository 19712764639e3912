"""Rows of all splits, each in coordinates of its own, against their matrices."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.blocks import lower_triangle
from sklearn_myhpo.data.own_rows import MappedRows, StackedRows
from sklearn_myhpo.data.shared_rows import SharedRows
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.limits import use_limits

N_SPLITS, N_SAMPLES, N_FEATURES = 3, 20, 4


def mapped(fit_intercept, moved, is_sparse=False, far=0.0):
    """Return rows of one X about origins and in units of every split."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, N_FEATURES)) + far
    if is_sparse:
        X = sparse.csr_array(X * (rng.random(X.shape) < 0.5))
    base = as_design(X).about(
        np.full(N_FEATURES, far),
        rng.uniform(0.5, 2, N_FEATURES),
        fit_intercept,
        far > 0,
    )
    origins = base.shift + moved * rng.standard_normal((N_SPLITS, N_FEATURES))
    units = rng.uniform(0.5, 2, (N_SPLITS, N_FEATURES))
    designs = [
        base.about(*each, fit_intercept, far > 0)
        for each in zip(origins, units, strict=True)
    ]
    return MappedRows.about(base, designs, np.ones(units.shape, dtype=bool))


def stacked(fit_intercept):
    """Return rows of every split."""
    rng = np.random.default_rng(1)
    designs = [
        as_design(rng.standard_normal((N_SAMPLES, N_FEATURES))).about(
            None, None, fit_intercept, False
        )
        for _ in range(N_SPLITS)
    ]
    return StackedRows.of_designs(designs)


KINDS = {
    "shared": lambda: SharedRows(mapped(True, 0.0).base, N_SPLITS),
    "units": lambda: mapped(False, 0.0),
    "units, intercept": lambda: mapped(True, 0.0),
    "origins": lambda: mapped(False, 1.0),
    "origins, intercept": lambda: mapped(True, 1.0),
    "far origins": lambda: mapped(False, 1.0, far=1e6),
    "sparse units": lambda: mapped(False, 0.0, is_sparse=True),
    "sparse origins": lambda: mapped(False, 1.0, is_sparse=True),
    "stacked": lambda: stacked(False),
    "stacked, intercept": lambda: stacked(True),
}


def matrices(rows):
    """Return the matrix of every split, as its own design has it."""
    return np.array([rows.of(number).to_dense() for number in range(N_SPLITS)])


@pytest.mark.parametrize("owners", [None, "in order", "some", "mixed"])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_products(kind, n_outputs, owners):
    """A split would be fitted to the rows of another."""
    rows, rng = KINDS[kind](), np.random.default_rng(2)
    numbers = {
        None: np.repeat(np.arange(N_SPLITS), 2),
        "in order": np.repeat(np.arange(N_SPLITS), 2),
        "some": np.array([2]),
        "mixed": np.array([2, 0, 2, 1]),
    }[owners]
    given = None if owners is None else numbers
    own = matrices(rows)[numbers]
    w = rng.standard_normal((len(numbers), rows.n_coordinates, n_outputs))
    raw = rows.forward(w, given)
    np.testing.assert_allclose(raw, (own @ w).transpose(0, 2, 1), atol=1e-9)
    slopes = rng.standard_normal(raw.shape)
    found = rows.adjoint(slopes, given)
    expected = own.transpose(0, 2, 1) @ slopes.transpose(0, 2, 1)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_sums_over_blocks(kind):
    """Blocks of rows would be in the coordinates of no split."""
    rows = KINDS[kind]()
    w = np.random.default_rng(3).standard_normal((N_SPLITS, rows.n_coordinates, 1))

    def own(block, number):
        return block.adjoint(block.forward(w) * number)

    number = np.arange(N_SAMPLES) + 1.0
    with use_limits(block_entries=5 * N_FEATURES):
        found = rows.reduce(own, number, entries_per_row=N_FEATURES)
    whole = matrices(rows)
    expected = whole.transpose(0, 2, 1) @ (number[:, None] * (whole @ w))
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_matrices(kind, n_outputs):
    """Newton's method would step by the curvature of other features."""
    rows, rng = KINDS[kind](), np.random.default_rng(4)
    own, lower = matrices(rows), lower_triangle(n_outputs)
    n_pairs = len(lower[0])
    weights = rng.standard_normal((N_SAMPLES, N_SPLITS * n_pairs))
    found = rows.grams(weights)
    expected = [
        one.T @ (weight[:, None] * one)
        for one, weight in zip(np.repeat(own, n_pairs, axis=0), weights.T, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-8)

    labels = np.arange(N_SAMPLES) % N_SPLITS
    shares = 1.0 - np.eye(N_SPLITS)
    weights = rng.standard_normal((N_SAMPLES, n_pairs))
    sums = rows.sum_curvature(weights, labels, N_SPLITS, lambda: shares[:, labels])
    curvature = np.empty((N_SAMPLES, n_outputs, n_outputs))
    curvature[:, lower[0], lower[1]] = curvature[:, lower[1], lower[0]] = weights
    found = rows.own_matrices(sums, shares)
    for matrix, one, share in zip(found, own, shares[:, labels], strict=True):
        expected = np.einsum("ni,nab,nj,n->iajb", one, curvature, one, share)
        np.testing.assert_allclose(matrix, expected.reshape(matrix.shape), atol=1e-8)
    sums = rows.sum_curvature(weights, None, 1, None)
    common = rows.common_matrix(sums)
    assert common.shape == found[0].shape
    np.testing.assert_allclose(common, common.T, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_some_rows(kind):
    """A sample of the rows would be one of another problem."""
    rows, index = KINDS[kind](), np.array([0, 3, 4, 11])
    np.testing.assert_allclose(matrices(rows.take(index)), matrices(rows)[:, index])
    w = np.ones((N_SPLITS, rows.n_coordinates, 1))
    some = rows.take(index).forward(w)
    np.testing.assert_allclose(some, rows.forward(w)[..., index], atol=1e-9)


def test_constant_features_get_no_weight():
    """The rounding of a constant would be a feature that predicts."""
    rows = mapped(False, 1.0)
    varies = np.ones((N_SPLITS, N_FEATURES), dtype=bool)
    varies[1, 2] = False
    found = MappedRows.about(rows.base, rows.designs, varies)
    w = np.zeros((N_SPLITS, N_FEATURES, 1))
    w[:, 2] = 1.0
    raw = found.forward(w)
    assert not raw[1].any()
    np.testing.assert_allclose(raw[[0, 2]], rows.forward(w)[[0, 2]])
    slopes = np.ones((N_SPLITS, 1, N_SAMPLES))
    assert found.adjoint(slopes)[1, 2] == 0
