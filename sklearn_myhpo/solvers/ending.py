"""The result of a loop of passes over rows beyond memory."""

import numpy as np

from .protocol import BilevelResult


def result_of_passes(loop, place, status, info, advice):
    """Return the result of a loop that has ended, with its message and history.

    Parameters
    ----------
    loop : StreamedDriver or CriterionDriver
        That has ended.
    place : StreamedPlace
        The last point of the loop.
    status : Status
        Why it has ended.
    info : Info
        Of the last pass.
    advice : str
        What may help where the passes have not converged.

    Returns
    -------
    BilevelResult
        At the last point.
    """
    message = status.sentence(
        n_iter=len(loop.history),
        max_iter=loop.max_iter,
        max_time=loop.deadline.max_time,
        tol=loop.tol,
        error=loop.error,
        residuals=f"hypergradient {info.hypergradient_norm:.1e}",
        advice=advice,
    )
    history = {
        name: np.array([row[name] for row in loop.history]) for name in loop.history[0]
    }
    end = place, place.estimate, status, message
    return BilevelResult(*end, len(loop.history), history)
