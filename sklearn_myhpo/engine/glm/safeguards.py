"""Safeguards of Newton's method for several splits together."""

import numpy as np

from ..linalg.newton import STALLED

#: Largest rise of the slope along an accepted step, as a share of its fall at the
#: start; least and largest factor by which a step is shortened.
MOST_OVERSHOOT, LEAST_SHORTENING, MOST_SHORTENING = 0.5, 0.1, 0.7
#: A start whose loss exceeds this multiple of the null model's is discarded.
FAR_WORSE = 10.0
#: The same for the start of a Newton solve, where the null model is as good a start.
POOR_START = 2.0
#: Rounding of a loss.
LOSS_ROUNDING = 1e-14
#: Tolerance of weights from which on their held-out losses are compared, and the
#: largest change of these losses by a step, relative to their mean, at convergence.
ACCURATE_TOL, SETTLED = 1e-6, 1e-9


def saturated(losses, null_losses, multiple=FAR_WORSE):
    """Return the numbers of the splits with far worse losses than without features.

    The curvature may underflow there, so that no Newton step leads away. A solve
    restarts from the model without features; a solver of gradient steps has diverged.
    """
    return np.flatnonzero(~(losses <= multiple * null_losses))


def overshoots(rise, decrement):
    """Whether the derivative along a step has become too positive, for every split."""
    return ~(rise <= MOST_OVERSHOOT * decrement)


def shortened(size, rise, decrement):
    """Return shorter steps, by the secant of the slope along them.

    Parameters
    ----------
    size : ndarray of shape (k,)
        Of the steps so far.
    rise, decrement : ndarray of shape (k,)
        Slope at the end of every step, and its fall at the start.
    """
    root = decrement / np.maximum(decrement + rise, 1e-300)
    root = np.where(np.isfinite(root), root, LEAST_SHORTENING)
    return size * np.clip(root, LEAST_SHORTENING, MOST_SHORTENING)


def rounding(losses, train_weights, raw):
    """Return the rounding error of losses, from that of the raw predictions.

    Parameters
    ----------
    losses : ndarray of shape (k,)
    train_weights : sequence of ndarray of shape (n_samples,)
    raw : sequence of ndarray of shape (n_outputs, n_samples)
    """
    sizes = np.array(
        [
            weight @ np.abs(one).max(axis=0)
            for weight, one in zip(train_weights, raw, strict=True)
        ]
    )
    return np.maximum(LOSS_ROUNDING * losses, 2.0 * np.finfo(float).eps * sizes)


def least_decrement(hessian, slope):
    """Return a lower bound of ``slope' H^-1 slope``.

    A positive semidefinite matrix is at most its size times its diagonal, and the
    diagonal of ``X' C X`` at most the largest curvature times the squares of X.

    Parameters
    ----------
    hessian : ProductHessian
    slope : ndarray of shape (m, n_outputs)
    """
    largest = np.max(np.einsum("naa->na", hessian.curvature), axis=0)
    squares = hessian.rows.n_samples * hessian.rows.mean_squares[:, None] * largest
    bound = slope.size * (squares + hessian.diagonal)
    return float(np.sum(slope**2 / np.maximum(bound, np.finfo(float).tiny)))


def unsettled(change, before, losses):
    """Whether held-out losses still move, of every split.

    The norm of the Hessian hardly measures a direction in which the training loss is
    nearly flat, but the predictions of held-out rows may change along it.

    Parameters
    ----------
    change, before : ndarray of shape (k,)
        Absolute changes of the losses by this step, and by the one before. A change
        that no longer falls is rounding.
    losses : ndarray of shape (k,)
    """
    return (change > SETTLED * np.mean(losses)) & (change < STALLED * before)
