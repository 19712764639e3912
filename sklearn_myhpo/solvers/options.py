"""Checks of solver options, shared by the solvers and the flat estimators."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import validate_parameter_constraints

from .._messages import shown
from .protocol import Solver


def check_options(solver: Solver, names: tuple[str, ...]) -> None:
    """Check the options of a solver against its declared constraints.

    Parameters
    ----------
    solver : Solver
        Has a class attribute `_parameter_constraints` like an estimator's.
    names : tuple of str
        Names of the entries of `step_sizes`, as many as there must be.

    Raises
    ------
    ValueError
        If an option has another value; the message names the allowed ones.
    """
    options = {name: getattr(solver, name) for name in solver._parameter_constraints}
    validate_parameter_constraints(
        solver._parameter_constraints, options, type(solver).__name__
    )
    if "step_sizes" in options and not isinstance(options["step_sizes"], str):
        _check_step_sizes(options["step_sizes"], names)


def _check_step_sizes(step_sizes, names):
    good = len(step_sizes) == len(names) and all(
        isinstance(size, Real) and np.isfinite(size) and size > 0 for size in step_sizes
    )
    if not good:
        raise ValueError(
            f"The 'step_sizes' parameter must be \"auto\" or {len(names)} positive "
            f"finite numbers ({', '.join(names)}). Got {shown(step_sizes)} instead."
        )
