"""Loader of near-infrared spectra of biscuit dough."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from ._base import CONSTRAINTS, DataFile, as_bunch, load, optional_import

ARCHIVE = "ppls_2.0.0.tar.gz"
MEMBER = "ppls/data/cookie.rda"
# No MD5 sum of the archive is published. The package has a list of the MD5 sums of its
# members.
MEMBER_MD5 = "0b4f31f70ebb1f11f26ba428a45b6267"
# CRAN moves a version from the first address to the second when a newer one appears.
ADDRESSES = (
    f"https://cran.r-project.org/src/contrib/{ARCHIVE}",
    f"https://cran.r-project.org/src/contrib/Archive/ppls/{ARCHIVE}",
)

TARGETS = ["fat", "sucrose", "flour", "water"]
MEAN_PERCENTAGES = (18.310, 16.594, 48.982, 14.191)
WAVELENGTH = np.arange(1100, 2500, 2)
OUTLIERS = [22, 60]

FILE = DataFile(
    "cookie.npz",
    {"X": (72, 700), "Y": (72, 4), "outlier": (72,), "wavelength_nm": (700,)},
)

DESCR = """\
Biscuit dough, near-infrared spectra
====================================

72 pieces of unbaked biscuit dough. The features are the spectrum at 700
wavelengths, 1100 to 2498 nm in steps of 2 nm (log of the inverse reflectance); the
targets are the percentages by weight of fat, sucrose, dry flour and water in the
recipe of the dough. Rows 0 to 39 were made for calibration and rows 40 to 71 for
prediction. Samples 23 and 61, counted from 1, are marked in `outlier`; the
literature leaves them out.

Neighbouring wavelengths are nearly collinear, and the recipe makes the four
percentages add up to about 98.

Source: the R package ppls, version 2.0.0 (GPL >= 2), data set `cookie`. First
published by Osborne, Fearn, Miller and Douglas (1984).
"""


@validate_params(CONSTRAINTS, prefer_skip_nested_validation=True)
def fetch_cookie(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
    n_retries: int = 3,
    delay: float = 1.0,
) -> Bunch | tuple:
    """Load the spectra of biscuit dough (regression, 4 targets).

    The file ``cookie.npz`` is looked for in `data_home`, if given, then in the
    folder that the environment variable SKLEARN_MYHPO_DATA names. If it is in
    neither, it is made from the R package ppls 2.0.0, which is downloaded once. The
    MD5 sum of the data inside the package is compared with the published sum; no sum
    is published for the whole archive. A download needs the packages pooch and rdata:
    ``pip install '.[datasets]'`` in the source directory.

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

        - data : ndarray or DataFrame of shape (72, 700), the spectra;
        - target : ndarray or DataFrame of shape (72, 4), percentages;
        - feature_names : list of the wavelengths as str;
        - target_names : ``["fat", "sucrose", "flour", "water"]``;
        - wavelength : ndarray of int of shape (700,), in nm;
        - outlier : ndarray of bool of shape (72,), samples 23 and 61 counted from 1;
        - frame : DataFrame of data and target, None without `as_frame`;
        - name : str, ``"cookie"``;
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
    B. G. Osborne, T. Fearn, A. R. Miller, S. Douglas (1984), Application of near
    infrared reflectance spectroscopy to the compositional analysis of biscuits and
    biscuit doughs, J. Sci. Food Agric. 35, 99-105.

    P. J. Brown, T. Fearn, M. Vannucci (2001), Bayesian wavelet regression on curves
    with application to a spectroscopic calibration problem, JASA 96, 398-408.
    """
    arrays = load(
        FILE,
        lambda folder: _download(n_retries, delay),
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    return as_bunch(
        arrays["X"],
        arrays["Y"],
        return_X_y=return_X_y,
        as_frame=as_frame,
        feature_names=[str(value) for value in arrays["wavelength_nm"]],
        target_names=list(TARGETS),
        wavelength=arrays["wavelength_nm"],
        outlier=arrays["outlier"],
        name="cookie",
        DESCR=DESCR,
    )


def _download(n_retries, delay):
    pooch = optional_import("pooch", "Downloading cookie.npz")
    rdata = optional_import("rdata", "Downloading cookie.npz")
    with tempfile.TemporaryDirectory() as folder:
        content = _member(_retrieve(pooch, folder, n_retries, delay))
    table = _table(rdata, content)
    outlier = np.zeros(len(table), dtype=bool)
    outlier[OUTLIERS] = True
    return {
        "X": table[:, :-4],
        "Y": table[:, -4:],
        "outlier": outlier,
        "wavelength_nm": WAVELENGTH,
    }


def _retrieve(pooch, folder, n_retries, delay):
    """Return the path of the downloaded archive."""
    for left in range(n_retries, -1, -1):
        for address in ADDRESSES:
            try:
                return pooch.retrieve(
                    address, known_hash=None, fname=ARCHIVE, path=folder
                )
            except OSError as error:
                last = error
        if left:
            time.sleep(delay)
    raise last


def _member(path):
    """Return the data file in the archive as bytes, without extraction to disk."""
    try:
        with tarfile.open(path) as archive:
            content = archive.extractfile(MEMBER).read()
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise ValueError(
            f"The downloaded file {Path(path).name} is not an archive with {MEMBER} "
            f"in it ({error})."
        ) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != MEMBER_MD5:
        raise ValueError(
            f"{MEMBER} in the downloaded {Path(path).name} has the MD5 sum {found} "
            f"instead of {MEMBER_MD5}."
        )
    return content


def _table(rdata, content):
    """Return the 72 spectra and percentages as one array of 704 columns."""
    as_stored = {
        name: lambda value, attributes: value for name in ("data.frame", "AsIs")
    }
    classes = {**rdata.conversion.DEFAULT_CLASS_MAP, **as_stored}
    objects = rdata.read_rda(io.BytesIO(content), constructor_dict=classes)
    try:
        table = _columns(objects["cookie"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{MEMBER} does not hold a table of numbers.") from error
    if table.shape != (72, 704):
        raise ValueError(f"{MEMBER} has shape {table.shape} instead of (72, 704).")
    if not np.allclose(table[:, -4:].mean(axis=0), MEAN_PERCENTAGES, atol=0.01):
        raise ValueError(
            f"The last columns of {MEMBER} are not {', '.join(TARGETS)}: their means "
            f"are {table[:, -4:].mean(axis=0).round(3)} instead of {MEAN_PERCENTAGES}."
        )
    return table


def _columns(value):
    """Return the columns, in order, of a matrix, a data frame or a list of them.

    Versions of ppls before 2.0 have one data frame, version 2.0 two in a list.
    """
    if isinstance(value, dict):
        return np.hstack([_columns(part) for part in value.values()])
    array = np.asarray(value, dtype=float)
    return array[:, None] if array.ndim == 1 else array
