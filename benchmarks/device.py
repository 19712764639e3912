"""Compare tuned fits on a device with NumPy, scikit-learn and himalaya.

First eigendecompositions and Cholesky factors on the device and on the host, by size:
from where the device is faster, `device_size` of `sklearn_myhpo.engine.limits` should
be.

Every fit runs in a process of its own, which reads the same rows from a file, copies
them to the device and then measures the second fit of two: the first one of a device
loads its libraries. What takes longer than is left of the time is given up, so that
the script ends in time. Without a GPU the device is PyTorch's CPU.

Run ``python -m benchmarks.device``, or with ``--quick`` for small problems, all in one
process, whose peak of memory is that of the fits so far.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

if __name__ == "__main__":
    # SciPy reads it when it is imported.
    os.environ.setdefault("SCIPY_ARRAY_API", "1")
import sklearn

#: Seconds of the script, of one process at most, and from which a fit or a
#: factorization is not repeated.
SECONDS, MOST_SECONDS, LONG = 460.0, 60.0, 10.0
#: Seconds of the small problems.
QUICK_SECONDS = 110.0
#: Rows that are made at once, and whose predictions are compared.
CHUNK, COMPARED = 2**14, 200


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
#: Rows of the symmetric matrices that are factored.
SIZES, QUICK_SIZES = (125, 250, 500, 1000, 2000, 4000), (125, 250, 500)


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


def factor_times(device, sizes):
    """Return seconds of factorizations by size, on the device and on the host.

    A matrix begins on the device and its factors end on the host, as in a fit.

    Parameters
    ----------
    device : str
    sizes : sequence of int

    Returns
    -------
    list of (int, dict of str to (float, float))
        Size; seconds on the device and on the host, by factorization.
    """
    import torch

    def here(name):
        own = getattr(torch.linalg, name)(matrix)
        for one in own if isinstance(own, tuple) else (own,):
            one.cpu()

    def away(name):
        getattr(np.linalg, name)(matrix.cpu().numpy())

    found = []
    for size in sizes:
        rows = np.random.default_rng(0).standard_normal((size, size))
        matrix = torch.asarray(rows @ rows.T / size + np.eye(size), device=device)
        pairs = {
            name: (_shortest(here, name), _shortest(away, name))
            for name in ("eigh", "cholesky")
        }
        found.append((size, pairs))
    return found


def _shortest(function, name):
    """Return the shortest time of some calls, the first one left out unless long."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        function(name)
        times.append(time.perf_counter() - begin)
        if times[-1] > LONG:
            break
    return min(times[1:] or times)


def print_factors(found):
    """Print the table of `factor_times`."""
    names = "rows", "eigh, device", "host", "Cholesky, device", "host"
    print("seconds of factorizations, matrix on the device and factors on the host")
    print("{:<8}{:>14}{:>10}{:>18}{:>10}".format(*names))
    for size, pairs in found:
        (eigh, own_eigh), (factor, own_factor) = pairs["eigh"], pairs["cholesky"]
        print(
            f"{size:<8}{eigh:>14.2g}{own_eigh:>10.2g}{factor:>18.2g}{own_factor:>10.2g}"
        )
    first = [size for size, pairs in found if pairs["eigh"][0] < pairs["eigh"][1]]
    start = f"from {first[0]} rows" if first else "at none of these sizes"
    print(f"eigh is faster on the device {start}", flush=True)


def make_rows(problem, folder):
    """Write X and y of a problem to files."""
    rng = np.random.default_rng(0)
    n, d, t, _ = problem
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (n, d))
    Y = np.empty((n, t), dtype=np.float32)
    weights = rng.standard_normal((d, t), dtype=np.float32) / np.float32(np.sqrt(d))
    for start in range(0, n, CHUNK):
        rows = slice(start, min(start + CHUNK, n))
        X[rows] = rng.standard_normal((rows.stop - start, d), dtype=np.float32)
        noise = rng.standard_normal((rows.stop - start, t), dtype=np.float32)
        Y[rows] = X[rows] @ weights + noise
    if problem.is_class:
        Y = (Y > 0).astype(np.int64)
    np.save(folder / "y.npy", Y[:, 0] if t == 1 else Y)


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


def run(method, problem, folder, device):
    """Fit twice, and return the facts of the last fit."""
    model = model_of(method, problem)
    if model is None:
        return {"skipped": "no such estimator"}
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    is_away, wait = not method.endswith("NumPy"), lambda: None
    if method.endswith("CuPy"):
        import cupy

        sklearn.set_config(array_api_dispatch=True)
        wait, pool = cupy.cuda.Device().synchronize, cupy.get_default_memory_pool()
        X, y = cupy.asarray(X), cupy.asarray(y)
    elif is_away:
        import torch

        wait = torch.cuda.synchronize if device == "cuda" else wait
        if method.startswith("himalaya"):
            from himalaya.backend import set_backend

            name = "torch_cuda" if device == "cuda" else "torch"
            set_backend(name, on_error="raise")
            y = y.astype(np.float32)
        else:
            sklearn.set_config(array_api_dispatch=True)
        X, y = (torch.asarray(one, device=device) for one in (X, y))
    for _ in range(2):
        begin = time.perf_counter()
        model.fit(X, y)
        wait()
        seconds = time.perf_counter() - begin
        if seconds > LONG:
            break
    predicted = model.predict(X[:COMPARED])
    if problem.is_class:
        predicted = model.decision_function(X[:COMPARED])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if method.endswith("CuPy"):
        # The memory pool, which never shrinks by itself.
        predicted, peak = predicted.get(), pool.total_bytes()
    elif is_away:
        predicted = predicted.cpu().numpy()
        peak = torch.cuda.max_memory_allocated() if device == "cuda" else peak
    strength = getattr(model, "alpha_", getattr(model, "C_", None))
    if strength is None:
        strength = getattr(model, "best_alphas_", getattr(model, "C", np.nan))
    if hasattr(strength, "cpu"):
        strength = strength.cpu().numpy()
    np.save(folder / f"{METHODS.index(method)}.npy", np.asarray(predicted))
    return {
        "seconds": seconds,
        "peak": float(peak),
        "strength": float(np.mean(strength)),
    }


