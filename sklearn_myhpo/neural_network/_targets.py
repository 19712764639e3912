"""Targets of the estimators: classes as indices, numbers standardized."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from .._messages import shown


class ClassTargets:
    """Class labels, as a mixin."""

    _task = "classification"

    def _check_target(self, y):
        """Check y; return class indices, also for a stratified split."""
        if np.ndim(y) < 2 or np.shape(y)[1:] == (1,):
            check_classification_targets(y)
            y = column_or_1d(y, warn=True)
        self.classes_, index = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least 2 classes. Got only "
                f"the class {shown(self.classes_[0])}."
            )
        return index.reshape(np.shape(y))

    def _encode_target(self, y, index, train, dtype):
        """Return y in the form of the loss, and the number of outputs."""
        return index.astype(np.int64), len(self.classes_)


class RealTargets:
    """Numbers, which the loss sees standardized, as a mixin."""

    _task = "regression"

    def _check_target(self, y):
        """Check y; return None, because rows have no strata."""
        with np.errstate(over="ignore"):
            size = np.abs(y).max(initial=0.0)
            if not np.isfinite(np.square(size, dtype=np.float64)):
                raise ValueError(
                    f"y has entries up to {size:.1e} in size, whose squares are not "
                    "finite. Scale y down."
                )
        return None

    def _encode_target(self, y, index, train, dtype):
        """Return y in the form of the loss, and the number of outputs.

        Parameters
        ----------
        y : ndarray of shape (n_samples, ...)
            Targets.
        index : None
            Result of `_check_target`.
        train : ndarray of int
            Training rows, which define mean and scale.
        dtype : dtype
            Of the result.
        """
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._target_shape = y.shape[1:]
        table = y.reshape(len(y), -1).astype(np.float64)
        mean, scale = table[train].mean(axis=0), table[train].std(axis=0)
        scale[scale == 0] = 1.0
        self._y_units = mean, scale
        return ((table - mean) / scale).astype(dtype), table.shape[1]
