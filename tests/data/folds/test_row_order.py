"""Whether the order of rows makes folds unlike each other."""

import numpy as np
import pytest

from sklearn_myhpo.data.folds.row_order import sorted_share


def folds(n_rows, n_folds):
    """Return the fold of every row, in their order."""
    return np.sort(np.arange(n_rows) % n_folds)


def draws(kind, n_rows, seed=0):
    """Return values of some distribution."""
    rng = np.random.default_rng(seed)
    return {
        "normal": lambda: rng.standard_normal(n_rows),
        "cauchy": lambda: rng.standard_cauchy(n_rows),
        "lognormal": lambda: np.exp(3 * rng.standard_normal(n_rows)),
        "counts": lambda: rng.poisson(2.0, n_rows).astype(float),
        "binary": lambda: rng.integers(0, 2, n_rows).astype(float),
        "rare": lambda: (rng.random(n_rows) < 0.15).astype(float),
        "mostly zero": lambda: np.maximum(rng.standard_normal(n_rows) - 0.5, 0.0),
    }[kind]()


KINDS = ["normal", "cauchy", "lognormal", "counts", "binary", "rare", "mostly zero"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_folds", [2, 3, 5, 10])
@pytest.mark.parametrize("n_rows", [500, 50_000])
def test_sorted_rows_are_found(kind, n_folds, n_rows):
    """Folds of a sorted file would hold out one end of it after the other."""
    y = np.sort(draws(kind, n_rows))
    for order in (y, y[::-1], y**3):
        assert sorted_share(order, folds(n_rows, n_folds)) > 0.1
    nearly = y.copy()
    some = np.random.default_rng(1).permutation(n_rows)[: n_rows // 20]
    nearly[some] = y[some[::-1]]
    assert sorted_share(nearly, folds(n_rows, n_folds)) > 0.1


def test_ranks_of_distinct_values():
    """The share that a message shows would not be what it says."""
    y = np.sort(draws("normal", 1000))
    for n_folds in (2, 5, 10):
        share = sorted_share(y, folds(1000, n_folds))
        assert share == pytest.approx(1.0 - n_folds**-2.0, rel=1e-3)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_in_a_random_order_are_not(kind):
    """A warning that chance issues would be ignored when it is right."""
    rng = np.random.default_rng(2)
    for seed in range(1000):
        n_rows = int(rng.integers(4, 200))
        n_folds = int(rng.integers(2, min(n_rows, 12) + 1))
        y = draws(kind, n_rows, seed)
        assert sorted_share(y, folds(n_rows, n_folds)) == 0.0


def test_other_orders():
    """Rows that leave each other's folds alike do no harm."""
    y = np.sort(draws("normal", 1000))
    dealt = np.arange(1000) % 5
    assert sorted_share(y, dealt) == 0.0
    assert sorted_share(np.ones(1000), folds(1000, 5)) == 0.0
    twenty = np.arange(20.0)
    assert sorted_share(twenty, folds(20, 4)) == pytest.approx(0.9375, abs=0.01)
    # A slope that explains a quarter of the variance.
    trend = np.linspace(-1.7, 1.7, 1000) + 1.7 * draws("normal", 1000)
    assert sorted_share(trend, folds(1000, 5)) == 0.0
    # Folds of few rows have neighbours in the training part.
    assert sorted_share(y, np.arange(1000)) == 0.0


def test_targets():
    """A sorted target would hide among others; many would take long."""
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((400, 3))
    assert sorted_share(Y, folds(400, 5)) == 0.0
    Y[:, 1] = np.sort(Y[:, 1])
    assert sorted_share(Y, folds(400, 5)) == pytest.approx(0.96, abs=0.01)
    many = np.sort(rng.standard_normal((300, 500)), axis=0)
    assert sorted_share(many, folds(300, 5)) == pytest.approx(0.96, abs=0.01)
