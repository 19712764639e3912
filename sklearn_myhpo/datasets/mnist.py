"""Loader of MNIST, images of handwritten digits."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from ._base import CONSTRAINTS, DataFile, as_bunch, from_openml, load

OPENML_ID = 554
N_TRAIN = 60_000
PER_DIGIT = 1500


def _file(name, n_rows):
    return DataFile(name, {"X": (n_rows, 784), "y": (n_rows,)})


FILES = {
    "train15k": _file("mnist_train15k.npz", 10 * PER_DIGIT),
    "test10k": _file("mnist_test10k.npz", 10_000),
    "all": _file("mnist_all.npz", N_TRAIN + 10_000),
}

DESCR = """\
MNIST, handwritten digits
=========================

Images of the digits 0 to 9, 28 x 28 pixels from 0 (background) to 255 (ink), one
row per image. The features go through the image line by line from the top left;
`pixel_3_5` is in line 3 and column 5, counted from 0. The originals are 60000
training and 10000 test rows, and no writer is in both.

This copy holds the rows of the parameter `subset`: `train15k`, the first 1500 of
every digit among the training rows, in their original order; `test10k`, the test
rows; `all`, the training rows and then the test rows.

Source: the original files of LeCun, Cortes and Burges; OpenML data set 554.
"""


@validate_params(
    CONSTRAINTS | {"subset": [StrOptions(set(FILES))]},
    prefer_skip_nested_validation=True,
)
def fetch_mnist(
    *,
    subset: Literal["train15k", "test10k", "all"] = "train15k",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch | tuple:
    """Load images of handwritten digits (classification, 10 classes).

    The file of the subset, ``mnist_train15k.npz``, ``mnist_test10k.npz`` or
    ``mnist_all.npz``, is looked for in `data_home`, if given, then in the folder
    that the environment variable SKLEARN_MYHPO_DATA names. If it is in neither, it
    is made from OpenML data set 554, which has the training and the test rows in
    their original order. `sklearn.datasets.fetch_openml` downloads it, compares its
    MD5 sum and keeps it for the next subset; it needs pandas.

    Parameters
    ----------
    subset : {"train15k", "test10k", "all"}, default="train15k"
        Rows to load: the first 1500 of every digit among the 60000 training rows, in
        their original order; the 10000 test rows; or all 70000 rows.
    data_home : str or path-like, default=None
        First folder of the search, and folder of the download. With None, files are
        downloaded into scikit-learn's data folder, which is searched after
        SKLEARN_MYHPO_DATA.
    download_if_missing : bool, default=True
        Whether to download a file that is in no folder.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether data and target are pandas objects.
    n_retries : int, default=3
        Number of new tries after a network error.
    delay : float, default=1.0
        Seconds between two tries.

    Returns
    -------
    Bunch or tuple
        A Bunch with

        - data : ndarray of uint8 or DataFrame of shape (n_samples, 784), 0 to 255;
        - target : ndarray of int or Series of shape (n_samples,), the digits;
        - feature_names : list of str, ``"pixel_0_0"`` to ``"pixel_27_27"``;
        - target_names : ``["digit"]``;
        - frame : DataFrame of data and target, None without `as_frame`;
        - name : str, ``"mnist"``;
        - DESCR : str, the description of the data.

        With `return_X_y`, the tuple (data, target).

    Raises
    ------
    OSError
        If the file is in no folder, and the download fails or is switched off.
    ValueError
        If `subset` is unknown, or if the file or the download has unexpected
        content.
    ImportError
        If a required package is not installed.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), Gradient-based learning
    applied to document recognition, Proc. IEEE 86, 2278-2324.
    """
    arrays = load(
        FILES[subset],
        lambda folder: _download(subset, folder, n_retries=n_retries, delay=delay),
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    return as_bunch(
        arrays["X"],
        arrays["y"].astype(int),
        return_X_y=return_X_y,
        as_frame=as_frame,
        feature_names=[f"pixel_{i}_{j}" for i in range(28) for j in range(28)],
        target_names=["digit"],
        name="mnist",
        DESCR=DESCR,
    )


def _download(subset, folder, **options):
    X, y = from_openml(OPENML_ID, folder, **options)
    rows = {
        "train15k": _first_of_every_digit(y[:N_TRAIN]),
        "test10k": slice(N_TRAIN, None),
        "all": slice(None),
    }[subset]
    return {"X": X[rows].astype(np.uint8), "y": y[rows].astype(np.uint8)}


def _first_of_every_digit(y):
    """Return the first rows of every digit, in their original order."""
    first = [np.flatnonzero(y == digit)[:PER_DIGIT] for digit in range(10)]
    return np.sort(np.concatenate(first))
