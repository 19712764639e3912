"""All splits of a generalized linear model, minimized and solved with together."""

import numpy as np

from .hessian import CG_TOL
from .newton import MAX_HALVINGS, MAX_ITER, NEWTON_TOL
from .products import ProductHessian, adjoint_all, forward_all, solve_together
from .shared_curvature import DENSE_LIMIT, SharedCurvature
from .split_set import SplitSet

#: Hessians are formed where the right-hand sides of their solves times this are
#: more than the features; else their products are cheaper.
PRODUCTS_PER_SOLVE = 60
#: Largest and least accuracy of a direction.
LOOSE, TIGHT = 0.3, 1e-6
#: Tolerance below which solutions count as accurate ones.
ACCURATE_TOL = 1e-6
#: A step is good enough if the slope along it does not come to rise by more than this
#: share of what it fell by; shorter ones are between these shares of it.
OVERSHOOT, SHORTEST, LONGEST = 0.5, 0.1, 0.7
#: Rounding of a loss, and the rate beyond which only rounding makes it slow.
ROUNDING, STALLED = 1e-14, 0.5
#: Moves of a raw prediction beyond this change curvature by any factor.
MAX_SPREAD = 30.0


class GLMSplitSet(SplitSet):
    """Splits of a generalized linear model on the same rows.

    Every product with X is made for all splits together, and curvature that they
    share preconditions their Hessians.

    Parameters
    ----------
    splits : list of GLMSplit
    """

    def __init__(self, splits):
        super().__init__(splits)
        first = splits[0]
        self.rows, self.loss, self.y = first.rows, first.loss, first.y
        self.counts = first.counts
        self.train_weights = [split.train_weight for split in splits]
        self.validation_weights = [split.validation_weight for split in splits]
        start = first.start()[-1:] * first.explicit_intercept
        self._shared = SharedCurvature(
            self.rows,
            self.loss,
            first.n_outputs,
            np.mean(self.train_weights, axis=0),
            len(splits),
            float(np.linalg.eigvalsh(self.loss.curvature(start)[0])[0]),
            self.counts,
        )

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`.

        By Newton's method with directions from conjugate gradients. The error after
        the last step is about `tol`, relative in the norm of the Hessian.
        """
        self.counts.n_inner_solves += len(self.splits)
        newton = _Newton(self, lambda_, np.stack(starts), tol)
        for _ in range(MAX_ITER):
            newton.step()
            if not newton.rest.any():
                break
        weights = list(newton.weights)
        for split, w, raw in zip(self.splits, weights, newton.raw, strict=True):
            split.remember(w, raw.T)
        return weights

    def minimize_full(self, full, lambda_, start, tol=NEWTON_TOL):
        """Return the exact inner solution of the split of all rows, from `start`."""
        alone = GLMSplitSet([full])
        alone._shared = self._shared
        return alone.minimize(lambda_, [start], tol)[0]

    def gradients(self, raw, row_weights):
        """Return the gradients (k, m, n_outputs) of weighted losses."""
        slopes = np.empty_like(raw)
        for slope, weight, one in zip(slopes, row_weights, raw, strict=True):
            slope[...] = weight * self.loss.gradient(self.y, one.T).T
        return adjoint_all(self.rows, slopes)

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights.

        Formed where it is solved with often, else known by its products and near the
        Hessian with shared curvature.
        """
        first = self.splits[0]
        n_solves = PRODUCTS_PER_SOLVE * (1 + first.groups.n_groups)
        size = first.shape[0] * first.n_outputs
        if n_solves > size and size <= DENSE_LIMIT:
            return super().hessians(lambda_, weights)
        if self._shared.matrix is None and self._shared.is_due(is_accurate=True):
            self._shared.renew(
                sum(split.raw(w) for split, w in zip(self.splits, weights, strict=True))
                / len(weights)
            )
        near = self._shared.hessian(first.penalty(lambda_))
        return [
            split.product_hessian(w, lambda_, near)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        if not isinstance(hessians[0], ProductHessian):
            return super().solve(hessians, rights, rtol)
        return [solution.x for solution in solve_together(hessians, rights, rtol)]

    def least_curvature(self):
        """Return the least curvature of the data that is not zero."""
        return self._shared.least()

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        self.counts.n_validation_gradients += len(weights)
        raw = np.stack(
            [split.raw(w).T for split, w in zip(self.splits, weights, strict=True)]
        )
        return list(self.gradients(raw, self.validation_weights))

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        self.counts.n_train_gradients += len(weights)
        starts = np.stack([split.start() for split in self.splits])
        first = self.gradients(forward_all(self.rows, starts), self.train_weights)
        raw = np.stack(
            [split.raw(w).T for split, w in zip(self.splits, weights, strict=True)]
        )
        last = self.gradients(raw, self.train_weights)
        last += self.splits[0].penalty(lambda_) * np.stack(weights)
        scale, sizes = (np.linalg.norm(one, axis=(1, 2)) for one in (first, last))
        return np.divide(sizes, scale, out=np.zeros_like(sizes), where=sizes > 0)


class _Newton:
    """Newton iterations of all splits, in step.

    Attributes
    ----------
    weights : ndarray of shape (n_splits, m, n_outputs)
    raw : ndarray of shape (n_splits, n_outputs, n_samples)
    rest : ndarray of shape (n_splits,)
        Which splits are not there yet.
    """

    def __init__(self, split_set, lambda_, weights, tol):
        self.set, self.lambda_, self.tol = split_set, lambda_, tol
        self.shared = split_set._shared
        self.weights = weights
        self.raw = forward_all(split_set.rows, weights)
        self.rest = np.ones(len(weights), dtype=bool)
        self.penalty = split_set.splits[0].penalty(lambda_)
        self.slope = self._gradients(self.rest, self.raw, weights)
        self.before = np.full(len(weights), np.inf)
        self.rtol = LOOSE
        self.n_renewed, self.own = 0, None

    def _gradients(self, which, raw, weights):
        """Return the gradients of L_T of some splits."""
        self.set.counts.n_train_gradients += int(which.sum())
        row_weights = [
            self.set.train_weights[number] for number in np.flatnonzero(which)
        ]
        return self.set.gradients(raw, row_weights) + self.penalty * weights

    def step(self):
        """Move the splits that are not there yet."""
        numbers = np.flatnonzero(self.rest)
        hessians = self._hessians(numbers)
        spent = self.set.counts.n_hessian_products
        solved = solve_together(
            hessians, list(-self.slope[numbers]), self.rtol, with_raw=True
        )
        spent = self.set.counts.n_hessian_products - spent
        self.shared.spent += spent - len(numbers)
        direction = np.stack([solution.x for solution in solved])
        image = np.stack([solution.raw for solution in solved])
        decrement = -np.einsum("kmo,kmo->k", self.slope[numbers], direction)
        rate = np.array(
            [
                self._nonlinearity(hessian, one)
                for hessian, one in zip(hessians, image, strict=True)
            ]
        )
        losses = self._losses(numbers)
        error = decrement * (self.rtol + rate) ** 2
        done = ~(error > 2.0 * self.tol**2 * losses)
        noise = self._noise(numbers, losses)
        slow = decrement > STALLED**2 * self.before[numbers]
        done |= slow & (decrement <= noise)
        self.before[numbers] = decrement
        self._move(numbers, direction, image, decrement, done)
        self.rest[numbers[done]] = False
        open_ = ~done
        if open_.any():
            # The next step is shorter by about the rate of this one.
            wanted = 0.5 * self.tol * np.sqrt(2.0 * losses / np.maximum(error, 1e-300))
            best = np.maximum(wanted, rate * (self.rtol + rate))[open_].min()
            self.rtol = float(np.clip(best, TIGHT, LOOSE))

    def _at_present(self, number):
        """Return a split and its weights, whose raw prediction it knows."""
        split, w = self.set.splits[number], self.weights[number]
        split.remember(w, self.raw[number].T)
        return split, w

    def _hessians(self, numbers):
        """Return the Hessians of some splits at the present weights."""
        if self.shared.is_due(self.tol < ACCURATE_TOL):
            self._renew()
        near = self.own or [self.shared.hessian(self.penalty)] * len(self.rest)
        hessians = []
        for number in numbers:
            split, w = self._at_present(number)
            hessians.append(split.product_hessian(w, self.lambda_, near[number]))
        return hessians

    def _renew(self):
        """Form curvature at the present weights, shared or each split's own."""
        self.n_renewed += 1
        if self.n_renewed == 1:
            self.shared.renew(self.raw.mean(axis=0).T)
            return
        self.shared.spent, self.own = 0, []
        for number in range(len(self.weights)):
            split, w = self._at_present(number)
            self.own.append(split.hessian(w, self.lambda_))

    def _losses(self, numbers):
        """Return the sizes of the training losses of some splits."""
        losses = []
        for number in numbers:
            split, w = self._at_present(number)
            losses.append(split.train_loss(w, self.lambda_))
        return np.maximum(np.abs(losses), np.finfo(float).tiny)

    def _noise(self, numbers, losses):
        """Return the rounding of the losses: one is like its raw score."""
        sizes = [
            self.set.train_weights[number] @ np.abs(self.raw[number]).max(axis=0)
            for number in numbers
        ]
        return np.maximum(
            ROUNDING * losses, 2.0 * np.finfo(float).eps * np.array(sizes)
        )

    def _nonlinearity(self, hessian, image):
        """Return what share of the error a full step leaves as curvature changes."""
        spread = np.minimum(self.set.loss.spread(image.T), MAX_SPREAD)
        energy = np.einsum("nab,an,bn->n", hessian.curvature, image, image)
        total = energy.sum()
        if not total > 0:
            return 0.0
        return 0.5 * float(np.sqrt(energy @ np.expm1(spread) ** 2 / total))

    def _move(self, numbers, direction, image, decrement, done):
        """Step along the directions, shorter where the slope comes to rise."""
        size = np.ones(len(numbers))
        # Where the step is known to be good enough its slope is not asked for.
        ask = np.flatnonzero(~done)
        slope = np.empty((len(numbers), *self.slope.shape[1:]))
        for _ in range(MAX_HALVINGS):
            if not len(ask):
                break
            step = size[ask, None, None]
            where = numbers[ask]
            which = np.zeros(len(self.rest), dtype=bool)
            which[where] = True
            slope[ask] = self._gradients(
                which,
                self.raw[where] + step * image[ask],
                self.weights[where] + step * direction[ask],
            )
            rise = np.einsum("kmo,kmo->k", slope[ask], direction[ask])
            far = ~(rise <= OVERSHOOT * decrement[ask])
            root = decrement[ask] / np.maximum(decrement[ask] + rise, 1e-300)
            shorter = size[ask] * np.clip(root, SHORTEST, LONGEST)
            size[ask] = np.where(far, shorter, size[ask])
            ask = ask[far]
        step = size[:, None, None]
        self.weights[numbers] += step * direction
        self.raw[numbers] += step * image
        self.slope[numbers] = slope
