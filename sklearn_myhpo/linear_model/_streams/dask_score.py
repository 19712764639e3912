"""Scores of rows from Dask: sums over the blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ..._messages import shown
from ..._typing import MatrixLike
from ...data.dask.blocks import as_labels, is_dask
from ...data.dask.lazy import for_predictions
from ...data.dask.source import DaskSource
from ...data.streams.source import Sums
from ...data.tensors.arrays import is_tensor


class DaskScoreMixin:
    """The score of the other base classes, by sums over blocks where X is from Dask."""

    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return R2 of a regressor, or the accuracy of a classifier.

        They equal scikit-learn's scores: R2 is the mean over several targets, and for
        accuracy all labels of a row must be right.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or \
collection of Dask
            Data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Targets or labels; from Dask where X is.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; from Dask where X is.

        Returns
        -------
        float
            At most 1.
        """
        if not is_dask(X):
            if is_tensor(X):
                # The metrics take no lists beside a tensor.
                y, sample_weight = _as_array(y), _as_array(sample_weight)
            return super().score(X, y, sample_weight)
        check_is_fitted(self)
        is_classifier = self.__sklearn_tags__().estimator_type == "classifier"
        y = as_labels(y) if is_classifier else y
        source, model = DaskSource(X, y, sample_weight), for_predictions(self)
        if is_classifier:
            check_labels(source.first().y, self.classes_)
            right, weight = source.map_reduce(hits_of_block, model, source.names).parts
            return float(right / weight)
        first = source.first().y
        origin = first.reshape(len(first), -1).mean(axis=0, dtype=np.float64)
        given = model, source.names, origin
        weight, total, square, left = source.map_reduce(squares_of_block, *given).parts
        spread = np.maximum(square - total**2 / weight, 0.0)
        ratio = np.divide(left, spread, out=(left > 0).astype(float), where=spread > 0)
        return float(np.mean(1.0 - ratio))


def check_labels(y, classes):
    """Raise if some labels are texts and the classes are not, or the reverse.

    Parameters
    ----------
    y : ndarray
        Some labels.
    classes : ndarray of shape (n_classes,)
        Of the fitted estimator.
    """
    one = y.ravel()[:1].tolist()
    if one and isinstance(one[0], str) != isinstance(classes.tolist()[0], str):
        raise ValueError(
            f"y must have labels of the type of the classes, {shown(classes)}. Got "
            f"{shown(one[0])}."
        )


def _as_array(value):
    """Return a list as an array, and anything else as it is."""
    return np.asarray(value) if isinstance(value, list | tuple) else value


def hits_of_block(block, model, names):
    """Return the weight of the rows with the right label, and of all: a task."""
    found = model.predict(as_given(block.X, names))
    right = found == block.y
    right = right.all(axis=1) if right.ndim == 2 else right
    weight = weights_of(block)
    return Sums((float(weight[right].sum()), float(weight.sum())))


def squares_of_block(block, model, names, origin):
    """Return sums of weights, y, squares of y and of residuals: a task."""
    y = block.y.reshape(block.n_rows, -1).astype(np.float64)
    found = model.predict(as_given(block.X, names)).reshape(y.shape)
    weight, moved, left = weights_of(block), y - origin, y - found
    sums = weight @ moved, weight @ moved**2, weight @ left**2
    return Sums((float(weight.sum()), *sums))


def weights_of(block):
    """Return the weights of the rows of a block, shape (b,)."""
    if block.weight is None:
        return np.ones(block.n_rows)
    return block.weight.astype(np.float64)


def as_given(X, names):
    """Return rows as a frame if X was one, so that names are checked."""
    if names is None:
        return X
    import pandas

    return pandas.DataFrame(X, columns=names)
