"""Few rows with the moments of many rows and targets."""

import numpy as np
import pytest

from sklearn_myhpo.data.moments.few_rows import FewRows, few_targets
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.limits import use_limits


def products(X, y, weight):
    """Return the products of (x, 1) with (x, 1, y), and of y with itself."""
    left = np.column_stack([X, np.ones(len(X))])
    weighted = weight[:, None] * np.column_stack([left, y])
    return left.T @ weighted, weighted[:, left.shape[1] :].T @ y


@pytest.mark.parametrize("sizes", [(30, 30, 30), (4, 50, 20), (40,), (3, 3, 3)])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_few_rows_have_the_moments_of_all(sizes, fit_intercept):
    """Lambda, or the weights, would be those of other rows."""
    rng = np.random.default_rng(len(sizes))
    n_samples, n_targets = sum(sizes), 90
    X = rng.standard_normal((n_samples, 4)) + 3.0
    X[:, 2] = X[:, 1]
    y = X @ rng.standard_normal((4, n_targets)) + rng.standard_normal(n_targets)
    y[:, 5] = 0.0
    weight = rng.uniform(0.5, 2.0, n_samples)
    fold = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    pairs = [np.flatnonzero(fold == kind) for kind in range(len(sizes))]
    parts = divide_rows([(part, part) for part in pairs], weight)
    few = FewRows(as_design(X), parts, fit_intercept, X.dtype)
    origin = y.mean(axis=0) if fit_intercept else np.zeros(n_targets)
    with use_limits(target_batch_entries=10 * n_samples, least_targets=1):
        found = few_targets(few, y, origin, 7)
    for split, own in enumerate(pairs):
        expected = products(X[own], y[own] - origin, weight[own])
        rows, row_weight = found.condensed.parts.held_out(split)
        given = found.condensed.design.raw()[rows], found.condensed.y[rows]
        gram, inner = products(*given, row_weight)
        np.testing.assert_allclose(gram[:, :5], expected[0][:, :5], atol=1e-9)
        # The rotation keeps the products of rows, and sums of squares.
        outer = [each[:, 5:] @ each[:, 5:].T for each in (gram, expected[0])]
        np.testing.assert_allclose(*outer, rtol=1e-9, atol=1e-7)
        assert np.trace(inner) == pytest.approx(np.trace(expected[1]), rel=1e-10)
    everything = found.everything
    given = everything.design.raw(), everything.y, everything.weight
    gram, inner = products(*given)
    expected = products(X, y, weight)
    np.testing.assert_allclose(gram, expected[0], atol=1e-9)
    np.testing.assert_allclose(np.diag(inner), np.diag(expected[1]), atol=1e-9)
    sample = found.condensed.sample.joined()
    outer = (y - origin)[sample.number] @ (y - origin)[sample.number].T
    np.testing.assert_allclose(sample.y @ sample.y.T, outer, atol=1e-9)
