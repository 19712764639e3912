"""Newton's method for all splits together, with factored Hessians.

A Gram matrix costs as much as several passes over the rows. So the Hessian of a step
may be that of earlier weights, and L-BFGS pairs (step, change of gradient) correct it
(Liu & Nocedal 1989).
"""

from typing import NamedTuple

import numpy as np

from ..linalg.newton import (
    NEWTON_MAX_HALVINGS,
    NEWTON_MAX_ITER,
    NEWTON_TOL,
    STALLED,
)
from ..linalg.stacked import StackedSolver
from .continuation import minimize_through
from .fused_hessian import HessiansAt
from .safeguards import (
    ACCURATE_TOL,
    POOR_START,
    overshoots,
    rounding,
    saturated,
    shortened,
    unsettled,
)

#: Pairs that are kept, also from one lambda to the next.
MEMORY = 5
#: Smallest contraction factor that is assumed of a step with a fresh Hessian.
FRESH_RATE = 0.02
#: Contraction factor below which the next step is trusted to contract as much.
SURE_RATE = 0.1
#: Smallest fraction of a step; a shorter step is not taken.
SHORTEST = 1e-12
#: Relative residual of a step that conjugate gradients solve with the exact Hessians.
SOLVED = 0.1


def minimize_factored(split_set, lambda_, weights, tol):
    """Return the inner solutions of all splits, and the `Slopes` there.

    Parameters
    ----------
    split_set : GLMSplitSet
    lambda_ : ndarray of shape (n_groups,)
    weights : ndarray of shape (n_splits, m, n_outputs)
        Where to start.
    tol : float
        Error of the solutions, relative in the norm of the Hessian.

    Returns
    -------
    weights : ndarray of shape (n_splits, m, n_outputs)
    at : Slopes or None
        None if ``tol <= NEWTON_TOL``: the final step is taken without evaluating the
        slopes there.
    """

    def run(at, weights, tol=tol):
        newton = FactoredNewton(split_set, at, weights, tol)
        has_ended = any(newton.step() for _ in range(NEWTON_MAX_ITER))
        n_left = 0 if has_ended else len(weights)
        if tol > NEWTON_TOL or not np.any(newton.direction):
            return newton.weights, newton.at, n_left
        return newton.weights + newton.direction, None, n_left

    return minimize_through(run, split_set, lambda_, weights)


