"""The outer objective in penalties and weights of rows, to second order."""

import numpy as np

from ..engine.linalg.products import pair_products
from .outer import OuterModel


def row_weights_model(place, rtol: float) -> OuterModel:
    """Return gradient and curvatures of the validation loss in all hyperparameters.

    With q = H^-1 grad L_V, F the derivative of grad L_T in lambda and J = -H^-1 F:
    h'_a = -F_a q and h''_ab = J_a' H_V J_b - q' F_ab - q' H_a J_b - q' H_b J_a
    - L_T'''(q, J_a, J_b), where H_a is the derivative of H in lambda_a. F_ab is F_a for
    a penalty, and ``(1 - 2 sigmoid(s)) F_a`` for the s of a group of rows.

    Parameters
    ----------
    place : RowWeightsEvaluation
        At exact inner solutions.
    rtol : float
        Relative residual of an iterative solve.

    Returns
    -------
    OuterModel
        Of the validation loss.
    """
    problem, lambda_ = place.problem, place.lambda_
    split, w = problem.splits[0], place.weights[0]
    plain, split_set = split.at(lambda_), problem.split_set
    hessians = place.hessians
    slopes = problem.validation_gradients(place.weights)
    (q,) = split_set.adjoints(hessians, slopes, rtol)
    forces = -split.forces(w, lambda_)
    (jacobian,) = split_set.solve(hessians, [forces], rtol)
    gradient = pair_products(forces, q[None])[:, 0]
    cross = np.stack([split.bend_back(w, lambda_, q, one) for one in jacobian], axis=1)
    own = np.append(
        np.ones(problem.n_penalties), 1.0 - 2.0 * problem.row_weights(lambda_)
    )
    third = plain.third_term(w, q, jacobian)
    metric = pair_products(jacobian, forces)
    return OuterModel(
        gradient,
        split.validation_gram(w, jacobian),
        np.diag(own * gradient) - cross - cross.T - third,
        0.5 * (metric + metric.T),
    )
