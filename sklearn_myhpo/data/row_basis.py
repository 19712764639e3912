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
        The rows (n_samples, rank): about their mean where there is an intercept, else
        with the direction of their mean as the first coordinate. The others have no
        part of a large mean, which would take their digits.
    dual : ndarray of shape (n_samples, rank)
        Makes weights of the rows of coefficients, but for that of the mean.
    given : Design
        The rows in the features, about their mean, without an intercept.
    share : ndarray of shape (n_samples,)
        Of the rows in their mean.
    mean : MeanCoordinate or None
        None where there is an intercept, or a mean of zero.
    is_free : bool
        Whether there is an intercept.
    """

    design: DenseDesign
    dual: np.ndarray
    given: Design
    share: np.ndarray
    mean: object
    is_free: bool

    def rows(self, coef):
        """Return weights of the rows (n_samples, k) of coefficients, and their sums.

        The sum of the rows times these is `features` in units of the features' scale.

        Parameters
        ----------
        coef : ndarray of shape (rank, k)
        """
        found, total = self._about_mean(coef)
        if self.mean is not None:
            total = total / self.mean.length
        elif not self.is_free:
            return found, found.sum(axis=0)
        found += np.outer(self.share, total - found.sum(axis=0))
        return found, total

    def features(self, coef):
        """Return coefficients of features (n_features, k), and the shift times these.

        Parameters
        ----------
        coef : ndarray of shape (rank, k)
        """
        rows, total = self._about_mean(coef)
        found = self.given.adjoint(rows)
        if self.mean is not None:
            found += np.outer(self.mean.direction, total)
        found = self.given.scaled(found.T).T
        return found, self._lack(self.given.shift @ found)

    def mean_of(self, coef):
        """Return the predictions (k,) of the mean of the rows, without an intercept."""
        mean = self.given.scaled(self.given.shift)[:, None]
        along = self.dual.T @ self.given.forward(mean)[:, 0]
        return self._lack(along @ coef[-len(along) :])

    def _about_mean(self, coef):
        """Return weights of rows about the mean, and of the direction of the mean."""
        if self.mean is None:
            return self.dual @ coef, np.zeros(coef.shape[1])
        found = self.dual @ coef[1:]
        return found, coef[0] - self.mean.along @ found

    def _lack(self, values):
        """Return what an intercept lacks without the origin: zeros without one."""
        return values if self.is_free else np.zeros_like(values)


class MeanCoordinate(NamedTuple):
    """The direction of the mean of the rows as a coordinate.

    Attributes
    ----------
    length : float
        Of the mean.
    direction : ndarray of shape (n_features,)
        The mean over its length.
    along : ndarray of shape (n_samples,)
        The coordinate of the rows about their mean.
    """

    length: float
    direction: np.ndarray
    along: np.ndarray


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
    found = design.at_means(weight, True)
    given = found.about(found.shift, found.scale, False, found.has_large_means)
    products = given.row_products()
    mean = None if fit_intercept else _mean_coordinate(given)
    if mean is not None:
        products -= np.outer(mean.along, mean.along)
    space = find_range(products)
    if space is None:
        return None
    basis, values = space
    root = np.sqrt(values)
    rows, dual = basis * root, basis / root
    if mean is not None:
        rows = np.column_stack([mean.length + mean.along, rows])
    share = weight / weight.sum()
    return RowBasis(DenseDesign(rows), dual, given, share, mean, fit_intercept)


def _mean_coordinate(given):
    """Return the `MeanCoordinate` of rows about their mean, or None without one."""
    mean = given.scaled(given.shift)
    length = np.linalg.norm(mean)
    if not length:
        return None
    direction = mean / length
    return MeanCoordinate(length, direction, given.forward(direction[:, None])[:, 0])
