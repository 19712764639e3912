"""The ``cv`` parameter as pairs of training and validation row indices."""

import math
import reprlib
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

_ALLOWED = (
    "allowed are a float in (0, 1) (the validation fraction of one hold-out split), "
    "an int >= 2 (the number of folds), a scikit-learn splitter, or an iterable of "
    "(train, validation) pairs of integer indices or boolean masks"
)


class _Rows(NamedTuple):
    """The rows that count, and how to speak of them in messages."""

    X: object  # all rows, (n_samples, n_features)
    y: np.ndarray  # all rows; class indices if classifier
    used: np.ndarray  # indices of the rows with positive weight
    classifier: bool
    classes: np.ndarray | None  # the original labels

    @property
    def size(self):
        """The numbers of rows and features in words, for messages."""
        text = f"n_samples = {self.used.size}, n_features = {self.X.shape[1]}"
        if self.used.size < self.X.shape[0]:
            text += " (counting the rows with positive sample weight)"
        return text

    @property
    def present(self):
        """The classes that have rows, and how many rows each has."""
        counts = np.bincount(self.y[self.used])
        classes = np.flatnonzero(counts)
        return classes, counts[classes]

    def label(self, index):
        """Return the original label of a class in words, for messages."""
        label = index if self.classes is None else self.classes[index]
        return repr(label.item() if isinstance(label, np.generic) else label)


def make_splits(cv, X, y, *, classifier, rows=None, classes=None, random_state=None):
    """Turn the ``cv`` parameter of an estimator into index pairs.

    Parameters
    ----------
    cv : float, int, splitter or iterable
        A float in (0, 1) is the validation fraction of one shuffled hold-out
        split, an int >= 2 the number of shuffled folds; both are stratified for
        classifiers. A scikit-learn splitter is called as ``cv.split(X, y)``. An
        iterable holds (train, validation) pairs of integer indices or boolean
        masks; an index that is repeated in a pair counts as often as it occurs.
    X : {ndarray, sparse matrix, sparse array} of shape (n_samples, n_features)
        The validated features.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        The targets; for classifiers the class indices 0..n_classes-1.
    classifier : bool
        Whether to stratify, and to require every class in every training part.
    rows : ndarray of int, default=None
        The rows with positive sample weight; None means all. Float and int split
        only these rows, so that a weight of zero equals a dropped row. Splitters and
        pairs refer to all rows.
    classes : ndarray of shape (n_classes,), default=None
        The original labels, for splitters and messages.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows if `cv` is a float or an int.

    Returns
    -------
    list of (ndarray, ndarray)
        Training and validation indices into all rows, dtype intp.

    Raises
    ------
    TypeError
        If `cv` is of a type that cannot describe splits.
    ValueError
        If `cv` is out of range or does not fit the data: an empty or overlapping
        part, too many folds, a training part without one of the classes.
    """
    n_samples = X.shape[0]
    used = np.arange(n_samples) if rows is None else np.asarray(rows, dtype=np.intp)
    data = _Rows(X, y, used, classifier, classes)
    if isinstance(cv, str | bytes):  # which have a method split
        raise ValueError(f"cv={cv!r} is not allowed; {_ALLOWED}.")
    if isinstance(cv, bool | type):  # an int to Python; KFold instead of KFold(5)
        raise TypeError(f"cv={cv!r} is not allowed; {_ALLOWED}.")
    if isinstance(cv, Integral):
        pairs = _fold_pairs(cv, data, random_state)
    elif isinstance(cv, Real):
        pairs = _holdout_pairs(cv, data, random_state)
    elif hasattr(cv, "split"):
        pairs = _splitter_pairs(cv, data)
    else:
        try:
            given = iter(cv)
        except TypeError as error:
            message = f"cv={reprlib.repr(cv)} is not allowed; {_ALLOWED}."
            raise TypeError(message) from error
        pairs = _checked_pairs(given, n_samples)
    _check_parts(pairs, data)
    return pairs


def _fold_pairs(n_folds, data, random_state):
    if n_folds < 2:
        raise ValueError(f"cv={n_folds} is not allowed; {_ALLOWED}.")
    n_rows = limit = data.used.size
    too_many, remedy = f"there are rows: {data.size}", "at least two rows"
    if data.classifier and n_rows > 1:
        present, counts = data.present
        limit = counts.min()
        label = data.label(present[counts.argmin()])
        too_many = f"class {label} has members ({limit}); {data.size}"
        remedy = f"drop class {label} or merge it, or give (train, validation) pairs"
    if n_folds > limit:
        if limit > 1:
            remedy = f"an int from 2 to {limit}"
        raise ValueError(
            f"cv={n_folds} asks for more folds than {too_many}. "
            f"What would work: {remedy}."
        )
    if not data.classifier:
        splitter = KFold(n_folds, shuffle=True, random_state=random_state)
        return _mapped(splitter.split(data.used), data)
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=random_state)
    return _mapped(splitter.split(data.used, data.y[data.used]), data)