class FactoredNewton:
    """Newton iterations of all splits together.

    Parameters
    ----------
    split_set, lambda_, weights, tol
        As in `minimize_factored`.

    Attributes
    ----------
    weights : ndarray of shape (n_splits, m, n_outputs)
    at : Slopes
        At these.
    direction : ndarray of shape (n_splits, m, n_outputs)
        The next step.
    """

    def __init__(self, split_set, lambda_, weights, tol):
        self.set, self.tol = split_set, tol
        self.curvature = split_set.factored_curvature
        self.penalty = split_set.penalties(lambda_)
        self.weights, self.at = weights, self.set.slopes(weights)
        self._leave_saturation()
        self._before, self.direction = None, 0.0
        # The rate after the last new matrices, and the number of slow steps.
        self._fresh, self._n_slow = 0.0, 0
        # Passes of the last solve with the Hessians by conjugate gradients.
        self._n_passes = 0.0
        # Changes of the held-out losses by the last step, where they were computed.
        self._change = np.full(len(weights), np.inf)
        # The splits for which no step along the direction is accepted.
        self._stuck = np.zeros(len(weights), dtype=bool)

    def _losses(self, weights=None, at=None):
        """Return the absolute training losses, by default at the current weights."""
        weights, at = (self.weights, self.at) if at is None else (weights, at)
        energy = 0.5 * np.sum(self.penalty * weights**2, axis=(1, 2))
        return np.maximum(np.abs(at.losses + energy), np.finfo(float).tiny)

    def _climbs(self, weights, at):
        """Whether losses exceed the current ones by more than rounding errors."""
        losses = self._losses()
        noise = rounding(losses, self.set.train_weights, self.at.raw)
        return self._losses(weights, at) > losses + noise

    def _leave_saturation(self):
        """Replace starts that are far worse than the models without features."""
        numbers = saturated(self._losses(), self.set.null_losses, POOR_START)
        if len(numbers):
            self.weights = self.weights.copy()
            for number in numbers:
                self.weights[number] = self.set.splits[number].start()
            self.at = self.set.slopes(self.weights)

    def step(self):
        """Move all splits unless all have converged; return whether they have."""
        slope = self.at.gradients + self.penalty * self.weights
        losses, goal = self._losses(), 2.0 * self.tol**2
        direction, decrement = self._direction(slope)
        is_first = self._before is None and self.curvature.may_be_old(self.tol)
        is_stale = self.curvature.is_stale(self.at.raw) and not is_first
        if is_stale and np.any(decrement > goal * losses):
            direction, decrement = self._direction(slope, renew=True)
        if self._before is not None and np.any(decrement > goal * losses):
            rate = np.sqrt(np.max(decrement / self._before))
            self._watch(rate)
            if self._renews(rate, np.max(decrement / losses), goal):
                self._fresh = None
                direction, decrement = self._direction(slope, renew=True)
        if self.curvature.is_rough and np.any(decrement > goal * losses):
            direction, decrement = self._solution(slope)
        done = ~(decrement > self._reached(decrement, goal) * losses) | self._stuck
        if self._before is not None and not done.all():
            slow = decrement > STALLED**2 * self._before
            done |= slow & (
                decrement <= rounding(losses, self.set.train_weights, self.at.raw)
            )
        self.direction = direction
        if done.all():
            done = ~self._unsettled(direction) | self._stuck
        if done.all():
            return True
        self._before = np.maximum(decrement, np.finfo(float).tiny)
        return self._move(slope, direction, decrement, done)

    def _reached(self, decrement, goal):
        """Return the goal, larger if the last, unverified step reduces the error."""
        if self._before is None or self.tol > NEWTON_TOL:
            return goal
        rate = np.max(decrement / self._before)
        return goal / max(rate, FRESH_RATE**2) if rate < SURE_RATE**2 else goal

    def _unsettled(self, direction):
        """Whether the step would change the losses of held-out rows.

        The end of the last step is not evaluated: the remaining error is about the
        square of this change.
        """
        if not NEWTON_TOL < self.tol <= ACCURATE_TOL:
            return np.zeros(len(direction), dtype=bool)
        slopes = self.set.held_out_gradients(self.at.raw)
        change = np.abs(np.einsum("kmo,kmo->k", slopes, direction))
        before, self._change = self._change, change
        losses = self.set.held_out_losses(self.at.raw)
        return unsettled(change, before, losses)

    def _direction(self, slope, renew=False):
        """Return the step of every split, and twice its predicted decrease."""
        solver = self.curvature.solver(self.at.raw, self.penalty, self.tol, renew=renew)
        flat = len(slope), -1
        corrections = [
            Correction.of(
                move.reshape(flat), (change + self.penalty * move).reshape(flat)
            )
            for move, change in self.curvature.pairs
        ]
        found = two_loops(corrections, slope.reshape(len(slope), 1, -1), solver.solve)
        return _promised(slope, -found.reshape(slope.shape))

    def _solution(self, slope):
        """Return the step by the exact Hessians, and its predicted decrease.

        New matrices are due when the passes without them have cost as much, which is at
        most twice the least possible cost (Karlin et al. 1988).
        """
        curvature, counts, raw = self.curvature, self.set.counts, self.at.raw
        if self._n_passes > curvature.own_price:
            # Exact matrices of every split cost less than conjugate gradients. The
            # common matrix is formed again too, because it measures the error at the
            # next weights.
            curvature.solver(raw, self.penalty, self.tol, renew=True)
            counts.n_factorizations += len(slope)
            exact = StackedSolver(curvature.exact(raw, self.penalty))
            return _promised(slope, -exact.solve(slope))
        renew = curvature.spent > curvature.price
        solver = curvature.solver(raw, self.penalty, self.tol, renew=renew)
        at = HessiansAt(self.set.passes, raw, self.penalty, solver, counts)
        before = counts.n_hessian_products
        direction = -at.solve(slope[:, None], SOLVED)[0][:, 0]
        self._n_passes = (counts.n_hessian_products - before) / len(slope)
        curvature.spent += self._n_passes - 1.0
        return _promised(slope, direction)

    def _watch(self, rate):
        """Record the rate after new matrices, which are rough after two slow steps."""
        if self._fresh is None:
            self._fresh = rate
        if rate > STALLED and not self.curvature.is_exact:
            self._n_slow += 1
            if self._n_slow > 1:
                self.curvature.is_rough = True

    def _renews(self, rate, error, goal):
        """Whether a new Hessian saves more passes than it costs.

        Parameters
        ----------
        rate : float
            Share of the error that the last step left.
        error, goal : float
            Squares of the relative error, and of the one to reach.
        """
        if self.curvature.is_exact:
            return False
        fall = 0.5 * np.log(error / goal)
        fresh = np.clip(np.sqrt(error), max(FRESH_RATE, self._fresh), 1.0)
        if not fresh < min(rate, 1.0):
            return False
        n_now = fall / -np.log(rate) if rate < 1 else np.inf
        n_fresh = max(1.0, fall / -np.log(fresh))
        return n_now > n_fresh + self.curvature.price

    def _move(self, slope, direction, decrement, done):
        """Step along the directions, shorter where the derivative becomes positive.

        Returns whether no step is accepted, because of rounding.
        """
        size = np.ones(len(done))
        for _ in range(NEWTON_MAX_HALVINGS):
            move = size[:, None, None] * direction
            weights = self.weights + move
            at = self.set.slopes(weights)
            change = at.gradients - self.at.gradients
            felt = change + self.penalty * move
            rise = np.einsum("kmo,kmo->k", felt, direction) - decrement
            far = overshoots(rise, decrement) & ~done
            if np.any(~far & ~done & (rise > 0.0)):
                far |= (rise > 0.0) & ~done & self._climbs(weights, at)
            if not far.any():
                self.curvature.pairs = [*self.curvature.pairs, (move, change)][-MEMORY:]
                self.weights, self.at, self.direction = weights, at, 0.0
                self._stuck |= size == 0
                return False
            shorter = shortened(size, rise, decrement)
            # No step along these is accepted, because of rounding.
            shorter[shorter < SHORTEST] = 0.0
            size = np.where(far, shorter, size)
        self.direction = 0.0
        return True


