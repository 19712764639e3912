"""The rows of a block as a linear map, a few at a time."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..blocks import slices
from ..dense import DenseDesign
from ..sparse import SparseDesign


class RowView(NamedTuple):
    """Origin, units and last coordinate of rows, as in `Design`; small, to be sent.

    Attributes
    ----------
    shift : ndarray of shape (n_features,)
    scale : ndarray of shape (n_features,) or None
    fit_intercept, has_large_means : bool
    """

    shift: np.ndarray
    scale: np.ndarray | None
    fit_intercept: bool
    has_large_means: bool

    @property
    def n_coordinates(self):
        """Number of coordinates of a row, the intercept included."""
        return len(self.shift) + self.fit_intercept

    def parts(self, X, used, entries_per_row):
        """Yield (slice, MemoryDesign) of rows in double precision, of bounded size.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n_rows, n_features)
        used : ndarray of int or None
            The rows that count, increasing; None for all.
        entries_per_row : int
            Numbers that the caller makes per row.
        """
        width = max(entries_per_row, len(self.shift))
        n_rows = X.shape[0] if used is None else len(used)
        for rows in slices(n_rows, width):
            yield rows, self.of(X[rows if used is None else used[rows]])

    def of(self, X):
        """Return rows, dense or CSR, as a `MemoryDesign`."""
        if sparse.issparse(X):
            return SparseDesign(sparse.csr_array(X, dtype=np.float64), *self)
        return DenseDesign(np.ascontiguousarray(X, dtype=np.float64), *self)
