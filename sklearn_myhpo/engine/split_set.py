"""All splits of a problem at once: what they can share."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigvalsh

from .atoms import training_atoms
from .hessian import CG_TOL, ProductHessian, penalized_hessian, solve_together
from .krylov import ZERO_RATIO
from .newton import MAX_HALVINGS, MAX_ITER, NEWTON_TOL

#: Hessians are formed where the right-hand sides of their solves times this are
#: more than the features; else their products are cheaper.
PRODUCTS_PER_SOLVE = 60
#: A step with shared curvature that leaves more than this share of the error asks
#: for curvature at the present weights; after as many times, for each split's own.
SLOW_RATE, MAX_SHARED = 0.2, 1
#: The share that a step is taken to leave before two steps have shown it.
USUAL_RATE, STALLED = 0.1, 0.5
#: Accuracy of a direction where its Hessian is known by products.
DIRECTION_TOL = 0.02
#: Share of the predicted decrease that a step must reach, and the rounding of a loss.
ARMIJO, ROUNDING = 1e-4, 1e-14


class SplitSet:
    """The splits of a problem, each worked on alone.

    Parameters
    ----------
    splits : list of Split
    """

    def __init__(self, splits):
        self.splits = splits

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`."""
        return [
            split.minimize(lambda_, start, tol=tol)
            for split, start in zip(self.splits, starts, strict=True)
        ]

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights."""
        return [
            split.hessian(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        return [
            hessian.solve(right, rtol)
            for hessian, right in zip(hessians, rights, strict=True)
        ]

    def least_curvature(self):
        """Return the least curvature of the data that is not zero.

        Zero where that is not known.
        """
        return 0.0

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        return [
            split.validation_gradient(w)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        return np.array(
            [
                split.relative_gradient(split.train_gradient(w, lambda_))
                for split, w in zip(self.splits, weights, strict=True)
            ]
        )


class _Matrix(NamedTuple):
    """A sum over rows, in the form that sums over parts take."""

    value: np.ndarray


class _Path(NamedTuple):
    """Where the Newton iterations of all splits are."""

    weights: np.ndarray
    raw: np.ndarray
    losses: np.ndarray


class GLMSplitSet(SplitSet):
    """Splits of a generalized linear model on the same rows.

    Training parts overlap, so their solutions are close to each other: curvature at
    the mean of their weights, formed in one pass over the disjoint parts of the rows,
    serves the Newton iterations of all splits and preconditions their Hessians; and
    every product with X is made for all splits together.

    Parameters
    ----------
    splits : list of GLMSplit
    parts : list of (ndarray, ndarray)
        Training and validation weights over all rows; the last pair is all rows.
    """

    def __init__(self, splits, parts):
        super().__init__(splits)
        first = splits[0]
        self.rows, self.loss, self.y = first.rows, first.loss, first.y
        self.counts = first.counts
        self.train_weights = [split.train_weight for split in splits]
        self.validation_weights = [split.validation_weight for split in splits]
        self.atoms, self._combine = training_atoms(parts)
        self.totals = np.array([train.sum() for train, _ in parts[:-1]])
        self._curvature = self._factored = None
        self._first = self._least = None

    def _forward(self, weights):
        """Return raw predictions (n_splits, n_samples, n_outputs)."""
        shape = (len(weights), weights.shape[2], -1)
        columns = np.moveaxis(weights, 1, 2).reshape(-1, weights.shape[1]).T
        return np.moveaxis(self.rows.forward(columns).T.reshape(shape), 1, 2)

    def _adjoint(self, slopes):
        """Return the transposed map of (n_splits, n_samples, n_outputs)."""
        shape = (len(slopes), slopes.shape[2], -1)
        columns = np.moveaxis(slopes, 1, 2).reshape(-1, slopes.shape[1]).T
        return np.moveaxis(self.rows.adjoint(columns).T.reshape(shape), 1, 2)

    def _gradients(self, raw, row_weights):
        slopes = [
            weight[:, None] * self.loss.gradient(self.y, one)
            for weight, one in zip(row_weights, raw, strict=True)
        ]
        return self._adjoint(np.stack(slopes))

    def _path(self, weights, lambda_):
        raw = self._forward(weights)
        losses = np.array(
            [
                weight @ self.loss.value(self.y, one)
                for weight, one in zip(self.train_weights, raw, strict=True)
            ]
        )
        self.counts.n_values += len(losses)
        penalties = [
            split.penalty_value(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        ]
        return _Path(weights, raw, losses + penalties)

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`.

        The error after the last step is about `tol`, relative in the norm of the
        Hessian: its decrement times the square of the rate of convergence.
        """
        if self.splits[0].solves_by == "iterative":
            return super().minimize(lambda_, starts, tol)
        self.counts.n_inner_solves += len(self.splits)
        penalty = self.splits[0].penalty(lambda_)
        path = self._path(np.stack(starts), lambda_)
        near = None if self._curvature is None else self._near(penalty)
        n_renewed, before = 0, None
        found = path.weights.copy()
        rest = np.ones(len(found), dtype=bool)
        for _ in range(MAX_ITER):
            if near is None:
                near = self._renew(path, lambda_, n_renewed < MAX_SHARED)
                n_renewed += 1
            slope = self._gradients(path.raw, self.train_weights)
            slope += penalty * path.weights
            self.counts.n_train_gradients += int(rest.sum())
            direction = -np.stack(self.solve(near, list(slope), DIRECTION_TOL))
            decrement = -np.einsum("kmo,kmo->k", slope, direction)
            rate = _rate(decrement, before)
            small = np.maximum(np.abs(path.losses), np.finfo(float).tiny)
            done = rest & ~(decrement * rate**2 > 2.0 * tol**2 * small)
            is_own = n_renewed > MAX_SHARED
            if is_own:
                # Only rounding makes Newton's method slow here.
                floor = np.maximum(ROUNDING * small, self._noise(path))
                done |= rest & (decrement <= floor) & (rate > STALLED)
            found[done] = (path.weights + direction)[done]
            rest &= ~done
            if not rest.any():
                break
            path, moved = self._search(path, direction, decrement, lambda_, rest)
            found[rest] = path.weights[rest]
            slow = before is not None and np.max(rate[rest]) > SLOW_RATE
            before = decrement
            if is_own:
                near, rest = None, rest & moved
                if not rest.any():
                    break
            elif slow or not moved.all():
                near, before = None, None
        return self._remember(found, self._forward(found))

    def _noise(self, path):
        """Return the rounding of every training loss: a loss is like its raw score."""
        sizes = [
            weight @ np.abs(one).max(axis=1)
            for weight, one in zip(self.train_weights, path.raw, strict=True)
        ]
        return 2.0 * np.finfo(float).eps * np.array(sizes)

    def _renew(self, path, lambda_, is_shared):
        """Return the Hessians at the present weights, or at their mean."""
        if is_shared:
            self._curvature = self._shared_curvature(path.raw.mean(axis=0))
            self._factored = None
            if self._first is None and self._least is None:
                self._first = sum(self._curvature) / len(self._curvature)
            return self._near(self.splits[0].penalty(lambda_))
        return self.hessians(lambda_, self._remember(path.weights, path.raw))

    def _shared_curvature(self, raw):
        """Return data terms of all splits' Hessians at a common raw prediction."""
        curvature = self.loss.curvature(raw)
        lower, upper = np.tril_indices(curvature.shape[1])
        sums = []
        for weight in self.atoms:
            index = np.flatnonzero(weight)
            own = weight[index, None] * curvature[index][:, lower, upper]
            sums.append(_Matrix(self.rows.take(index).block_gram(own)))
        return [
            train.value / total
            for train, total in zip(self._combine(sums), self.totals, strict=True)
        ]

    def _near(self, penalty):
        """Return the Hessians with shared curvature and this penalty."""
        key = penalty.tobytes()
        if self._factored is None or self._factored[0] != key:
            hessians = [
                penalized_hessian(matrix.copy(), penalty, self.counts)
                for matrix in self._curvature
            ]
            self._factored = (key, hessians)
        return self._factored[1]

    def _search(self, path, direction, decrement, lambda_, rest):
        """Return the path after steps that decrease the losses, and who moved."""
        step = np.where(rest, 1.0, 0.0)
        allowed = path.losses + ROUNDING * np.abs(path.losses) + self._noise(path)
        for _ in range(MAX_HALVINGS):
            weights = path.weights + step[:, None, None] * direction
            new = self._path(weights, lambda_)
            good = new.losses <= allowed - ARMIJO * step * decrement
            if np.all(good | ~rest):
                return new, np.ones(len(step), dtype=bool)
            step = np.where(good, step, 0.5 * step)
        step = np.where(good, step, 0.0)
        weights = path.weights + step[:, None, None] * direction
        return self._path(weights, lambda_), good

    def _remember(self, weights, raw):
        """Return the weights as a list; each split keeps its raw prediction."""
        weights = list(weights)
        for split, w, one in zip(self.splits, weights, raw, strict=True):
            split.remember(w, one)
        return weights

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights.

        Formed where it is solved with often, else known by its products and near the
        Hessian with shared curvature.
        """
        first = self.splits[0]
        n_solves = PRODUCTS_PER_SOLVE * (1 + first.groups.n_groups)
        n_coordinates = first.shape[0] * first.n_outputs
        if first.solves_by == "iterative" or n_solves > n_coordinates:
            return super().hessians(lambda_, weights)
        if self._curvature is None:
            raw = self._forward(np.stack(weights)).mean(axis=0)
            self._curvature = self._shared_curvature(raw)
        near = self._near(first.penalty(lambda_))
        return [
            split.product_hessian(w, lambda_, own)
            for split, w, own in zip(self.splits, weights, near, strict=True)
        ]

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        if isinstance(hessians[0], ProductHessian):
            return solve_together(hessians, rights, rtol)
        return super().solve(hessians, rights, rtol)

    def least_curvature(self):
        """Return the least curvature of the data that is not zero.

        At the first weights that were asked for: a scan begins without any.
        """
        if self._least is None:
            if self._first is None:
                return 0.0
            n_features = len(self.splits[0].groups.labels) * self.splits[0].n_outputs
            self._least = _least_eigenvalue(self._first, n_features)
            self._first = None
        return self._least

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        self.counts.n_validation_gradients += len(weights)
        raw = np.stack(
            [split.raw(w) for split, w in zip(self.splits, weights, strict=True)]
        )
        return list(self._gradients(raw, self.validation_weights))

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        starts = self._forward(np.stack([split.start() for split in self.splits]))
        scale = np.linalg.norm(self._gradients(starts, self.train_weights), axis=(1, 2))
        path = self._path(np.stack(weights), lambda_)
        slopes = self._gradients(path.raw, self.train_weights)
        slopes += self.splits[0].penalty(lambda_) * path.weights
        self.counts.n_train_gradients += len(slopes)
        sizes = np.linalg.norm(slopes, axis=(1, 2))
        return np.divide(sizes, scale, out=np.zeros_like(sizes), where=sizes > 0)


def _rate(decrement, before):
    """Return by which factor the error fell."""
    if before is None:
        return np.full(len(decrement), USUAL_RATE)
    ratio = np.divide(
        np.maximum(decrement, 0.0), before, out=np.ones_like(before), where=before > 0
    )
    return np.clip(np.sqrt(ratio), 1e-3, 1.0)


def _least_eigenvalue(matrix, size):
    """Return a bound below the least nonzero eigenvalue of the first coordinates.

    The others, intercepts, are eliminated; columns that are zero are left out. In
    units of its own diagonal no coordinate is lost in the rounding of another.
    """
    own, cross, corner = (
        matrix[:size, :size],
        matrix[:size, size:],
        matrix[size:, size:],
    )
    if len(corner):
        own = own - cross @ np.linalg.pinv(corner) @ cross.T
    unit = np.diag(own)
    kept = unit > 0
    if not kept.any():
        return np.inf
    own, unit = own[np.ix_(kept, kept)], unit[kept]
    root = np.sqrt(unit)
    values = eigvalsh(own / root / root[:, None])
    return float(values[values > ZERO_RATIO * values[-1]].min() * unit.min())
