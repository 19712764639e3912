"""Residuals of columns after regression on some of them."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import svd

from .dense import DenseDesign
from .design import Design

#: Share of a column's second moment below which other columns explain it completely.
EXPLAINED = 1e-11
#: Mean square of a centred column, relative to its squared mean, below which the column
#: counts as constant.
CONSTANT = 1e-14


class Explained(NamedTuple):
    """Regression of columns on others, over weighted rows.

    Attributes
    ----------
    kept, free : ndarray of int
        Explained columns, and columns that explain them.
    share : ndarray of shape (n_samples,)
        Weights of the rows, with sum one.
    basis : ndarray of shape (n_free, rank)
        ``q = z basis`` are orthonormal: their weighted products are the identity.
    follow : ndarray of shape (n_free, n_kept)
        The residual is ``x + z follow``.
    """

    kept: np.ndarray
    free: np.ndarray
    share: np.ndarray
    basis: np.ndarray
    follow: np.ndarray


def explain(design, share, free):
    """Return the regression of the other columns on some.

    Parameters
    ----------
    design : Design
        Centred if there is an intercept.
    share : ndarray of shape (n_samples,)
        Weights of the rows, with sum one.
    free : ndarray of int
        The explaining columns; they may be dependent or constant.

    Returns
    -------
    explained : Explained
    q : ndarray of shape (n_samples, rank)
        The orthonormal columns.
    """
    kept = np.setdiff1d(np.arange(design.n_features), free)
    z = design.columns(free)
    unit = np.sqrt(share @ z**2)
    offset = np.abs(design.scaled(design.shift))[free]
    unit[unit**2 <= CONSTANT * offset**2] = 0.0
    inverse = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
    rows = np.sqrt(share)[:, None] * z * inverse
    _, singular, right = svd(rows, full_matrices=False, check_finite=False)
    floor = max(z.shape) * np.finfo(float).eps * singular.max(initial=0.0)
    used = singular > floor
    basis = inverse[:, None] * right[used].T / singular[used]
    q = z @ basis
    along = design.adjoint(share[:, None] * q)[kept]
    return Explained(kept, free, share, basis, -basis @ along.T), q


class PartialDesign(Design):
    """Residuals of the rows of another design on some of their columns.

    Parameters
    ----------
    base : Design
        Centred if there is an intercept.
    explained : Explained
        Of its columns.
    with_basis : bool, default=False
        Whether the orthonormal columns q follow.
    shift, scale, fit_intercept, has_large_means
        As in `Design`.
    """

    def __init__(
        self,
        base,
        explained,
        with_basis=False,
        shift=None,
        scale=None,
        fit_intercept=False,
        has_large_means=False,
    ):
        width = len(explained.kept) + with_basis * explained.basis.shape[1]
        shape = base.n_samples, width
        super().__init__(shape, shift, scale, fit_intercept, has_large_means)
        self.base, self.explained, self.with_basis = base, explained, with_basis

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        return PartialDesign(
            self.base,
            self.explained,
            self.with_basis,
            shift,
            scale,
            fit_intercept,
            has_large_means,
        )

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield some dense rows at a time."""
        width = max(entries_per_row, self.base.n_coordinates)
        for rows, block in self.base.blocks(width, least_rows):
            yield rows, self._dense(block)

    def take(self, index):
        """Return the rows of an index or slice."""
        return self._dense(self.base.take(index))

    def _dense(self, block):
        kept, free, _, basis, follow = self.explained
        rows = block.centred()
        own = rows[:, kept] + rows[:, free] @ follow
        if self.with_basis:
            own = np.hstack([own, rows[:, free] @ basis])
        return DenseDesign(
            own, self.shift, self.scale, self.fit_intercept, self.has_large_means
        )

    def _forward(self, core):
        kept, free, _, basis, follow = self.explained
        w = np.zeros((self.base.n_coordinates, core.shape[1]))
        own = core[: len(kept)]
        w[kept], w[free] = own, follow @ own
        if self.with_basis:
            w[free] += basis @ core[len(kept) :]
        return self.base.forward(w)

    def _adjoint(self, values):
        kept, free, _, basis, follow = self.explained
        full = self.base.adjoint(values)
        own = full[kept] + follow.T @ full[free]
        return np.vstack([own, basis.T @ full[free]]) if self.with_basis else own

    def row_products(self):
        """Return the products of all pairs of rows, of the explained columns alone.

        From the products of the base, without dense rows.
        """
        kept, free, share, basis, _ = self.explained
        units = np.zeros(self.base.n_features)
        units[kept] = 1.0 if self.scale is None else self.scale[: len(kept)]
        products = self.base.in_units(units).row_products()
        q = self.base.columns(free) @ basis
        products -= q @ ((share[:, None] * q).T @ products)
        products -= (products @ (share[:, None] * q)) @ q.T
        return products


def without_explained(design, explained):
    """Return the residuals of the columns, zero where they are only rounding.

    Parameters
    ----------
    design : Design
    explained : Explained
        Of its columns.

    Returns
    -------
    PartialDesign
        About zero, without an intercept.
    """
    share = explained.share[:, None]
    left = PartialDesign(design, explained)
    before = design.squares(share)[explained.kept, 0]
    is_left = left.squares(share)[:, 0] > EXPLAINED * before
    return left if np.all(is_left) else left.in_units(is_left.astype(float))


def with_basis(rows, q, fit_intercept):
    """Return rows followed by the orthonormal columns q and an intercept.

    Parameters
    ----------
    rows : PartialDesign or DenseDesign
        From `without_explained`, or those reduced to their row space.
    q : ndarray of shape (n_samples, rank)
    fit_intercept : bool

    Returns
    -------
    Design
    """
    if isinstance(rows, DenseDesign):
        return DenseDesign(np.hstack([rows.X, q]), fit_intercept=fit_intercept)
    scale = rows.scale
    if scale is not None:
        scale = np.append(scale, np.ones(q.shape[1]))
    return PartialDesign(
        rows.base, rows.explained, True, scale=scale, fit_intercept=fit_intercept
    )
