"""One epoch of every method: loops over batches of rows.

An array `z` of shape (m, 2, n_splits, n_outputs) holds the weights w in ``z[:, 0]`` and
the adjoints q in ``z[:, 1]``; no function changes its arguments.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..._deadline import OutOfTimeError
from ...data.batches import RowBatches
from .steps import Outer, Steps


class Tables(NamedTuple):
    """SABA's memory of every row, and its sums over rows.

    Attributes
    ----------
    scalars : ndarray of shape (n_samples, 2, n_splits, n_outputs)
        A row's factor in the gradient of its training loss, and in that of the adjoint
        problem. For a linear model they stand for its gradients.
    sums : ndarray of shape (m, 2, n_splits, n_outputs)
        Sums over rows.
    """

    scalars: np.ndarray
    sums: np.ndarray


def saba_direction(
    batches: RowBatches, number: int, z: np.ndarray, tables: Tables
) -> np.ndarray:
    """Return the variance-reduced gradients of both problems, and put them down.

    The tables are changed in place. The method is SABA of Dagreou et al. (2022), for
    linear models with SAGA's tables of scalars (Defazio, Bach & Lacoste-Julien 2014).

    Parameters
    ----------
    batches : RowBatches
        The rows.
    number : int
        Number of the batch.
    z : ndarray of shape (m, 2, n_splits, n_outputs)
        Weights and adjoints.
    tables : Tables
        Of earlier visits.

    Returns
    -------
    ndarray of shape (m, 2, n_splits, n_outputs)
        Without the penalty.
    """
    block, scalars = batches.joint(number, z)
    index = batches.index(number)
    change = batches.sums(block, scalars - tables.scalars[index])
    direction = tables.sums + len(batches) * change
    tables.scalars[index] = scalars
    tables.sums[...] += change
    return direction


def soba_direction(batches: RowBatches, number: int, z: np.ndarray) -> np.ndarray:
    """Return the gradients of both problems on a batch: SOBA, ibid.

    Parameters
    ----------
    batches : RowBatches
        The rows.
    number : int
        Number of the batch.
    z : ndarray of shape (m, 2, n_splits, n_outputs)
        Weights and adjoints.

    Returns
    -------
    ndarray of shape (m, 2, n_splits, n_outputs)
        Without the penalty.
    """
    block, scalars = batches.joint(number, z)
    return len(batches) * batches.sums(block, scalars)


def single_loop(
    batches: RowBatches,
    outer: Outer,
    order: np.ndarray,
    lambda_: np.ndarray,
    z: np.ndarray,
    direction: Callable[[int, np.ndarray], np.ndarray],
    steps_at: Callable[[int], Steps],
) -> tuple[np.ndarray, np.ndarray]:
    """Return lambda and z after simultaneous steps of all three on every batch.

    Parameters
    ----------
    batches : RowBatches
        The rows.
    outer : Outer
        Steps of lambda.
    order : ndarray of int
        Numbers of the batches to visit.
    lambda_, z : ndarray
        Start of the epoch.
    direction : callable
        Takes a number of a batch and z, returns gradients without penalty.
    steps_at : callable
        Takes the number of a step of the epoch, returns `Steps`.

    Returns
    -------
    lambda_, z : ndarray
        End of the epoch.
    """
    for k, number in enumerate(order):
        steps = steps_at(k)
        penalty = outer.penalty(lambda_)
        try:
            gradient = direction(number, z) + penalty[:, None, :, None] * z
        except OutOfTimeError:
            break
        after = outer.stepped(lambda_, penalty, z, steps)
        z = z - steps.scale(penalty)[:, None, :, None] * gradient
        lambda_ = after
    return lambda_, z


def double_loop(
    batches: RowBatches,
    outer: Outer,
    order: np.ndarray,
    lambda_: np.ndarray,
    z: np.ndarray,
    n_inner: int,
    restarts: bool,
    steps_at: Callable[[int], Steps],
) -> tuple[np.ndarray, np.ndarray]:
    """Return lambda and z after inner loops on w and q before every step of lambda.

    The validation gradient of one batch is held while q steps; every step draws the
    Hessian of a new one. From zero, these steps of q are the Neumann series of stocBiO
    (Ji et al. 2021); from their last values they are AmIGO's (Arbel & Mairal 2022).

    Parameters
    ----------
    batches : RowBatches
        The rows.
    outer : Outer
        Steps of lambda.
    order : ndarray of shape (n_outer, 2 * n_inner + 1)
        Numbers of batches.
    lambda_, z : ndarray
        Start of the epoch.
    n_inner : int
        Steps on w, and on q.
    restarts : bool
        Whether q starts from zero each time.
    steps_at : callable
        Takes the number of an outer iteration of the epoch, returns `Steps`.

    Returns
    -------
    lambda_, z : ndarray
        End of the epoch.
    """
    z = z.copy()
    for k, numbers in enumerate(order):
        steps = steps_at(k)
        penalty = outer.penalty(lambda_)
        scale, pull = (x[..., None] for x in (steps.scale(penalty), penalty))
        try:
            for number in numbers[:n_inner]:
                w = z[:, 0]
                w -= scale * (batches.inner(number, w) + pull * w)
            held_out = batches.outer(numbers[n_inner], z[:, 0])
            if restarts:
                z[:, 1] = 0.0
            for number in numbers[n_inner + 1 :]:
                q = z[:, 1]
                q -= scale * (batches.curved(number, z) + pull * q - held_out)
        except OutOfTimeError:
            break
        lambda_ = outer.stepped(lambda_, penalty, z, steps)
    return lambda_, z
