"""Condensed rows in memory, with the second moments of many more rows."""

import numpy as np

from ..dense import DenseDesign


class CondensedDesign(DenseDesign):
    """Dense condensed rows, relative to an origin.

    They give the same results as the original rows for everything that depends on X
    through its second moments.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Relative to `centre`, which may be so large that sums would lose their digits.
    centre : ndarray of shape (n_features,)
        Origin of `X` in the units of the features.
    n_counted : int
        Number of original rows of positive weight.
    head : object
        First original rows, for names and dtypes of the columns.
    dtype : dtype
        Precision of the original rows.
    shift, scale, fit_intercept, has_large_means
        As in `Design`.
    """

    def __init__(
        self,
        X,
        centre,
        n_counted,
        head=None,
        dtype=np.float64,
        *,
        shift=None,
        scale=None,
        fit_intercept=False,
        has_large_means=False,
    ):
        super().__init__(X, shift, scale, fit_intercept, has_large_means)
        self.centre, self.n_counted = centre, n_counted
        self.head, self.dtype = head, np.dtype(dtype)
        #: The `Condensed` to which these rows belong, if they are all of its rows.
        self.condensed = None
        #: The held-out rows themselves, if they may be looked at.
        self.given = None

    def _like(self, X, **facts):
        given = {
            "shift": self.shift,
            "scale": self.scale,
            "fit_intercept": self.fit_intercept,
            "has_large_means": self.has_large_means,
        }
        kept = self.centre, self.n_counted, self.head, self.dtype
        return CondensedDesign(X, *kept, **{**given, **facts})

    def _of(self, X):
        """Return other rows of the same kind."""
        return self._like(X)

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        return self._like(
            self.X,
            shift=shift,
            scale=scale,
            fit_intercept=fit_intercept,
            has_large_means=has_large_means,
        )

    def count_rows(self, weights):
        """Return the number of original rows."""
        return self.n_counted

    @property
    def own_shift(self):
        """The origin of the coordinates, relative to that of the rows."""
        return self.shift - self.centre

    def raw(self):
        """Return X, rounded where its origin is large."""
        return self.X + self.centre

    def moments(self, index, weight):
        """Return total weight, means, and sums of squares about these, of raw columns.

        Parameters
        ----------
        index : ndarray or slice
            Rows that count.
        weight : ndarray of shape (n_rows,)
            Positive, of these rows.

        Returns
        -------
        float, ndarray of shape (n_features,), ndarray of shape (n_features,)
        """
        rows = DenseDesign(self.X)
        total, mean, square = rows.moments(index, weight)
        return total, mean + self.centre, square

    def moved(self):
        """Return ``X - shift``."""
        return self.X - self.own_shift

    def largest(self):
        """Return the largest size of an entry of X."""
        return float(np.abs(self.raw()).max(initial=0.0))

    def ends(self, columns):
        """Return the least and the largest entry of some columns."""
        low, high = super().ends(columns)
        return low + self.centre[columns], high + self.centre[columns]

    def constants(self):
        """Return the indices of the columns with one value, and these values."""
        index = np.flatnonzero(np.all(self.X[:1] == self.X, axis=0))
        return index, self.centre[index] + self.X[0, index]

    def _forward(self, core):
        return super()._forward(core) + self.centre @ core

    def _adjoint(self, values):
        return super()._adjoint(values) + np.outer(self.centre, values.sum(axis=0))
