"""Few rows with the second moments of many."""

import numpy as np
import pytest

from sklearn_myhpo.data.moments.condense import (
    factor_of_moments,
    factor_of_rows,
    with_equal_ones,
)
from tests.helpers import as_sums

RNG = np.random.default_rng(0)
#: Numbers of rows, features and targets.
SIZES = [(50, 4, 1), (50, 4, 3), (3, 4, 2), (200, 9, 20)]


def matrix_of(n_rows, n_features, n_targets, *, scaled=True):
    """Return rows (x, 1, y) times roots of weights, with dependent columns."""
    X = RNG.standard_normal((n_rows, n_features))
    X[:, 1], X[:, 3] = X[:, 0], 0.0
    if scaled:
        X[:, 2] *= 1e9
    y = RNG.standard_normal((n_rows, n_targets))
    root = np.sqrt(RNG.uniform(0.1, 2.0, n_rows))
    return np.column_stack([X, np.ones(n_rows), y]) * root[:, None]


def assert_same_moments(found, rows, end):
    """Compare products of columns, in units of their sizes; of targets the squares."""
    expected = rows.T @ rows
    size = np.sqrt(np.diag(expected))
    size = np.where(size > 0, size, 1.0)
    off = np.abs(found.T @ found - expected) / size / size[:, None]
    assert off[:end].max() < 1e-14
    assert np.diag(off).max() < 1e-14


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["moments", "rows"])
def test_factors_have_the_same_moments(kind, size):
    """Ridge would be that of other rows."""
    rows, end = matrix_of(*size), size[1] + 1
    if kind == "moments":
        found = factor_of_moments(as_sums(rows.T @ rows, end), end)
    else:
        found = factor_of_rows(rows.copy(), end)
    assert len(found) <= end + 1
    assert_same_moments(found, rows, end)
    # Columns of zeros are zero, and not nearly.
    assert not found[:, 3].any()


@pytest.mark.parametrize("size", SIZES)
def test_ones_are_made_equal(size):
    """Weights would differ by many digits, or be negative."""
    rows, one = matrix_of(*size), size[1]
    found = with_equal_ones(rows, one)
    assert np.ptp(found[:, one]) == 0.0
    assert found[0, one] > 0
    assert_same_moments(found, rows, found.shape[1])
    again = with_equal_ones(found, one)
    assert_same_moments(again, rows, found.shape[1])


def test_rows_lose_less_than_moments():
    """The second pass for rows at risk would be for nothing."""
    X = RNG.standard_normal((100, 2))
    X[:, 1] = X[:, 0] + 1e-9 * X[:, 1]
    rows = np.column_stack([X, np.ones(100), X[:, 0]])
    expected = np.linalg.svd(rows[:, :3], compute_uv=False)[-1]
    found = factor_of_rows(rows.copy(), 3)
    least = np.linalg.svd(found[:, :3], compute_uv=False)[-1]
    assert least == pytest.approx(expected, rel=1e-5)
    lost = factor_of_moments(as_sums(rows.T @ rows, 3), 3)
    least = np.linalg.svd(lost[:, :3], compute_uv=False)[-1]
    assert least != pytest.approx(expected, rel=1e-5)


def test_few_rows_stay_as_they_are():
    """They would lose digits for nothing."""
    rows = matrix_of(4, 4, 1)
    assert factor_of_rows(rows, 5) is rows
