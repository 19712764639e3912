"""Checks of pairs of training and validation rows."""

import numpy as np

from ..._messages import shown

#: Maximum number of missing classes that a message names.
MOST_NAMES = 5


def read_pairs(given, n_rows, allowed):
    """Yield integer indices for pairs of indices or of boolean masks.

    Parameters
    ----------
    given : iterable of (train, validation)
    n_rows : int
    allowed : str
        What `cv` may be, for a message.

    Yields
    ------
    train, validation : ndarray
        dtype intp.

    Raises
    ------
    ValueError
        If there is no pair, or one is not a pair of 1-d indices or masks.
    """
    number = -1
    for number, pair in enumerate(given):
        where = f"cv: pair {number} (counted from 0)"
        if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
            raise ValueError(
                f"{where} must be (train, validation), got {shown(pair)}; "
                "a single pair is given as cv=[(train, validation)]."
            )
        yield tuple(
            _indices(part, n_rows, f"{where}: the {name} part")
            for part, name in zip(pair, ("training", "validation"), strict=True)
        )
    if number < 0:
        raise ValueError(f"cv contains no (train, validation) pair; {allowed}.")


def _indices(part, n_rows, where):
    """Return integer indices for the indices or boolean mask `part`."""
    try:
        indices = np.asarray(part)
    except ValueError:  # ragged
        indices = np.empty((), dtype=object)
    if indices.ndim == 1 and indices.size == 0:
        return np.empty(0, dtype=np.intp)
    if indices.ndim != 1 or indices.dtype.kind not in "biu":
        raise ValueError(
            f"{where} must be a 1-d array of integer indices or a boolean mask, got "
            f"{shown(part)}; a single pair is given as cv=[(train, validation)]."
        )
    if indices.dtype.kind == "b":
        if indices.size != n_rows:
            raise ValueError(
                f"{where} is a boolean mask of length {indices.size}, but must have "
                f"one entry for each of the {n_rows} rows."
            )
        return np.flatnonzero(indices)
    wrong = indices[(indices < 0) | (indices >= n_rows)]
    if wrong.size:
        raise ValueError(
            f"{where} contains the index {wrong[0]}; allowed are 0 to {n_rows - 1}."
        )
    return indices.astype(np.intp)


def keep_weighty(pairs, rows, name, *, are_folds=False):
    """Yield the pairs that hold out any weight; refuse those that cannot be fitted.

    A split of which every held-out row has weight zero adds nothing to the mean loss.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
    rows : Rows
    name : str
        Beginning of a message, such as "cv=5: fold".
    are_folds : bool, default=False
        Whether both parts of every pair are known to have rows, and none in common.

    Yields
    ------
    train, validation : ndarray

    Raises
    ------
    ValueError
        If a part is empty, parts overlap, no pair is left, or a class is missing from
        a training part.
    """
    has_any = False
    for number, pair in enumerate(pairs):
        where = f"{name} {number} (counted from 0)"
        if not are_folds:
            _check_disjoint(pair, rows, where)
        if not rows.have_weight(pair[1]):
            continue
        if not rows.have_weight(pair[0]):
            raise ValueError(_no_row(where, "training", " with positive sample weight"))
        if rows.is_classifier and rows.needs_classes:
            _check_classes(pair[0], rows, where)
        has_any = True
        yield pair
    if not has_any:
        where = f"{name} 0 (counted from 0)"
        raise ValueError(_no_row(where, "validation", " with positive sample weight"))


def _no_row(where, part, reason):
    return f"{where}: the {part} part has no row{reason}; both parts need at least one."


def _check_disjoint(pair, rows, where):
    """Raise unless both parts have rows, and no row is in both."""
    train, validation = pair
    for part, name in ((train, "training"), (validation, "validation")):
        if not part.size:
            raise ValueError(_no_row(where, name, ""))
    in_train = np.zeros(rows.n_samples, dtype=bool)
    in_train[train] = True
    shared = np.unique(validation[in_train[validation]])
    if shared.size:
        raise ValueError(
            f"{where}: the training and validation parts overlap in {shared.size} "
            f"row(s), the first being {shared[0]}; they must be disjoint."
        )


def _check_classes(train, rows, where):
    """Raise if a class has rows but none of them in a training part."""
    own = rows.class_index[train[rows.counts[train]]]
    missing = np.flatnonzero(np.bincount(own, minlength=len(rows.classes)) == 0)
    if not missing.size:
        return
    labels = ", ".join(rows.label(index) for index in missing[:MOST_NAMES])
    if missing.size > MOST_NAMES:
        labels += f" and {missing.size - MOST_NAMES} more"
    if rows.class_sizes[missing].min() == 1:
        remedy = "drop a class of one row, or merge it with another"
    else:
        remedy = "cv=StratifiedKFold(5, shuffle=True), which divides every class"
    raise ValueError(
        f"{where}: the training part has no row of class {labels}; every class must "
        "occur in every training part, as the loss of held-out rows of an unknown "
        f"class is infinite. What would work: {remedy}."
    )
