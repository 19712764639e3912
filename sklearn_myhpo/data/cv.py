"""The ``cv`` parameter as pairs of training and validation row indices."""

import inspect
import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold, check_cv

from .._messages import shown
from ..exceptions import IgnoredGroupsWarning, RareClassWarning, SortedRowsWarning
from .blocks import as_slice
from .folds.holdout import holdout_pairs
from .folds.pairs import MOST_NAMES, keep_weighty, read_pairs
from .folds.row_order import sorted_share
from .folds.splitters import FoldSplitter

_ALLOWED = (
    "allowed are None (five folds), an int >= 2 (the number of folds), a float in "
    "(0, 1) (the validation fraction of one hold-out split), a scikit-learn splitter, "
    "or an iterable of (train, validation) pairs of integer indices or boolean masks"
)


def make_splits(cv, rows, *, say, random_state=None):
    """Turn the ``cv`` parameter of an estimator into index pairs.

    Parameters
    ----------
    cv : None, int, float, splitter or iterable
        None or an int >= 2 are the folds of `sklearn.model_selection.check_cv`: in the
        order of the rows, stratified for classifiers. A float in (0, 1) is the
        validation fraction of one shuffled hold-out split of the rows with positive
        weight, stratified for classifiers. A scikit-learn splitter is called as
        ``cv.split(X, y, groups=groups)``. An iterable holds (train, validation) pairs
        of integer indices or boolean masks; an index that is repeated in a pair counts
        as often as it occurs.
    rows : Rows
        The rows, and what a splitter is given. All forms but the float divide rows of
        weight zero too.
    say : callable
        Takes a text and a category, and issues a warning.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows if `cv` is a float.

    Returns
    -------
    list of (ndarray, ndarray)
        Training and validation indices into all rows, dtype intp. Splits that hold out
        rows of weight zero only are left out.

    Raises
    ------
    TypeError
        If `cv` is of a type that cannot describe splits.
    ValueError
        If `cv` is out of range or does not fit the data: an empty or overlapping
        part, too many folds, a training part without one of the classes.
    """
    return list(iterate_splits(cv, rows, say=say, random_state=random_state))


def iterate_splits(cv, rows, *, say, random_state=None):
    """Yield the splits of `make_splits` one by one, without a list of them."""
    if cv is None:
        cv = 5
    name = "cv: pair"
    check_cv_type(cv)
    if isinstance(cv, Integral):
        pairs, name = _fold_pairs(cv, rows, say), f"cv={cv}: fold"
    elif isinstance(cv, Real):
        pairs = holdout_pairs(cv, rows, random_state)
    elif hasattr(cv, "split"):
        pairs, name = _splitter_pairs(cv, rows), f"{_spell(cv)}: split"
    else:
        pairs = _given_pairs(cv, rows)
    yield from keep_weighty(pairs, rows, name, are_folds=isinstance(cv, Integral))
    if "groups" in rows.metadata and not takes_groups(cv):
        say_what_groups_need(cv, say)


def check_cv_type(cv):
    """Raise if `cv` has a type that is not allowed, or is out of range.

    Parameters
    ----------
    cv : object
        Not None.
    """
    if isinstance(cv, str | bytes):  # which have a method split
        raise ValueError(f"cv={shown(cv)} is not allowed; {_ALLOWED}.")
    if isinstance(cv, bool | type):  # an int to Python; KFold instead of KFold(5)
        raise TypeError(f"cv={shown(cv)} is not allowed; {_ALLOWED}.")
    if isinstance(cv, Integral):
        if cv < 2:
            raise ValueError(f"cv={cv} is not allowed; {_ALLOWED}.")
    elif isinstance(cv, Real) and not 0 < cv < 1:  # also true of NaN
        raise ValueError(f"cv={cv} is not allowed; {_ALLOWED}.")


def _given_pairs(cv, rows):
    try:
        given = iter(cv)
    except TypeError as error:
        message = f"cv={shown(cv)} is not allowed; {_ALLOWED}."
        raise TypeError(message) from error
    return read_pairs(given, rows.n_samples, _ALLOWED)


def _fold_pairs(n_folds, rows, say):
    """Return scikit-learn's folds of all rows, with warnings about bad folds."""
    splitter = check_cv(n_folds, rows.target, classifier=rows.is_classifier)
    if isinstance(splitter, StratifiedKFold):
        classes, sizes = np.unique(rows.target, return_counts=True)
        if not rows.needs_classes and n_folds > sizes.max():
            splitter = KFold(n_folds)
        else:
            label = rows.spell(classes[sizes.argmax()])
            most = f"the largest class, {label}, has rows ({sizes.max()})"
            _check_number(n_folds, sizes.max(), most, rows)
    _check_number(n_folds, rows.n_samples, "there are rows", rows)
    with warnings.catch_warnings():
        # scikit-learn's warning about rare classes; ours, below, names them.
        warnings.filterwarnings("ignore", "The least populated class")
        pairs = list(splitter.split(np.zeros(rows.n_samples), rows.target))
    if not rows.is_classifier:
        fold = np.full(rows.n_samples, -1)
        for number, (_, held_out) in enumerate(pairs):
            fold[held_out] = number
        # A slice of rows is not a copy of the targets.
        used = as_slice(rows.used)
        warn_if_sorted(n_folds, rows.target[used], fold[used], say)
    elif rows.needs_classes:
        warn_if_rare(n_folds, rows.class_sizes, rows.label, say)
    return pairs


