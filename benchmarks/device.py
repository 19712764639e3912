"""Tuned fits on a device beside those of NumPy, of scikit-learn and of himalaya.

Every fit runs in a process of its own, which reads the same rows from a file, copies
them to the device and then measures the second fit of two: the first one of a device
loads its libraries. What takes longer than is left of the time is given up, so that
the script ends in time. Without a GPU the device is PyTorch's CPU.

Run ``python -m benchmarks.device``, or with ``--quick`` for small problems.
"""

import argparse
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

#: Seconds of the script, of one fit at most, and from which a fit is not repeated.
SECONDS, MOST_SECONDS, LONG = 460.0, 100.0, 10.0
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
METHODS = ("ours, device", "scikit-learn, device", "himalaya, device", "ours, NumPy")


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
    import sklearn

    model = model_of(method, problem)
    if model is None:
        return {"skipped": "no such estimator"}
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    is_away, wait = method.endswith("device"), lambda: None
    if is_away:
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
    if is_away:
        predicted = predicted.cpu().numpy()
        peak = torch.cuda.max_memory_allocated() if device == "cuda" else peak
    strength = getattr(model, "alpha_", getattr(model, "C_", None))
    if strength is None:
        strength = getattr(model, "best_alphas_", np.nan)
    if hasattr(strength, "cpu"):
        strength = strength.cpu().numpy()
    np.save(folder / f"{METHODS.index(method)}.npy", np.asarray(predicted))
    return {
        "seconds": seconds,
        "peak": float(peak),
        "strength": float(np.mean(strength)),
    }


def ask(method, name, problems, folder, device, seconds):
    """Return the facts of a fit in another process, or why there are none."""
    command = [sys.executable, "-m", "benchmarks.device", "--child", method, name]
    command += [str(folder), "--device", device]
    command += ["--quick"] if problems is QUICK else []
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


def difference(folder, method):
    """Return the largest difference of predictions from ours on the device."""
    own, first = (folder / f"{METHODS.index(one)}.npy" for one in (method, METHODS[0]))
    if not (own.exists() and first.exists()):
        return np.nan
    own, first = np.load(own), np.load(first)
    return float(np.abs(own - first).max() / np.abs(first).max())


def compare(problems, device, seconds):
    """Print a line for every problem and method."""
    begin = time.perf_counter()
    print(f"device: {device}; times in seconds, peaks in GiB")
    print(
        f"{'problem':<34}{'method':<22}{'time':>8}{'peak':>8}"
        f"{'alpha or C':>13}{'difference':>12}"
    )
    for name, problem in problems.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            left = seconds - (time.perf_counter() - begin)
            if left < 1.0:
                print(f"{name:<34}no time left")
                continue
            make_rows(problem, folder)
            for method in METHODS:
                left = seconds - (time.perf_counter() - begin)
                most = min(MOST_SECONDS, left)
                found = {"skipped": "no time left"}
                if most > 1.0:
                    found = ask(method, name, problems, folder, device, most)
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
    """Run all fits, or one of them in a child."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small problems")
    parser.add_argument("--device", default=None, help="cpu or cuda")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--child", nargs=3, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    problems = QUICK if given.quick else PROBLEMS
    os.environ["SCIPY_ARRAY_API"] = "1"
    if given.child is not None:
        method, name, folder = given.child
        warnings.simplefilter("ignore")
        print(json.dumps(run(method, problems[name], Path(folder), given.device)))
        return
    device = given.device
    if device is None:
        try:
            import torch
        except ImportError:
            sys.exit("This needs PyTorch: pip install torch.")
        device = "cuda" if torch.cuda.is_available() else "cpu"
    compare(problems, device, given.seconds)


if __name__ == "__main__":
    main()
