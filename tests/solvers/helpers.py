"""Helpers of the tests of solvers."""

import numpy as np

from tests.helpers import (
    SPECS,
)

#: Solvers whose fixed points are the stationary points of the validation loss.
EXACT = ["myhpo", "implicit"]


def some_lambda(problem):
    """Return lambdas that differ between groups."""
    return -2.0 + 0.4 * np.arange(problem.n_groups)


def by_rows(name):
    return SPECS[name]().problem(by_rows=True)
