"""The outer objective as a function of lambda, to second order."""

from typing import NamedTuple

import numpy as np

#: Relative accuracies of the adjoint and of the derivative of the weights, where they
#: are solved for by iterations: the gradient needs the first, curvatures need neither.
ADJOINT_TOL, JACOBIAN_TOL = 1e-6, 1e-2


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
    gradient, tangent, bend, metric = 0.0, 0.0, 0.0, 0.0
    forces = [
        -split.spread(split.penalty(lambda_) * w)
        for split, w in zip(problem.splits, weights, strict=True)
    ]
    slopes = problem.validation_gradients(weights)
    rights = [
        np.concatenate([force, slope[None]])
        for force, slope in zip(forces, slopes, strict=True)
    ]
    rtol = np.append(np.full(problem.n_groups, JACOBIAN_TOL), ADJOINT_TOL)
    solved = problem.solve(hessians, rights, rtol)
    pairs = ([1, 2], [1, 2])
    for split, omega, w, force, both in zip(
        problem.splits, problem.split_weights, weights, forces, solved, strict=True
    ):
        p = split.penalty(lambda_)
        jacobian, adjoint = both[:-1], both[-1]
        slope = -split.by_group(p * w * adjoint)
        cross = np.tensordot(split.spread(p * adjoint), jacobian, axes=pairs)
        third = split.third_term(w, adjoint, jacobian)
        gradient = gradient + omega * slope
        tangent = tangent + omega * split.validation_gram(w, jacobian)
        bend = bend + omega * (np.diag(slope) - cross - cross.T - third)
        metric = metric + omega * np.tensordot(jacobian, force, axes=pairs)
    return OuterModel(gradient, tangent, bend, 0.5 * (metric + metric.T))
