"""Sums over the parts of all splits."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.limits import RowLimits
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.data.product_sum import MOST_NARROW, product_sum
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.threads import threads_of_a_fit
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.ridge.moments import sum_parts
from tests.helpers import as_sums, covering_pairs

SPLITS = {
    "folds": [(np.r_[200:700], np.r_[0:200]), (np.r_[0:200], np.r_[200:700])],
    "mixed rows": [(np.r_[0:700:2], np.r_[1:700:2]), (np.r_[1:700:2], np.r_[0:700:2])],
    "holdout": [(np.r_[0:500], np.r_[500:700])],
    "not all rows": [(np.r_[0:300], np.r_[300:400]), (np.r_[350:600], np.r_[0:100])],
    "repeated rows": [(np.r_[0:300, 0:100], np.r_[400:700]), (np.r_[400:700], [3, 7])],
    "overlapping": [
        tuple(np.sort(part) for part in np.split(order, [400]))
        for order in (
            np.random.default_rng(seed).permutation(700)[:600] for seed in range(5)
        )
    ],
}


@pytest.mark.parametrize(
    ("kind", "splits", "fit_intercept", "n_threads"),
    covering_pairs(
        ["dense", "fortran", "single", "sparse", "filled", "far"],
        SPLITS,
        [True, False],
        [1, 3],
    ),
)
def test_sums_are_those_of_the_rows(kind, splits, fit_intercept, n_threads, set_limits):
    """Blocks, threads, weights, kinds of rows or the origin would lose rows."""
    set_limits(block_entries=1, thin_work=0)
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((700, 3)) + 5.0, rng.standard_normal((700, 2)) - 3.0
    weight = rng.integers(0, 3, 700).astype(float)
    given = {
        "dense": X,
        "fortran": np.asfortranarray(X),
        "single": X.astype(np.float32),
        "sparse": sparse.csr_array(np.where(rng.random(X.shape) < 0.1, X, 0.0)),
        "filled": sparse.csr_array(X),
        "far": X + 1e3,
    }[kind]
    X = given.toarray() if sparse.issparse(given) else given.astype(float)
    parts = divide_rows(SPLITS[splits], weight)
    assert (parts.kinds is None) == (splits == "overlapping")
    with threads_of_a_fit(n_threads):
        found = sum_parts(as_design(given), y, parts, fit_intercept)
    whole = (np.arange(700), np.arange(700))
    for own, pair in zip(found.parts, [*SPLITS[splits], whole], strict=True):
        for sums, index in zip(own, pair, strict=True):
            rows = np.column_stack(
                [X - found.design.shift, np.ones(700), y - found.y_shift]
            )[index]
            part = weight[index]
            np.testing.assert_allclose(
                sums.matrix,
                as_sums(rows.T @ (part[:, None] * rows), 4),
                rtol=1e-9,
                atol=1e-9,
            )
            residual = rows[:, 4:] - rows[:, :3] @ found.reference
            scale = np.abs(rows).max() ** 2
            np.testing.assert_allclose(
                sums.residual_linear,
                rows[:, :4].T @ (part[:, None] * residual),
                atol=1e-10 * scale,
            )
            np.testing.assert_allclose(
                sums.residual_square,
                np.sum(part[:, None] * residual**2, axis=0),
                rtol=1e-9,
            )


def sums_of_all(X, y):
    """Return the sources of one split that trains on all rows but one."""
    pairs = [(np.arange(1, len(X)), np.array([0]))]
    return sum_parts(as_design(X), y, divide_rows(pairs, np.ones(len(X))), True)


def test_shift_of_rows_that_the_sample_misses():
    """Rows in a pattern that the sample misses would cancel to noise."""
    rng = np.random.default_rng(0)
    n_samples = 4 * RowLimits().shift_rows
    X = rng.standard_normal((n_samples, 3))
    X[np.arange(n_samples) % 4 != 0] += 1e8
    X[:, 2] = 7.0
    y = np.where(np.arange(n_samples) % 4 == 0, 0.0, rng.standard_normal(n_samples))
    found = sums_of_all(X, y[:, None])
    matrix = found.parts[-1][0].matrix
    assert found.design.shift[2] == 7.0
    centred = X[:, :2] - X[:, :2].mean(axis=0)
    mean = matrix[3, :2] / n_samples
    gram = matrix[:2, :2] / n_samples - np.outer(mean, mean)
    np.testing.assert_allclose(gram, centred.T @ centred / n_samples, rtol=1e-9)
    assert not np.any(matrix[2, :3])


def test_residuals_of_a_nearly_perfect_model():
    """The validation loss would be the rounding of the sum of squares of y."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    y = X @ rng.standard_normal((5, 1)) + 1e-9 * rng.standard_normal((400, 1))
    found = sums_of_all(X, y)
    residual = (y - found.y_shift) - (X - found.design.shift) @ found.reference
    np.testing.assert_allclose(
        found.parts[-1][0].residual_square, np.sum(residual**2), rtol=1e-6
    )


@pytest.mark.parametrize("n_outputs", [1, 3, 20])
@pytest.mark.parametrize("end", [1, 4, 16, 40, MOST_NARROW])
@pytest.mark.parametrize("limit", [1, 2000, 10**6], ids="small_product={}".format)
def test_sum_of_products(n_outputs, end, limit):
    """Moments of narrow or wide rows, or of many targets, would be others."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((90, end + n_outputs))
    with use_limits(many_outputs=5, small_product=limit):
        found = product_sum(end, end + n_outputs)
        for start, stop in ((0, 1), (1, 30), (30, 90)):
            found.add(rows[start:stop])
    products = rows.T @ rows
    matrix, atol = found.matrix(), 1e-13 * np.abs(products).max()
    np.testing.assert_allclose(matrix[:end], products[:end], atol=atol)
    np.testing.assert_array_equal(matrix[end, :end], 0.0)
    np.testing.assert_allclose(matrix[end, end:], np.diag(products)[end:])
