"""Data and rows of training, validation and test of one run."""

from functools import cache

import numpy as np
from sklearn.utils import Bunch

from sklearn_myhpo.datasets import (
    fetch_cookie,
    fetch_gtsrb_hog,
    fetch_mnist,
    paper_split,
)

FAT = 0
#: Test rows of a digit.
N_TEST = 500


def fetch_two_digits():
    """Return the zeros and ones of MNIST."""
    bunch = fetch_mnist()
    kept = np.flatnonzero(bunch.target < 2)
    return Bunch(name=bunch.name, data=bunch.data[kept], target=bunch.target[kept])


@cache
def fetch_test_digits():
    """Return X and y of MNIST's own test images."""
    bunch = fetch_mnist(subset="test10k")
    return np.asarray(bunch.data), np.asarray(bunch.target)


def test_digits(labels, seed):
    """Return X and y of random rows of MNIST's own test images, `N_TEST` a digit.

    The published test losses of Table 5 lie below the validation losses by more than
    chance allows for rows of one file: linear models are better on the test images.
    """
    X, y = fetch_test_digits()
    # Another stream than that of the split.
    rng = np.random.default_rng([seed, 2])
    rows = [rng.permutation(np.flatnonzero(y == label))[:N_TEST] for label in labels]
    rows = np.concatenate(rows)
    return X[rows], y[rows]


FETCH = {
    "cookie": fetch_cookie,
    "mnist-regression": fetch_mnist,
    "mnist-classification": fetch_two_digits,
    "gtsrb": fetch_gtsrb_hog,
    "gtsrb-track": fetch_gtsrb_hog,
}


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
    """Return (X, y) of the training, validation and test rows of run `seed`.

    Classes are 0 and 1. The spectra of cookie are without their last channel: the
    paper has 699 of the 700.
    """
    bunch = fetch(data)
    by = "track" if data == "gtsrb-track" else "random"
    parts = paper_split(bunch, random_state=seed, by=by)
    X, y = np.asarray(bunch.data), np.asarray(bunch.target)
    if data == "cookie":
        X, y = X[:, :-1], y[:, FAT]
    elif data != "mnist-regression":
        y = (y == y.max()).astype(np.intp)
    kind = float if data in ("cookie", "mnist-regression") else np.intp
    found = [(X[rows], y[rows]) for rows in parts]
    if data.startswith("mnist"):
        found[-1] = test_digits(np.unique(y), seed)
    return [(np.asarray(X, dtype=float), y.astype(kind)) for X, y in found]
