"""Hessians of a training loss: products, solves, and sums for proximal terms."""

from abc import ABC, abstractmethod

import numpy as np

from .symmetric import congruence, symmetric_solver

#: Relative accuracy of a solve by conjugate gradients.
CG_TOL = 1e-8
#: Iterations after which conjugate gradients give what they have.
CG_MAX_ITER = 1000


class Hessian(ABC):
    """A symmetric positive definite operator on weights (..., m, n_outputs)."""

    @abstractmethod
    def product(self, w):
        """Return the operator applied to `w`."""

    @abstractmethod
    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`; `rtol` matters to iterative solves."""

    @abstractmethod
    def plus(self, rho, other=None):
        """Return ``self + rho other``; other=None stands for the identity."""


class DiagonalHessian(Hessian):
    """A diagonal.

    Parameters
    ----------
    diagonal : ndarray of shape (m,) or (m, n_outputs)
        Shared by the outputs, or not.
    """

    def __init__(self, diagonal):
        self.diagonal = diagonal if diagonal.ndim == 2 else diagonal[:, None]

    def product(self, w):
        """Return the operator applied to `w`."""
        return self.diagonal * w

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`."""
        return w / self.diagonal

    def plus(self, rho, other=None):
        """Return ``self + rho other``."""
        return DiagonalHessian(
            self.diagonal + rho * (1.0 if other is None else other.diagonal)
        )


class DenseHessian(Hessian):
    """A matrix, factored when it is first solved with.

    Parameters
    ----------
    matrix : ndarray
        (m, m) shared by the outputs, or (m n_outputs, m n_outputs) coupling them.
    counts : OracleCounts
        Told of the factorization.
    """

    def __init__(self, matrix, counts):
        self.matrix = matrix
        self.counts = counts
        self._inverse = None

    def _columns(self, w):
        """Return `w` as columns of the matrix, and the shape to go back."""
        if len(self.matrix) == w.shape[-2]:
            moved = np.moveaxis(w, -2, 0)
            return moved.reshape(len(moved), -1), moved.shape
        return w.reshape(-1, len(self.matrix)).T, None

    def _restore(self, columns, shape, w):
        if shape is not None:
            return np.moveaxis(columns.reshape(shape), 0, -2)
        return columns.T.reshape(w.shape)

    def product(self, w):
        """Return the operator applied to `w`."""
        columns, shape = self._columns(w)
        return self._restore(self.matrix @ columns, shape, w)

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`."""
        columns, shape = self._columns(w)
        return self._restore(self._solver()(columns), shape, w)

    def inverse_and_image(self, matrix):
        """Return the inverse A of this and ``A matrix A``, `matrix` symmetric."""
        inverse = self._solver().matrix()
        return inverse, congruence(inverse, matrix @ inverse)

    def _solver(self):
        if self._inverse is None:
            self.counts.n_factorizations += 1
            self._inverse = symmetric_solver(self.matrix)
        return self._inverse

    def plus(self, rho, other=None):
        """Return ``self + rho other``."""
        if other is None:
            other_matrix = np.eye(len(self.matrix))
        else:
            other_matrix = other.matrix
        return DenseHessian(self.matrix + rho * other_matrix, self.counts)


