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
        Whether the rows are about their mean. Else the direction of the mean is the
        first coordinate, and the others have no part of it: a large mean would take
        their digits.
    device_size : int
        Rows from which eigenvectors are found where X lives.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, rank)
    """

    def __init__(self, X, centres, device_size):
        self.home, self._X = Home.of(X[0]), X
        xp = self.home.xp
        #: Length of the mean, if it is a coordinate, and that coordinate of the rows.
        self._length, self._along = 0.0, None
        with memory_advice():
            self._mean = xp.concat(
                [
                    xp.mean(self._joined(part), axis=0, keepdims=True)
                    for part in self._columns()
                ],
                axis=1,
            )
            if not centres:
                self._set_length()
            values, vectors = self._spectrum(device_size)
        values, vectors = values.astype(np.float64), vectors.astype(np.float64)
        eps = np.finfo(np.float64 if self.home.double == xp.float64 else np.float32).eps
        kept = values > len(values) * eps * max(values[-1], 0.0)
        root = np.sqrt(values[kept])
        self.rows, self._dual = vectors[:, kept] * root, vectors[:, kept] / root
        if self._length:
            self.rows = np.column_stack([self._length + self._along, self.rows])

    def _set_length(self):
        """Make the direction of the mean a coordinate."""
        xp = self.home.xp
        self._length = float(xp.sqrt(xp.sum(self._mean * self._mean)))
        if not self._length:
            return
        self._along = to_host(self._times_mean() / self._length).astype(np.float64)

    def _spectrum(self, device_size):
        """Return eigenvalues and eigenvectors of the products of all pairs of rows."""
        products, along = None, None
        if self._length:
            along = self.home.put(self._along[:, None] / self._length)
        for columns in self._columns():
            own = self._part(columns)
            if along is not None:
                own = own - along * self._mean[:, columns]
            one = own @ own.T
            products = one if products is None else products + one
        eigh = getattr(getattr(self.home.xp, "linalg", None), "eigh", None)
        if products.shape[0] >= device_size and eigh is not None:
            return tuple(map(to_host, eigh(products)))
        return np.linalg.eigh(to_host(products))

    def _columns(self):
        """Return slices of columns of bounded size."""
        n_rows, n_features = sum(one.shape[0] for one in self._X), self._X[0].shape[1]
        size = max(1, row_limits().tensor_entries // max(1, n_rows))
        starts = range(0, n_features, size)
        return [slice(start, min(start + size, n_features)) for start in starts]

    def _joined(self, columns):
        """Return some columns of all rows."""
        parts = [self.home.precise(one[:, columns]) for one in self._X]
        return parts[0] if len(parts) == 1 else self.home.xp.concat(parts, axis=0)

    def _part(self, columns):
        """Return some columns of the rows about their mean."""
        return self._joined(columns) - self._mean[:, columns]

    def _times_mean(self):
        """Return the products of the rows about their mean with it, where X lives."""
        found = None
        for columns in self._columns():
            one = self._part(columns) @ self._mean[0, columns]
            found = one if found is None else found + one
        return found

    def _weights(self, coef):
        """Return weights (n_samples, k) of the rows about their mean, and of the mean.

        Parameters
        ----------
        coef : ndarray of shape (k, rank)
        """
        if not self._length:
            return self._dual @ coef.T, np.zeros(len(coef))
        rows = self._dual @ coef[:, 1:].T
        return rows, (coef[:, 0] - self._along @ rows) / self._length

    def rows_of(self, coef, intercept):
        """Return weights of the rows where X lives, intercepts, and sums of weights.

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
        total : ndarray of shape (k,)
            Of `dual`, without the rounding of single weights.
        """
        dual, total = self._weights(coef)
        # Without a part that the mean of the rows would have, but for its own weight.
        dual += total / len(dual) - dual.mean(axis=0)
        dual, put = self.home.put(dual), self.home.put(intercept)
        if self._length:
            return dual, put, total
        with memory_advice():
            return dual, put - self._times_mean() @ dual, total

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
        rows, total = self._weights(coef)
        dual, put = self.home.put(rows.T), self.home.put(intercept)
        total = self.home.put(total[:, None])
        with memory_advice():
            parts = [
                dual @ self._part(part) + total * self._mean[:, part]
                for part in self._columns()
            ]
            found = self.home.xp.concat(parts, axis=1)
            if not self._length:
                put = put - found @ self._mean[0, :]
        return found, put
