"""The posterior of the weights of an additive model at the learned penalty.

The weights minimize ``sum_i c_i loss_i + sum_j P_j w_j^2 / 2``. With the Hessian H of
the sum of the losses, from which the intercept is eliminated, their covariance is
``phi (H + P)^-1``, and the degrees of freedom of weight j are the diagonal of
``(H + P)^-1 H``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf, dtrtri

from ..data.blocks import lower_triangle
from ..linear_model._glm import mean_of
from ..linear_model._results.facts import LEAST_RESIDUAL

#: Number of weights beyond which the covariance is not formed.
MOST_WEIGHTS = 2000

#: Relative size below which eigenvalues are rounding errors.
NEARLY_SINGULAR = 1e-11


class Quadratic(NamedTuple):
    """The sum of the losses, to second order in the weights of all terms.

    Attributes
    ----------
    hessian : ndarray of shape (n_outputs * n_columns, n_outputs * n_columns)
        H, outputs outside, columns inside; intercepts are eliminated.
    linear : ndarray of shape (n_outputs * n_columns,)
        The negative slope where all weights are zero.
    """

    hessian: np.ndarray
    linear: np.ndarray


class TermPosterior(NamedTuple):
    """Covariance and degrees of freedom of the weights of the terms that are kept.

    Attributes
    ----------
    covariance : ndarray of shape (n_outputs, n_outputs, n_columns, n_columns) or None
        Posterior one of the raw predictions' weights. None without a dispersion, and
        once the fit is over.
    quadratic : Quadratic or None
        Of all terms; None once the fit is over.
    freedom : ndarray of shape (n_columns,)
        Degrees of freedom, summed over outputs.
    total : float
        Degrees of freedom of the model, intercepts included.
    dispersion : float or None
        Of the target about its mean; the noise variance of a squared loss. None where
        the sample weights leave no degrees of freedom to estimate it.
    """

    covariance: np.ndarray | None
    quadratic: Quadratic | None
    freedom: np.ndarray
    total: float
    dispersion: float | None


def quadratic_at(design, loss, target, raw, weight, weights):
    """Return the `Quadratic` about some weights.

    Parameters
    ----------
    design : Design
        Columns of the terms, about zero.
    loss : Loss
    target : ndarray of shape (n_samples, ...)
    raw : ndarray of shape (n_samples, n_outputs)
        Raw predictions, with intercepts at which the loss has no slope.
    weight : ndarray of shape (n_samples,)
        Sample weights.
    weights : ndarray of shape (n_outputs * n_columns,)
        Of the raw predictions.

    Returns
    -------
    Quadratic
    """
    slope, curvature = loss.gradient_and_curvature(target, raw)
    hessian = _hessian(design, curvature, weight)
    slope = design.adjoint(weight[:, None] * slope).T.ravel()
    return Quadratic(hessian, hessian @ weights - slope)


def term_posterior(
    quadratic, kept, loss, target, raw, weight, penalty, *, dispersion=None, n_rows=None
):
    """Return the `TermPosterior`.

    Parameters
    ----------
    quadratic : Quadratic
        Of all terms.
    kept : ndarray of bool of shape (n_all_columns,)
        Which columns are kept, n_columns of them.
    loss : Loss
    target : ndarray of shape (n_samples, ...)
    raw : ndarray of shape (n_samples, n_outputs)
        Raw predictions.
    weight : ndarray of shape (n_samples,)
        Sample weights.
    penalty : ndarray of shape (n_columns,)
        P_j.
    dispersion : float or None
        None for an estimate: Pearson's statistic over the degrees of freedom left.
    n_rows : float or None
        Number of rows, from which the degrees of freedom are subtracted; None for the
        sum of weights.

    Returns
    -------
    TermPosterior
    """
    n_outputs, size = raw.shape[1], len(penalty)
    index = np.flatnonzero(np.tile(kept, n_outputs))
    hessian = quadratic.hessian[np.ix_(index, index)]
    inverse = inverse_of(hessian + np.diag(np.tile(penalty, n_outputs)))
    # Directions that the penalty leaves undetermined, such as a shift of all
    # categories, are no degrees of freedom: the pseudoinverse is zero there.
    freedom = np.clip(np.sum(inverse * hessian, axis=0), 0.0, 1.0)
    freedom = freedom.reshape(n_outputs, size).sum(axis=0)
    total = freedom.sum() + n_outputs
    if dispersion is None:
        n_rows = weight.sum() if n_rows is None else n_rows
        left = n_rows - total
        if left < LEAST_RESIDUAL * n_rows:
            return TermPosterior(None, quadratic, freedom, float(total), None)
        dispersion = _pearson(loss, target, raw, weight) / left
    inverse *= dispersion
    covariance = inverse.reshape(n_outputs, size, n_outputs, size)
    covariance = covariance.transpose(0, 2, 1, 3)
    known = freedom, float(total), float(dispersion)
    return TermPosterior(covariance, quadratic, *known)


def _pearson(loss, target, raw, weight):
    """Return the sum of the squared residuals in units of their standard deviations.

    A slope of the loss is a residual times the curvature over the variance, of which
    the former is linear in the target: at the mean it is the expected one.
    """
    expected = loss.curvature(mean_of(raw[:, 0], loss.link), raw)[:, 0, 0]
    slope = loss.gradient(target, raw)[:, 0]
    return weight @ np.divide(
        slope**2, expected, where=expected > 0, out=np.zeros(len(raw))
    )


def _hessian(design, curvature, weight):
    """Return the Hessian, outputs outside and columns inside, without intercepts."""
    n_outputs, size = curvature.shape[1], design.n_features
    pairs = [
        curvature[:, one, two]
        for one, two in zip(*lower_triangle(n_outputs), strict=True)
    ]
    rows = design.about(design.shift, design.scale, True, design.has_large_means)
    total = rows.block_gram(weight[:, None] * np.column_stack(pairs))
    # In the order of weights columns are outside.
    total = total.reshape(size + 1, n_outputs, size + 1, n_outputs)
    total = total.transpose(1, 0, 3, 2)
    inner = total[:, :-1, :, :-1].reshape(n_outputs * size, -1)
    along = total[:, :-1, :, -1].reshape(n_outputs * size, -1)
    intercepts = total[:, -1, :, -1]
    return inner - along @ np.linalg.pinv(intercepts, hermitian=True) @ along.T


def inverse_of(matrix):
    """Return the inverse of a symmetric matrix, or its pseudoinverse.

    Parameters
    ----------
    matrix : ndarray of shape (m, m)
        Positive semidefinite.

    Returns
    -------
    ndarray of shape (m, m)
        Without eigenvalues that are rounding errors, in units of the diagonal.
    """
    scale = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    scale[scale == 0.0] = 1.0
    matrix = matrix / scale
    matrix /= scale[:, None]
    root, failed = dpotrf(matrix, lower=1, clean=1)
    if failed or np.min(np.diag(root)) ** 2 < NEARLY_SINGULAR:
        values, vectors = eigh(matrix)
        kept = values > NEARLY_SINGULAR * values[-1]
        vectors = vectors[:, kept]
        inverse = (vectors / values[kept]) @ vectors.T
    else:
        half, _ = dtrtri(root, lower=1)
        inverse = half.T @ half
    inverse /= scale
    inverse /= scale[:, None]
    return inverse
