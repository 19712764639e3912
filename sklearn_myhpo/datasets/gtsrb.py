"""Loader of histograms of oriented gradients of two traffic signs."""

from __future__ import annotations

import os

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ._base import CONSTRAINTS, DataFile, as_bunch, from_openml, load

OPENML_ID = 41986
N_CLASSES = 43
# Number of images per sign in the official training set, the least in any source.
CLASSES = {1: 2220, 5: 1860}

FILE = DataFile(
    "gtsrb_hog.npz", {"X": (None, 1568), "y": (None,), "track": (None,)}, ("track",)
)

DESCR = """\
GTSRB, two traffic signs
========================

Speed limits 30 (class 1) and 80 (class 5) of the German traffic sign recognition
benchmark, as 1568 histograms of oriented gradients per image. The benchmark filmed
each sign while driving past it, so up to 30 frames, one `track`, show the same sign
a moment apart. Frames of a track are nearly duplicates: a random split puts them on
both sides and flatters the validation and test losses. Split by track instead.

There are two sources, and they differ:

- OpenML data set 41986 has the features "HOG 1" of the benchmark's authors, of
  training and test images together. Tracks are not recorded, so `track` is None.
- A file with an array `track` was computed for this package from the official
  training images (2220 of class 1 and 1860 of class 5): 40 x 40 gray pixels, 8
  orientations, cells of 5 x 5 pixels and blocks of 2 x 2 cells. The length equals
  the length of HOG 1, but the values differ, and losses of the two sources are not
  comparable.

The benchmark numbers tracks from 0 in each class; here the numbers are distinct over
both classes.

Source: J. Stallkamp, M. Schlipsing, J. Salmen and C. Igel (2012).
"""


@validate_params(CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_gtsrb_hog(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch | tuple:
    """Load gradient histograms of two traffic signs (binary classification).

    The file ``gtsrb_hog.npz`` is looked for in `data_home`, if given, then in the
    folder that the environment variable SKLEARN_MYHPO_DATA names. If it is in
    neither, it is made from OpenML data set 41986, which holds all 43 signs: the first
    call takes some GB of memory. `sklearn.datasets.fetch_openml` downloads it and
    compares its MD5 sum, and needs pandas. A file with tracks and the download have
    different features of the same images: see ``DESCR``.

    Parameters
    ----------
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

        - data : ndarray of float32 or DataFrame of shape (n_samples, 1568);
        - target : ndarray of int or Series of shape (n_samples,), 1 or 5;
        - track : ndarray of int of shape (n_samples,), one number for all frames of
          one physical sign, or None where the source has no tracks;
        - feature_names : list of str, ``"hog_0"`` to ``"hog_1567"``;
        - target_names : ``["sign"]``;
        - frame : DataFrame of data and target, None without `as_frame`;
        - name : str, ``"gtsrb_hog"``;
        - DESCR : str, the description of the data.

        With `return_X_y`, the tuple (data, target).

    Raises
    ------
    OSError
        If the file is in no folder, and the download fails or is switched off.
    ValueError
        If the file or the download has unexpected content.
    ImportError
        If a required package is not installed.

    References
    ----------
    J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel (2012), Man vs. computer:
    benchmarking machine learning algorithms for traffic sign recognition, Neural
    Networks 32, 323-332.
    """
    arrays = load(
        FILE,
        lambda folder: _download(folder, n_retries=n_retries, delay=delay),
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    target = arrays["y"].astype(int)
    return as_bunch(
        arrays["X"].astype(np.float32, copy=False),
        target,
        return_X_y=return_X_y,
        as_frame=as_frame,
        feature_names=[f"hog_{index}" for index in range(FILE.shapes["X"][1])],
        target_names=["sign"],
        track=_distinct(target, arrays.get("track")),
        name="gtsrb_hog",
        DESCR=DESCR,
    )


def _distinct(target, track):
    """Return track numbers that are distinct over classes."""
    if track is None:
        return None
    pair = target * (int(track.max()) + 1) + track
    return np.unique(pair, return_inverse=True)[1]


def _download(folder, **options):
    X, y = from_openml(OPENML_ID, folder, **options)
    y = y - y.min()  # the source may count classes from 0 or from 1
    counts = np.bincount(y)
    if len(counts) != N_CLASSES or any(
        counts[label] < least for label, least in CLASSES.items()
    ):
        raise ValueError(
            f"OpenML data set {OPENML_ID} does not have the {N_CLASSES} classes of "
            f"GTSRB with at least {CLASSES} images: it has {counts.tolist()}."
        )
    rows = np.isin(y, list(CLASSES))
    return {"X": X[rows].astype(np.float32), "y": y[rows].astype(np.uint8)}
