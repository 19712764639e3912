"""How often the parts of a split contain every row, as one number per row."""

from math import prod

import numpy as np


def encode(train, held_out, n_samples):
    """Return a code of how often both parts contain every row.

    Parameters
    ----------
    train, held_out : ndarray
        Indices of both parts of a split.
    n_samples : int

    Returns
    -------
    codes : ndarray of int of shape (n_samples,)
        `base` times the number in the training part, plus that in the validation part.
    base : int
    n_codes : int
        Number of possible codes.
    """
    codes = np.zeros(n_samples, dtype=np.int32)
    codes[train], codes[held_out] = 2, 1
    if np.count_nonzero(codes) == len(train) + len(held_out):
        return codes, 2, 4
    in_train, in_held_out = (
        np.bincount(part, minlength=n_samples) for part in (train, held_out)
    )
    base = 1 + int(in_held_out.max())
    return in_train * base + in_held_out, base, (1 + int(in_train.max())) * base


def renumbered(codes, n_codes):
    """Return the codes in use, in increasing order, and the number of every row's."""
    seen = np.bincount(codes, minlength=n_codes) > 0
    return np.flatnonzero(seen), (np.cumsum(seen, dtype=np.int32) - 1)[codes]


def kinds_in_use(kinds, counts, codes):
    """Return the kinds in use, and how often splits with further codes have each.

    Parameters
    ----------
    kinds : ndarray of int of shape (n_samples,)
    counts : ndarray of int of shape (2 n_splits, n_kinds)
        Of the kinds before the codes of further splits.
    codes : list of (int, int)
        The base of the code of every further split, and its number of codes.
    """
    size = counts.shape[1] * prod(n_codes for _, n_codes in codes)
    used, kinds = renumbered(kinds, size)
    rows = []
    for base, n_codes in reversed(codes):
        used, own = np.divmod(used, n_codes)
        rows = [*np.divmod(own, base), *rows]
    return kinds, np.vstack([counts[:, used], *rows])
