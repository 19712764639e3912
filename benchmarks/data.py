"""Real data as several benchmarks use them."""

import os
from pathlib import Path

import numpy as np

from sklearn_myhpo.datasets import fetch_cookie, fetch_mnist, paper_split


def mnist_regression(seed):
    """Return X, y and one (train, validation) pair of MNIST digits as a target.

    Pixels are divided by 255 and y by its standard deviation; both parts hold 100
    random rows of every digit.
    """
    data = fetch_mnist()
    y = data.target.astype(float)
    train, validation, _ = paper_split(data, random_state=seed)
    return data.data / 255.0, y / y.std(), (train, validation)


def cookie_sucrose(seed):
    """Return X, y and one (train, validation) pair of the cookie spectra.

    First differences of the spectra, scaled to [0, 1] on the training rows; 34
    training and 17 validation rows, without the two known outliers.
    """
    data = fetch_cookie()
    keep = np.flatnonzero(~data.outlier)
    X, y = np.diff(data.data, axis=1)[keep], data.target[keep, 1]
    train, validation, _ = (
        np.searchsorted(keep, rows) for rows in paper_split(data, random_state=seed)
    )
    low, span = X[train].min(axis=0), np.ptp(X[train], axis=0)
    return (X - low) / np.where(span > 0, span, 1.0), y / y.std(), (train, validation)


def binary_file(name):
    """Return X and y of a file that only the folder SKLEARN_MYHPO_DATA can have.

    Raises
    ------
    OSError
        If there is no such file.
    """
    path = Path(os.environ.get("SKLEARN_MYHPO_DATA", ".")) / f"{name}.npz"
    if not path.is_file():
        raise OSError(f"{path} does not exist: SKLEARN_MYHPO_DATA names its folder.")
    with np.load(path, allow_pickle=False) as file:
        return file["X"].astype(float), file["y"]
