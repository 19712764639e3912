"""Verification of the reported loss with the held-out rows."""

import numpy as np

from ...solvers.protocol import Status

#: Largest accepted difference between the loss of a problem and that of the rows,
#: relative to the loss and to that of the model without features.
OFF, OFF_OF_NULL = 1e-9, 1e-12


def solve_and_verify(source, solve):
    """Return the problem that was solved, and the result with the loss of the rows.

    Losses are computed from second moments of the rows, or from decompositions, which
    lose digits if the features are ill-conditioned. In that case the problem is solved
    again from factors of the rows themselves.

    Parameters
    ----------
    source : ProblemSource
    solve : callable
        Takes a problem, and whether it is the first one, and returns a `BilevelResult`.

    Returns
    -------
    problem : Problem
    result : BilevelResult
        If rows are held out, its `validation_loss` is recomputed from them. If the time
        ends in the second run, the better of both results.
    """
    problem = source.make()
    result = solve(problem, True)
    if not source.has_held_out_rows:
        return problem, result
    loss = _loss_of_rows(source, problem, result)
    is_off = is_not_believed(loss, result.validation_loss, problem.null_loss)
    has_time = result.status is not Status.MAX_TIME
    if is_off and has_time and problem.plan.can_factor_rows:
        accurate = source.make(squares_nothing=True)
        again = solve(accurate, False)
        loss_again = _loss_of_rows(source, accurate, again)
        if again.status is Status.MAX_TIME and not loss_again <= loss:
            end = {"status": again.status, "message": again.message}
            return problem, result._replace(validation_loss=loss, **end)
        problem, result, loss = accurate, again, loss_again
    return problem, result._replace(validation_loss=loss)


def is_not_believed(loss, believed, null_loss):
    """Whether the loss of held-out rows differs from a problem's, beyond rounding.

    Parameters
    ----------
    loss, believed : float or ndarray
    null_loss : float
        Loss of the model without features.

    Returns
    -------
    bool
    """
    off = np.abs(loss - believed)
    return not np.all(off <= OFF * loss + OFF_OF_NULL * null_loss)


def _loss_of_rows(source, problem, result):
    return source.rows.mean_loss(problem.to_features(result.weights))
