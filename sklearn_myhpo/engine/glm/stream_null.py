"""Models without features of rows beyond memory, improved in every pass."""

from typing import NamedTuple

import numpy as np

#: Largest Newton step of a constant, in raw predictions, after which it is final.
NULL_TOL = 1e-6


class NullModels(NamedTuple):
    """The models without features of every split, and of all rows.

    Attributes
    ----------
    constants : ndarray of shape (n_splits + 1, n_outputs)
    held_losses : ndarray of shape (n_splits,)
    slopes : ndarray of shape (n_splits,)
        Norms of the slopes of the training losses.
    curvature : float
        Largest mean second derivative in the raw predictions, of all rows.
    is_final : bool
        Whether the constants minimize the losses of the rows to `NULL_TOL`.
    """

    constants: np.ndarray
    held_losses: np.ndarray
    slopes: np.ndarray
    curvature: float
    is_final: bool

    @classmethod
    def of_kinds(cls, totals, weight, constant, frame, uses):
        """Return the models near a constant, from sums by kinds."""
        names = ("null_slope", "null_bend")
        slope, bend = (uses.trained(totals[name]) for name in names)
        moves = _newton(slope, bend, frame)
        held = uses.held(totals["null_loss"])
        if frame.fit_intercept:
            own_slope, own_bend = (uses.held(totals[name]) for name in names)
            for split, move in enumerate(moves[:-1]):
                own = own_slope[split, -1] + 0.5 * own_bend[split] @ move
                held[split] += move @ own
        weights = uses.held(weight), uses.trained(weight)
        is_final = not frame.fit_intercept
        return cls._made(constant + moves, held, slope, bend, *weights, is_final)

    @classmethod
    def of_splits(cls, totals, held_weights, train_weights, constants, frame):
        """Return the models from sums at a constant of every split."""
        slope, bend = totals["null_slope"], totals["null_bend"]
        moves = _newton(slope, bend, frame)
        given = totals["held_null_loss"], slope, bend, held_weights, train_weights
        is_final = bool(np.abs(moves).max(initial=0.0) <= NULL_TOL)
        return cls._made(constants + moves, *given, is_final)

    @classmethod
    def _made(cls, constants, held, slope, bend, held_weights, train_weights, is_final):
        """Return the models of sums over the parts of every split."""
        held = held / held_weights
        sizes = np.linalg.norm(slope, axis=(1, 2)) / train_weights
        curvature = np.linalg.eigvalsh(bend[-1] / train_weights[-1])[-1]
        return cls(constants, held, sizes[:-1], float(curvature), is_final)


def _newton(slope, bend, frame):
    """Return Newton's steps of constants (k, n_outputs); zero without an intercept."""
    if not frame.fit_intercept:
        return np.zeros((len(slope), frame.n_outputs))
    # The pseudoinverse leaves out a common shift of all classes, which changes nothing.
    return -(np.linalg.pinv(bend, hermitian=True) @ slope[:, -1][..., None])[..., 0]
