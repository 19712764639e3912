"""The outer objective as a function of lambda, to second order."""

from typing import NamedTuple

import numpy as np


class OuterModel(NamedTuple):
    """Second-order model of the objective in a move of lambda.

    Attributes
    ----------
    gradient : ndarray of shape (n_groups,)
    tangent : ndarray of shape (n_groups, n_groups)
        The semidefinite part of the second derivative (Gauss-Newton).
    bend : ndarray of shape (n_groups, n_groups)
        The rest of it.
    metric : ndarray of shape (n_groups, n_groups)
        ``J' H J``, how far the weights move in the norm of the training Hessian.
    """

    gradient: np.ndarray
    tangent: np.ndarray
    bend: np.ndarray
    metric: np.ndarray


def outer_model(problem, lambda_, weights, hessians):
    """Return gradient and curvatures of the validation loss in lambda.

    With q = H^-1 grad L_V and R = -p w by groups, J = H^-1 R:
    h'_a = -sum_a p w q and h''_ab = J_a' H_V J_b - delta_ab sum_a p w q
    - sum_a p q J_b - sum_b p q J_a - L_T'''(q, J_a, J_b).

    Parameters
    ----------
    problem : BilevelProblem
    lambda_ : ndarray of shape (n_groups,)
    weights : list of ndarray
        Exact inner solutions.
    hessians : list of Hessian
        Of L_T there.

    Returns
    -------
    OuterModel
    """
    slopes = problem.validation_gradients(weights)
    if problem.splits[0].prefers_inverse(hessians[0]):
        adjoints = problem.solve(hessians, slopes)
        curvatures = [
            _by_inverse(split, lambda_, w, adjoint, hessian)
            for split, w, adjoint, hessian in zip(
                problem.splits, weights, adjoints, hessians, strict=True
            )
        ]
    else:
        forces = [
            -split.spread(split.penalty(lambda_) * w)
            for split, w in zip(problem.splits, weights, strict=True)
        ]
        rights = [
            np.concatenate([force, slope[None]])
            for force, slope in zip(forces, slopes, strict=True)
        ]
        solved = problem.solve(hessians, rights)
        adjoints = [both[-1] for both in solved]
        curvatures = [
            _by_columns(split, lambda_, w, both, force)
            for split, w, both, force in zip(
                problem.splits, weights, solved, forces, strict=True
            )
        ]
    gradient, tangent, bend, metric = 0.0, 0.0, 0.0, 0.0
    for split, omega, w, adjoint, (gram, cross, third, moved) in zip(
        problem.splits, problem.split_weights, weights, adjoints, curvatures, strict=True
    ):
        slope = -split.by_group(split.penalty(lambda_) * w * adjoint)
        gradient = gradient + omega * slope
        tangent = tangent + omega * gram
        bend = bend + omega * (np.diag(slope) - cross - cross.T - third)
        metric = metric + omega * moved
    return OuterModel(gradient, tangent, bend, 0.5 * (metric + metric.T))


def _by_columns(split, lambda_, w, solved, force):
    """Return J' H_V J, p q J, the third derivative and J' H J from J."""
    pairs = ([1, 2], [1, 2])
    jacobian, adjoint = solved[:-1], solved[-1]
    cross = split.spread(split.penalty(lambda_) * adjoint)
    return (
        split.validation_gram(w, jacobian),
        np.tensordot(cross, jacobian, axes=pairs),
        split.third_term(w, adjoint, jacobian),
        np.tensordot(jacobian, force, axes=pairs),
    )


def _by_inverse(split, lambda_, w, adjoint, hessian):
    """Return the same from H^-1, for a quadratic loss.

    J_a = -H^-1 (p w)_a, so each is a sum over blocks of a matrix and outer products.
    """
    p = split.penalty(lambda_)
    inverse, image = hessian.inverse_and_image(split.validation.gram)
    force, own = p * w, p * adjoint
    return (
        split.by_pair(image, force, force),
        -split.by_pair(inverse, own, force),
        0.0,
        split.by_pair(inverse, force, force),
    )
