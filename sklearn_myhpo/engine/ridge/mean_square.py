"""Mean squared error as a quadratic function of the weights."""

from dataclasses import dataclass
from math import prod

import numpy as np

from ...data.threads import matmul


@dataclass(frozen=True, eq=False)
class Moments:
    """``w -> mean |y - x w|^2 / 2`` over some rows, by its second moments.

    Values are computed about reference weights close to the least squares
    solution: ``mean |y|^2 - 2 linear w + w' gram w`` would cancel if the model explains
    nearly everything.

    Attributes
    ----------
    gram : ndarray of shape (m, m), or (m,) where it is diagonal
    linear : ndarray of shape (m, n_outputs)
        Mean of x y.
    reference : ndarray of shape (m, n_outputs)
    residual_linear : ndarray of shape (m, n_outputs)
        Mean of x (y - x reference).
    residual_square : ndarray of shape (n_outputs,)
        Mean of (y - x reference)^2.
    """

    gram: np.ndarray
    linear: np.ndarray
    reference: np.ndarray
    residual_linear: np.ndarray
    residual_square: np.ndarray

    def product(self, w):
        """Return ``gram w``."""
        return self.gram[:, None] * w if self.gram.ndim == 1 else matmul(self.gram, w)

    def value(self, w):
        """Return the sum of `values`."""
        return float(self.values(w).sum())

    def values(self, w, outputs=slice(None)):
        """Return half the mean squared error of every output, `w` of `outputs`."""
        step = w - self.reference[:, outputs]
        image = self.product(step) - 2.0 * self.residual_linear[:, outputs]
        square = self.residual_square[outputs] + np.sum(step * image, axis=0)
        return np.maximum(0.5 * square, 0.0)

    def gradient(self, w):
        """Return the gradient of `value`."""
        return self.product(w - self.reference) - self.residual_linear

    def in_units(self, unit):
        """Return the same function of the weights of rows times a unit (m,).

        The moments must be dense and are changed in place.
        """
        column = unit[:, None]
        gram = self.gram
        gram *= unit
        gram *= column
        return Moments(
            gram,
            self.linear * column,
            self.reference / column,
            self.residual_linear * column,
            self.residual_square,
        )

    def in_basis(self, basis, known=None):
        """Return the same function of the coordinates in an orthonormal basis.

        Parameters
        ----------
        basis : ndarray of shape (m, k)
        known : ndarray of shape (k,), (k, k) or None
            The gram there, if it is known. Where it is diagonal, coordinates with a
            zero carry no data, and their rounding is removed.
        """
        reference = basis.T @ self.reference
        residual_linear, residual_square = self.residual_linear, self.residual_square
        if basis.shape[0] != basis.shape[1]:
            # The reference itself may lie outside of the basis.
            move = basis @ reference - self.reference
            image = self.product(move)
            residual_square = residual_square + np.sum(
                move * (image - 2.0 * residual_linear), axis=0
            )
            residual_linear = residual_linear - image
        linear, residual_linear = basis.T @ self.linear, basis.T @ residual_linear
        gram = known
        if known is None:
            gram = matmul(basis.T, matmul(self.gram, basis))
        elif known.ndim == 1:
            keep = (known > 0)[:, None]
            linear, residual_linear = linear * keep, residual_linear * keep
        square = np.maximum(residual_square, 0.0)
        return Moments(gram, linear, reference, residual_linear, square)


class MomentHessian:
    """The Hessian of a ridge loss known by its products.

    Parameters
    ----------
    train : Moments
    penalty : ndarray of shape (m, 1)
    counts : OracleCounts
        It counts every product.
    """

    def __init__(self, train, penalty, counts):
        self.train, self.penalty, self.counts = train, penalty, counts

    def product(self, w):
        """Return the operator applied to `w` (..., m, n_outputs)."""
        self.counts.n_hessian_products += prod(w.shape[:-2])
        return self.train.product(w) + self.penalty * w

    def own_curvature(self):
        """Return its diagonal, without a product."""
        gram = self.train.gram
        data = gram if gram.ndim == 1 else np.diag(gram)
        return data[:, None] + self.penalty
