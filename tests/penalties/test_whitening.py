"""A quadratic penalty as a group, and its null space apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from sklearn_myhpo.engine.linalg.symmetric import symmetric_solver
from sklearn_myhpo.penalties.whitening import whiten


@given(
    st.integers(1, 8),
    st.integers(0, 8),
    st.integers(0, 1000),
    st.sampled_from([1e-8, 1.0, 1e8]),
    st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_penalty_is_the_identity_and_the_parts_are_orthogonal(
    size, rank, seed, scale, with_gram
):
    """For any rank, in any units."""
    rng = np.random.default_rng(seed)
    rank = min(size, rank)
    root = rng.standard_normal((size, rank))
    penalty = scale * root @ root.T
    rows = rng.standard_normal((20, size))
    gram = rows.T @ rows if with_gram else None
    penalized, free = whiten(penalty, gram)
    assert penalized.shape == (size, rank)
    assert free.shape == (size, size - rank)
    whole = penalized.T @ penalty @ penalized
    np.testing.assert_allclose(whole, np.eye(rank), atol=1e-6)
    np.testing.assert_allclose(free.T @ free, np.eye(size - rank), atol=1e-10)
    np.testing.assert_allclose(penalty @ free, 0.0, atol=1e-7 * scale)
    cross = free.T @ (np.eye(size) if gram is None else gram) @ penalized
    largest = np.abs(penalized).max(initial=1.0)
    np.testing.assert_allclose(cross, 0.0, atol=1e-8 * largest)
    assert np.linalg.matrix_rank(np.hstack([penalized, free])) == size


def test_smooth_of_a_spline():
    """Penalized least squares in the coordinates is that with the matrix."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.random(200))
    knots = np.r_[[0.0] * 3, np.linspace(0, 1, 10), [1.0] * 3]
    rows = BSpline.design_matrix(x, knots, 3).toarray()
    y = np.sin(8 * x) + 0.3 * rng.standard_normal(200)
    size = rows.shape[1]
    # Differences of Greville points vanish for straight lines.
    points = np.array([knots[i + 1 : i + 4].mean() for i in range(size)])
    first = np.diff(np.eye(size), axis=0) / np.diff(points)[:, None]
    second = np.diff(first, axis=0)
    penalty = second.T @ second
    penalized, free = whiten(penalty, rows.T @ rows)
    assert free.shape[1] == 2
    line = rows @ free
    np.testing.assert_allclose(line.T @ (rows @ penalized), 0.0, atol=1e-9)
    coef = np.polyfit(x, line, 1)
    np.testing.assert_allclose(line, np.outer(x, coef[0]) + coef[1], atol=1e-10)
    strength = 1e-2
    expected = np.linalg.solve(rows.T @ rows + strength * penalty, rows.T @ y)
    features = rows @ np.hstack([penalized, free])
    diagonal = np.r_[np.full(penalized.shape[1], strength), [0.0, 0.0]]
    w = symmetric_solver(features.T @ features + np.diag(diagonal))(
        (features.T @ y)[:, None]
    )
    np.testing.assert_allclose(features @ w[:, 0], rows @ expected, atol=1e-8)


def test_no_penalty_and_a_full_one():
    """A part may be empty."""
    assert whiten(np.zeros((3, 3))).penalized.shape == (3, 0)
    assert whiten(np.eye(3)).free.shape == (3, 0)


@pytest.mark.parametrize(
    ("penalty", "gram", "message"),
    [
        (np.ones((2, 3)), None, "square matrix"),
        (np.full((2, 2), np.nan), None, "NaN or infinite"),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), None, "symmetric"),
        (np.diag([1.0, -1.0]), None, "positive semidefinite.* eigenvalue -1"),
        (np.eye(2), np.eye(3), r"shape \(3, 3\), but penalty \(2, 2\)"),
    ],
)
def test_errors(penalty, gram, message):
    """A matrix that is no penalty is refused by name."""
    with pytest.raises(ValueError, match=message):
        whiten(penalty, gram)
