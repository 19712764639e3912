"""Whether a lambda suits the weights that a refit will have.

Some methods learn lambda for weights of their own, from K steps of gradient descent or
from a hypernetwork. The refit minimizes the training loss, so the lambda that counts is
the best one for its minimizers.
"""

from ..solvers import Implicit, minimize_bilevel

#: Difference of the losses of a method's own weights and of the minimizers at the same
#: lambda, relative to the larger one, that matters.
MATTERS = 0.01
#: Distance from the minimum, relative to it, that matters.
MISS = 1e-4
#: Steps and accuracy of the search for the minimum next to a lambda.
MOST_STEPS, ACCURACY = 20, 1e-4


def describe_gap(problem, result):
    """Return the fault of the weights that lambda was learned for, in words.

    Parameters
    ----------
    problem : BilevelProblem
        The problem that was minimized.
    result : BilevelResult
        Where the solver ended.

    Returns
    -------
    str
        Empty where exact weights have about the same validation loss, and no lambda
        that is easily found has a lower one.
    """
    exact = problem.minimize(result.lambda_, result.weights)
    place = problem.at(result.lambda_, exact)
    own, theirs = result.validation_loss, place.estimate
    least, where = _least(problem, result, exact)
    faults = []
    if abs(own - theirs) > MATTERS * max(own, theirs):
        faults.append(f"the learned weights have {own:.4g}")
    if problem.relative(place.objective - least, least) > MISS:
        faults.append(f"the least that was found is {least:.6g}, at {where}")
    if not faults:
        return ""
    return (
        "learned lambda with weights that do not minimize the training loss. Weights "
        f"that do have the validation loss {theirs:.6g} at this lambda; "
        f"{'; '.join(faults)}"
    )


def _least(problem, result, exact):
    """Return the least objective of minimizers that is easily found, and its place."""
    near = _descend(problem, result.lambda_, exact)
    scan = result.scan
    # The values of a scan are only accurate enough to be ranked.
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
