"""Base class of the perceptrons, whose predictions need NumPy only."""

from __future__ import annotations

from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._messages import shown
from .._progress import with_callbacks
from .._typing import MatrixLike
from ..data.arrays import select_rows
from ._base import SelfTuningEstimator, import_training, split_rows
from ._forward import ACTIVATIONS, predict_raw
from .hyperparameters import make_plan, perceptron_sites


class SelfTuningPerceptron(SelfTuningEstimator):
    """Base of the perceptrons; subclasses define the targets."""

    _parameter_constraints = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        **SelfTuningEstimator._parameter_constraints,
    }

    @with_callbacks
    def fit(self, X: MatrixLike, y: ArrayLike) -> Self:
        """Train the network, and tune its hyperparameters on held-out rows.

        After an error or an interruption the estimator is unchanged.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data; standardize features of different scales.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target; several columns are allowed only for regression.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ImportError
            If PyTorch is not installed.
        ValueError
            If a parameter or the data are invalid; the message has the value and the
            allowed values.
        """
        return self._fit(X, y)

    def _train(self, X, y, validation, tasks):
        """Train on the training rows, and set the fitted attributes."""
        hidden = _check_sizes(self.hidden_layer_sizes)
        sites = perceptron_sites(len(hidden) + 1)
        plan = make_plan(sites, self.tune, self.hyperparameters)
        is_regression = self._task == "regression"
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            multi_output=is_regression,
            y_numeric=is_regression,
            ensure_min_samples=2,
        )
        strata = self._check_target(y)
        training = import_training()
        random_state = check_random_state(self.random_state)
        rows = split_rows(X.shape[0], strata, self.validation_fraction, random_state)
        target, n_outputs = self._encode_target(y, strata, rows[0], X.dtype)
        outcome = training.train_perceptron(
            self,
            parts=[(select_rows(X, part), target[part]) for part in rows],
            sizes=[X.shape[1], *hidden, n_outputs],
            plan=plan,
            seed=int(random_state.randint(np.iinfo(np.int32).max)),
            report=lambda now: tasks.iterate(lambda: self._network(now, plan)),
            deadline=tasks.deadline,
        )
        self._set_outcome(outcome, lambda best: self._network(best, plan))

    def _network(self, checkpoint, plan):
        """Return the fitted attributes of a checkpoint, by name."""
        arrays = [each.numpy() for each in checkpoint.weights.values()]
        coefs = [each.T.copy() for each in arrays if each.ndim == 2]
        intercepts = [each for each in arrays if each.ndim == 1]
        coefs, intercepts = self._to_units(coefs, intercepts)
        dropout, lambda_ = np.split(checkpoint.values.astype(np.float64), 2)
        named = zip(plan.names, checkpoint.values.tolist(), strict=True)
        return {
            "coefs_": coefs,
            "intercepts_": intercepts,
            "n_layers_": len(coefs) + 1,
            "n_outputs_": len(intercepts[-1]),
            "hyperparameters_": dict(named),
            "dropout_": dropout,
            "lambda_": lambda_,
        }

    def _to_units(self, coefs, intercepts):
        """Return coefs and intercepts for outputs in the units of y."""
        return coefs, intercepts

    def _raw_predict(self, X):
        """Return the outputs of the network, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False
        )
        return predict_raw(X, self.coefs_, self.intercepts_, self.activation)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _check_sizes(sizes):
    """Return the numbers of hidden units as a list."""
    sizes = np.atleast_1d(np.asarray(sizes)).tolist()
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(
            "The 'hidden_layer_sizes' parameter must hold positive integers. Got "
            f"{shown(sizes)} instead."
        )
    return sizes
