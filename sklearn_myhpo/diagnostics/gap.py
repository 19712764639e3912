"""Whether a lambda suits the weights of the refit.

Some methods learn lambda for other weights than the minimizers of the training loss,
such as those of K gradient steps or of a hypernetwork. The refit minimizes the training
loss, so the best lambda for its minimizers is what matters.
"""

from ..solvers import Implicit, minimize_bilevel

#: Relevant difference of the losses of a method's weights and of the minimizers at the
#: same lambda, relative to the larger loss.
MATTERS = 0.01
#: Relevant distance from the minimum, relative to the minimum.
MISS = 1e-4
#: Steps and accuracy of the search for the minimum next to a lambda.
MOST_STEPS, ACCURACY = 20, 1e-4


def describe_gap(problem, result):
    """Return a description of the fault of the weights for which lambda was learned.

    Parameters
    ----------
    problem : BilevelProblem
        The problem that was minimized.
    result : BilevelResult
        Where the solver ended.

    Returns
    -------
    str
        Empty if exact weights have about the same validation loss, and a short search
        finds no better lambda.
    """
    exact = problem.minimize(result.lambda_, result.weights)
    place = problem.at(result.lambda_, exact)
    own, theirs = result.validation_loss, place.estimate
    least, where = _least(problem, result, exact)
    faults = []
    if abs(own - theirs) > MATTERS * max(own, theirs):
        faults.append(f"the learned weights have {own:.4g}")
    if problem.relative(place.objective - least, least) > MISS:
        faults.append(f"the smallest found is {least:.6g}, at {where}")
    if not faults:
        return ""
    return (
        "learned lambda with weights that do not minimize the training loss. The "
        f"minimizer has the validation loss {theirs:.6g} at this lambda; "
        f"{'; '.join(faults)}"
    )


def _least(problem, result, exact):
    """Return the lowest objective of minimizers from a short search, and its place."""
    near = _descend(problem, result.lambda_, exact)
    scan = result.scan
    # The values of a scan are only accurate enough for a ranking.
    if scan is not None and scan.values.min() < near.objective:
        near = min(near, _descend(problem, scan.lambda_, scan.weights), key=_objective)
    low, high = near.lambda_.min(), near.lambda_.max()
    where = f"lambda {low:.3f}"
    if low < high:
        where = f"lambdas from {low:.3f} to {high:.3f}"
    return near.objective, where


def _descend(problem, lambda_, weights):
    """Return the evaluation at the minimum next to a lambda."""
    return minimize_bilevel(
        problem,
        Implicit(),
        lambda_init=lambda_,
        weights_init=weights,
        max_iter=MOST_STEPS,
        tol=ACCURACY,
    ).place


def _objective(place):
    return place.objective
