"""Leave-one-out by one Newton step: exact for ridge, approximate otherwise.

Without row i the gradient at the weights of all rows is ``-X_i l'_i`` and the Hessian
``H - X_i L_i X_i'``, shares of the weight included. So its raw prediction moves from
m_i to ``z_i = m_i + A_i u_i`` with ``A_i = X_i' H^-1 X_i`` and
``u_i = (I - L_i A_i)^-1 l'_i`` (Woodbury).
"""

from functools import cached_property

import numpy as np

from ..bilevel.outer import OuterModel
from ..engine.linalg.products import weight_diagonal
from ._base import Point, responses, sum_blocks, weight_terms
from ._row_forms import LeverageSlopes, product, row_forms, third_forms
from ._wide import wide_model

#: Smallest value of one minus the leverage of a row.
LEAST_GAP = 1e-12
#: Largest number of lambdas for which second derivatives without a closed form are
#: differences of exact gradients, and the step of the differences.
MOST_DIFFERENCES, DIFFERENCE_STEP = 3, 1e-3


class LeaveOneOutPoint(Point):
    """Leave-one-out at one lambda per group.

    Arrays have shape (n_samples, o, c): o outputs that share a Hessian (one for ridge,
    whose targets are the c columns), L_i and A_i (n_samples, o, o).

    Parameters
    ----------
    whole : Whole
    lambda_ : ndarray of shape (n_groups,)
    w : ndarray of shape (m, n_outputs)
        Exact weights of all rows.
    hessian : Hessian
    """

    def __init__(self, whole, lambda_, w, hessian):
        self.whole, self.split = whole, whole.split
        self.lambda_, self.w, self.hessian = lambda_, w, hessian
        self.is_ridge = whole.is_ridge
        self.o = 1 if self.is_ridge else w.shape[1]
        self.share = whole.share[:, None, None]
        self.inverse = whole.padded_inverse(hessian, self.o)
        self._z = None
        if self.is_ridge and whole.is_wide:
            self._set_wide_rows()
        else:
            self._set_rows()
        slope = whole.loss.gradient(whole.y, self.raw)
        self.u = product(self.gap_inverse, self._stack(slope))
        self.shift = product(self.leverage, self.u)
        self.left_out = self.raw + self._flat(self.shift)

    def _set_rows(self):
        rows, loss = self.whole.rows, self.whole.loss
        self.leverage = self.share * row_forms(rows, self.inverse, self.o)
        if self.is_ridge:
            self.raw = rows.forward(self.whole.pad(self.w))
            self.curvature = np.ones((1, 1, 1))
        else:
            self.raw = self.split.raw(self.w)
            self.curvature = loss.curvature(self.whole.y, self.raw)
        self.gap_inverse = gap_inverse(product(self.curvature, self.leverage))

    def _set_wide_rows(self):
        wide = wide_model(self.whole, self.lambda_, self.w, self.hessian, self.inverse)
        gap = wide.gap[:, None, None]
        self.w, self.raw, self._z = wide.w, wide.raw, wide.z
        self.leverage, self.curvature = 1.0 - gap, np.ones((1, 1, 1))
        self.gap_inverse = 1.0 / np.maximum(gap, np.finfo(float).tiny)

    @cached_property
    def value(self):
        """The criterion."""
        return float(
            self.whole.share @ self.whole.loss.value(self.whole.y, self.left_out)
        )

    @cached_property
    def _force(self):
        """Derivative of the criterion in m_i at fixed u_i, ``(I - L A)^-1 l'(z)``."""
        slope = self.whole.loss.gradient(self.whole.y, self.left_out)
        return product(self.gap_inverse, self.share * self._stack(slope))

    @cached_property
    def _sandwich(self):
        """The matrix ``H^-1 (sum_i X_i a_i X_i') H^-1``, a_i the derivative in A_i."""
        weight = self._force @ np.swapaxes(self.u, 1, 2)
        weight = 0.5 * self.share * (weight + np.swapaxes(weight, 1, 2))
        if self._z is not None:
            return self._z.T @ (weight[:, 0] * self._z)
        lower, upper = np.tril_indices(self.o)
        gram = self.whole.rows.block_gram(weight[:, lower, upper])
        return self.inverse @ gram @ self.inverse

    @cached_property
    def _adjoint(self):
        """H^-1 applied to the derivative of the criterion in the weights."""
        slope = self._flat(self._force)
        if not self.is_ridge:
            slope = slope + self._third_slope()
        return self.hessian.solve(self._unpad(self.whole.rows.adjoint(slope)))

    def _third_slope(self):
        """Return the derivative in m_i through L_i, in the shift and the leverages."""
        loss, y, raw = self.whole.loss, self.whole.y, self.raw
        moved = self._flat(product(self.leverage, self._force))
        (own,) = loss.third_product(y, raw, moved, self._flat(self.shift)[None])
        forms = row_forms(self.whole.rows, self._sandwich, self.o)
        return own - self.share[:, 0] * third_forms(loss, y, raw, forms)

    @cached_property
    def _sandwich_slope(self):
        """Derivative through H^-1 in A_i, the penalty's part."""
        diagonal = self._unpad(np.diag(self._sandwich).reshape(-1, self.o))
        p = self.split.penalty(self.lambda_)
        return -self.split.by_group(p * diagonal)

    @cached_property
    def gradient(self):
        """Its derivative in lambda, ``-sum_{j in g} p_j (w_j q_j + M_jj)``."""
        p = self.split.penalty(self.lambda_)
        return self._sandwich_slope - self.split.by_group(p * self.w * self._adjoint)

    def model(self):
        """Return the second-order `OuterModel` in lambda.

        It is exact for ridge. For other losses it uses differences of gradients if
        there are few lambdas; if there are many, it ignores that leverages change with
        the curvature of rows.
        """
        split, rows = self.split, self.whole.rows
        forces, jacobian = responses(split, self.lambda_, self.w, self.hessian)
        terms = weight_terms(
            split, self.lambda_, self.w, self._adjoint, forces, jacobian
        )
        p = self.whole.pad(split.penalty(self.lambda_))
        slopes = LeverageSlopes(rows, self.inverse, p, split.groups, self.o)
        columns = np.moveaxis(jacobian, 1, 0).reshape(len(self.w), -1)
        columns = self.whole.pad(columns)
        n_groups = len(jacobian)
        tangent, mixed = np.zeros((2, n_groups, n_groups))
        for index, block in slopes.blocks(n_groups * (self.o + self.w.shape[1])):
            raw = block.forward(columns).reshape(-1, n_groups, *self.u.shape[1:])
            gram, cross = self._block_terms(index, slopes.of(block), raw)
            tangent += gram
            mixed += cross + cross.T
        size = len(split.groups.labels) * self.o
        weights = weight_diagonal(p, self.o)[:size]
        pairs = np.outer(weights, weights) * self.inverse[:size, :size]
        pairs *= self._sandwich[:size, :size]
        labels = split.groups.output_labels(self.o)
        twice = 2.0 * sum_blocks(pairs, labels, n_groups)
        bend = mixed + twice + np.diag(self.gradient) - terms.cross - terms.cross.T
        if not self.is_ridge:
            bend -= split.third_term(self.w, self._adjoint, jacobian)
        if not self.is_ridge and n_groups <= MOST_DIFFERENCES:
            bend = self._second_derivative(jacobian) - tangent
        return OuterModel(self.gradient, tangent, bend, terms.metric)

    def _second_derivative(self, jacobian):
        """Return differences of gradients, each at exact weights."""
        slopes = []
        for own, move in zip(jacobian, np.eye(len(jacobian)), strict=True):
            lambda_ = self.lambda_ + DIFFERENCE_STEP * move
            w = self.split.minimize(lambda_, self.w + DIFFERENCE_STEP * own)
            hessian = self.split.hessian(w, lambda_)
            slopes.append(LeaveOneOutPoint(self.whole, lambda_, w, hessian).gradient)
        self.split.counts.n_validation_gradients += len(slopes)
        second = (np.stack(slopes) - self.gradient) / DIFFERENCE_STEP
        return 0.5 * (second + second.T)

    def _block_terms(self, index, slopes, raw):
        """Return ``dz' l''(z) dz`` and ``force . dA_a du_b`` of a block of rows.

        Parameters
        ----------
        index : slice
        slopes : ndarray of shape (n_groups, n_block, o, o)
            Derivatives of A_i, without the share of the weight.
        raw : ndarray of shape (n_block, n_groups, o, c)
            Derivatives of m_i.
        """
        share, u = self.share[index], self.u[index]
        slopes = share * slopes
        moves = np.moveaxis(raw, 1, 0) + product(slopes, u)
        inverse = self.gap_inverse[index]
        dz = product(np.swapaxes(inverse, 1, 2), moves)
        curvature = self.curvature if self.is_ridge else self.curvature[index]
        du = product(product(inverse, curvature), moves)
        if not self.is_ridge:
            dz = dz + self._third_shift(index, np.moveaxis(raw, 1, 0))
            left_out = self.left_out[index]
            curvature = self.whole.loss.curvature(self.whole.y[index], left_out)
        along = product(slopes, self._force[index])
        return _inner(dz, share * product(curvature, dz)), _inner(along, du)

    def _third_shift(self, index, raw):
        """Return the derivative of the shift through L_i, along derivatives of m_i."""
        at = self.whole.y[index], self.raw[index], self.shift[index][..., 0]
        bent = self.whole.loss.third_product(*at, raw[..., 0])
        own = product(self.leverage[index], self.gap_inverse[index])
        return product(own, bent[..., None])

    def _unpad(self, values):
        return values[: len(self.w)]

    def _stack(self, values):
        """Return (n_samples, n_outputs) as (n_samples, o, c)."""
        return values.reshape(len(values), self.o, -1)

    def _flat(self, values):
        return values.reshape(len(values), -1)


def gap_inverse(own):
    """Return the inverses of I - L_i A_i; L_i A_i has eigenvalues below one."""
    n_outputs = own.shape[1]
    if n_outputs == 1:
        return 1.0 / np.maximum(1.0 - own, LEAST_GAP)
    return np.linalg.inv((1.0 + LEAST_GAP) * np.eye(n_outputs) - own)


def _inner(a, b):
    """Return the inner products (n_groups, n_groups) of two arrays per group."""
    return a.reshape(len(a), -1) @ b.reshape(len(b), -1).T
