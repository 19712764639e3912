"""How far the minimized validation loss lies below that of new rows.

Takeuchi (1976): the minimum over p numbers of a mean of n losses lies below the
expected loss there by about ``tr(H^-1 V) / n``, where H is the Hessian of the mean and
V the covariance of a row's slope. The numbers are the lambdas here, and a row's slope
is that of its held-out loss, ``l'_i x_i J``, J the response of the weights.
"""

import numpy as np

from ..engine.limits import limits
from ..engine.linalg.symmetric import eigensystem

#: Smallest curvature of the objective, relative to the Gauss-Newton curvature in the
#: same direction, at which it is used.
LEAST_TRUSTED = 0.1


def is_affordable(problem):
    """Whether the responses of the weights to every lambda fit in memory."""
    if problem.prefers_products:
        return False
    n_weights = sum(np.prod(split.shape) for split in problem.splits)
    return problem.n_groups * n_weights <= limits().most_responses


def estimate_optimism(covariance, model, free):
    """Return ``tr(H^-1 V) / n``.

    Parameters
    ----------
    covariance : ndarray of shape (n_groups, n_groups)
        ``V / n``, of the slope of the validation loss, from `slope_covariance`.
    model : OuterModel
        Curvatures of the objective.
    free : ndarray of bool of shape (n_groups,)
        Lambdas inside their bounds; a lambda at a bound cannot overfit.

    Returns
    -------
    float
        Not negative.
    """
    free = free & (np.diag(model.tangent) > 0)
    if not free.any():
        return 0.0
    index = np.ix_(free, free)
    # In units of the curvature, a lambda in a flat tail has the right weight.
    unit = np.sqrt(np.diag(model.tangent)[free])
    own = covariance[index] / np.outer(unit, unit)
    tangent = model.tangent[index] / np.outer(unit, unit)
    values, vectors = eigensystem(tangent)
    kept = values > len(values) * np.finfo(float).eps * values[-1]
    root = vectors[:, kept] / np.sqrt(values[kept])
    # It is the identity if the objective equals its Gauss-Newton model.
    bent = np.eye(root.shape[1])
    bent += root.T @ (model.bend[index] / np.outer(unit, unit)) @ root
    values, vectors = eigensystem(bent)
    slopes = root @ vectors
    variance = np.einsum("gk,gh,hk->k", slopes, own, slopes)
    # Away from a minimum, and in a flat tail, only the Gauss-Newton part is meaningful.
    return float(np.sum(variance / np.where(values > LEAST_TRUSTED, values, 1.0)))


def slope_covariance(place, rows):
    """Return the covariance of the slope of the validation loss over its rows.

    Parameters
    ----------
    place : HeldOutEvaluation
        A problem at exact inner solutions.
    rows : HeldOutRows
        The data.

    Returns
    -------
    ndarray of shape (n_groups, n_groups)
        ``V / n``. Rows that several splits hold out count once, with all slopes
        they have; a row of weight k counts as k rows.
    """
    problem = place.problem
    models = _linear_maps(problem, place.weights, place.responses)
    size = problem.n_groups
    mean, square = np.zeros(size), np.zeros((size, size))
    sample = rows.sample(limits().optimism_rows)
    for block in sample.blocks(models):
        slopes = block.slopes(models, size)
        mean += slopes.sum(axis=0)
        slopes /= np.sqrt(block.sample_weight)[:, None]
        square += slopes.T @ slopes
    more = rows.n_rows / sample.n_rows
    return more * square - more**2 * np.outer(mean, mean) / rows.total


def _linear_maps(problem, weights, responses):
    """Return coefs (n_features, k) and intercepts (k,) of every split.

    Of its weights, then of their responses.
    """
    moves = []
    for w, response in zip(weights, responses, strict=True):
        own = np.concatenate([w[None], response])
        moves.append(np.moveaxis(own, 1, 0).reshape(len(w), -1))
    maps = problem.moves_to_features(moves)
    for split, (coefs, intercepts) in zip(problem.splits, maps, strict=True):
        own = slice(split.n_outputs)
        origin = split.origin
        coefs[:, own], intercepts[own] = origin.moved(coefs[:, own], intercepts[own])
    return maps
