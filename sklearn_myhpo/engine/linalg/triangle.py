"""Orthonormal coordinates of rows from a Cholesky factor of their products.

For one or a few penalties they cost a fraction of the eigenvectors.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dlauum, dpocon, dpotrf, dtrtri

from .krylov import MIN_RATIO
from .symmetric import mirror_upper


class Triangle(NamedTuple):
    """Coordinates ``A' combine`` of the span of rows A (m, n_features).

    Attributes
    ----------
    factor : ndarray of shape (k, k)
        L with ``L L'`` the products of the rows, after a reflection that makes the last
        one zero where they are dependent.
    mirror : ndarray of shape (m,) or None
        Vector of that reflection.
    """

    factor: np.ndarray
    mirror: np.ndarray | None

    def reflected(self, columns):
        """Return the reflection of columns (m, k), without a last row of zeros."""
        if self.mirror is None:
            return columns
        along = self.mirror @ columns / self.mirror[-1]
        return (columns - np.outer(self.mirror, along))[:-1]

    @property
    def combine(self):
        """The combinations of rows that are the coordinates, shape (m, k)."""
        inverse = dtrtri(self.factor, lower=1)[0].T
        if self.mirror is None:
            return inverse
        combine = np.empty((len(self.mirror), len(inverse)))
        combine[:-1], combine[-1] = inverse, 0.0
        along = self.mirror[:-1] @ inverse / self.mirror[-1]
        combine -= np.outer(self.mirror, along)
        return combine

    @property
    def gram(self):
        """The second moments ``L'L`` of the coordinates, shape (k, k)."""
        gram = dlauum(self.factor, lower=1)[0].T
        mirror_upper(gram)
        return gram

    def rows(self, w):
        """Return the rows times coordinates w (k, n), shape (m, n)."""
        image = self.factor @ w
        if self.mirror is None:
            return image
        along = self.mirror[:-1] @ image / self.mirror[-1]
        padded = np.vstack([image, np.zeros_like(along)])
        return padded - np.outer(self.mirror, along)

    def linear(self, columns):
        """Return ``combine' A A' columns``."""
        return self.factor.T @ self.reflected(columns)

    def least_squares(self, columns):
        """Return the coordinates whose predictions are the columns (m, k)."""
        reflected = self.reflected(columns)
        return solve_triangular(self.factor, reflected, lower=True, check_finite=False)


def triangle_of(products, dependent=None):
    """Return the `Triangle` of rows, or None where they are ill-conditioned.

    Parameters
    ----------
    products : ndarray of shape (m, m)
        Of all pairs of rows.
    dependent : ndarray of shape (m,) or None
        Positive unit vector u with ``u A = 0``; None where the rows are independent.

    Returns
    -------
    Triangle or None
    """
    mirror = None
    if dependent is not None:
        # A Householder reflection that maps the vector to minus the last unit vector.
        mirror = dependent.copy()
        mirror[-1] += 1.0
        column = products[:, -1] / mirror[-1]
        column -= 0.5 * column[-1] * mirror / mirror[-1]
        products = products - np.outer(mirror, column)
        products -= np.outer(column, mirror)
        products = products[:-1, :-1]
    size = np.abs(products).sum(axis=0).max(initial=0.0)
    # LAPACK wants columns; the transpose is the same matrix.
    factor, failed = dpotrf(np.asfortranarray(products.T), lower=1, clean=1)
    if failed or not dpocon(factor, size, uplo="L")[0] > MIN_RATIO:
        return None
    return Triangle(factor, mirror)