def penalized_hessian(matrix, penalty, counts):
    """Return the Hessian of a data term plus the penalty, made in place of it.

    Parameters
    ----------
    matrix : ndarray of shape (m, m) or (m n_outputs, m n_outputs)
    penalty : ndarray of shape (m, 1)
        The same for all outputs.
    counts : OracleCounts

    Returns
    -------
    DenseHessian
    """
    diagonal = np.repeat(penalty[:, 0], len(matrix) // len(penalty))
    matrix[np.diag_indices_from(matrix)] += diagonal
    return DenseHessian(matrix, counts)


class ProductHessian(Hessian):
    """``X' C X + diag`` known by its products, solved with by conjugate gradients.

    Parameters
    ----------
    rows : Rows
    curvature : ndarray of shape (n_samples, n_outputs, n_outputs)
    diagonal : ndarray of shape (m, 1)
    counts : OracleCounts
        Told of every product.
    near : Hessian or None
        One close to this that is easily solved with, the preconditioner; None
        for the diagonal of this.
    """

    def __init__(self, rows, curvature, diagonal, counts, near=None):
        self.rows = rows
        self.curvature = curvature
        self.diagonal = diagonal
        self.counts = counts
        self.near = near

    def product(self, w):
        """Return the operator applied to `w`."""
        if w.ndim > 2:
            return np.stack([self.product(one) for one in w])
        self.counts.n_hessian_products += 1
        raw = np.einsum("nab,nb->na", self.curvature, self.rows.forward(w))
        return self.rows.adjoint(raw) + self.diagonal * w

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`, to a relative residual of `rtol`."""
        return solve_together([self], [w], rtol)[0]

    def precondition(self, w):
        """Return roughly the inverse applied to `w`."""
        if self.near is None:
            own = np.einsum("naa->na", self.curvature)
            diagonal = self.rows.squared_adjoint(own) + self.diagonal
            self.near = DiagonalHessian(np.maximum(diagonal, np.finfo(float).tiny))
        return self.near.solve(w)

    def plus(self, rho, other=None):
        """Return ``self + rho other``."""
        if other is None:
            return ProductHessian(
                self.rows, self.curvature, self.diagonal + rho, self.counts
            )
        return ProductHessian(
            self.rows,
            self.curvature + rho * other.curvature,
            self.diagonal + rho * other.diagonal,
            self.counts,
        )


def solve_together(hessians, rights, rtol=CG_TOL):
    """Return the inverses of several Hessians, each applied to its right-hand sides.

    By conjugate gradients, in step, so that one pass over the rows serves all.

    Parameters
    ----------
    hessians : list of ProductHessian
        With the same rows.
    rights : list of ndarray of shape (..., m, n_outputs)
    rtol : float, default=CG_TOL
        Relative residual, in the norm that the preconditioner defines.

    Returns
    -------
    list of ndarray
        Of the shapes of `rights`.
    """
    shape = rights[0].shape[-2:]
    blocks = [right.reshape(-1, *shape) for right in rights]
    owner = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    residual = np.concatenate(blocks)
    x = np.zeros_like(residual)

    direction = _preconditioned(hessians, owner, residual)
    size = _inner(residual, direction)
    limit = rtol**2 * size
    rest = np.flatnonzero(size > 0)
    for _ in range(CG_MAX_ITER):
        if not len(rest):
            break
        image = _products(hessians, owner[rest], direction[rest])
        step = size[rest] / _inner(direction[rest], image)
        x[rest] += step[:, None, None] * direction[rest]
        residual[rest] -= step[:, None, None] * image
        z = _preconditioned(hessians, owner[rest], residual[rest])
        new = _inner(residual[rest], z)
        ratio = new / size[rest]
        direction[rest] = z + ratio[:, None, None] * direction[rest]
        size[rest] = new
        rest = rest[size[rest] > limit[rest]]
    hessians[0].counts.n_unfinished_solves += len(rest)
    ends = np.cumsum([len(block) for block in blocks])[:-1]
    return [
        own.reshape(right.shape)
        for own, right in zip(np.split(x, ends), rights, strict=True)
    ]


def _preconditioned(hessians, owner, w):
    """Return roughly the inverse of Hessian `owner[k]` applied to every ``w[k]``."""
    out = np.empty_like(w)
    for number in np.unique(owner):
        own = owner == number
        out[own] = hessians[number].precondition(w[own])
    return out


def _inner(a, b):
    return np.einsum("kmo,kmo->k", a, b)


def _products(hessians, owner, w):
    """Return Hessian `owner[k]` applied to every ``w[k]``, in one pass."""
    hessians[0].counts.n_hessian_products += len(w)
    rows = hessians[0].rows
    shape = (len(w), w.shape[2], -1)
    columns = np.moveaxis(w, 1, 2).reshape(-1, w.shape[1]).T
    raw = rows.forward(columns).T.reshape(shape)
    for k, number in enumerate(owner):
        curvature = hessians[number].curvature
        if curvature.shape[1] == 1:
            raw[k] *= curvature[:, 0].T
        else:
            raw[k] = np.einsum("nab,bn->an", curvature, raw[k])
    image = rows.adjoint(raw.reshape(len(columns.T), -1).T).T.reshape(shape)
    diagonals = np.stack([hessians[number].diagonal for number in owner])
    return np.moveaxis(image, 1, 2) + diagonals * w
