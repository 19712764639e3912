"""Predictions of every row by the model of all other rows."""

import numpy as np


def left_out_predictions(problem, y, lambda_):
    """Return the raw prediction of every row by the model of the other rows.

    Exact for ridge, and by one Newton step from the model of all rows otherwise.

    Parameters
    ----------
    problem : CriterionProblem
        Of a criterion that `leaves_out` single rows.
    y : ndarray of shape (n_samples, n_targets) or (n_samples,)
        Target from which the problem was built.
    lambda_ : ndarray of shape (n_groups,) or (n_targets,)
        Natural logs of the penalties; one per target where the problem has a
        `per_target`.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    bound, whole = problem.bound, problem.whole
    if whole.spectrum is not None and problem.n_groups == 1:
        return y - bound.residuals(2.0 * np.exp(lambda_))
    weights = problem.minimize(lambda_)
    (hessian,) = problem.hessians(lambda_, weights)
    left_out = bound.at(lambda_, weights[0], hessian).left_out
    return y - (whole.y - left_out) if whole.is_ridge else left_out
