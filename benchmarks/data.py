"""Data of the benchmarks, from the folder named by SKLEARN_MYHPO_DATA."""

import os
from pathlib import Path

import numpy as np


def load_file(name):
    """Return the arrays of a `.npz` file in the data folder."""
    folder = os.environ.get("SKLEARN_MYHPO_DATA")
    if folder is None:
        raise SystemExit(
            f"{name} is needed: set SKLEARN_MYHPO_DATA to the folder that holds it."
        )
    path = Path(folder) / name
    if not path.exists():
        raise SystemExit(f"{path} does not exist; SKLEARN_MYHPO_DATA names its folder.")
    return np.load(path, allow_pickle=False)


def mnist_regression(seed, per_digit=100):
    """Return X, y and one (train, validation) pair of MNIST digits as a target.

    Pixels are divided by 255 and y by its standard deviation; both parts hold
    `per_digit` random rows of every digit.
    """
    data = load_file("mnist_train15k.npz")
    digit = data["y"]
    y = digit.astype(float)
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(digit == k)) for k in range(10)]
    train = np.concatenate([own[:per_digit] for own in rows])
    validation = np.concatenate([own[per_digit : 2 * per_digit] for own in rows])
    return data["X"] / 255.0, y / y.std(), (train, validation)


def cookie_sucrose(seed):
    """Return X, y and one (train, validation) pair of the cookie spectra.

    First differences of the spectra, scaled to [0, 1] on the training rows; 34
    training and 17 validation rows, without the two known outliers.
    """
    data = load_file("cookie.npz")
    keep = np.setdiff1d(np.arange(len(data["X"])), [22, 60])
    X, y = np.diff(data["X"], axis=1)[keep], data["Y"][keep, 1]
    order = np.random.default_rng(seed).permutation(len(y))
    train, validation = order[:34], order[34:51]
    low, span = X[train].min(axis=0), np.ptp(X[train], axis=0)
    return (X - low) / np.where(span > 0, span, 1.0), y / y.std(), (train, validation)