def _check_number(n_folds, limit, than_what, rows):
    """Raise if there are more folds than `limit`."""
    if n_folds <= limit:
        return
    remedy = f"an int from 2 to {limit}" if limit > 2 else "cv=2"
    if limit < 2:
        remedy = "at least two rows" + (" of a class" if rows.n_samples > 1 else "")
    raise ValueError(
        f"cv={n_folds} asks for more folds than {than_what}; {rows.size}. "
        f"What would work: {remedy}."
    )


def warn_if_sorted(n_folds, y, fold, say):
    """Warn if the order of the rows makes the folds differ.

    Parameters
    ----------
    n_folds : int
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Targets of rows in their order, all or evenly spaced.
    fold : ndarray of int of shape (n_rows,)
        The fold that holds out each.
    say : callable
        Takes a text and a category, and issues a warning.
    """
    share = sorted_share(y, fold)
    if share:
        say(
            f"takes the folds of cv={n_folds} in the order of the rows, along which y "
            f"is sorted or drifts: {share:.0%} of the variance of the ranks of y is "
            "between the folds, so that lambda is learned on rows unlike the training "
            f"rows. Use cv=KFold({n_folds}, shuffle=True, random_state=0), or "
            f"cv=TimeSeriesSplit({n_folds}) if the order is that of time, both of "
            "sklearn.model_selection.",
            SortedRowsWarning,
        )


def warn_if_rare(n_folds, sizes, label, say):
    """Warn of classes with fewer rows than there are folds.

    Parameters
    ----------
    n_folds : int
    sizes : ndarray of int of shape (n_classes,)
        Rows of every class.
    label : callable
        Takes the number of a class and returns its label as text.
    say : callable
        As in `make_splits`.
    """
    rare = np.flatnonzero(sizes < n_folds)
    if not rare.size:
        return
    names = ", ".join(f"{label(index)} ({sizes[index]})" for index in rare[:MOST_NAMES])
    if rare.size > MOST_NAMES:
        names += f" and {rare.size - MOST_NAMES} more"
    say(
        f"has fewer rows of some classes than the {n_folds} folds of cv={n_folds}: "
        f"{names}. Some folds hold out no row of them. Use fewer folds, or merge "
        "rare classes.",
        RareClassWarning,
    )


def _splitter_pairs(splitter, rows):
    return read_pairs(_split(splitter, rows), rows.n_samples, _ALLOWED)


def _split(splitter, rows):
    """Yield the splits of a splitter; raise errors that say what it lacks."""
    name = _spell(splitter)
    metadata = dict(rows.metadata)
    if not takes_groups(splitter):
        metadata.pop("groups", None)
    # StratifiedGroupKFold without groups fails obscurely, or makes empty parts.
    asks = _is_own(splitter) and _requests(splitter).get("groups") is True
    wants_groups, cause = asks and "groups" not in metadata, None
    if not wants_groups:
        try:
            yield from splitter.split(rows.X, rows.y, **metadata)
            return
        except (TypeError, ValueError) as error:
            cause = error
            wants_groups = "groups" in str(error) and "groups" not in metadata
    if wants_groups:
        message = (
            f"{name} needs the groups of the rows. Give them to fit: "
            "fit(X, y, groups=...); in a pipeline or a search they reach it under the "
            "name of its step, or by metadata routing."
        )
    else:
        message = f"{name} cannot split this data ({rows.size}): {cause}"
    raise ValueError(message) from cause


def _spell(splitter):
    """Return the name of a splitter, unless it is private."""
    name = type(splitter).__name__
    return "cv" if name.startswith("_") else f"cv={name}"


def _requests(splitter):
    """Return the metadata that a splitter requests by scikit-learn's routing."""
    if not hasattr(splitter, "get_metadata_routing"):
        return {}
    requests = getattr(splitter.get_metadata_routing(), "split", None)
    return {} if requests is None else requests.requests


def _is_own(splitter):
    """Whether a splitter is one of scikit-learn's own."""
    return type(splitter).__module__.startswith("sklearn.")


def takes_groups(cv):
    """Whether `cv` is a splitter that makes use of groups."""
    if not hasattr(cv, "split"):
        return False
    if isinstance(cv, FoldSplitter):
        return cv.takes_groups
    if _is_own(cv):
        # All splitters have the argument; these declare whether they use it.
        return "groups" in _requests(cv)
    parameters = inspect.signature(cv.split).parameters
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return any_name or "groups" in parameters


def say_what_groups_need(cv, say):
    """Warn if the splits ignore the groups."""
    given, n_folds = f"cv={shown(cv)}", 5
    if isinstance(cv, Integral):
        n_folds = cv
    elif hasattr(cv, "split"):
        given = _spell(cv)
    elif not isinstance(cv, Real):
        given = "cv, which has the pairs of rows,"
    say(
        f"got groups, but {given} ignores them: rows of one group may be in both parts "
        f"of a split. Use cv=GroupKFold({n_folds}) or another splitter of groups of "
        "sklearn.model_selection.",
        IgnoredGroupsWarning,
    )