def ask(child, device, is_quick, seconds):
    """Return what another process finds, or why there is nothing.

    Parameters
    ----------
    child : list of str
        Method, problem and folder, or "factors".
    device : str
    is_quick : bool
        Whether this process does it, as to start another one takes longer.
    seconds : float
        After which the process is ended.
    """
    if is_quick:
        try:
            return answer(child, device, is_quick)
        except Exception as error:
            return {"skipped": f"{type(error).__name__}: {error}"[:90]}
    command = [sys.executable, "-m", "benchmarks.device", "--device", device]
    command += ["--child", *child]
    try:
        found = subprocess.run(
            command, capture_output=True, text=True, timeout=max(1.0, seconds)
        )
    except subprocess.TimeoutExpired:
        return {"skipped": f"more than {seconds:.0f} s"}
    if found.returncode:
        last = found.stderr.strip().splitlines()[-1:] or ["failed"]
        return {"skipped": last[0][:90]}
    return json.loads(found.stdout.splitlines()[-1])


def answer(child, device, is_quick):
    """Return what a child of the script finds."""
    if child == ["factors"]:
        sizes = QUICK_SIZES if is_quick else SIZES
        return {"factors": factor_times(device, sizes)}
    method, name, folder = child
    problem = (QUICK if is_quick else PROBLEMS)[name]
    with warnings.catch_warnings(), sklearn.config_context(array_api_dispatch=False):
        warnings.simplefilter("ignore")
        return run(method, problem, Path(folder), device)


def difference(folder, method):
    """Return the largest difference of predictions from ours on the device."""
    own, first = (folder / f"{METHODS.index(one)}.npy" for one in (method, METHODS[0]))
    if not (own.exists() and first.exists()):
        return np.nan
    own, first = np.load(own), np.load(first)
    return float(np.abs(own - first).max() / np.abs(first).max())


class Clock:
    """Time that is left of the script.

    Parameters
    ----------
    seconds : float
        Of all.
    most : float
        Of one process.
    """

    def __init__(self, seconds, most):
        self._end, self._most = time.perf_counter() + seconds, most

    @property
    def left(self):
        """Seconds of the next process at most."""
        return min(self._most, self._end - time.perf_counter())


def compare(problems, device, clock):
    """Print a line for every problem and method.

    Parameters
    ----------
    problems : dict of str to Problem
    device : str
    clock : Clock
    """
    print(f"device: {device}; times in seconds, peaks in GiB")
    print(
        f"{'problem':<34}{'method':<22}{'time':>8}{'peak':>8}"
        f"{'alpha or C':>13}{'difference':>12}"
    )
    for name, problem in problems.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if clock.left < 1.0:
                print(f"{name:<34}no time left")
                continue
            make_rows(problem, folder)
            for method in METHODS:
                found, left = {"skipped": missing(method, device)}, clock.left
                if found["skipped"] is None:
                    found = {"skipped": "no time left"}
                    if left > 1.0:
                        child = [method, name, str(folder)]
                        found = ask(child, device, problems is QUICK, left)
                if "skipped" in found:
                    print(f"{name:<34}{method:<22}{found['skipped']}", flush=True)
                    continue
                print(
                    f"{name:<34}{method:<22}{found['seconds']:>8.3g}"
                    f"{found['peak'] / 2**30:>8.2f}{found['strength']:>13.4g}"
                    f"{difference(folder, method):>12.1e}",
                    flush=True,
                )


def main(arguments=None):
    """Run everything, or a part of it in a child."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small problems")
    parser.add_argument("--device", default=None, help="cpu or cuda")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--child", nargs="+", default=None, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    problems = QUICK if given.quick else PROBLEMS
    if given.child is not None:
        print(json.dumps(answer(given.child, given.device, given.quick)))
        return
    device = given.device
    if importlib.util.find_spec("torch") is None:
        sys.exit("This needs PyTorch: pip install torch.")
    if device is None:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
    seconds = QUICK_SECONDS if given.quick else SECONDS
    seconds = seconds if given.seconds is None else given.seconds
    clock = Clock(seconds, MOST_SECONDS)
    found = ask(["factors"], device, given.quick, clock.left)
    if "skipped" in found:
        print(f"factorizations: {found['skipped']}")
    else:
        print_factors(found["factors"])
    compare(problems, device, clock)


if __name__ == "__main__":
    main()
