"""The loss of logistic regression by Newton's method, for many lambdas at once.

Scores of K classes are combinations of K - 1 raw predictions in an orthonormal basis of
the scores with sum zero, so that the penalty is the sum of their squares.
"""

import numpy as np

from .ridge import solve_long
from .rows import LONG

#: Lambdas that are solved together, from the last solution of those before.
CHUNK = 12
MOST_STEPS, MOST_HALVINGS = 60, 40
#: Least singular value relative to the largest below which a Hessian loses digits.
DEPENDENT = 1e-5
#: Least share of the prediction of a row that is not its own.
LEAST_GAP = 1e-8
#: Squared Newton decrement relative to the loss at which a run ends.
DECREMENT, LONG_DECREMENT = 1e-20, 1e-26


class Model:
    """The training loss of a part as a function of weights (n_lambdas, m).

    Parameters
    ----------
    part : Part
    n_classes : int
    dtype : dtype
    """

    def __init__(self, part, n_classes, dtype=float):
        free = int(part.has_intercept)
        self.A, self.held = (
            np.hstack([rows, np.ones((len(rows), free))]).astype(dtype)
            for rows in (part.train, part.held)
        )
        self.share = part.share.astype(dtype)
        self.held_weight = part.held_weight.astype(dtype)
        self.part = part
        self.n_classes, self.dtype = n_classes, dtype
        self.basis = _basis(n_classes).astype(dtype)
        self.y, self.y_held = part.y_train, part.y_held
        self.n_outputs = self.basis.shape[1]
        self.shape = self.A.shape[1], self.n_outputs
        singular = np.linalg.svd(self.A.astype(float), compute_uv=False)
        is_dependent = self.A.size and singular[-1] < DEPENDENT * singular[0]
        self.by_factors = dtype is LONG or is_dependent

    def penalty(self, lambdas):
        """Return ``2 e^lambda`` of every weight, (n_lambdas, k, n_outputs)."""
        own = self.part.penalties(lambdas).astype(self.dtype)
        found = np.pad(own, ((0, 0), (0, self.shape[0] - own.shape[1])))
        return np.repeat(found[:, :, None], self.n_outputs, axis=2)

    def losses(self, w, rows, y):
        """Return the loss of every row, (n_lambdas, n)."""
        return self.losses_of(rows @ w, y)

    def losses_of(self, raw, y):
        """Return the loss of raw predictions (n_lambdas, n, n_outputs)."""
        if self.n_classes == 2:
            z = np.where(y == 1, -1, 1) * raw[..., 0]
            return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
        scores = raw @ self.basis.T
        top = scores.max(axis=-1, keepdims=True)
        total = np.log(np.exp(scores - top).sum(axis=-1)) + top[..., 0]
        return (
            total
            - np.take_along_axis(
                scores, np.broadcast_to(y[:, None], (*scores.shape[:-1], 1)), -1
            )[..., 0]
        )

    def value(self, w, penalty):
        """Return the training loss, (n_lambdas,)."""
        return self.losses(w, self.A, self.y) @ self.share + 0.5 * np.sum(
            penalty * w * w, axis=(1, 2)
        )

    def derivatives(self, w, penalty):
        """Return the gradient (n_lambdas, m) and the Hessian (n_lambdas, m, m)."""
        slope, bend = self.curvature(self.A @ w)
        n_lambdas, size = len(w), self.shape[0] * self.n_outputs
        slope = slope * self.share[:, None]
        gradient = self.A.T @ slope + penalty * w
        hessian = np.empty((n_lambdas, *self.shape, *self.shape), self.dtype)
        for a in range(self.n_outputs):
            for b in range(a + 1):
                weighted = (bend[..., a, b] * self.share)[:, None, :] * self.A.T
                hessian[:, :, a, :, b] = hessian[:, :, b, :, a] = weighted @ self.A
        hessian = hessian.reshape(n_lambdas, size, size)
        index = np.arange(size)
        hessian[:, index, index] += penalty.reshape(n_lambdas, size)
        return gradient.reshape(n_lambdas, size), hessian

    def curvature(self, raw):
        """Return the two derivatives of the losses of all rows in their raw scores."""
        if self.n_classes == 2:
            rate = 1 / (1 + np.exp(-raw))
            slope = rate - self.y[:, None]
            bend = (rate * (1 - rate))[..., None]
        else:
            scores = raw @ self.basis.T
            rate = np.exp(scores - scores.max(axis=-1, keepdims=True))
            rate /= rate.sum(axis=-1, keepdims=True)
            slope = (rate - np.eye(self.n_classes)[self.y]) @ self.basis
            along = rate @ self.basis
            own = np.einsum("lnc,ca,cb->lnab", rate, self.basis, self.basis)
            bend = own - along[..., :, None] * along[..., None, :]
        return slope, bend

    def factored_directions(self, w, penalty):
        """Return Newton's directions (n_lambdas, m), from QR factors.

        What a Hessian has squared, and lost, is still in its factors.
        """
        rows, target, scale = self.factors(w, penalty)
        if self.dtype is LONG:
            found = [solve_long(*one) for one in zip(rows, target, strict=True)]
            return np.array(found) / scale
        size = rows.shape[2]
        factor = np.linalg.qr(np.concatenate([rows, target[..., None]], 2), mode="r")
        found = np.linalg.solve(factor[:, :size, :size], factor[:, :size, size:])
        return found[..., 0] / scale

    def factors(self, w, penalty):
        """Return factors of Hessians, the least squares targets of steps, and units.

        The Hessian of a row is ``B' (diag(p) - p p') B``, with rates p and basis B, and
        so the sum over classes of p_c times the outer product of ``B_c - p' B`` with
        itself.

        Returns
        -------
        rows : ndarray of shape (n_lambdas, k, m)
            With columns of norm one.
        target : ndarray of shape (n_lambdas, k)
        scale : ndarray of shape (n_lambdas, m)
            What the columns were divided by.
        """
        raw, basis = self.A @ w, self.basis
        if self.n_classes == 2:
            basis = np.array([[-0.5], [0.5]], self.dtype)
        scores = raw @ basis.T
        rate = np.exp(scores - scores.max(axis=-1, keepdims=True))
        rate /= rate.sum(axis=-1, keepdims=True)
        root = np.sqrt(self.share[:, None] * np.maximum(rate, 1e-300))
        slopes = root[..., None] * (basis - (rate @ basis)[..., None, :])
        rows = np.einsum("nk,lnco->lncko", self.A, slopes)
        off = self.share[:, None] * (np.eye(self.n_classes)[self.y] - rate) / root
        n_lambdas, size = len(w), self.shape[0] * self.n_outputs
        damp = np.sqrt(penalty).reshape(n_lambdas, size)
        damped = np.zeros((n_lambdas, size, size), self.dtype)
        damped[:, np.arange(size), np.arange(size)] = damp
        rows = np.hstack([rows.reshape(n_lambdas, -1, size), damped])
        pull = -damp * w.reshape(n_lambdas, size)
        target = np.hstack([off.reshape(n_lambdas, -1), pull])
        scale = np.sqrt(np.sum(rows**2, axis=1))
        scale[scale == 0] = 1
        return rows / scale[:, None], target, scale


