"""The pace of lambda beside that of the weights, and the best iterate of a run.

Where penalties are weak, weights and adjoints need many epochs to respond. With r the
gradient of the training loss at the weights, ``q'r`` is to first order what the
validation loss will change by on the way of the weights to their minimum. Where this is
far more than what lambda gains in an epoch, the slope in lambda belongs to weights that
lambda has left behind, and lambda would pass its minimum: it moves more slowly then.
"""

from typing import NamedTuple

import numpy as np

#: Largest change of the validation loss by the weights, relative to the gain by lambda
#: in an epoch, at which lambda moves at its full pace; and the slowest pace. Between
#: them it falls with the square, so that weights that merely follow delay nothing.
MOST_LAG, LEAST_PACE = 4.0, 1.0 / 64.0
#: Relative change of the loss by the weights that never delays lambda: near the minimum
#: of both, its gain falls faster than what is left of the weights.
SMALL_LAG = 1e-3
#: Residual of the adjoints, relative to that of zero adjoints, above which they
#: diverge. In the first epochs, when lambda moves far, it may be two or three.
MOST_SWING = 10.0
#: Relative difference of losses up to which the last iterate is as good as the best:
#: less may be due to weights that are not yet at their minimum.
CLEARLY_BETTER = 5e-3


class Best(NamedTuple):
    """The iterate with the lowest loss that its weights have, or will have.

    Attributes
    ----------
    value : float
        Objective at the weights, and the size of the change that is left.
    error : float
        Relative error of weights, adjoints and lambda.
    lambda_ : ndarray of shape (n_groups,)
    weights : list of ndarray of shape (m, n_outputs)
        Of every split.
    """

    value: float
    error: float
    lambda_: np.ndarray
    weights: list

    def or_before(self, before):
        """Return this iterate, the last one, or an earlier one that is clearly better.

        An earlier one must not be less accurate: weights that are not yet at their
        minimum may have a lower loss than there, and lambda gets the latter.

        Parameters
        ----------
        before : Best or None
        """
        if before is None or before.error > self.error:
            return self
        is_lower = before.value < (1.0 - CLEARLY_BETTER) * self.value
        return before if is_lower else self


def lag(problem, q, residual):
    """Return the change of the validation loss that weights still cause.

    Parameters
    ----------
    problem : BilevelProblem
    q : ndarray of shape (n_splits, n_outputs, m)
        Adjoints.
    residual : ndarray of shape (n_splits, n_outputs, m)
        Gradients of the training losses, with their penalties.
    """
    return float(problem.split_weights @ np.sum(q * residual, axis=(1, 2)))


def paced(steps, slope, move, left, objective):
    """Return the steps of the next epoch, slower ones where weights lag behind.

    Parameters
    ----------
    steps : Steps
    slope, move : ndarray of shape (n_groups,)
        Hypergradient, and the move of lambda in the epoch.
    left : float
        The `lag`.
    objective : float
        Its unit.
    """
    gain = MOST_LAG * float(np.abs(slope) @ np.abs(move))
    left = abs(left) - SMALL_LAG * abs(objective)
    pace = min(gain / (steps.pace * left), 1.0) ** 2 if left > 0 else 1.0
    return steps._replace(pace=max(pace, LEAST_PACE))


def swing(scale, residual, held_out):
    """Return the largest relative residual of an adjoint problem.

    Parameters
    ----------
    scale : ndarray of shape (n_splits, 1, m) or (1, 1, m)
        Step of every weight, as a metric.
    residual : ndarray of shape (n_splits, n_outputs, m)
        Of the adjoint problems.
    held_out : ndarray of shape (n_splits, n_outputs, m)
        Their right-hand sides.
    """
    sizes = [
        np.sum(scale * np.square(one), axis=(1, 2)) for one in (residual, held_out)
    ]
    ratio = np.divide(*sizes, out=np.zeros_like(sizes[0]), where=sizes[1] > 0)
    return float(np.sqrt(ratio.max()))


def calmed(steps, now, before):
    """Return shorter steps of lambda if the adjoints diverge.

    Collinear features respond to a weak penalty more slowly than each of them alone
    suggests, so that lambda has moved too fast.

    Parameters
    ----------
    steps : Steps
    now, before : float
        The `swing` after this epoch, and after the last one.
    """
    if now > max(before, MOST_SWING):
        return steps._replace(beta=0.5 * steps.beta)
    return steps
