"""Compare tuned fits on a device with NumPy, scikit-learn and himalaya.

First eigendecompositions and Cholesky factors on the device and on the host, by size:
from where the device is faster, `device_size` of `sklearn_myhpo.engine.limits` should
be.

Every fit runs in a process of its own, which reads the same rows from a file, copies
them to the device and then measures the second fit of two: the first one of a device
loads its libraries. Every problem has an equal share of the time that is left. What
takes longer is ended and named as given up, so that the script ends in time; its last
line says how much of the time it took. Without a GPU the device is PyTorch's CPU.

Run ``python -m benchmarks.device``, or with ``--quick`` for small problems, all in one
process, whose peak of memory is that of the fits so far.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

if __name__ == "__main__":
    # SciPy reads it when it is imported.
    os.environ.setdefault("SCIPY_ARRAY_API", "1")
import sklearn

from . import device_factors
from .device_fits import (
    LEAST_SECONDS,
    METHODS,
    PROBLEMS,
    QUICK,
    difference,
    make_rows,
    missing,
    run,
)

#: Seconds of the script, and of one process at most.
SECONDS, MOST_SECONDS = 460.0, 60.0
#: Seconds of the small problems.
QUICK_SECONDS = 110.0


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
        return {"skipped": f"ended after {seconds:.0f} s", "ended": 1}
    if found.returncode:
        last = found.stderr.strip().splitlines()[-1:] or ["failed"]
        return {"skipped": last[0][:90]}
    return json.loads(found.stdout.splitlines()[-1])


def answer(child, device, is_quick):
    """Return what a child of the script finds."""
    if child == ["factors"]:
        sizes = device_factors.QUICK_SIZES if is_quick else device_factors.SIZES
        return {"factors": device_factors.factor_times(device, sizes)}
    method, name, folder = child
    problem = (QUICK if is_quick else PROBLEMS)[name]
    with warnings.catch_warnings(), sklearn.config_context(array_api_dispatch=False):
        warnings.simplefilter("ignore")
        return run(method, problem, Path(folder), device)


class Clock:
    """Time that is left of the script.

    Parameters
    ----------
    seconds : float
        Of all.
    most : float
        Of one process.

    Attributes
    ----------
    n_given_up : int
        Lines that say that something had no time.
    """

    def __init__(self, seconds, most):
        self.seconds, self._most, self.n_given_up = seconds, most, 0
        self._begin = time.perf_counter()

    @property
    def spent(self):
        """Seconds since the beginning."""
        return time.perf_counter() - self._begin

    @property
    def left(self):
        """Seconds of the next process at most."""
        return min(self._most, self.seconds - self.spent)

    def share(self, number):
        """Return the clock of the next of as many problems, which share the rest."""
        return Clock(max(0.0, self.seconds - self.spent) / number, self._most)

    def give_up(self, text):
        """Count a line, and return it."""
        self.n_given_up += 1
        return {"skipped": text}


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
    for number, (name, problem) in enumerate(problems.items()):
        own = clock.share(len(problems) - number)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if make_rows(problem, folder, own):
                compare_methods(name, folder, device, problems is QUICK, own)
            else:
                print(f"{name:<34}{own.give_up('no time left')['skipped']}", flush=True)
        clock.n_given_up += own.n_given_up


def compare_methods(name, folder, device, is_quick, clock):
    """Print a line for every method of a problem.

    Parameters
    ----------
    name : str
        Of the problem.
    folder : Path
        Of its rows.
    device : str
    is_quick : bool
    clock : Clock
    """
    for method in METHODS:
        found = {"skipped": missing(method, device)}
        if found["skipped"] is None:
            left = clock.left
            found = clock.give_up("no time left") if left < LEAST_SECONDS else None
        if found is None:
            found = ask([method, name, str(folder)], device, is_quick, left)
            clock.n_given_up += found.get("ended", 0)
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
    left = clock.share(1 + len(problems)).left
    found = ask(["factors"], device, given.quick, left)
    if "skipped" in found:
        print(f"factorizations: {found['skipped']}")
        clock.n_given_up += found.get("ended", 0)
    else:
        device_factors.print_factors(found["factors"])
    compare(problems, device, clock)
    print(
        f"{clock.spent:.0f} s of {clock.seconds:.0f} s; {clock.n_given_up} "
        "measurements given up for want of time"
    )


if __name__ == "__main__":
    main()
