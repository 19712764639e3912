"""Newton's method for all splits of a generalized linear model together."""

import numpy as np

from ..linalg.newton import NEWTON_MAX_HALVINGS, STALLED
from .products import solve_together
from .safeguards import (
    ACCURATE_TOL,
    POOR_START,
    least_decrement,
    overshoots,
    rounding,
    saturated,
    shortened,
    unsettled,
)

#: Largest and least accuracy of a direction.
LOOSEST_RTOL, TIGHTEST_RTOL = 0.3, 1e-6
#: Changes of the log curvature are clipped at this value.
MAX_CHANGE = 30.0
#: A step is doubled, so many times at most, while its slope is more than this share of
#: that at the start. Where classes are separable, the slope only falls by e.
STEEP, MAX_DOUBLINGS = 0.2, 6
#: Accuracy of a direction after one with a matrix that hid the residual.
CAREFUL_RTOL = 1e-2


class NewtonTogether:
    """Newton iterations of all splits together.

    Parameters
    ----------
    split_set : GLMSplitSet
    lambda_ : ndarray of shape (n_groups,)
    weights : ndarray of shape (n_splits, m, n_outputs)
        Where to start.
    tol : float
        Error after the last step, relative in the norm of the Hessian.

    Attributes
    ----------
    weights : ndarray of shape (n_splits, m, n_outputs)
    raw : ndarray of shape (n_splits, n_outputs, n_samples)
    rest : ndarray of bool of shape (n_splits,)
        The splits that have not converged.
    """

    def __init__(self, split_set, lambda_, weights, tol):
        self.set, self.lambda_, self.tol = split_set, lambda_, tol
        self.shared = split_set.shared_curvature
        self.weights = weights
        self.raw = split_set.rows.forward(weights)
        self.rest = np.ones(len(weights), dtype=bool)
        self.penalty = split_set.penalties(lambda_)
        self._leave_saturation()
        self.slope = self._gradients(self.rest, self.raw, weights)
        self.before = np.full(len(weights), np.inf)
        self.change = np.full(len(weights), np.inf)
        self.rtol = LOOSEST_RTOL

    def _leave_saturation(self):
        """Replace starts that are far worse than the models without features."""
        losses = self._losses(np.arange(len(self.weights)))
        for number in saturated(losses, self.set.null_losses, POOR_START):
            self.weights[number] = self.set.splits[number].start()
            start = self.weights[number : number + 1]
            self.raw[number] = self.set.rows.forward(start, np.array([number]))[0]

    def _gradients(self, which, raw, weights):
        """Return the gradients of L_T of some splits."""
        self.set.counts.n_train_gradients += int(which.sum())
        numbers = np.flatnonzero(which)
        row_weights = [self.set.train_weights[number] for number in numbers]
        slopes = self.set.gradients(raw, row_weights, numbers)
        return slopes + self.penalty[which] * weights

    def step(self):
        """Move the splits that have not converged."""
        numbers = np.flatnonzero(self.rest)
        hessians = self._hessians(numbers)
        direction, image, decrement = self._directions(numbers, hessians)
        rate = np.array(
            [
                self._nonlinearity(hessian, one)
                for hessian, one in zip(hessians, image, strict=True)
            ]
        )
        losses = self._losses(numbers)
        error = decrement * (self.rtol + rate) ** 2
        done = ~(error > 2.0 * self.tol**2 * losses)
        train_weights = [self.set.train_weights[number] for number in numbers]
        noise = rounding(losses, train_weights, self.raw[numbers])
        slow = decrement > STALLED**2 * self.before[numbers]
        done |= slow & (decrement <= noise)
        if self.tol < ACCURATE_TOL and done.any():
            done &= ~self._unsettled(numbers, image, self.rtol + rate)
        self.before[numbers] = decrement
        self._move(numbers, direction, image, decrement, done, losses, noise)
        self.rest[numbers[done]] = False
        open_ = ~done
        if open_.any():
            # The next step is shorter by about the rate of this one.
            wanted = 0.5 * self.tol * np.sqrt(2.0 * losses / np.maximum(error, 1e-300))
            best = np.maximum(wanted, rate * (self.rtol + rate))[open_].min()
            self.rtol = float(np.clip(best, TIGHTEST_RTOL, LOOSEST_RTOL))

    def _directions(self, numbers, hessians):
        """Return the steps of some splits, their images, and twice the predicted falls.

        A matrix of earlier weights may hide most of a residual from conjugate
        gradients. A fall below the least possible one tells; then a matrix of the
        present weights replaces it, and after that the squares of the features.
        """
        found = self._solve(numbers, hessians, self.rtol)
        sure = [
            least_decrement(hessian, slope)
            for hessian, slope in zip(hessians, self.slope[numbers], strict=True)
        ]
        for remedy in (self._renewed, _without_matrix):
            if np.all(found[2] >= sure):
                break
            hessians = remedy(numbers, hessians)
            found = self._solve(numbers, hessians, min(self.rtol, CAREFUL_RTOL))
        return found

    def _solve(self, numbers, hessians, rtol):
        """Return directions, images and decrements; zeros where they are lost."""
        spent = self.set.counts.n_hessian_products
        rights = list(-self.slope[numbers])
        solved = solve_together(hessians, rights, rtol, with_raw=True)
        spent = self.set.counts.n_hessian_products - spent
        self.shared.spent += spent - len(numbers)
        direction = np.stack([solution.x for solution in solved])
        image = np.stack([solution.raw for solution in solved])
        decrement = -np.einsum("kmo,kmo->k", self.slope[numbers], direction)
        lost = ~np.isfinite(decrement)
        decrement[lost] = direction[lost] = image[lost] = 0.0
        return direction, image, decrement

    def _renewed(self, numbers, hessians):
        """Return the Hessians of some splits with a matrix at the present weights."""
        if self.shared.matrix is None:
            return _without_matrix(numbers, hessians)
        self.shared.renew(self.raw)
        return self._hessians(numbers)

    def _unsettled(self, numbers, image, left):
        """Whether steps end with held-out losses that differ from those of the minima.

        Parameters
        ----------
        numbers : ndarray of int of shape (k,)
            The splits.
        image : ndarray of shape (k, n_outputs, n_samples)
            Raw predictions of the steps.
        left : ndarray of shape (k,)
            Share of the error that a step leaves.
        """
        change, losses = np.empty(len(numbers)), np.empty(len(numbers))
        for place, number in enumerate(numbers):
            index, weight = self.set.splits[number].held_out
            y, raw = self.set.y[index], self.raw[number][:, index].T
            slope = weight[:, None] * self.set.loss.gradient(y, raw)
            change[place] = np.abs(np.sum(slope * image[place][:, index].T))
            losses[place] = weight @ self.set.loss.value(y, raw)
        before, self.change[numbers] = self.change[numbers], change
        return unsettled(left * change, before, losses)

    def _hessians(self, numbers):
        """Return the Hessians of some splits at the present weights."""
        is_accurate = self.tol < ACCURATE_TOL
        self.shared.renew_if_due(lambda: self.raw, is_accurate)
        if is_accurate:
            near = self.shared.own_hessians(self.penalty)
        else:
            near = [self.shared.hessian(self.penalty)] * len(self.rest)
        hessians = []
        for number in numbers:
            split, raw = self.set.splits[number], self.raw[number].T
            w = self.weights[number]
            hessian = split.product_hessian(w, self.lambda_, near[number], raw)
            hessians.append(self.set.among(number, hessian))
        return hessians

    def _losses(self, numbers, weights=None, raw=None):
        """Return the absolute training losses of some splits.

        At weights and their raw predictions; by default the current ones.
        """
        weights = self.weights[numbers] if weights is None else weights
        raw = self.raw[numbers] if raw is None else raw
        losses = [
            self.set.splits[number].train_loss(w, self.lambda_, own.T)
            for number, w, own in zip(numbers, weights, raw, strict=True)
        ]
        return np.maximum(np.abs(losses), np.finfo(float).tiny)

    def _nonlinearity(self, hessian, image):
        """Return the share of the error that remains because the curvature changes."""
        change = np.minimum(self.set.loss.curvature_change(image.T), MAX_CHANGE)
        energy = np.einsum("nab,an,bn->n", hessian.curvature, image, image)
        total = energy.sum()
        if not total > 0:
            return 0.0
        return 0.5 * float(np.sqrt(energy @ np.expm1(change) ** 2 / total))

    def _move(self, numbers, direction, image, decrement, done, losses, noise):
        """Step along the directions; slopes decide how far."""
        size = np.ones(len(numbers))
        # A step that is known to be accepted needs no slope at its end.
        active = np.flatnonzero(~done)
        slope = np.empty((len(numbers), *self.slope.shape[1:]))

        def look(at):
            where, step = numbers[at], size[at, None, None]
            which = np.zeros(len(self.rest), dtype=bool)
            which[where] = True
            found = self._gradients(
                which,
                self.raw[where] + step * image[at],
                self.weights[where] + step * direction[at],
            )
            return found, np.einsum("kmo,kmo->k", found, direction[at])

        def climbs(at):
            end = self.weights[numbers[at]] + size[at, None, None] * direction[at]
            raw = self.raw[numbers[at]] + size[at, None, None] * image[at]
            return self._losses(numbers[at], end, raw) > losses[at] + noise[at]

        steep = self._shorten(active, size, slope, decrement, done, look, climbs)
        self._lengthen(steep, size, slope, decrement, look)
        step = size[:, None, None]
        self.weights[numbers] += step * direction
        self.raw[numbers] += step * image
        self.slope[numbers] = slope

    @staticmethod
    def _shorten(active, size, slope, decrement, done, look, climbs):
        """Shorten steps that go too far, and return the steep ones.

        A step is steep if it is a whole step, and the slope at its end is still more
        than `STEEP` times the slope at its start. The loss is computed only where the
        slope at the end of a step is above zero.
        """
        steep = np.zeros(len(size), dtype=bool)
        for _ in range(NEWTON_MAX_HALVINGS):
            if not len(active):
                break
            slope[active], rise = look(active)
            far = overshoots(rise, decrement[active])
            doubtful = np.flatnonzero(~far & (rise > 0.0))
            far[doubtful] = climbs(active[doubtful])
            steep[active] = (size[active] == 1.0) & (rise < -STEEP * decrement[active])
            shorter = shortened(size[active], rise, decrement[active])
            size[active] = np.where(far, shorter, size[active])
            active = active[far]
        # No step along these is accepted, because of rounding.
        size[active], done[active] = 0.0, True
        return np.flatnonzero(steep)

    @staticmethod
    def _lengthen(active, size, slope, decrement, look):
        """Double steps while the derivative stays steep."""
        for _ in range(MAX_DOUBLINGS):
            if not len(active):
                break
            size[active] *= 2.0
            found, rise = look(active)
            falls = rise < 0.0
            size[active[~falls]] /= 2.0
            slope[active[falls]] = found[falls]
            active = active[falls & (rise < -STEEP * decrement[active])]


def _without_matrix(numbers, hessians):
    """Return Hessians that are preconditioned by the squares of the features."""
    for hessian in hessians:
        hessian.near = None
    return hessians
