"""Hypergradients from weights and adjoints, exact or not, and bounds of curvature."""

import numpy as np

#: Least bound of the curvature in a lambda, relative to the largest.
LEAST_BOUND = 1e-6


def implicit_slope(
    problem, lambda_: np.ndarray, weights: list[np.ndarray], adjoints: list[np.ndarray]
) -> np.ndarray:
    """Return the derivative of the objective with given adjoints.

    That of the validation loss is the splits' mean of ``-sum_{j in g} p_j w_j q_j``.

    Parameters
    ----------
    problem : HeldOutProblem
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    weights, adjoints : list of ndarray of shape (m, n_outputs)
        Of every split.

    Returns
    -------
    ndarray of shape (n_groups,)
        The hypergradient where both are exact.
    """
    through_weights = -problem.mean(
        split.pull_back(w, lambda_, q)
        for split, w, q in zip(problem.splits, weights, adjoints, strict=True)
    )
    return problem.total_gradient(lambda_, through_weights)


def curvature_bounds(
    problem, lambda_: np.ndarray, weights: list[np.ndarray], adjoints: list[np.ndarray]
) -> np.ndarray:
    """Return about a bound of the curvature of the objective in every lambda.

    ``J' H J <= diag(E)``, with E the sums over groups of ``p w^2``. With ``sqrt(E Q)``,
    Q the same of the adjoints, the hypergradient divided by it is at most one.

    Parameters
    ----------
    problem : HeldOutProblem
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    weights, adjoints : list of ndarray of shape (m, n_outputs)
        Of every split.

    Returns
    -------
    ndarray of shape (n_groups,)
        Positive.
    """
    energy, other = (
        problem.penalty_energy(lambda_, one) for one in (weights, adjoints)
    )
    bounds = energy + np.sqrt(energy * other) + problem.direct_curvature
    if not bounds.any():
        return np.ones_like(bounds)
    return np.maximum(bounds, LEAST_BOUND * bounds.max())
