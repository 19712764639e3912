"""Options of the first solvers: errors name the option and the allowed values."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import (
    MYHPO,
    SHO,
    Implicit,
)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MYHPO(steps="newton"), ["'steps'", "exact", "gradient", "newton"]),
        (lambda: MYHPO(response="sum"), ["'response'", "mean", "tangent", "sum"]),
        (lambda: MYHPO(metric="l2"), ["'metric'", "hessian", "identity", "l2"]),
        (lambda: MYHPO(rho=-1.0), ["'rho'", "-1.0", "auto"]),
        (lambda: MYHPO(rho=0.0), ["'rho'", "0.0"]),
        (lambda: MYHPO(rho=np.nan), ["'rho'", "nan"]),
        (lambda: MYHPO(rho=np.inf), ["'rho'", "inf"]),
        (lambda: MYHPO(backtracking="no"), ["'backtracking'", "no"]),
        (lambda: MYHPO(step_sizes=(1.0, 1.0)), ["'step_sizes'", "3", "delta"]),
        (lambda: MYHPO(step_sizes=(1.0, np.nan, 1.0)), ["'step_sizes'", "nan"]),
        (lambda: MYHPO(step_sizes=(1.0, -1.0, 1.0)), ["'step_sizes'", "positive"]),
        (lambda: MYHPO(step_sizes=("a", 1.0, 1.0)), ["'step_sizes'", "'a'"]),
        (lambda: MYHPO(step_sizes=0.1), ["'step_sizes'", "0.1"]),
        (lambda: SHO(step_sizes=(1.0, 1.0, 1.0)), ["'step_sizes'", "2", "beta"]),
        (lambda: SHO(noise_scale=-1e-4), ["'noise_scale'", "-0.0001"]),
        (lambda: SHO(noise_scale=np.nan), ["'noise_scale'", "nan"]),
        (lambda: Implicit(memory=0), ["'memory'", "0"]),
    ],
)
def test_bad_options(make, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        make()
    for word in words:
        assert word in str(error.value)