def losses(parts, lambdas, n_classes):
    """Return the pooled held-out losses at some decreasing lambdas."""
    total, weight = np.zeros(len(lambdas)), 0.0
    for part in parts:
        model = Model(part, n_classes)
        w = np.zeros((1, *model.shape))
        for start in range(0, len(lambdas), CHUNK):
            own = slice(start, start + CHUNK)
            w = _minimize(model, np.repeat(w[-1:], len(lambdas[own]), 0), lambdas[own])
            held = model.losses(w, model.held, model.y_held)
            total[own] += held @ model.held_weight
        weight += model.held_weight.sum()
    return total / weight


def loss(parts, lambda_, n_classes, lambdas):
    """Return the pooled held-out loss at a lambda, in extended precision.

    Parameters
    ----------
    parts : list of Part
    lambda_ : float or ndarray of shape (n_groups,)
    n_classes : int
    lambdas : ndarray
        Decreasing lambdas, down which the solution is followed.
    """
    total, weight = LONG(0), LONG(0)
    for part in parts:
        fine, w = solution(part, lambda_, n_classes, lambdas)
        total += fine.losses(w, fine.held, fine.y_held)[0] @ fine.held_weight
        weight += fine.held_weight.sum()
    return total / weight


def solution(part, lambda_, n_classes, lambdas):
    """Return the `Model` of a part, and its minimizer, in extended precision.

    Parameters
    ----------
    part, lambda_, n_classes, lambdas
        As of `loss`.
    """
    end = np.atleast_1d(lambda_)
    above = lambdas[lambdas > end.max()][::4] - end.max()
    model = Model(part, n_classes)
    w = np.zeros((1, *model.shape))
    for move in np.append(above, 0.0):
        w = _minimize(model, w, end[None] + move)
    fine = Model(part, n_classes, LONG)
    return fine, _minimize(fine, w.astype(LONG), end[None], LONG_DECREMENT)


