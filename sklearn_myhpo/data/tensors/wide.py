"""A tensor with more features than rows: its rows in the space that they span.

The products of all pairs of rows are formed where X lives, n x n, and so are products
with X' afterwards. In between, ridge works with n rows of at most n features, which
have the same products and so the same predictions and penalties.
"""

import numpy as np

from ..limits import row_limits
from .arrays import Home, to_host
from .memory import memory_advice


class WideRows:
    """Rows of a tensor in an orthonormal basis of their span.

    Parameters
    ----------
    X : list of array of shape (n_samples, n_features)
        Parts of the rows.
    centres : bool
        Whether the rows are about their mean.
    device_size : int
        Rows from which eigenvectors are found where X lives.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, rank)
    """

    def __init__(self, X, centres, device_size):
        self.home, self._X = Home.of(X[0]), X
        xp = self.home.xp
        with memory_advice():
            self._mean = None
            if centres:
                self._mean = xp.concat(
                    [xp.mean(self._part(part), axis=0) for part in self._columns()]
                )
            products = None
            for part in self._columns():
                own = self._part(part)
                one = own @ own.T
                products = one if products is None else products + one
            eigh = getattr(getattr(xp, "linalg", None), "eigh", None)
            if products.shape[0] >= device_size and eigh is not None:
                values, vectors = map(to_host, eigh(products))
            else:
                values, vectors = np.linalg.eigh(to_host(products))
        values, vectors = values.astype(np.float64), vectors.astype(np.float64)
        eps = np.finfo(np.float64 if self.home.double == xp.float64 else np.float32).eps
        kept = values > len(values) * eps * max(values[-1], 0.0)
        root = np.sqrt(values[kept])
        self.rows, self._dual = vectors[:, kept] * root, vectors[:, kept] / root

    def _columns(self):
        """Return slices of columns of bounded size."""
        n_rows, n_features = sum(one.shape[0] for one in self._X), self._X[0].shape[1]
        size = max(1, row_limits().tensor_entries // max(1, n_rows))
        starts = range(0, n_features, size)
        return [slice(start, min(start + size, n_features)) for start in starts]

    def _part(self, columns):
        """Return some columns of the rows about their mean."""
        parts = [self.home.precise(one[:, columns]) for one in self._X]
        part = parts[0] if len(parts) == 1 else self.home.xp.concat(parts, axis=0)
        return part if self._mean is None else part - self._mean[None, columns]

    def dual(self, coef):
        """Return weights of the rows (n_samples, k) of coefficients (rank, k)."""
        return self._dual @ coef

    def rows_of(self, coef, intercept):
        """Return weights of the rows where X lives, and the intercepts.

        Parameters
        ----------
        coef : ndarray of shape (k, rank)
            Of `rows`.
        intercept : ndarray of shape (k,)

        Returns
        -------
        dual : array of shape (n_samples, k)
            The sum of the rows of X times these is `features`.
        intercept : array of shape (k,)
        """
        dual = self.dual(coef.T)
        if self._mean is None:
            return self.home.put(dual), self.home.put(intercept)
        # Without a part that the mean of the rows would have.
        dual -= dual.mean(axis=0)
        dual, along = self.home.put(dual), None
        with memory_advice():
            for part in self._columns():
                own = self._part(part) @ self._mean[part]
                along = own if along is None else along + own
            return dual, self.home.put(intercept) - along @ dual

    def features(self, coef, intercept):
        """Return coefficients of the features, and the intercepts, where X lives.

        Parameters
        ----------
        coef : ndarray of shape (k, rank)
            Of `rows`.
        intercept : ndarray of shape (k,)

        Returns
        -------
        coef : array of shape (k, n_features)
        intercept : array of shape (k,)
        """
        xp, dual = self.home.xp, self.home.put(self.dual(coef.T).T)
        with memory_advice():
            parts = [dual @ self._part(part) for part in self._columns()]
            found = xp.concat(parts, axis=1)
            intercept = self.home.put(intercept)
            if self._mean is not None:
                intercept = intercept - found @ self._mean
        return found, intercept
