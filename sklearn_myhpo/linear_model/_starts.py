"""Several starts of the solver, of which the best result is kept."""

import numpy as np

from ..solvers.protocol import Status

#: Standard deviation, in natural logs, of further starts about the first one. With one
#: lambda per feature on breast_cancer and a9a, such starts gave lower losses than
#: starts with one shared lambda.
SPREAD = 2.0


def lowest_of_starts(first, n_starts, rng, deadline, run, report):
    """Return the result with the lowest objective, and the losses of all.

    Parameters
    ----------
    first : BilevelResult
        Of the first start.
    n_starts : int
        Number of starts, the first one included.
    rng : numpy.random.Generator
    deadline : Deadline
        No further run begins after it.
    run : callable
        Takes a lambda of shape (n_groups,) and returns a `BilevelResult`.
    report : callable
        Called after every further run; returns whether to end the fit.

    Returns
    -------
    BilevelResult
        The best result, with the scan of the first one.
    losses : ndarray of shape (n_starts,)
        At the end of every run; fewer if the time was over.
    """
    best, losses = first, [first.validation_loss]
    while len(losses) < n_starts and not deadline.is_over:
        found = run(first.start + SPREAD * rng.standard_normal(len(first.start)))
        if found.status is Status.MAX_TIME:
            break
        losses.append(found.validation_loss)
        if found.place.objective < best.place.objective:
            best = found._replace(scan=first.scan)
        if report():
            return best, np.array(losses)
    if len(losses) < n_starts and best.status.has_converged:
        message = (
            f"stopped at max_time={deadline.max_time:g} seconds, after {len(losses)} "
            f"of n_starts={n_starts} starts. The result is the lowest so far. Increase "
            "max_time, or use fewer starts"
        )
        best = best._replace(status=Status.MAX_TIME, message=message)
    return best, np.array(losses)
