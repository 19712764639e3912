"""The outer objective as a function of lambda, to second order."""

from typing import NamedTuple

import numpy as np

from ..engine.split import LambdaCurvature

#: Relative accuracies of the gradient, and of the derivative of the weights in lambda,
#: where they are found by iterations: curvatures need no better.
ADJOINT_TOL, JACOBIAN_TOL = 1e-6, 1e-2
#: More lambdas than these and their derivatives may be as inaccurate as this.
FEW_LAMBDAS, LOOSE_TOL = 30, 1e-1


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


def outer_model(problem, lambda_, weights, hessians, rtol=ADJOINT_TOL):
    """Return gradient and curvatures of the validation loss in lambda.

    With q = H^-1 grad L_V and R = -p w by groups, J = H^-1 R:
    h'_a = -sum_a p w q and h''_ab = J_a' H_V J_b - delta_ab sum_a p w q
    - sum_a p q J_b - sum_b p q J_a - L_T'''(q, J_a, J_b).

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized.
    lambda_ : ndarray of shape (n_groups,)
        Where to evaluate.
    weights : list of ndarray
        Exact inner solutions.
    hessians : list of Hessian
        Of L_T there.
    rtol : float
        Relative accuracy of the gradient where it is found by iterations.

    Returns
    -------
    model : OuterModel
        Of the validation loss alone.
    responses : list of ndarray of shape (n_groups, m, n_outputs) or None
        The J of every split, where they were formed.
    """
    slopes = problem.validation_gradients(weights)
    responses = None
    if problem.prefers_inverse:
        adjoints = problem.solve(hessians, slopes, rtol)
        gradients = [
            -split.by_group(split.penalty(lambda_) * w * adjoint)
            for split, w, adjoint in zip(problem.splits, weights, adjoints, strict=True)
        ]
        curvatures = problem.curvatures_in_lambda(lambda_, weights, hessians, adjoints)
    else:
        gradients, responses, curvatures = _by_tangents(
            problem, lambda_, weights, hessians, slopes, rtol
        )
    shape = problem.n_groups, problem.n_groups
    gradient, third = np.zeros(problem.n_groups), 0.0
    tangent, cross, metric = np.zeros((3, *shape))
    for omega, slope, own in zip(
        problem.split_weights, gradients, curvatures, strict=True
    ):
        gradient += omega * slope
        tangent += omega * own.gram
        cross += omega * own.cross
        third = third + omega * own.third
        metric += omega * own.metric
    bend = np.diag(gradient) - cross - cross.T - third
    model = OuterModel(gradient, tangent, bend, 0.5 * (metric + metric.T))
    return model, responses


def responses_of(problem, lambda_, weights, hessians):
    """Return the derivative J of the weights in every lambda, of every split.

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized.
    lambda_ : ndarray of shape (n_groups,)
        Where to evaluate.
    weights : list of ndarray
        Exact inner solutions.
    hessians : list of Hessian
        Of L_T there.

    Returns
    -------
    list of ndarray of shape (n_groups, m, n_outputs)
        One array per split.
    """
    if problem.prefers_inverse:
        return problem.responses_by_inverse(lambda_, weights, hessians)
    forces = _forces(problem, lambda_, weights)
    return problem.solve(hessians, forces, _jacobian_tol(problem))


def _jacobian_tol(problem):
    return JACOBIAN_TOL if problem.n_groups <= FEW_LAMBDAS else LOOSE_TOL


def _forces(problem, lambda_, weights):
    """Return R = -p w by groups, of every split."""
    return [
        -split.scatter_by_group(split.penalty(lambda_) * w)
        for split, w in zip(problem.splits, weights, strict=True)
    ]


def _by_tangents(problem, lambda_, weights, hessians, slopes, rtol):
    """Return gradients, responses J and the `LambdaCurvature` of every split.

    Approximate J and q with the residual r of q give R' q + J' r for R' H^-1 grad L_V,
    whose relative error is the product of theirs (Pierce & Giles 2000, sec. 2).
    """
    forces = _forces(problem, lambda_, weights)
    rights = [
        np.concatenate([force, slope[None]])
        for force, slope in zip(forces, slopes, strict=True)
    ]
    rtol_jacobian = _jacobian_tol(problem)
    if problem.n_groups == 1:
        # Shared alike, the two cost the least.
        rtol_jacobian = min(rtol_jacobian, np.sqrt(rtol))
    rtols = np.full(problem.n_groups + 1, rtol_jacobian)
    rtols[-1] = min(rtol / rtol_jacobian, rtol_jacobian)
    solutions = problem.solutions(hessians, rights, rtols)
    pairs, gradients, curvatures = ([1, 2], [1, 2]), [], []
    for split, w, force, (solved, residual, raw) in zip(
        problem.splits, weights, forces, solutions, strict=True
    ):
        jacobian, adjoint = solved[:-1], solved[-1]
        gradient = np.tensordot(force, adjoint, axes=2)
        if residual is not None:
            gradient += np.tensordot(jacobian, residual[-1], axes=2)
        gradients.append(gradient)
        pull = split.scatter_by_group(split.penalty(lambda_) * adjoint)
        own = LambdaCurvature(
            split.validation_gram(w, jacobian, None if raw is None else raw[:-1]),
            np.tensordot(pull, jacobian, axes=pairs),
            split.third_term(w, adjoint, jacobian, raw),
            np.tensordot(jacobian, force, axes=pairs),
        )
        curvatures.append(own)
    return gradients, [solution.x[:-1] for solution in solutions], curvatures
