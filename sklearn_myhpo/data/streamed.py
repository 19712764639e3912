"""Dense rows that stay where they are: in a file, or in single precision."""

import numpy as np

from .blocks import slices
from .dense import DenseDesign
from .design import Design


class StreamedDesign(Design):
    """Dense X that stays where it is: in a file, or in single precision.

    Every block is read, and made double, when it is visited.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        float32 or float64, in memory or a file.
    shift, scale, fit_intercept, has_large_means
        As of `Design`.
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

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield copies of some rows at a time, in double precision."""
        width = max(entries_per_row, self.n_features)
        for rows in slices(self.n_samples, width, least_rows):
            yield rows, self.take(rows)

    def take(self, index):
        """Return the rows of an index or slice, in memory and double precision."""
        return DenseDesign(
            np.asarray(self.X[index], dtype=np.float64),
            self.shift,
            self.scale,
            self.fit_intercept,
            self.has_large_means,
        )
