"""Training, validation and test rows of the experiments of the paper."""

from __future__ import annotations

from numbers import Integral
from typing import Literal

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

#: Rows of the training and the validation part of the cookie data.
COOKIE_SIZES = (34, 17)
#: Rows of each class in the training, the validation and the test part.
PER_CLASS = {"mnist": (100, 100, 500), "gtsrb_hog": (500, 500, 500)}
#: The same of two digits alone, which are a classification.
PER_DIGIT_OF_TWO = (250, 250, 500)


@validate_params(
    {
        "bunch": [Bunch],
        "random_state": [Interval(Integral, 0, None, closed="left")],
        "by": [StrOptions({"random", "track"})],
    },
    prefer_skip_nested_validation=True,
)
def paper_split(
    bunch: Bunch, *, random_state: int, by: Literal["random", "track"] = "random"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split a data set as in the paper's Table 1.

    =========== ======== ========== ======== =======================================
    data        training validation test     rows
    =========== ======== ========== ======== =======================================
    cookie      34       17         19       random, without the two outliers
    MNIST       1000     1000       5000     100, 100 and 500 of every digit
    two digits  500      500        1000     250, 250 and 500 of each
    GTSRB       1000     1000       1000     500 of each sign in every part
    =========== ======== ========== ======== =======================================

    MNIST of which only two digits have been kept is split as their classification. The
    paper repeats every experiment on 10 splits, here ``random_state`` 0 to 9.

    A random split of GTSRB puts nearly identical frames of one physical sign into
    different parts. With ``by="track"`` each track is in one part only: the tracks of
    a sign are put in random order, and the first ones form the training part, as near
    to 500 rows as this order allows. The next ones form the validation part likewise,
    and the remaining ones are the test part.

    Parameters
    ----------
    bunch : Bunch
        Result of `fetch_cookie`, `fetch_mnist` or `fetch_gtsrb_hog`.
    random_state : int
        Seed of the split, at least 0.
    by : {"random", "track"}, default="random"
        Unit of the split: rows, or tracks, which only GTSRB has.

    Returns
    -------
    train : ndarray of int
        Rows of the training part, indices into ``bunch.data``.
    validation : ndarray of int
        Rows of the validation part.
    test : ndarray of int
        Rows of the test part.

    Raises
    ------
    ValueError
        If the data set is none of the three, has no tracks with ``by="track"``, or
        has too few rows or tracks.

    References
    ----------
    S. Dhar, U. Kurup, M. Shah (2020), Stabilizing Bi-Level Hyperparameter
    Optimization using Moreau-Yosida Regularization, arXiv:2007.13322.
    """
    name = bunch.get("name")
    if name != "cookie" and name not in PER_CLASS:
        raise ValueError(
            f"bunch.name={name!r} is not allowed; allowed are the results of "
            "fetch_cookie, fetch_mnist and fetch_gtsrb_hog."
        )
    rng = np.random.default_rng(random_state)
    if by == "track":
        return _by_track(bunch, rng)
    if name == "cookie":
        order = rng.permutation(np.flatnonzero(~bunch.outlier))
        return tuple(np.split(order, np.cumsum(COOKIE_SIZES)))
    return _by_class(bunch, rng)


def _by_class(bunch, rng):
    target, sizes = np.asarray(bunch.target), PER_CLASS[bunch.name]
    labels, parts = np.unique(target), []
    if bunch.name == "mnist" and labels.size == 2:
        sizes = PER_DIGIT_OF_TWO
    ends = np.cumsum(sizes)
    for label in labels:
        own = rng.permutation(np.flatnonzero(target == label))
        _require(own.size, ends[-1], label, "rows")
        parts.append(np.split(own, ends)[:3])
    return _joined(parts)


def _by_track(bunch, rng):
    if bunch.get("track") is None:
        raise ValueError(
            f"by='track' is not possible: this copy of {bunch.name} has no tracks. "
            "Only gtsrb_hog.npz files with an array 'track' have them."
        )
    target, track = np.asarray(bunch.target), bunch.track
    size = PER_CLASS[bunch.name][0]
    parts = []
    for label in np.unique(target):
        own = np.flatnonzero(target == label)
        tracks, counts = np.unique(track[own], return_counts=True)
        order = rng.permutation(len(tracks))
        cuts = _nearest_cuts(counts[order], size)
        _require(len(tracks), cuts[1] + 1, label, "tracks")
        parts.append(
            [own[np.isin(track[own], tracks[part])] for part in np.split(order, cuts)]
        )
    return _joined(parts)


def _nearest_cuts(counts, size):
    """Return the ends of two runs of tracks with about `size` rows each."""
    first = 1 + np.argmin(np.abs(np.cumsum(counts) - size))
    second = first + 1
    if first < len(counts):
        second = first + 1 + np.argmin(np.abs(np.cumsum(counts[first:]) - size))
    return int(first), int(second)


def _require(found, needed, label, what):
    if found < needed:
        raise ValueError(
            f"Class {label} has {found} {what}; the split needs at least {needed}."
        )


def _joined(parts):
    """Join one triple (train, validation, test) per class into one triple."""
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
