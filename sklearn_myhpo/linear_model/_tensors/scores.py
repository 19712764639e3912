"""Scores and predictions of held-out rows of a tensor, by models of the splits."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from ..._messages import shown
from ...data.limits import row_limits
from ...data.tensors.arrays import Home, to_host
from ...data.tensors.memory import memory_advice


@dataclass(frozen=True, eq=False)
class TensorGiven:
    """The rows of a tensor that splits hold out, as `GivenRows` has them of NumPy.

    Attributes
    ----------
    X : array of shape (n_samples, n_features)
        Of the training rows, or of the validation set.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        As given, so labels where there are classes.
    sample_weight : ndarray of shape (n_samples,) or None
        None where there are none.
    held_out : list of ndarray of int
        Rows of positive weight of every split.
    """

    X: object
    y: np.ndarray
    sample_weight: np.ndarray | None
    held_out: list

    @classmethod
    def of(cls, X, columns, own, pairs, is_weighted):
        """Return the held-out rows of a fit.

        Parameters
        ----------
        X : array of shape (n_samples, n_features)
            Of the training rows.
        columns : (ndarray, ndarray)
            Their y and weights.
        own : OwnTensors or None
        pairs : list of (ndarray, ndarray)
            Of row numbers.
        is_weighted : bool
            Whether the weights are the user's.
        """
        y, weight = columns
        rows = [np.asarray(held_out) for _, held_out in pairs]
        if own is not None:
            (X, y, weight), rows = own, [np.arange(len(own.y))]
        rows = [one[weight[one] > 0] for one in rows]
        return cls(X, y, weight if is_weighted else None, rows)

    def scored(self, index, model):
        """Return what a model of scikit-learn and the rows are for a scorer.

        Products with X stay where it is: the model's raw predictions of the rows come
        to the host, and a copy of it takes them for features.

        Parameters
        ----------
        index : ndarray of int of shape (n_rows,)
        model : BaseEstimator
            Fitted, with `coef_` and `intercept_`.

        Returns
        -------
        raw : ndarray of shape (n_rows, n_outputs)
        model : BaseEstimator
            Makes the same predictions of these.
        """
        coef, home = np.atleast_2d(model.coef_), Home.of(self.X)
        matrix = home.put(coef.T.astype(np.float64))
        size = max(1, row_limits().tensor_entries // max(1, coef.shape[1]))
        raw = np.empty((len(index), len(coef)), dtype=coef.dtype)
        with memory_advice():
            for start in range(0, len(index), size):
                part = slice(start, start + size)
                rows = home.precise(home.rows(self.X, index[part]))
                raw[part] = to_host(rows @ matrix) + model.intercept_
        plain = copy(model)
        eye = np.eye(len(coef), dtype=coef.dtype)
        plain.coef_ = eye if model.coef_.ndim == 2 else eye[0]
        plain.intercept_ = np.zeros_like(model.intercept_)
        plain.n_features_in_ = len(coef)
        return raw, plain

    def target(self, index):
        """Return some rows of y."""
        return self.y[index]

    def weight(self, index):
        """Return the weights of some rows; None where there are none."""
        return None if self.sample_weight is None else self.sample_weight[index]

    def check_scorers(self, scorers, scoring):
        """Raise a ValueError where a scorer would look at X or at the model itself."""
        if all(hasattr(scorer, "_score_func") for scorer in scorers.values()):
            return
        raise ValueError(
            f"scoring={shown(scoring)} is given X, which is an array of "
            f"{Home.of(self.X).name} here. Use the name of a scorer, or "
            "sklearn.metrics.make_scorer of a function of y and predictions; or fit "
            "NumPy arrays."
        )
