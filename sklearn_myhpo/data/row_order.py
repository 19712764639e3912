"""Whether the order of rows makes folds of neighbours unlike each other."""

import numpy as np
from scipy.special import fdtrc
from scipy.stats import rankdata

#: Rows, and entries of y in all, that are looked at: enough for any order that counts.
MOST_ROWS, MOST_ENTRIES = 4096, 2**16
#: Share of the variance of ranks between the folds from which on rows are sorted. In
#: rows that are in order it is 1 - 1 / K^2 for K folds, 0.75 or more.
SORTED_SHARE = 0.5
#: Chance with which rows in a random order may be called sorted.
CHANCE = 1e-6


def sorted_share(y, fold):
    """Return how far apart the folds are in y, if that is no chance.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    fold : ndarray of int of shape (n_samples,)
        Number of the fold that holds out a row.

    Returns
    -------
    float
        Largest share, over the targets, of the variance of the ranks that lies between
        the folds; 0 where it is below `SORTED_SHARE` or may be chance.
    """
    y, fold = _sample(y.reshape(len(y), -1), fold)
    sizes = np.bincount(fold)
    sizes = sizes[sizes > 0]
    n_rows, n_folds = len(y), len(sizes)
    if n_folds < 2 or n_folds == n_rows:
        return 0.0
    ranks = rankdata(y, axis=0) - (n_rows + 1) / 2
    order = np.argsort(fold, kind="stable")
    sums = np.add.reduceat(ranks[order], np.cumsum(sizes) - sizes, axis=0)
    total = (ranks**2).sum(axis=0)
    between = (sums**2 / sizes[:, None]).sum(axis=0)
    share = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    df = n_folds - 1, n_rows - n_folds
    # One minus the share may round to zero or below.
    ratio = share / df[0] / (np.maximum(1.0 - share, 1e-15) / df[1])
    clear = (share >= SORTED_SHARE) & (fdtrc(*df, ratio) * y.shape[1] < CHANCE)
    return float(share[clear].max()) if clear.any() else 0.0


def _sample(y, fold):
    """Return evenly spaced rows and targets of many."""
    n_rows, n_targets = y.shape
    if n_targets > (most := MOST_ENTRIES // MOST_ROWS):
        y = y[:, np.linspace(0, n_targets - 1, most).astype(np.intp)]
    if n_rows > MOST_ROWS:
        kept = np.linspace(0, n_rows - 1, MOST_ROWS).astype(np.intp)
        y, fold = y[kept], fold[kept]
    return y, fold
