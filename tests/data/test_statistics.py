"""Means and standard deviations of training rows, against scikit-learn's scaler."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo.data.limits import row_limits
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.statistics import standardize
from sklearn_myhpo.engine.limits import use_limits

N_ROWS = 90


def columns():
    """Return columns with units, constants, and a mean of a million deviations."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, 6)) * [1e-6, 1.0, 1e5, 1.0, 1.0, 1.0]
    X[:, 3] = 0.1
    X[:, 4] += 1e6
    X[:, 5] *= rng.random(N_ROWS) < 0.1
    return X


def pairs_of(kind):
    order = np.random.default_rng(1).permutation(N_ROWS)
    if kind == "folds":
        return [(np.sort(np.setdiff1d(order, p)), p) for p in np.split(order, 3)]
    if kind == "repeated rows":
        return [(np.append(order[:50], order[:20]), order[50:])]
    halves = (np.random.default_rng(k).permutation(N_ROWS) for k in range(12))
    return [(half[:40], half[40:]) for half in halves]


FORMS = {
    "dense": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "columns in order": np.asfortranarray,
    "gaps": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "sparse": sparse.csr_array,
}


@pytest.mark.parametrize("kind", ["folds", "repeated rows", "overlapping"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("block_entries", [row_limits().block_entries, 40])
def test_scales_are_those_of_the_scaler(form, kind, block_entries):
    """Weighted, by blocks of any size; a constant column has the scale one."""
    X = FORMS[form](columns())
    weight = np.random.default_rng(2).uniform(0.5, 2.0, N_ROWS)
    pairs = pairs_of(kind)
    with use_limits(block_entries=block_entries):
        standard = standardize(as_design(X), divide_rows(pairs, weight))
    dense = X.toarray() if form == "sparse" else X.astype(float)
    assert standard.centres == (form != "sparse")
    for rows, mean, scale in zip(
        [*(train for train, _ in pairs), np.arange(N_ROWS)],
        standard.means,
        standard.scales,
        strict=True,
    ):
        own, share = dense[rows], weight[rows] / weight[rows].sum()
        plain = StandardScaler().fit(own, sample_weight=weight[rows])
        np.testing.assert_allclose(mean, plain.mean_, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(scale, plain.scale_, rtol=1e-9)
        variance = share @ (own - share @ own) ** 2
        expected = np.where(np.ptp(own, axis=0) > 0, np.sqrt(variance), 1.0)
        # A mean of a million deviations is known to ten digits of these.
        np.testing.assert_allclose(scale, expected, rtol=1e-10)


def test_a_column_that_varies_in_one_part_alone():
    """Rounding of its mean would be divided by rounding of its deviation."""
    X = np.full((N_ROWS, 1), 0.1)
    pairs = [(np.arange(60), np.arange(60, 90))]
    X[60:, 0] = np.linspace(0.0, 5.0, 30)
    standard = standardize(as_design(X), divide_rows(pairs, np.ones(N_ROWS)))
    np.testing.assert_array_equal(standard.scales[0], 1.0)
    np.testing.assert_allclose(standard.scales[1], X.std(axis=0))
