"""The strongest penalty within one standard error of the best.

Breiman, Friedman, Olshen & Stone (1984), section 3.4.3: of models whose estimated error
is within one standard error of the least, the simplest. Here all lambdas are raised by
the same amount, until the validation loss has risen by its standard error.
"""

import numpy as np
from scipy.linalg import norm
from scipy.optimize import brentq

#: First step up, and the accuracy of the last one, in units of lambda.
FIRST_STEP, XTOL = 0.5, 1e-6


def standard_error(problem, weights, rows):
    """Return the standard error of the validation loss.

    With several splits it is computed from the spread of their losses, weighted by
    held-out rows; with one, from that of its rows. Splits whose training parts overlap
    are not independent, so this is a guide, not a test.

    Parameters
    ----------
    problem : BilevelProblem
        Of the splits.
    weights : list of ndarray
        Of every split.
    rows : HeldOutRows
        The same rows.

    Returns
    -------
    float
        In units of the loss.
    """
    # `norm`, not a root of squares: they over- and underflow in huge and tiny units.
    shares, n_splits = problem.split_weights, len(problem.splits)
    losses = np.array(problem.split_set.validation_losses(weights))
    if n_splits > 1:
        off = shares * (losses - shares @ losses)
        return float(np.sqrt(n_splits / (n_splits - 1)) * norm(off))
    ((coef, intercept),) = problem.to_features(weights)
    off, total = rows.deviation(coef, intercept, losses[0]), rows.total
    return float(np.sqrt(total / max(total - 1.0, 1.0)) * off)


def strongest_within(problem, result, margin):
    """Return the result with all lambdas raised until the loss has risen by a margin.

    Parameters
    ----------
    problem : BilevelProblem
        The problem that was minimized.
    result : BilevelResult
        A minimum of it.
    margin : float
        Rise of the validation loss, positive.

    Returns
    -------
    BilevelResult
        At the first crossing above the minimum, or with all lambdas at their upper
        bounds if there is none.
    """
    known, limit = {0.0: result.place}, result.validation_loss + margin
    # SciPy keeps its function in a reference circle, which must not hold the problem.
    given = problem, known, result.lambda_, limit
    most = float(np.max(problem.bounds[1] - result.lambda_))
    if not np.isfinite(most):
        most = float(np.max(problem.auto_bounds[1] - result.lambda_))
    low, step = 0.0, FIRST_STEP
    while low < most:
        high = min(low + step, most)
        if _excess(high, *given) > 0:
            # The outer end may be just above the limit; the inner one never is.
            root = brentq(_excess, low, high, args=given, xtol=XTOL)
            low = root if _excess(root, *given) <= 0 else max(low, root - 2.0 * XTOL)
            break
        low, step = high, 2.0 * step
    _excess(low, *given)
    return result._replace(place=known[low], validation_loss=known[low].estimate)


def _excess(rise, problem, known, lowest, limit):
    """Return the loss above a limit with all lambdas raised, and keep its place."""
    if rise not in known:
        near = min(known, key=lambda other: abs(other - rise))
        lambda_ = problem.project(lowest + rise)
        weights = problem.minimize(lambda_, known[near].weights)
        known[rise] = problem.at(lambda_, weights)
        loss = known[rise].estimate
        # Only the weights and the loss are needed later.
        known[rise].release()
        return loss - limit
    return known[rise].estimate - limit
