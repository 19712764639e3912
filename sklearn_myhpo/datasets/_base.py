"""Common parts of the loaders: search of files, checks of content, results."""

import os
import tempfile
from dataclasses import dataclass
from http.client import HTTPException
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, get_data_home
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval

from .._messages import import_optional

#: Environment variable with a folder of data files.
VARIABLE = "SKLEARN_MYHPO_DATA"

#: Constraints of the parameters of every loader.
CONSTRAINTS = {
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "return_X_y": ["boolean"],
    "as_frame": ["boolean"],
    "n_retries": [Interval(Integral, 1, None, closed="left")],
    "delay": [Interval(Real, 0.0, None, closed="neither")],
}


@dataclass(frozen=True)
class DataFile:
    """A ``.npz`` file: its name and the required shapes of its arrays.

    In a shape, None stands for the number of rows of X, which may vary.
    """

    name: str
    shapes: dict
    optional: tuple = ()

    def check(self, arrays, source):
        """Return the arrays that belong to the file, or raise a ValueError."""
        found = {}
        for key, shape in self.shapes.items():
            if key not in arrays and key in self.optional:
                continue
            problem = self._problem(arrays, key, shape)
            if problem:
                raise ValueError(f"{source} {problem}. {self._expected()}")
            found[key] = np.asarray(arrays[key])
        return found

    def _problem(self, arrays, key, shape):
        if key not in arrays:
            return f"has no array {key!r}"
        array = np.asarray(arrays[key])
        n_rows = len(arrays["X"])
        wanted = tuple(n_rows if size is None else size for size in shape)
        if array.shape != wanted:
            return f"has {key!r} of shape {array.shape} instead of {wanted}"
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            return f"has values in {key!r} that are not finite numbers"
        return None

    def _expected(self):
        shapes = ", ".join(
            f"{key} ({', '.join('n' if size is None else str(size) for size in shape)}"
            f"{',' if len(shape) == 1 else ''})"
            f"{' (optional)' if key in self.optional else ''}"
            for key, shape in self.shapes.items()
        )
        return f"Expected of {self.name}: {shapes}."

    def read(self, path):
        """Return the arrays of an existing file."""
        try:
            with np.load(path, allow_pickle=False) as content:
                arrays = {key: content[key] for key in self.shapes if key in content}
        except PermissionError:
            raise
        except Exception as error:  # zipfile, zlib and NumPy raise different types
            raise ValueError(
                f"{path} cannot be read as an npz file without pickles ({error}). "
                f"{self._expected()} Delete it to download it again."
            ) from error
        return self.check(arrays, path)

    def write(self, folder, arrays):
        """Write the file; an interruption leaves no incomplete file."""
        with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
            path = Path(part) / self.name
            np.savez_compressed(path, **arrays)
            os.replace(path, folder / self.name)


def load(file, download, *, data_home, download_if_missing):
    """Return the arrays of a file, from a folder or else from a download.

    `download` is a function of the folder for downloaded files, and returns the arrays.
    """
    looked_in = []
    for folder in _folders(data_home):
        looked_in.append(folder)
        path = folder / file.name
        if path.is_file():
            return file.read(path)
    if not download_if_missing:
        raise OSError(_missing(file, looked_in, "download_if_missing is False"))
    home = looked_in[-1] if data_home is None else looked_in[0]
    home.mkdir(parents=True, exist_ok=True)
    try:
        downloaded = download(home)
    except (OSError, HTTPException) as error:
        reason = f"the download failed ({type(error).__name__}: {error})"
        raise OSError(_missing(file, looked_in, reason)) from error
    arrays = file.check(downloaded, f"The download of {file.name}")
    file.write(home, arrays)
    return arrays


def _folders(data_home):
    """Yield folders to search; `get_data_home` creates one, so it is called last."""
    if data_home is not None:
        yield Path(data_home).expanduser()
    if os.environ.get(VARIABLE):
        yield Path(os.environ[VARIABLE]).expanduser()
    if data_home is None:
        yield Path(get_data_home())


def _missing(file, looked_in, reason):
    state = "is" if os.environ.get(VARIABLE) else "is not"
    folders = ", ".join(map(str, looked_in))
    return (
        f"{file.name} is in none of the folders {folders} (the environment variable "
        f"{VARIABLE} {state} set), and {reason}. Either put {file.name} into the "
        f"folder of data_home or {VARIABLE}, or call the function once with network "
        "access and download_if_missing=True."
    )


def optional_import(module, purpose):
    """Import a package that only downloads need, or say how to install it."""
    return import_optional(module, purpose, extra="datasets")


def from_openml(data_id, folder, *, n_retries, delay):
    """Return X and the target as numbers; scikit-learn compares OpenML's MD5 sum."""
    optional_import("pandas", f"Reading OpenML data set {data_id}")
    fetched = fetch_openml(
        data_id=data_id,
        data_home=str(folder),
        as_frame=False,
        n_retries=n_retries,
        delay=delay,
    )
    return fetched.data, np.asarray(fetched.target).astype(float).astype(int)


def as_bunch(X, y, *, return_X_y, as_frame, feature_names, target_names, **more):
    """Return the data as a Bunch or a tuple, of arrays or pandas objects."""
    frame = None
    if as_frame:
        pandas = optional_import("pandas", "as_frame=True")
        X = pandas.DataFrame(X, columns=feature_names)
        if y.ndim == 1:
            y = pandas.Series(y, name=target_names[0])
        else:
            y = pandas.DataFrame(y, columns=target_names)
        frame = pandas.concat([X, y], axis=1)
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        frame=frame,
        feature_names=feature_names,
        target_names=target_names,
        **more,
    )
