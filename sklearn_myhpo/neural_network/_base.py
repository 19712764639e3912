"""Base class of the estimators: training with callbacks, split of the rows, history."""

from __future__ import annotations

from abc import abstractmethod
from importlib import import_module
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._deadline import Deadline
from .._documentation import DocumentationLinkMixin
from .._html import LearnedHTMLMixin
from .._messages import import_optional
from .._progress import CallbackSupportMixin, Tasks, kept_on_error
from .._warn import warn


def import_training(name="_fit", who="Training a self-tuning network"):
    """Return a module of this package that imports PyTorch.

    Parameters
    ----------
    name : str, default="_fit"
        Name of the module.
    who : str, default="Training a self-tuning network"
        The part of the package that needs PyTorch, for the message.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If PyTorch is not installed; the message has the pip command.
    """
    import_optional("torch", who, extra="nn")
    return import_module(f".{name}", __package__)


class SelfTuningEstimator(
    LearnedHTMLMixin, CallbackSupportMixin, DocumentationLinkMixin, BaseEstimator
):
    """Base of the estimators: the training loop and its results."""

    _parameter_constraints = {
        "form": [StrOptions({"centred", "published"})],
        # `make_plan` checks the names, which depend on the number of layers.
        "tune": "no_validation",
        "hyperparameters": "no_validation",
        "sigma_init": [Interval(Real, 1e-3, 1.5, closed="both")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "hyper_learning_rate": [
            Interval(Real, 0, None, closed="neither"),
            StrOptions({"auto"}),
        ],
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

    def _fit(self, X, y, validation=None):
        """Validate the parameters and train; an error leaves the model unchanged."""
        self._validate_params()
        # Training may stop early, so the number of iterations is unknown.
        n_iter = self.max_iter if self.n_iter_no_change == np.inf else None
        tasks = Tasks(self, X, y, n_iter)
        tasks.deadline = Deadline(self.max_time)
        with kept_on_error(self):
            tasks.begin()
            self._train(X, y, validation, tasks)
            tasks.end()
        return self

    @abstractmethod
    def _train(self, X, y, validation, tasks):
        """Train on the training rows, and set the fitted attributes."""

    def _set_outcome(self, outcome, network):
        """Set the fitted attributes of an outcome, and warn.

        Parameters
        ----------
        outcome : Outcome
            Result of training.
        network : callable
            Function of a checkpoint to fitted attributes by name.
        """
        vars(self).update(network(outcome.best))
        self._set_history(outcome)
        self._warn(outcome)

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
