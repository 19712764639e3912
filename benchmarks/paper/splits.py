"""Data and rows of training, validation and test of one run."""

from functools import cache

import numpy as np

from sklearn_myhpo.datasets import (
    fetch_cookie,
    fetch_gtsrb_hog,
    fetch_mnist,
    paper_split,
)

from .settings import ROWS

FETCH = {
    "cookie": fetch_cookie,
    "mnist": fetch_mnist,
    "gtsrb": fetch_gtsrb_hog,
    "gtsrb-track": fetch_gtsrb_hog,
}
SUCROSE = 1


@cache
def fetch(data):
    """Return the Bunch of a data set.

    Raises
    ------
    OSError
        If a file is missing; the message names it and two ways to get it.
    """
    return FETCH[data]()


def usable(data_sets):
    """Return the data sets that can be split, having fetched all of them.

    Only a copy of GTSRB that records tracks can be split by them.
    """
    return [
        data
        for data in data_sets
        if fetch(data).get("track") is not None or data != "gtsrb-track"
    ]


def load(data, seed):
    """Return X, y and the three parts of run `seed` of a data set."""
    bunch = fetch(data)
    by = "track" if data == "gtsrb-track" else "random"
    parts = paper_split(bunch, random_state=seed, by=by)
    X, y = np.asarray(bunch.data, dtype=float), np.asarray(bunch.target)
    if data == "cookie":
        return X, y[:, SUCROSE], parts
    if data == "mnist":
        return X / 255.0, y.astype(float), parts
    y = (y == y.max()).astype(np.intp)
    # Another stream than that of the split.
    rng = np.random.default_rng([seed, 2])
    return (
        X,
        y,
        [thin(part, y, size, rng) for part, size in zip(parts, ROWS, strict=True)],
    )


def thin(rows, y, size, rng):
    """Return at most `size` random rows, every class in its proportion."""
    if len(rows) <= size:
        return rows
    classes, counts = np.unique(y[rows], return_counts=True)
    kept = [
        rng.permutation(rows[y[rows] == label])[:number]
        for label, number in zip(classes, apportion(size, counts), strict=True)
    ]
    return rng.permutation(np.concatenate(kept))


def apportion(size, counts):
    """Return `size` divided in proportion to `counts`, by largest remainders."""
    wanted = size * counts / counts.sum()
    numbers = np.floor(wanted).astype(int)
    most = np.argsort(numbers - wanted, kind="stable")[: size - numbers.sum()]
    numbers[most] += 1
    return numbers
