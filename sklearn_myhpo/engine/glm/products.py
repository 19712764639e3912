"""Hessians known by their products; solves by conjugate gradients."""

import numpy as np

from ...data.shared_rows import SharedRows
from ..linalg.hessian import CG_TOL, Hessian, Solution

#: Maximum number of iterations of conjugate gradients; then the last iterate is
#: returned.
CG_MAX_ITER = 1000


class ProductHessian(Hessian):
    """``X' C X + diag`` known by its products.

    Parameters
    ----------
    rows : Design
    curvature : ndarray of shape (n_samples, n_outputs, n_outputs)
        Times the weights of the rows.
    diagonal : ndarray of shape (m, 1) or (m, n_outputs)
    counts : OracleCounts
        It counts every product.
    near : Hessian or None
        The preconditioner, an approximation with a cheap solve. None for one in which
        the features are independent of each other.

    Attributes
    ----------
    among : (SplitRows, int) or None
        The rows of all splits and the number of this one, where Hessians that are
        solved with together have rows of their own.
    """

    among = None

    def __init__(self, rows, curvature, diagonal, counts, near=None):
        self.rows = rows
        self.curvature = curvature
        self.diagonal = diagonal
        self.counts = counts
        self.near = near

    def product(self, w):
        """Return the operator applied to `w`."""
        block = w.reshape(-1, *w.shape[-2:])
        images, _ = products([self], np.zeros(len(block), dtype=int), block)
        return images.reshape(w.shape)

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`, to a relative residual of `rtol`."""
        return solve_together([self], [w], rtol)[0].x

    def precondition(self, w):
        """Return the approximate inverse applied to `w`."""
        if self.near is None:
            alike = self.diagonal.shape[1] == 1
            kind = _IndependentFeatures if alike else _IndependentClasses
            self.near = kind(
                self.curvature.sum(axis=0), self.rows.mean_squares, self.diagonal
            )
        return self.near.solve(w)

    def own_curvature(self):
        """Return its diagonal (m, n_outputs), without a product."""
        own = np.einsum("naa->na", self.curvature)
        return self.rows.squares(own) + self.diagonal

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


class _IndependentFeatures:
    """``diag(squares) x curvature + diag``, with the mean coupling of the outputs.

    Parameters
    ----------
    curvature : ndarray of shape (n_outputs, n_outputs)
    squares : ndarray of shape (m,)
    diagonal : ndarray of shape (m, 1)
    """

    def __init__(self, curvature, squares, diagonal):
        values, self.rotation = np.linalg.eigh(curvature)
        scale = squares[:, None] * np.maximum(values, 0.0) + diagonal
        self.scale = np.maximum(scale, np.finfo(float).tiny)

    def solve(self, w):
        """Return the inverse applied to `w`."""
        if w.shape[-1] == 1:
            return w / self.scale
        return (w @ self.rotation / self.scale) @ self.rotation.T


class _IndependentClasses:
    """``diag(squares) x curvature + diag`` with penalties of classes.

    The curvature of a softmax is approximated by ``diag(t) - t t' / sum(t)``, with t
    its diagonal. Plus the diagonal penalty it is inverted by the formula of Sherman &
    Morrison (1950).

    Parameters
    ----------
    curvature : ndarray of shape (n_classes, n_classes)
    squares : ndarray of shape (m,)
    diagonal : ndarray of shape (m, n_classes)
    """

    def __init__(self, curvature, squares, diagonal):
        tiny = np.finfo(float).tiny
        t = np.maximum(np.diag(curvature), tiny)
        pull = squares[:, None] * t
        self.inverse = 1.0 / np.maximum(pull + diagonal, tiny)
        self.along = pull * self.inverse
        # sum(t) - sum(t pull / (pull + diag)), without cancellation.
        left = squares * np.sum(t * diagonal * self.inverse, axis=1)
        self.share = 1.0 / np.maximum(left, tiny)[:, None]
        self.share *= squares[:, None] > 0

    def solve(self, w):
        """Return the inverse applied to `w`."""
        along = np.sum(self.along * w, axis=-1, keepdims=True)
        return self.inverse * w + self.share * self.along * along


def solve_together(hessians, rights, rtol=CG_TOL, *, guesses=None, with_raw=False):
    """Return the inverses of several Hessians, each applied to its right-hand sides.

    They iterate together, so that one pass over the rows serves all.

    Parameters
    ----------
    hessians : list of ProductHessian
        Of the same rows, in the same coordinates or others.
    rights : list of ndarray of shape (..., m, n_outputs)
    rtol : float or ndarray, default=CG_TOL
        Relative residual, in the norm that the preconditioner defines; one for all or
        one for each right-hand side of a Hessian.
    guesses : list of ndarray of shape (..., m, n_outputs) or None, default=None
        Where to start; None for zeros.
    with_raw : bool, default=False
        Whether to return raw predictions, which take memory.

    Returns
    -------
    list of Solution
    """
    shape = rights[0].shape[-2:]
    blocks = [right.reshape(-1, *shape) for right in rights]
    owner = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])
    residual = np.concatenate(blocks)
    x = np.zeros_like(residual)
    raw = np.zeros((len(x) * with_raw, shape[1], hessians[0].rows.n_samples))

    direction = _preconditioned(hessians, owner, residual)
    size = _inner(residual, direction)
    limit = size * np.concatenate(
        [np.broadcast_to(np.square(rtol), len(block)) for block in blocks]
    )
    if guesses is not None:
        start = np.concatenate([guess.reshape(-1, *shape) for guess in guesses])
        image, forward = products(hessians, owner, start, with_raw)
        left = residual - image
        z = _preconditioned(hessians, owner, left)
        new = _inner(left, z)
        better = new < size
        x[better], residual[better], direction[better] = (
            part[better] for part in (start, left, z)
        )
        size[better] = new[better]
        if with_raw:
            raw[better] = forward[better]
    rest = np.flatnonzero(size > limit)
    for _ in range(CG_MAX_ITER):
        if not len(rest):
            break
        image, forward = products(hessians, owner[rest], direction[rest], with_raw)
        step = (size[rest] / _inner(direction[rest], image))[:, None, None]
        x[rest] += step * direction[rest]
        if with_raw:
            raw[rest] += step * forward
        residual[rest] -= step * image
        z = _preconditioned(hessians, owner[rest], residual[rest])
        new = _inner(residual[rest], z)
        ratio = new / size[rest]
        direction[rest] = z + ratio[:, None, None] * direction[rest]
        size[rest] = new
        rest = rest[size[rest] > limit[rest]]
    n_lost = int(np.count_nonzero(~np.isfinite(size)))
    hessians[0].counts.n_unfinished_solves += len(rest) + n_lost
    ends = np.cumsum([len(block) for block in blocks])[:-1]
    found = [x, residual, raw] if with_raw else [x, residual]
    parts = zip(*(np.split(block, ends) for block in found), strict=True)
    return [
        Solution(*(part.reshape(right.shape[:-2] + part.shape[1:]) for part in own))
        for own, right in zip(parts, rights, strict=True)
    ]


def products(hessians, owner, w, with_raw=True):
    """Return Hessian `owner[k]` applied to every ``w[k]``, in one pass.

    Parameters
    ----------
    hessians : list of ProductHessian
    owner : ndarray of shape (n,)
    w : ndarray of shape (n, m, n_outputs)
    with_raw : bool, default=True
        Whether raw predictions are wanted. Without them rows that are not in memory
        are read once, and nothing is kept for all of them.

    Returns
    -------
    images : ndarray of shape (n, m, n_outputs)
    raw : ndarray of shape (n, n_outputs, n_samples) or None
        Raw predictions of `w`, if they are known.
    """
    hessians[0].counts.n_hessian_products += len(w)
    rows, splits = _rows_of(hessians, owner)
    diagonals = np.stack([hessians[number].diagonal for number in owner])
    curvatures = [hessian.curvature for hessian in hessians]
    if not with_raw and hessians[0].rows.is_beyond_memory:

        def image(block, *own):
            return block.adjoint(_bent(block.forward(w, splits), own, owner), splits)

        width = w.shape[0] * w.shape[2]
        found = rows.reduce(image, *curvatures, entries_per_row=width)
        return found + diagonals * w, None
    raw = rows.forward(w, splits)
    found = rows.adjoint(_bent(raw, curvatures, owner), splits)
    return found + diagonals * w, raw


def _bent(raw, curvatures, owner):
    """Return raw predictions (n, n_outputs, k) times the curvatures of rows."""
    bent = np.empty_like(raw)
    for number in set(owner.tolist()):
        curvature, own = curvatures[number], owner == number
        if curvature.shape[1] == 1:
            bent[own] = raw[own] * curvature[:, 0].T
        else:
            bent[own] = np.einsum("nab,kbn->kan", curvature, raw[own])
    return bent


def _rows_of(hessians, owner):
    """Return the `SplitRows` of some Hessians, and the split of every vector."""
    if hessians[0].among is None:
        return SharedRows(hessians[0].rows, len(hessians)), owner
    numbers = np.array([hessian.among[1] for hessian in hessians])
    return hessians[0].among[0], numbers[owner]


def _preconditioned(hessians, owner, w):
    """Return roughly the inverse of Hessian `owner[k]` applied to every ``w[k]``."""
    # Many splits may share a preconditioner.
    keys = np.array([id(hessian.near or hessian) for hessian in hessians])[owner]
    if np.all(keys == keys[0]):
        return hessians[owner[0]].precondition(w)
    out = np.empty_like(w)
    for key in np.unique(keys):
        own = keys == key
        out[own] = hessians[owner[own.argmax()]].precondition(w[own])
    return out


def _inner(a, b):
    return np.einsum("kmo,kmo->k", a, b)
