"""Hypergradients from weights and adjoints, and bounds of their curvature."""

import numpy as np

#: Smallest bound of the curvature in a lambda, relative to the largest.
LEAST_BOUND = 1e-6


def implicit_slope(
    problem, lambda_: np.ndarray, weights: list[np.ndarray], adjoints: list[np.ndarray]
) -> np.ndarray:
    """Return the derivative of the objective for given weights and adjoints.

    That of the validation loss is the mean over splits of
    ``-sum_{j in g} p_j w_j q_j``.

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
        The hypergradient, as accurate as the weights and adjoints.
    """
    through_weights = -problem.mean(
        split.pull_back(w, lambda_, q)
        for split, w, q in zip(problem.splits, weights, adjoints, strict=True)
    )
    return problem.total_gradient(lambda_, through_weights)


def curvature_bounds(
    problem, lambda_: np.ndarray, weights: list[np.ndarray], adjoints: list[np.ndarray]
) -> np.ndarray:
    """Return an approximate bound of the curvature of the objective in every lambda.

    It is ``E + sqrt(E Q)``, with E the sums over groups of ``p w^2`` and Q those of
    ``p q^2``. As ``J' H J <= diag(E)`` the first term bounds the response of the
    weights. The second one bounds the hypergradient, so that their quotient is at most
    one.

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
    return _positive(energy + np.sqrt(energy * other) + problem.direct_curvature)


def approximate_curvature(problem, place, slope: np.ndarray) -> np.ndarray:
    """Return about the curvature of the objective in every lambda, without adjoints.

    It is ``E + |h'|`` plus the curvature of terms in lambda alone, with the E of
    `curvature_bounds`. Without such terms it is at most the bound there.

    Parameters
    ----------
    problem : OuterProblem
    place : Evaluation
        Of the problem.
    slope : ndarray of shape (n_groups,)
        The hypergradient h'.

    Returns
    -------
    ndarray of shape (n_groups,)
        Positive.
    """
    energy = problem.penalty_energy(place.lambda_, place.weights)
    return _positive(energy + np.abs(slope) + problem.direct_curvature)


def _positive(curvature):
    """Return curvatures none of which is far below the largest; ones for zeros."""
    if not curvature.any():
        return np.ones_like(curvature)
    return np.maximum(curvature, LEAST_BOUND * curvature.max())
