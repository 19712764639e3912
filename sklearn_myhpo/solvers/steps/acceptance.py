"""The acceptance rule for a step on lambda."""

from typing import NamedTuple

import numpy as np

#: Smallest share of the predicted decrease at which a step is accepted.
ACCEPT_RATIO = 1e-4
#: Share below which an accepted step is poor: the model was used too far away.
POOR_RATIO = 0.25
#: Share above which a step is good: the model may be used further away.
GOOD_RATIO = 0.75
#: Decrease relative to the objective that rounding cannot resolve.
VALUE_ROUNDING = 1e-14
#: Predicted decrease, relative to the objective, that the error of the inner solutions
#: may hide.
HIDDEN = 1e-10
#: Size of that error.
NOISE = 1e-8


class Verdict(NamedTuple):
    """Acceptance of one step, or of many.

    Attributes
    ----------
    accepted : bool or ndarray of bool
        Whether the objective falls enough.
    good, poor : bool or ndarray of bool
        Whether the objective falls about as predicted, or by far less.
    hidden : bool or ndarray of bool
        Whether the decrease is smaller than the error of the inner solutions; then the
        place with the smaller hypergradient is better.
    """

    accepted: bool | np.ndarray
    good: bool | np.ndarray
    poor: bool | np.ndarray
    hidden: bool | np.ndarray


def judge(
    predicted: float | np.ndarray, before: float | np.ndarray, after: float | np.ndarray
) -> Verdict:
    """Return the `Verdict` on a step.

    Parameters
    ----------
    predicted : float or ndarray
        Predicted decrease, positive.
    before, after : float or ndarray
        Objective at both ends.

    Returns
    -------
    Verdict
        A step to a place that is not finite is poor and not accepted.
    """
    decrease = before - after
    hidden = (predicted <= HIDDEN * after) & (np.abs(decrease) <= NOISE * after)
    return Verdict(
        accepted=decrease >= ACCEPT_RATIO * predicted,
        good=decrease > GOOD_RATIO * predicted,
        poor=np.logical_not(decrease >= POOR_RATIO * predicted),
        hidden=hidden,
    )


def is_below_rounding(
    predicted: float | np.ndarray, objective: float | np.ndarray
) -> bool | np.ndarray:
    """Whether a predicted decrease is below the rounding error of the objective."""
    return predicted <= VALUE_ROUNDING * objective
