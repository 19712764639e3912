"""One hold-out split of a given validation fraction, shuffled."""

import math

import numpy as np
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit


def holdout_pairs(fraction, rows, random_state):
    """Return one split of the rows with positive weight, stratified by class.

    Parameters
    ----------
    fraction : float
        Between 0 and 1, the validation part's share.
    rows : Rows
    random_state : int, RandomState instance or None

    Returns
    -------
    list of (ndarray, ndarray)
        Indices into all rows.

    Raises
    ------
    ValueError
        If there are too few rows; the message says what would work.
    """
    n_rows = rows.used.size
    if n_rows < 2:
        raise ValueError(
            f"cv={fraction} needs at least two rows, one to train on and one to "
            f"validate on, but {rows.used_size}."
        )
    n_validation = math.ceil(fraction * n_rows)
    options = {"test_size": n_validation, "random_state": random_state}
    if rows.is_classifier and rows.needs_classes:
        return _stratified_pairs(fraction, n_validation, options, rows)
    if n_validation == n_rows:
        raise ValueError(_fraction_message(fraction, "no row", 1, n_rows - 1, rows))
    return _mapped(ShuffleSplit(1, **options).split(rows.used), rows)


def _stratified_pairs(fraction, n_validation, options, rows):
    n_rows, n_classes = rows.used.size, len(rows.classes)
    n_members = rows.class_sizes.min()
    if n_members < 2:
        label = rows.label(rows.class_sizes.argmin())
        raise ValueError(
            f"cv={fraction}: a stratified hold-out split needs at least two members of "
            f"every class, but class {label} has 1; {rows.used_size}. What would work: "
            f"drop class {label} or merge it, or give (train, validation) pairs."
        )
    # With this many validation rows the share of the smallest class in the training
    # part is at least one row, so that no rounding can lose the class.
    most = n_rows - -(-n_rows // n_members)
    if n_classes <= n_validation <= n_rows - n_classes:
        splitter = StratifiedShuffleSplit(1, **options)
        index = rows.class_index
        pairs = _mapped(splitter.split(rows.used, index[rows.used]), rows)
        if len(np.unique(index[pairs[0][0]])) == n_classes:
            return pairs
    part = "too few rows to represent every class"
    raise ValueError(_fraction_message(fraction, part, n_classes, most, rows))


def _fraction_message(fraction, what_is_left, fewest, most, rows):
    """Say which fractions give between `fewest` and `most` validation rows."""
    n_rows = rows.used.size
    n_validation = math.ceil(fraction * n_rows)
    # Half a row below `fewest` still rounds up to it, and keeps the two ends apart
    # even if `fewest` equals `most`; the digits are enough to tell half rows apart.
    scale = 10 ** (len(str(n_rows)) + 1)
    low = math.ceil((fewest - 0.5) / n_rows * scale) / scale
    high = math.floor(most / n_rows * scale) / scale
    side = "training" if n_validation > most else "validation"
    return (
        f"cv={fraction} leaves {what_is_left} in the {side} part; {rows.used_size}. "
        f"What would work: a fraction from {low} to {high}."
    )


def _mapped(pairs, rows):
    """Turn indices into the used rows into indices into all rows."""
    return [(rows.used[train], rows.used[validation]) for train, validation in pairs]