def _holdout_pairs(fraction, data, random_state):
    if not 0 < fraction < 1:  # also true of NaN
        raise ValueError(f"cv={fraction} is not allowed; {_ALLOWED}.")
    n_rows = data.used.size
    if n_rows < 2:
        raise ValueError(
            f"cv={fraction} needs at least two rows, one to train on and one to "
            f"validate on, but {data.size}."
        )
    n_validation = math.ceil(fraction * n_rows)
    options = {"test_size": n_validation, "random_state": random_state}
    if not data.classifier:
        if n_validation == n_rows:
            raise ValueError(_fraction_message(fraction, "no row", 1, n_rows - 1, data))
        return _mapped(ShuffleSplit(1, **options).split(data.used), data)
    present, counts = data.present
    n_members = counts.min()
    if n_members < 2:
        label = data.label(present[counts.argmin()])
        raise ValueError(
            f"cv={fraction}: a stratified hold-out split needs at least two members of "
            f"every class, but class {label} has 1; {data.size}. What would work: drop "
            f"class {label} or merge it, or give (train, validation) pairs."
        )
    # With this many validation rows the share of the smallest class in the training
    # part is at least one row, so that no rounding can lose the class.
    most = n_rows - -(-n_rows // n_members)
    y_used = data.y[data.used]
    if present.size <= n_validation <= n_rows - present.size:
        splitter = StratifiedShuffleSplit(1, **options)
        pairs = _mapped(splitter.split(data.used, y_used), data)
        if np.isin(present, data.y[pairs[0][0]]).all():
            return pairs
    part = "too few rows to represent every class"
    raise ValueError(_fraction_message(fraction, part, present.size, most, data))


def _fraction_message(fraction, what_is_left, fewest, most, data):
    """Say which fractions give between `fewest` and `most` validation rows."""
    n_rows = data.used.size
    n_validation = math.ceil(fraction * n_rows)
    # Half a row below `fewest` still rounds up to it, and keeps the two ends apart
    # even if `fewest` equals `most`; the digits are enough to tell half rows apart.
    scale = 10 ** (len(str(n_rows)) + 1)
    low = math.ceil((fewest - 0.5) / n_rows * scale) / scale
    high = math.floor(most / n_rows * scale) / scale
    side = "training" if n_validation > most else "validation"
    return (
        f"cv={fraction} leaves {what_is_left} in the {side} part; {data.size}. "
        f"What would work: a fraction from {low} to {high}."
    )


def _splitter_pairs(splitter, data):
    name = type(splitter).__name__
    needs_groups = (
        f"cv={name}: this splitter needs groups, which fit does not take; pass "
        "cv=list(splitter.split(X, y, groups)) instead."
    )
    # Asked first because StratifiedGroupKFold without groups fails obscurely.
    if hasattr(splitter, "get_metadata_routing"):
        requests = getattr(splitter.get_metadata_routing(), "split", None)
        if requests is not None and requests.requests.get("groups") is True:
            raise ValueError(needs_groups)
    y = data.y
    if data.classifier and data.classes is not None:
        y = np.asarray(data.classes)[y]
    try:
        pairs = list(splitter.split(data.X, y))
    except (TypeError, ValueError) as error:
        if "groups" in str(error):
            raise ValueError(needs_groups) from error
        n_samples, n_features = data.X.shape
        raise ValueError(
            f"cv={name} cannot split this data (n_samples = {n_samples}, n_features = "
            f"{n_features}): {error}"
        ) from error
    return _checked_pairs(pairs, data.X.shape[0])


def _mapped(pairs, data):
    """Turn indices into the used rows into indices into all rows."""
    return [(data.used[train], data.used[validation]) for train, validation in pairs]


def _checked_pairs(pairs, n_rows):
    checked = []
    for number, pair in enumerate(pairs):
        where = f"cv: pair {number} (counted from 0)"
        if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
            raise ValueError(
                f"{where} must be (train, validation), got {reprlib.repr(pair)}; "
                "a single pair is given as cv=[(train, validation)]."
            )
        checked.append(
            tuple(
                _indices(part, n_rows, f"{where}: the {name} part")
                for part, name in zip(pair, ("training", "validation"), strict=True)
            )
        )
    if not checked:
        raise ValueError(f"cv contains no (train, validation) pair; {_ALLOWED}.")
    return checked


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
            f"{reprlib.repr(part)}; a single pair is given as cv=[(train, validation)]."
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


def _check_parts(pairs, data):
    """Check that parts are nonempty, disjoint and train on every class."""
    n_samples = data.X.shape[0]
    counts = np.zeros(n_samples, dtype=bool)
    counts[data.used] = True
    present = data.present[0] if data.classifier else None
    for number, (train, validation) in enumerate(pairs):
        where = f"cv: pair {number} (counted from 0)"
        for part, name in ((train, "training"), (validation, "validation")):
            if not counts[part].any():
                reason = " with positive sample weight" if part.size else ""
                raise ValueError(
                    f"{where}: the {name} part has no row{reason}; both parts need "
                    "at least one."
                )
        in_train = np.zeros(n_samples, dtype=bool)
        in_train[train] = True
        shared = np.unique(validation[in_train[validation]])
        if shared.size:
            raise ValueError(
                f"{where}: the training and validation parts overlap in {shared.size} "
                f"row(s), the first being {shared[0]}; they must be disjoint."
            )
        if present is None:
            continue
        trained = np.bincount(data.y[train], counts[train], minlength=present[-1] + 1)
        missing = present[trained[present] == 0]
        if missing.size:
            labels = ", ".join(data.label(index) for index in missing[:5])
            more = f" and {missing.size - 5} more" if missing.size > 5 else ""
            raise ValueError(
                f"{where}: the training part has no row of class {labels}{more}; "
                "every class must occur in every training part."
            )