def _promised(slope, direction):
    """Return directions, zero where they failed, and the predicted decreases."""
    decrement = -np.einsum("kmo,kmo->k", slope, direction)
    lost = ~np.isfinite(decrement)
    decrement[lost] = direction[lost] = 0.0
    return direction, decrement


class Correction(NamedTuple):
    """A move of the weights, and the change of the gradient along it.

    Attributes
    ----------
    move, change : ndarray of shape (k, 1, size)
    over_move, over_change : ndarray of shape (k, size, 1)
        The same over their product; zero where this is not positive.
    """

    move: np.ndarray
    change: np.ndarray
    over_move: np.ndarray
    over_change: np.ndarray

    @classmethod
    def of(cls, move, change):
        """Return the correction by a move (k, size) and a change (k, size)."""
        along = np.einsum("km,km->k", move, change)[:, None]
        inverse = np.divide(1.0, along, out=np.zeros_like(along), where=along > 0)
        over = ((inverse * one)[..., None] for one in (move, change))
        return cls(move[:, None], change[:, None], *over)

    def of_first(self, number):
        """Return the correction of the first ones of the k Hessians."""
        return Correction(*(one[:number] for one in self))


def two_loops(corrections, rights, solve):
    """Return inverse Hessians, corrected by moves, applied to right-hand sides.

    Parameters
    ----------
    corrections : list of Correction
        Of k Hessians, the latest last.
    rights : ndarray of shape (k, r, size)
    solve : callable
        The inverse before the correction.

    Returns
    -------
    ndarray of shape (k, r, size)
    """
    q, shares = rights, []
    for own in reversed(corrections):
        share = np.matmul(q, own.over_move)
        q = q - share * own.change
        shares.append(share)
    q = solve(q)
    for own, share in zip(corrections, reversed(shares), strict=True):
        q = q + (share - np.matmul(q, own.over_change)) * own.move
    return q
