"""Rows with more features than rows in an orthonormal basis of their span.

They have the same products, and so the same ridge predictions and penalties, and take
no more memory than the products of all pairs of rows.
"""

from typing import NamedTuple

import numpy as np

from .dense import DenseDesign
from .design import Design


class RowBasis(NamedTuple):
    """Rows in a basis of their span.

    Attributes
    ----------
    design : DenseDesign
        The rows (n_samples, rank), about their mean where there is an intercept.
    dual : ndarray of shape (n_samples, rank)
        Makes weights of the rows of coefficients (rank, k).
    given : Design
        The rows in the features, about their mean, without an intercept.
    share : ndarray of shape (n_samples,) or None
        Of the rows in their mean; None where nothing is subtracted.
    """

    design: DenseDesign
    dual: np.ndarray
    given: Design
    share: np.ndarray | None

    def rows(self, coef):
        """Return weights of the rows (n_samples, k) of coefficients (rank, k).

        The sum of the rows times these, about any origin, is `features` in units of the
        features' scale.
        """
        found = self.dual @ coef
        if self.share is not None:
            found -= np.outer(self.share, found.sum(axis=0))
        return found

    def features(self, coef):
        """Return coefficients of features (n_features, k), and the shift times these.

        Parameters
        ----------
        coef : ndarray of shape (rank, k)
        """
        found = self.given.adjoint(self.dual @ coef)
        found = self.given.scaled(found.T).T
        return found, self.given.shift @ found

    def mean_of(self, coef):
        """Return the predictions (k,) of the mean of the rows, without an intercept."""
        return self._along @ coef

    @property
    def _along(self):
        mean = self.given.scaled(self.given.shift)[:, None]
        return self.dual.T @ self.given.forward(mean)[:, 0]


def row_basis(design, weight, fit_intercept, find_range):
    """Return the `RowBasis` of rows, or None where rounding hides their span.

    Parameters
    ----------
    design : Design
        About zero, without an intercept, in units in which all penalties are alike.
    weight : ndarray of shape (n_samples,)
    fit_intercept : bool
    find_range : callable
        Returns the eigenvectors and eigenvalues of a matrix that are above rounding, or
        None.
    """
    found = design.at_means(weight, fit_intercept)
    given = found.about(found.shift, found.scale, False, found.has_large_means)
    space = find_range(given.row_products())
    if space is None:
        return None
    basis, values = space
    root = np.sqrt(values)
    share = weight / weight.sum() if fit_intercept else None
    return RowBasis(DenseDesign(basis * root), basis / root, given, share)
