"""Residuals of rows that a weak penalty interpolates, without cancellation."""

from typing import NamedTuple

import numpy as np


class Wide(NamedTuple):
    """A ridge model of fewer rows than coordinates.

    Residuals and one minus leverage both vanish with the penalty, and criteria are
    their quotients. With S the hat matrix, ``E = I - S = E E + Z P Z'`` is a sum of
    semidefinite matrices, and one step of refinement corrects the residual.

    Attributes
    ----------
    w : ndarray of shape (m, n_targets)
        Refined weights.
    raw : ndarray of shape (n_samples, n_targets)
        Their predictions.
    z : ndarray of shape (n_samples, m + 1)
        Rows times H^-1; the last column is the intercept's, if there is one.
    gap : ndarray of shape (n_samples,)
        The diagonal of E.
    """

    w: np.ndarray
    raw: np.ndarray
    z: np.ndarray
    gap: np.ndarray


def wide_model(whole, lambda_, w, hessian, inverse):
    """Return the `Wide` of some lambda.

    Parameters
    ----------
    whole : Whole
        Of ridge, with rows.
    lambda_ : ndarray of shape (n_groups,)
    w : ndarray of shape (m, n_targets)
    hessian : Hessian
    inverse : ndarray of shape (m + 1, m + 1)
        H^-1, with a one for the intercept if there is one.

    Returns
    -------
    Wide
    """
    rows, share = whole.rows, whole.share[:, None]
    p = whole.split.penalty(lambda_)
    w, raw = refined(whole, w, hessian, p)
    x = rows.to_dense()
    z = x @ inverse
    root = np.sqrt(share)
    rest = np.eye(len(x)) - root * (z @ x.T) * root.T
    gap = np.sum(rest**2, axis=1) + (share * z**2 @ whole.pad(p))[:, 0]
    return Wide(w, raw, z, gap)


def refined(whole, w, hessian, p):
    """Return weights after one step of refinement, and their predictions.

    Parameters
    ----------
    whole : Whole
        Of ridge, with rows.
    w : ndarray of shape (m, n_targets)
    hessian : Hessian
    p : ndarray of shape (m, 1)
        Penalties.

    Returns
    -------
    w : ndarray of shape (m, n_targets)
    raw : ndarray of shape (n_samples, n_targets)
    """
    rows = whole.rows
    residual = whole.share[:, None] * (whole.y - rows.forward(whole.pad(w)))
    w = w + hessian.solve(rows.adjoint(residual)[: len(w)] - p * w)
    return w, rows.forward(whole.pad(w))
