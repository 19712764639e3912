"""The weights of all splits as one scaled vector."""

from collections.abc import Iterable

import numpy as np

from ...bilevel.problem import Problem


def in_a_row(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Return the entries of arrays, one after another."""
    return np.concatenate([array.ravel() for array in arrays])


def taken_apart(problem: Problem, row: np.ndarray) -> list[np.ndarray]:
    """Return the weights of every split, given all of them in a row."""
    ends = np.cumsum([np.prod(split.shape) for split in problem.splits])
    return [
        part.reshape(split.shape)
        for split, part in zip(problem.splits, np.split(row, ends[:-1]), strict=True)
    ]


def weight_units(problem: Problem, weights: list[np.ndarray]) -> np.ndarray:
    """Return the size of weights, so that in its units they are about one.

    Parameters
    ----------
    problem : BilevelProblem
        It has the splits.
    weights : list of ndarray
        The exact ones at some lambda.

    Returns
    -------
    ndarray of shape (n,)
        In a row: for every split the root mean square of the penalized weights, and
        for the intercept the size of a raw prediction.
    """
    raw = np.sqrt(2.0 * problem.null_loss) or 1.0
    units = []
    for split, w in zip(problem.splits, weights, strict=True):
        units.append(np.full(split.shape, raw))
        size = np.sqrt(np.mean(split.penalized(w) ** 2))
        split.penalized(units[-1])[...] = size or 1.0
    return in_a_row(units)
