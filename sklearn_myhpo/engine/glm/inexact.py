"""Inexact inner solutions and adjoints of one split.

Only gradients and products of the Hessian are computed; nothing is factored. Norms
are taken in units in which the curvature of every coordinate is one, so that neither
the units of the features nor the curvatures of the loss matter. That of a model without
features would be too large by orders where predictions are nearly certain, and solves
would need tens of times as many products.
"""

from typing import NamedTuple

import numpy as np

from ..linalg.lbfgs import minimize_lbfgs
from .products import CG_MAX_ITER


class AdjointEnd(NamedTuple):
    """The end of a solve for an adjoint.

    Attributes
    ----------
    residual : float
        Norm of the residual, relative to `force`.
    force : float
        Norm of the gradient of the validation loss.
    unit : ndarray of shape (m, n_outputs) or (m, 1)
        Units of the norms.
    """

    residual: float
    force: float
    unit: np.ndarray


def approach_minimum(split, lambda_, start, rtol):
    """Return weights near the minimizer of L_T, by L-BFGS from `start`.

    Parameters
    ----------
    split : Split
    lambda_ : ndarray of shape (n_groups,)
    start : ndarray of shape (m, n_outputs)
    rtol : float
        Largest norm of the gradient, relative to that of the loss at the split's own
        `start`.

    Returns
    -------
    w, slope : ndarray of shape (m, n_outputs)
        Weights, and the gradient of L_T there.
    residual : float
        Its relative norm.
    """
    unit = curvature_unit(split.product_hessian(start, lambda_))

    def gradient(x):
        return split.train_gradient(x / unit, lambda_) / unit

    scale = np.linalg.norm(split.start_gradient / unit)
    x, slope = minimize_lbfgs(gradient, unit * start, rtol * scale, 1.0)
    return x / unit, unit * slope, _relative(np.linalg.norm(slope), scale)


def approach_adjoint(split, lambda_, w, start, rtol):
    """Return q near the solution of ``H q = grad L_V`` at `w`.

    By conjugate gradients (Hestenes & Stiefel 1952) from `start`.

    Parameters
    ----------
    split : Split
    lambda_ : ndarray of shape (n_groups,)
    w : ndarray of shape (m, n_outputs)
    start : ndarray of shape (m, n_outputs) or None
        None for zeros.
    rtol : float
        Largest norm of the residual, relative to that of the right-hand side.

    Returns
    -------
    q : ndarray of shape (m, n_outputs)
    end : AdjointEnd
        The norms that were reached.
    """
    hessian = split.product_hessian(w, lambda_)
    unit = curvature_unit(hessian)
    right = split.validation_gradient(w) / unit
    scale = np.linalg.norm(right)
    x, residual = np.zeros_like(right), right
    if start is not None:
        x = unit * start
        residual = right - hessian.product(start) / unit
    direction, size = residual, np.vdot(residual, residual)
    for _ in range(CG_MAX_ITER):
        if not np.sqrt(size) > rtol * scale:
            break
        image = hessian.product(direction / unit) / unit
        step = size / np.vdot(direction, image)
        x = x + step * direction
        residual = residual - step * image
        last, size = size, np.vdot(residual, residual)
        direction = residual + (size / last) * direction
    else:
        split.counts.n_unfinished_solves += 1
    return x / unit, AdjointEnd(_relative(np.sqrt(size), scale), scale, unit)


def loss_at_minimum(slope, q, end):
    """Return the change of L_V from weights to the minimizer, and its error.

    The change is ``-q' grad L_T(w)`` to first order (Pierce & Giles 2000). The rest is
    due to the residual of q and to the curvature of L_V, and is estimated with
    ``|q| / |grad L_V|`` as the largest entry of the inverse Hessian.

    Parameters
    ----------
    slope : ndarray of shape (m, n_outputs)
        Gradient of L_T at the weights.
    q : ndarray of shape (m, n_outputs)
        The adjoint there.
    end : AdjointEnd
        Of `approach_adjoint`.

    Returns
    -------
    change, error : float
    """
    reach = np.linalg.norm(slope / end.unit) * np.linalg.norm(end.unit * q)
    if not reach:
        return 0.0, 0.0
    error = reach * (end.residual + 0.5 * reach / end.force**2)
    return -float(np.vdot(q, slope)), float(error)


def curvature_unit(hessian):
    """Return the roots of the diagonal of a Hessian, none of them negligible.

    The curvature of a weight that no row determines may be zero but for rounding.
    """
    own = hessian.own_curvature()
    least = max(np.finfo(float).eps * own.max(), np.finfo(float).tiny)
    return np.sqrt(np.maximum(own, least))


def _relative(size, scale):
    return float(size / scale) if size else 0.0
