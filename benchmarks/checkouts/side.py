"""One checkout in its own process: fits, their times and their memory.

The package is imported after its checkout has come first on the path, so that nothing
here may import it, or a module that does, at the top.
"""

import ctypes
import gc
import os
import re
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.processes import Process

from .difference import OF_LOSS, PURE, Outcome

#: Seconds that one answer may take.
LIMIT = 900.0
#: Attributes of the estimator that are facts, beside those of the certificate.
FACTS = ("converged_", "n_iter_")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Side:
    """The commands that run in the process of one checkout.

    Parameters
    ----------
    checkout : str
        The folder that holds the folder `sklearn_myhpo`.

    Raises
    ------
    ImportError
        If the package comes from elsewhere.
    """

    def __init__(self, checkout):
        sys.path.insert(0, checkout)
        os.environ["PYTHONPATH"] = checkout
        import sklearn_myhpo

        found = Path(sklearn_myhpo.__file__).resolve().parents[1]
        if found != Path(checkout).resolve():
            raise ImportError(f"sklearn_myhpo comes from {found}, not from {checkout}.")

    def solve(self, seed, is_nudged=False):
        """Return the `Outcome` of the problem of a seed, or of one next to it."""
        from .problems import make_problem

        problem = make_problem(seed)
        if is_nudged:
            problem = problem.nudged()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                model = problem.fit()
            except Exception as error:  # which the other side should raise too
                name = type(error).__name__
                return Outcome(problem.kind, f"{problem}\n{error}", error=name)
        categories = tuple(sorted(warning.category.__name__ for warning in seen))
        return _outcome(problem, model)._replace(warnings=categories)

    def load(self, name):
        """Make the data and the estimator of a task, and fit small data first."""
        from .tasks import TASKS, warm_up

        warm_up()
        self.model, self.X, self.y = TASKS[name]()

    def time(self, n_fits):
        """Return the mean time of some fits in a row."""
        start = time.perf_counter()
        for _ in range(n_fits):
            self.model.fit(self.X, self.y)
        return (time.perf_counter() - start) / n_fits

    def memory(self):
        """Return the peak memory of a fit beyond that before it, and that of X."""
        return peak_memory(partial(self.model.fit, self.X, self.y)), self.X.nbytes


def peak_memory(function):
    """Return the most resident bytes during a call, beyond those before it."""
    gc.collect()
    # Return freed memory to the system, or the call would reuse it unseen.
    ctypes.CDLL(None).malloc_trim(0)
    before = resident("VmRSS")
    CLEAR.write_text("5")  # sets the peak to the present
    function()
    return resident("VmHWM") - before


def resident(name):
    """Return an entry of the status of this process, in bytes."""
    return 1024 * int(re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())[1])


def _outcome(problem, model):
    certificate = model.certificate_
    entries = {} if certificate is None else vars(certificate)
    measured = (*PURE, *OF_LOSS)
    numbers = {name: value for name, value in entries.items() if name in measured}
    checks = {
        name: np.asarray(value).tolist()
        for name, value in entries.items()
        if name not in measured
    }
    return Outcome(
        problem.kind,
        str(problem),
        lambda_=np.asarray(model.lambda_),
        coef=model.coef_,
        intercept=np.asarray(model.intercept_),
        loss=np.asarray(model.validation_loss_),
        optimism=model.optimism_,
        numbers=None if certificate is None else numbers,
        checks=checks | {name: getattr(model, name) for name in FACTS},
        history=len(model.history_["lambda"]),
        counts=model.oracle_counts_,
    )


def begin(checkout):
    """Return the running process of a checkout.

    Raises
    ------
    OSError
        If the package cannot be imported from there.
    """
    side = Process(Side, (str(checkout),), LIMIT)
    side.start()
    if side.note:
        raise OSError(f"{checkout}: {side.note}")
    return side
