"""Dense rows copied in blocks: from a file, in single precision, or with gaps."""

import numpy as np

from .blocks import slices
from .dense import DenseDesign
from .design import Design


class StreamedDesign(Design):
    """Dense X whose blocks are copied, in double precision, when they are read.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        float32 or float64, in memory or in a file. It may be a view with strides for
        which every product would copy X.
    shift, scale, fit_intercept, has_large_means
        As in `Design`.
    """

    def __init__(
        self,
        X,
        shift=None,
        scale=None,
        fit_intercept=False,
        has_large_means=False,
    ):
        super().__init__(X.shape, shift, scale, fit_intercept, has_large_means)
        self.X = X

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        return StreamedDesign(self.X, shift, scale, fit_intercept, has_large_means)

    def in_memory(self):
        """Return the rows in double precision, in a copy where they were not.

        Strided rows in double precision are not copied.
        """
        if self.X.dtype == np.float64 and self.X.itemsize not in self.X.strides:
            return self
        return self.take(slice(None))

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield copies of some rows at a time, in double precision."""
        width = max(entries_per_row, self.n_features)
        for rows in slices(self.n_samples, width, least_rows):
            yield rows, self.take(rows)

    def take(self, index):
        """Return the rows of an index or slice, in memory and double precision."""
        rows = np.asarray(self.X[index], dtype=np.float64)
        if rows.itemsize not in rows.strides:
            rows = np.ascontiguousarray(rows)
        return DenseDesign(
            rows,
            self.shift,
            self.scale,
            self.fit_intercept,
            self.has_large_means,
        )