def left_out_losses(part, lambdas, n_classes):
    """Return the approximate leave-one-out losses at some lambdas.

    Every row is predicted after one Newton step from the minimizer of all rows towards
    that of the others: with its share s, gradient g and curvature L of the loss of its
    scores, and ``A = s X' H^-1 X``, its scores move by ``A (I - L A)^-1 g``.
    """
    model, found = Model(part, n_classes), np.empty(len(lambdas))
    w = np.zeros((1, *model.shape))
    for number, one in enumerate(lambdas):
        w = _minimize(model, w, one[None])
        moved = _left_out(model, w, model.penalty(one[None]))
        losses = model.losses_of(moved[None], model.y)[0]
        found[number] = model.share @ losses
    return found


def _left_out(model, w, penalty):
    """Return the raw predictions (n, n_outputs) of every row without it.

    Not a number where rounding decides what a row says without itself.
    """
    rows, _, scale = model.factors(w, penalty)
    units = np.einsum("nj,ab->najb", model.A, np.eye(model.n_outputs))
    units = units.reshape(len(model.A), model.n_outputs, -1) / scale[0]
    factor = np.linalg.qr(rows[0], mode="r")
    units = np.linalg.solve(factor.T, units.reshape(-1, len(factor)).T).T
    units = units.reshape(len(model.A), model.n_outputs, -1)
    forms = model.share[:, None, None] * (units @ units.transpose(0, 2, 1))
    raw = model.A @ w[0]
    slope, bend = model.curvature(raw[None])
    gap = np.eye(model.n_outputs) - bend[0] @ forms
    if np.linalg.svd(gap, compute_uv=False).min() < LEAST_GAP:
        return np.full_like(raw, np.nan)
    own = np.linalg.solve(gap, slope[0][..., None])
    return raw + (forms @ own)[..., 0]


def _minimize(model, w, lambdas, tol=DECREMENT):
    """Return the minimizers (n_lambdas, k, n_outputs), from a start."""
    penalty = model.penalty(lambdas)
    value = model.value(w, penalty)
    active = np.ones(len(w), dtype=bool)
    for _ in range(MOST_STEPS):
        index = np.flatnonzero(active)
        if not len(index):
            break
        gradient, hessian = model.derivatives(w[index], penalty[index])
        if model.by_factors:
            move = model.factored_directions(w[index], penalty[index])
        else:
            move = -_solve(hessian, gradient)
        decrement = -np.sum(gradient * move, axis=1)
        move = move.reshape(len(index), *model.shape)
        step = np.ones(len(index), model.dtype)
        for _ in range(MOST_HALVINGS):
            candidate = w[index] + step[:, None, None] * move
            new = model.value(candidate, penalty[index])
            # A full step at rounding level is the most accurate one.
            small = decrement <= 1e-9 * np.abs(value[index])
            bad = ~(new <= value[index] - 1e-4 * step * decrement) & ~small
            if not bad.any():
                break
            step = np.where(bad, 0.5 * step, step)
        good = np.isfinite(new)
        w[index[good]], value[index[good]] = candidate[good], new[good]
        active[index] = good & (decrement > tol * np.abs(value[index]))
    return w


def _solve(hessian, gradient):
    """Return Newton directions, from Hessians of unit diagonals."""
    root = np.sqrt(np.einsum("lii->li", hessian)).astype(float)
    root = np.where(root > 0, root, 1.0)
    scaled = (hessian / root[:, :, None] / root[:, None, :]).astype(float)
    index = np.arange(scaled.shape[1])
    scaled[:, index, index] += 1e-15
    right = (gradient / root).astype(float)[..., None]
    try:
        found = np.linalg.solve(scaled, right)
    except np.linalg.LinAlgError:
        scaled[:, index, index] += 1e-12
        found = np.linalg.solve(scaled, right)
    return found[..., 0] / root


def _basis(n_classes):
    """Return an orthonormal basis (K, K - 1) of scores with sum zero; (1, 1) of two."""
    if n_classes == 2:
        return np.ones((1, 1))
    square = np.eye(n_classes) - 1.0 / n_classes
    return np.linalg.svd(square)[0][:, : n_classes - 1]
