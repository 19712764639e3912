"""Inner solutions at weak penalties through those at stronger ones."""

import numpy as np

#: Falls of the least log penalty from one stage to the next, and the first one.
FLOOR_STEP, FIRST_FLOOR = 3.0, 1.0
#: Tolerance of the weights at the end of a stage.
STAGE_TOL = 1e-2


def minimize_through(run, split_set, lambda_, starts):
    """Return what a run of Newton's method at a lambda ends with.

    Where classes are nearly separable, and penalties differ by many decades, a weight
    has a long way in a valley whose curvature falls all along it. If a run has not
    ended after its iterations, the minima of larger and then smaller penalties lead
    there, from the model without features. A run that does not end then is counted as
    unfinished.

    Parameters
    ----------
    run : callable
        Takes lambda, weights (n_splits, m, n_outputs) and, unless it is the wanted one,
        a tolerance; returns weights at the end, the rest of its findings, and the
        number of splits that have not converged.
    split_set : GLMSplitSet
    lambda_ : ndarray of shape (n_groups,)
    starts : ndarray of shape (n_splits, m, n_outputs)

    Returns
    -------
    weights, rest
        Of the last run.
    """
    weights, rest, n_left = run(lambda_, starts)
    if not n_left:
        return weights, rest
    weights = np.stack([split.start() for split in split_set.splits])
    for floor in np.arange(FIRST_FLOOR, np.min(lambda_), -FLOOR_STEP):
        weights = run(np.maximum(lambda_, floor), weights, STAGE_TOL)[0]
    weights, rest, n_left = run(lambda_, weights)
    split_set.counts.n_unfinished_solves += n_left
    return weights, rest
