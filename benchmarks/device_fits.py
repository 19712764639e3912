"""Problems and fits of the comparison of devices."""

import importlib.util
import resource
import time
from typing import NamedTuple

import numpy as np
import sklearn

from .device_factors import LONG

#: Rows that are made at once, and whose predictions are compared.
CHUNK, COMPARED = 2**14, 200
#: Seconds with fewer of which nothing is begun.
LEAST_SECONDS = 1.0


class Problem(NamedTuple):
    """Shape of a problem.

    Attributes
    ----------
    n_samples, n_features, n_targets : int
    is_class : bool
        Whether y has two classes.
    """

    n_samples: int
    n_features: int
    n_targets: int = 1
    is_class: bool = False


PROBLEMS = {
    "ridge, 10^6 x 1000": Problem(1_000_000, 1000),
    "logistic, 10^6 x 500": Problem(1_000_000, 500, is_class=True),
    "ridge, 2000 x 50000": Problem(2000, 50_000),
    "ridge, 5000 x 5000, 10^4 targets": Problem(5000, 5000, 10_000),
    "ridge, 10^5 x 5000": Problem(100_000, 5000),
}
QUICK = {
    "ridge, 20000 x 50": Problem(20_000, 50),
    "logistic, 20000 x 30": Problem(20_000, 30, is_class=True),
    "ridge, 200 x 2000": Problem(200, 2000),
    "ridge, 300 x 300, 20 targets": Problem(300, 300, 20),
}
#: Tools in the order of their fits: short ones first.
METHODS = (
    "ours, device",
    "ours, CuPy",
    "scikit-learn, device",
    "himalaya, device",
    "ours, NumPy",
)


def missing(method, device):
    """Return what keeps a method from this machine, or None.

    Parameters
    ----------
    method : str
    device : str
        "cpu" or "cuda".
    """
    name = {"himalaya, device": "himalaya", "ours, CuPy": "cupy"}.get(method)
    if method == "ours, CuPy" and device != "cuda":
        return "no CUDA device"
    if name is not None and importlib.util.find_spec(name) is None:
        return f"{name} is not installed"
    return None


def make_rows(problem, folder, clock=None):
    """Write X and y of a problem to files.

    Parameters
    ----------
    problem : Problem
    folder : Path
    clock : Clock, default=None
        None for no limit.

    Returns
    -------
    bool
        False if the time has ended before.
    """
    rng = np.random.default_rng(0)
    n, d, t, _ = problem
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (n, d))
    Y = np.empty((n, t), dtype=np.float32)
    weights = rng.standard_normal((d, t), dtype=np.float32) / np.float32(np.sqrt(d))
    for start in range(0, n, CHUNK):
        if clock is not None and clock.left < LEAST_SECONDS:
            return False
        rows = slice(start, min(start + CHUNK, n))
        X[rows] = rng.standard_normal((rows.stop - start, d), dtype=np.float32)
        noise = rng.standard_normal((rows.stop - start, t), dtype=np.float32)
        Y[rows] = X[rows] @ weights + noise
    if problem.is_class:
        Y = (Y > 0).astype(np.int64)
    np.save(folder / "y.npy", Y[:, 0] if t == 1 else Y)
    return True


def model_of(method, problem):
    """Return an estimator, or None where there is none of the kind.

    scikit-learn's logistic regression is one fit at a given strength: what a search
    does many times.
    """
    if method.startswith("ours"):
        from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge

        if problem.is_class:
            return MYHPOLogisticRegression()
        n, d, t, _ = problem
        # Coefficients of more features than rows are larger than weights of the rows.
        return MYHPORidge(store_coef=t == 1 or d < n)
    if method.startswith("himalaya"):
        if problem.is_class:
            return None
        from himalaya.ridge import RidgeCV

        return RidgeCV(alphas=np.logspace(0, 7, 20), cv=5, fit_intercept=True)
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if problem.is_class:
        return LogisticRegression(C=1.0)
    return RidgeCV(alphas=np.logspace(0, 7, 20))


class Place(NamedTuple):
    """The arrays of a fit where a method wants them.

    Attributes
    ----------
    X, y : array
    wait : callable
        Waits until the device has done its work.
    to_host : callable
        Returns an array as NumPy's.
    peak : callable
        Returns the most bytes that the fits have taken.
    """

    X: object
    y: object
    wait: object
    to_host: object
    peak: object


def _host_peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _on_cupy(X, y):
    """Return the `Place` of CuPy arrays; the memory pool never shrinks by itself."""
    import cupy

    sklearn.set_config(array_api_dispatch=True)
    wait, pool = cupy.cuda.Device().synchronize, cupy.get_default_memory_pool()
    given = cupy.asarray(X), cupy.asarray(y)
    return Place(*given, wait, lambda array: array.get(), pool.total_bytes)


def _on_torch(X, y, device, is_himalaya):
    """Return the `Place` of PyTorch's tensors on a device."""
    import torch

    wait, peak = (lambda: None), _host_peak
    if device == "cuda":
        wait, peak = torch.cuda.synchronize, torch.cuda.max_memory_allocated
    if is_himalaya:
        from himalaya.backend import set_backend

        name = "torch_cuda" if device == "cuda" else "torch"
        set_backend(name, on_error="raise")
        y = y.astype(np.float32)
    else:
        sklearn.set_config(array_api_dispatch=True)
    given = (torch.asarray(one, device=device) for one in (X, y))
    return Place(*given, wait, lambda array: array.cpu().numpy(), peak)


def _place(method, X, y, device):
    """Return the `Place` of a method."""
    if method.endswith("NumPy"):
        return Place(X, y, lambda: None, np.asarray, _host_peak)
    if method.endswith("CuPy"):
        return _on_cupy(X, y)
    return _on_torch(X, y, device, method.startswith("himalaya"))


def _strength(model):
    """Return the mean penalty strength of a fitted model; NaN where it has none."""
    names = ("alpha_", "C_", "best_alphas_", "C")
    known = (getattr(model, name, None) for name in names)
    strength = next((one for one in known if one is not None), np.nan)
    if hasattr(strength, "cpu"):
        strength = strength.cpu().numpy()
    return float(np.mean(strength))


def run(method, problem, folder, device):
    """Fit twice, and return the facts of the last fit."""
    model = model_of(method, problem)
    if model is None:
        return {"skipped": "no such estimator"}
    rows = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    place = _place(method, *rows, device)
    for _ in range(2):
        begin = time.perf_counter()
        model.fit(place.X, place.y)
        place.wait()
        seconds = time.perf_counter() - begin
        if seconds > LONG:
            break
    predict = model.decision_function if problem.is_class else model.predict
    predicted = place.to_host(predict(place.X[:COMPARED]))
    np.save(folder / f"{METHODS.index(method)}.npy", predicted)
    peak, strength = float(place.peak()), _strength(model)
    return {"seconds": seconds, "peak": peak, "strength": strength}


def difference(folder, method):
    """Return the largest difference of predictions from ours on the device."""
    own, first = (folder / f"{METHODS.index(one)}.npy" for one in (method, METHODS[0]))
    if not (own.exists() and first.exists()):
        return np.nan
    own, first = np.load(own), np.load(first)
    return float(np.abs(own - first).max() / np.abs(first).max())
