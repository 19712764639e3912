"""Base class of the estimators: validation, split of the rows, fitted attributes."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._deadline import Deadline
from .._documentation import DocumentationLinkMixin
from .._html import LearnedHTMLMixin
from .._messages import import_optional, shown
from .._progress import CallbackSupportMixin, Tasks, kept_on_error, with_callbacks
from .._typing import MatrixLike
from .._warn import warn
from ..data.arrays import select_rows
from ._forward import ACTIVATIONS, predict_raw
from .hyperparameters import make_plan


def import_training():
    """Return the training module, which imports PyTorch.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If PyTorch is not installed; the message has the pip command.
    """
    import_optional("torch", "Training a self-tuning network", extra="nn")
    from . import _fit

    return _fit


class SelfTuningPerceptron(
    LearnedHTMLMixin, CallbackSupportMixin, DocumentationLinkMixin, BaseEstimator
):
    """Base of the estimators; they encode y for the loss and decode predictions."""

    _parameter_constraints = {
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "form": [StrOptions({"centred", "published"})],
        # `make_plan` checks the names, which depend on the number of layers.
        "tune": "no_validation",
        "hyperparameters": "no_validation",
        "sigma_init": [Interval(Real, 1e-3, 1.5, closed="both")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "hyper_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "train_steps": [Interval(Integral, 1, None, closed="left")],
        "validation_steps": [Interval(Integral, 1, None, closed="left")],
        "n_warmup_iter": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _is_classifier = False

    @abstractmethod
    def _check_target(self, y):
        """Check y; return class indices for a stratified split, or None."""

    @abstractmethod
    def _encode_target(self, y, train, dtype):
        """Return y in the form of the loss, and the number of outputs."""

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
        self._validate_params()
        # Training that may stop early has no number of iterations.
        n_iter = self.max_iter if self.n_iter_no_change == np.inf else None
        tasks, deadline = Tasks(self, X, y, n_iter), Deadline(self.max_time)
        with kept_on_error(self):
            tasks.begin()
            self._train(X, y, tasks, deadline)
            tasks.end()
        return self

    def _train(self, X, y, tasks, deadline):
        """Train on the training rows, and set the fitted attributes."""
        hidden = _check_sizes(self.hidden_layer_sizes)
        plan = make_plan(len(hidden) + 1, self.tune, self.hyperparameters)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            multi_output=not self._is_classifier,
            y_numeric=not self._is_classifier,
            ensure_min_samples=2,
        )
        strata = self._check_target(y)
        training = import_training()
        random_state = check_random_state(self.random_state)
        train, validation = split_rows(
            X.shape[0], strata, self.validation_fraction, random_state
        )
        target, n_outputs = self._encode_target(y, train, X.dtype)
        outcome = training.train_network(
            parts=[
                (select_rows(X, rows), target[rows]) for rows in (train, validation)
            ],
            sizes=[X.shape[1], *hidden, n_outputs],
            plan=plan,
            estimator=self,
            seed=int(random_state.randint(np.iinfo(np.int32).max)),
            report=lambda now: tasks.iterate(lambda: self._network(now, plan)),
            deadline=deadline,
        )
        vars(self).update(self._network(outcome.best, plan))
        self._set_history(outcome)
        self._warn(outcome)

    def _network(self, checkpoint, plan):
        """Return the fitted attributes of a checkpoint, by name."""
        coefs, intercepts = self._to_units(checkpoint.weights)
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

    def _to_units(self, weights):
        """Return coefs and intercepts for outputs in the units of y."""
        return [coef for coef, _ in weights], [intercept for _, intercept in weights]

    def _learned(self):
        try:
            check_is_fitted(self)
        except NotFittedError:
            return None
        rows = [[name, f"{value:.4g}"] for name, value in self.hyperparameters_.items()]
        caption = (
            f"Learned in fit: validation loss {self.validation_loss_:.6g} after "
            f"{self.best_iter_} of {self.n_iter_} iterations."
        )
        return caption, ["hyperparameter", "value"], rows

    def _set_history(self, outcome):
        best = outcome.best
        self.schedule_ = outcome.history
        self.loss_curve_ = outcome.history["train_loss"].tolist()
        self.validation_scores_ = outcome.history["validation_score"].tolist()
        self.best_validation_score_ = best.score
        self.validation_loss_ = best.loss
        self.best_iter_ = best.epoch
        self.n_iter_ = len(self.loss_curve_)
        self.converged_ = outcome.status == "stopped"

    def _warn(self, outcome):
        name = type(self).__name__
        if outcome.status == "diverged":
            message = (
                f"{name} diverged in iteration {self.n_iter_ + 1}: a loss or gradient "
                f"is not finite. The network of iteration {self.best_iter_} is kept. "
                "Scale the features, for example by StandardScaler, or lower "
                f"learning_rate_init={self.learning_rate_init}."
            )
        elif outcome.status == "max_iter":
            message = (
                f"{name} reached max_iter={self.max_iter} before the validation loss "
                f"stagnated; it is {self.validation_loss_:.6g} at iteration "
                f"{self.best_iter_}, whose network is kept. Raise max_iter, or lower "
                f"n_iter_no_change={self.n_iter_no_change}."
            )
        elif outcome.status == "max_time":
            message = (
                f"{name} reached max_time={self.max_time:g} seconds in iteration "
                f"{self.n_iter_}, before the validation loss stagnated; it is "
                f"{self.validation_loss_:.6g} at iteration {self.best_iter_}, whose "
                "network is kept. Raise max_time, or lower "
                f"n_iter_no_change={self.n_iter_no_change}."
            )
        else:
            return
        warn(message, ConvergenceWarning)

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


def split_rows(n_rows, strata, fraction, random_state):
    """Split rows into training and validation rows, stratified if possible.

    Parameters
    ----------
    n_rows : int
        Number of rows.
    strata : ndarray of int of shape (n_rows,) or None
        Class indices.
    fraction : float
        Fraction of validation rows; at least one row.
    random_state : RandomState
        Source of randomness.

    Returns
    -------
    (ndarray, ndarray)
        Indices of the two parts.

    Raises
    ------
    ValueError
        If no training row is left.
    """
    n_validation = int(np.ceil(fraction * n_rows))
    if n_validation >= n_rows:
        raise ValueError(
            f"validation_fraction={fraction} leaves no training row of n_samples = "
            f"{n_rows}. Lower it, or give more rows."
        )
    splitter = ShuffleSplit
    if strata is not None:
        counts = np.bincount(strata)
        room = min(n_validation, n_rows - n_validation)
        # StratifiedShuffleSplit refuses a class of one row, and parts with fewer rows
        # than classes.
        if counts.min() > 1 and room >= len(counts):
            splitter = StratifiedShuffleSplit
    split = splitter(1, test_size=n_validation, random_state=random_state)
    labels = np.zeros(n_rows) if strata is None else strata
    return next(split.split(np.zeros((n_rows, 1)), labels))
