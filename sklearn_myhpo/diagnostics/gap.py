"""Whether a lambda suits the weights that a refit will have.

Some methods learn lambda for weights of their own, from K steps of gradient descent or
from a hypernetwork. The refit minimizes the training loss.
"""

#: Difference of two validation losses, relative to the larger one, that matters.
MATTERS = 0.01


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
        Empty where exact weights have about the same validation loss.
    """
    exact = problem.minimize(result.lambda_, result.weights)
    own, theirs = result.validation_loss, problem.estimate(result.lambda_, exact)
    if abs(own - theirs) <= MATTERS * max(own, theirs):
        return ""
    return (
        "learned lambda with weights that do not minimize the training loss: their "
        f"validation loss is {own:.4g}, and {theirs:.4g} is that of the weights that "
        "do, at the same lambda"
    )
