"""The outer objective as a function of lambda, to second order."""

from typing import NamedTuple

import numpy as np

from ..engine.linalg.hessian import DiagonalHessian
from ..engine.linalg.products import pair_products
from ..engine.split import LambdaCurvature
from .shrinkage import Shrinkage

#: Relative accuracy of the gradient if it is found by iterations.
ADJOINT_TOL = 1e-6
#: Relative accuracy of the derivative of the weights in lambda, for curvatures.
JACOBIAN_TOL = 1e-2
#: With more lambdas than this, JACOBIAN_TOL_OF_MANY is accurate enough.
MOST_ACCURATE_LAMBDAS, JACOBIAN_TOL_OF_MANY = 30, 1e-1


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
        ``J' H J``, the squared length of the move of the weights in the norm of the
        training Hessian.
    """

    gradient: np.ndarray
    tangent: np.ndarray
    bend: np.ndarray
    metric: np.ndarray

    def shrunken(self, shrinkage: Shrinkage, lambda_: np.ndarray) -> "OuterModel":
        """Return the model with the derivatives of the shrinkage added."""
        return self._replace(
            gradient=self.gradient + shrinkage.gradient(lambda_),
            tangent=self.tangent + shrinkage.hessian(lambda_),
        )


def outer_model(
    place,
    rtol: float = ADJOINT_TOL,
    guesses: list[np.ndarray] | None = None,
) -> tuple[OuterModel, list[np.ndarray] | None]:
    """Return gradient and curvatures of the validation loss in lambda.

    With q = H^-1 grad L_V and R = -p w by groups, J = H^-1 R:
    h'_a = -sum_a p w q and h''_ab = J_a' H_V J_b - delta_ab sum_a p w q
    - sum_a p q J_b - sum_b p q J_a - L_T'''(q, J_a, J_b).

    Parameters
    ----------
    place : SecondOrderEvaluation
        Of a problem with training and validation parts, at exact inner solutions.
    rtol : float
        Relative accuracy of the gradient if it is found by iterations.
    guesses : list of ndarray of shape (n_groups + 1, m, n_outputs) or None
        Starts of the iterations for the J and q of every split.

    Returns
    -------
    model : OuterModel
        Of the validation loss alone.
    solved : list of ndarray of shape (n_groups + 1, m, n_outputs) or None
        The J of every split, then its q, if they were formed.
    """
    problem, split_set = place.problem, place.problem.split_set
    # Hessians are formed first: the products of a solve are counted after them.
    hessians = place.hessians
    slopes = problem.validation_gradients(place.weights)
    solved = None
    if split_set.prefers_inverse:
        adjoints = split_set.solve(hessians, slopes, rtol)
        gradients = [
            -split.by_group(split.penalty(place.lambda_) * w * adjoint)
            for split, w, adjoint in zip(
                problem.splits, place.weights, adjoints, strict=True
            )
        ]
        curvatures = split_set.curvatures_in_lambda(
            place.lambda_, place.weights, hessians, adjoints, problem.split_weights
        )
    elif all(type(own) is DiagonalHessian for own in hessians):
        gradients, curvatures = _by_diagonals(place, slopes)
    else:
        gradients, solved, curvatures = _by_tangents(place, slopes, rtol, guesses)
    gradient = problem.mean(gradients)
    cross = problem.mean(own.cross for own in curvatures)
    metric = problem.mean(own.metric for own in curvatures)
    tangent = problem.mean(own.gram for own in curvatures)
    third = problem.mean(own.third for own in curvatures)
    bend = np.diag(gradient) - cross - cross.T - third
    model = OuterModel(gradient, tangent, bend, 0.5 * (metric + metric.T))
    return model, solved


def responses_of(place) -> list[np.ndarray]:
    """Return the derivative J of the weights in every lambda, of every split.

    Parameters
    ----------
    place : SecondOrderEvaluation
        Of a problem with training and validation parts, at exact inner solutions.

    Returns
    -------
    list of ndarray of shape (n_groups, m, n_outputs)
        One array per split.
    """
    split_set, lambda_ = place.problem.split_set, place.lambda_
    if split_set.prefers_inverse:
        return split_set.responses_by_inverse(lambda_, place.weights, place.hessians)
    return split_set.solve(place.hessians, _forces(place), _jacobian_tol(place.problem))


def _jacobian_tol(problem):
    if problem.n_groups <= MOST_ACCURATE_LAMBDAS:
        return JACOBIAN_TOL
    return JACOBIAN_TOL_OF_MANY


def _forces(place):
    """Return R = -p w by groups, of every split."""
    return [
        -split.scatter_by_group(split.penalty(place.lambda_) * w)
        for split, w in zip(place.problem.splits, place.weights, strict=True)
    ]


def _by_diagonals(place, slopes):
    """Return gradients, and the `LambdaCurvature` of every split.

    One split after the other: with thousands of targets J and q of all of them would
    take more memory than their moments, and they are quickly formed again.
    """
    gradients, curvatures = [], []
    for split, hessian, w, slope in zip(
        place.problem.splits, place.hessians, place.weights, slopes, strict=True
    ):
        force = -split.scatter_by_group(split.penalty(place.lambda_) * w)
        adjoint, jacobian = hessian.solve(slope), hessian.solve(force)
        gradients.append(pair_products(force, adjoint[None])[:, 0])
        pull = split.scatter_by_group(split.penalty(place.lambda_) * adjoint)
        gram = split.validation_gram(w, jacobian)
        third = split.third_term(w, adjoint, jacobian)
        own = pair_products(pull, jacobian), third, pair_products(jacobian, force)
        curvatures.append(LambdaCurvature(gram, *own))
    return gradients, curvatures


def _by_tangents(place, slopes, rtol, guesses):
    """Return gradients, J and q, and the `LambdaCurvature` of every split.

    Approximate J and q with the residual r of q give R' q + J' r for R' H^-1 grad L_V,
    whose relative error is the product of theirs (Pierce & Giles 2000, sec. 2).
    """
    problem, forces = place.problem, _forces(place)
    rights = [
        np.concatenate([force, slope[None]])
        for force, slope in zip(forces, slopes, strict=True)
    ]
    rtol_jacobian = _jacobian_tol(problem)
    if problem.n_groups == 1:
        # Equal accuracies minimize the cost of J and q.
        rtol_jacobian = min(rtol_jacobian, np.sqrt(rtol))
    rtols = np.full(problem.n_groups + 1, rtol_jacobian)
    rtols[-1] = min(rtol / rtol_jacobian, rtol_jacobian)
    product = rtol * place.objective if problem.n_groups <= MOST_ACCURATE_LAMBDAS else 0
    given = place.hessians, rights, rtols, product, guesses
    solutions = problem.split_set.solutions(*given)
    gradients, curvatures = [], []
    terms = problem.split_set.tangent_terms(place.weights, solutions)
    for split, force, (solved, residual, _), (gram, third) in zip(
        problem.splits, forces, solutions, terms, strict=True
    ):
        jacobian, adjoint = solved[:-1], solved[-1]
        gradient = pair_products(force, adjoint[None])[:, 0]
        if residual is not None:
            gradient += pair_products(jacobian, residual[-1:])[:, 0]
        gradients.append(gradient)
        pull = split.scatter_by_group(split.penalty(place.lambda_) * adjoint)
        own = LambdaCurvature(
            gram,
            pair_products(pull, jacobian),
            third,
            pair_products(jacobian, force),
        )
        curvatures.append(own)
    return gradients, [solution.x for solution in solutions], curvatures
