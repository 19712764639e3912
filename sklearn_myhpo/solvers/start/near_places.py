"""Places of passes near the minimum of models, and their end."""

from typing import NamedTuple

import numpy as np

from ...bilevel.outer import OuterModel
from ...engine.glm.centre import Centre


class Place(NamedTuple):
    """Where a pass is made: lambda, weights (k, m), and J and q (k, 2, m)."""

    lambda_: float
    weights: np.ndarray
    both: np.ndarray


class End(NamedTuple):
    """Where passes have ended.

    Attributes
    ----------
    place : Place
    error : float
        Relative error of the weights, in the norm of the Hessian.
    at : Slopes
        Of the rows at the weights.
    model : OuterModel
    both : ndarray of shape (k, 2, m)
        Accurate J and q.
    losses : ndarray of shape (k,)
        Validation losses.
    objective, freedom : float
    """

    place: Place
    error: float
    at: object
    model: OuterModel
    both: np.ndarray
    losses: np.ndarray
    objective: float
    freedom: float


def mean_of(place, raw):
    """Return the `Centre` of the weights of all splits.

    Parameters
    ----------
    place : Place
    raw : ndarray of shape (k, 1, n_samples)
        Raw predictions there.
    """
    weights = place.weights.mean(axis=0)
    return Centre(place.lambda_, weights[:, None], raw.mean(axis=0))


def dot(a, b):
    """Return the products (k,) of rows (k, m)."""
    return np.einsum("ka,ka->k", a, b)
