"""Whether the order of rows makes folds of neighbouring rows differ."""

import numpy as np
from scipy.special import fdtrc

#: Maximum numbers of rows, of rows per fold, and of entries of y that are tested:
#: enough for any relevant order.
MOST_ROWS, MOST_PER_FOLD, MOST_ENTRIES = 1024, 20, 2**16
#: Share of the differences between folds of sorted rows, above which rows count as
#: sorted.
SORTED_PART = 0.5
#: Probability that rows in a random order are reported as sorted.
CHANCE = 1e-6
#: Minimum numbers of rows and of rows per fold that distinguish an order from chance,
#: ties included. Smaller folds have close neighbours in the training part.
LEAST_ROWS, LEAST_PER_FOLD = 20, 5


def sorted_share(y, fold):
    """Return how much the folds differ in y, or 0 if that may be chance.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    fold : ndarray of int of shape (n_samples,)
        Number of the fold that holds out a row.

    Returns
    -------
    float
        Largest share, over the targets, of the variance of the ranks that lies between
        the folds: 1 - 1 / K^2 of K folds of distinct values in order. 0 where it is
        less than `SORTED_PART` of that of sorted rows, or may be chance.
    """
    if len(y) < LEAST_ROWS:
        return 0.0
    y, fold = _sample(y.reshape(len(y), -1), fold)
    sizes = np.bincount(fold)
    sizes = sizes[sizes > 0]
    n_rows, n_folds = len(y), len(sizes)
    if n_folds < 2 or n_rows < LEAST_PER_FOLD * n_folds:
        return 0.0
    ranks = np.stack(list(map(_centred_ranks, y.T)), axis=1)
    share = _share(ranks[np.argsort(fold, kind="stable")], sizes)
    df = n_folds - 1, n_rows - n_folds
    # One minus the share may round to zero or below.
    ratio = share / df[0] / (np.maximum(1.0 - share, 1e-15) / df[1])
    clear = fdtrc(*df, ratio) * y.shape[1] < CHANCE
    if clear.any():
        clear &= share >= SORTED_PART * _share(np.sort(ranks, axis=0), sizes)
    return float(share[clear].max()) if clear.any() else 0.0


def _centred_ranks(values):
    """Return ranks about their mean; equal values have the mean of theirs."""
    _, number, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - 0.5 * (counts + len(values)))[number.reshape(-1)]


def _share(ranks, sizes):
    """Return the share of the variance that lies between blocks of rows."""
    sums = np.add.reduceat(ranks, np.cumsum(sizes) - sizes, axis=0)
    total = (ranks**2).sum(axis=0)
    between = (sums**2 / sizes[:, None]).sum(axis=0)
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def _sample(y, fold):
    """Return evenly spaced rows and their targets."""
    n_rows, n_targets = y.shape
    most_rows = max(MOST_ROWS, MOST_PER_FOLD * (int(fold.max()) + 1))
    rows = _spaced(n_rows, most_rows)
    columns = _spaced(n_targets, max(1, MOST_ENTRIES // most_rows))
    return y[np.ix_(rows, columns)], fold[rows]


def _spaced(size, most):
    """Return the numbers from zero to a size, or as many as allowed, evenly spaced."""
    return np.linspace(0, size - 1, min(size, most)).astype(np.intp)
