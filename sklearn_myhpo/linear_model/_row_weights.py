"""Weights of training rows that are learned on a clean validation set: `row_groups`."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .._messages import shown
from ..data.dask.blocks import is_dask
from ..data.streams.batches import Batches
from ..diagnostics.certificate import certify
from ..engine.glm.row_groups import RowGroups
from ..selection.one_standard_error import standard_error
from ..solvers.protocol import Status
from ._checks import check_not_missing
from ._learning import LearningMixin
from ._problem import LastFit

#: Values that are the defaults of parameters with no meaning beside row weights.
_NEEDED = {"selection": "min", "shrinkage": 0.0, "alpha_per_target": False}


def check_row_groups(model, X, row_groups, X_val):
    """Raise where weights of rows cannot be learned with these arguments.

    Parameters
    ----------
    model : BilevelLinearModel
    X : object
        As given to `fit`.
    row_groups : object
        None for no weights of rows.
    X_val : object
        None without a validation set.

    Raises
    ------
    ValueError
        Names the parameter that does not go with `row_groups`.
    """
    if row_groups is None:
        return
    if X_val is None:
        raise ValueError(
            "row_groups needs a clean validation set, X_val and y_val: the weights of "
            "rows are those with which its loss is least. Got X_val=None."
        )
    if isinstance(X, Batches) or is_dask(X):
        raise ValueError(
            "row_groups needs X in memory, as an array, a sparse matrix or a frame. "
            f"Got {type(X).__name__}."
        )
    for name, needed in _NEEDED.items():
        value = getattr(model, name)
        if not (type(value) is type(needed) or isinstance(value, float | int)) or (
            value != needed
        ):
            raise ValueError(
                f"row_groups needs {name}={shown(needed)}. Got {shown(value)}."
            )


def number_rows(row_groups, n_train, n_all):
    """Return the `RowGroups` of training rows that are followed by others.

    Parameters
    ----------
    row_groups : "each" or array-like of shape (n_train,)
        As given to `fit`.
    n_train, n_all : int
        Number of training rows and of all rows.

    Returns
    -------
    RowGroups
        Rows after the training rows are in no group.

    Raises
    ------
    ValueError
        If there is not one label for each training row, or only one label.
    """
    if isinstance(row_groups, str):
        if row_groups != "each":
            raise ValueError(
                'row_groups must be "each", for a weight of every row of X, or one '
                f"label for each row. Got {shown(row_groups)}."
            )
        names = labels = np.arange(n_train)
    else:
        names, labels = _distinct(row_groups, n_train)
    if len(names) < 2:
        raise ValueError(
            "row_groups needs two groups of rows or more: one weight of all rows has "
            f"no effect beside the penalty. Got {len(names)}."
        )
    others = np.full(n_all - n_train, len(names))
    return RowGroups(np.concatenate([labels, others]).astype(np.intp), names)


def _distinct(row_groups, n_train):
    """Return the distinct labels, and the number of the one of every row."""
    try:
        check_not_missing(row_groups)
    except ValueError as error:
        raise ValueError("row_groups has missing labels.") from error
    given = np.asarray(row_groups)
    if given.shape != (n_train,):
        raise ValueError(
            f"row_groups must have one label for each of the {n_train} rows of X. Got "
            f"an array of shape {given.shape}."
        )
    if given.dtype.kind == "f" and np.isnan(given).any():
        raise ValueError("row_groups has missing labels.")
    try:
        return np.unique(given, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            "row_groups must have labels of one kind, all text or all numbers."
        ) from error


class _Learned(NamedTuple):
    """The part of a result that is about penalties, for the attributes of a fit."""

    lambda_: np.ndarray
    validation_loss: float
    status: Status
    message: str
    n_iter: int
    history: dict
    scan: object = None


class RowWeightsMixin(LearningMixin):
    """Fits with weights of training rows; a mixin for the base of the estimators."""

    def _learn(self, source, solver, progress):
        """Solve the problem, set the fitted attributes, warn; return split models."""
        self.row_weights_ = self.row_groups_ = None
        if source.row_groups is None:
            return super()._learn(source, solver, progress)
        self._choose_shrinkage(source, progress)
        problem = source.make()
        n_penalties = problem.n_penalties
        reported = self._reporter(problem, progress, source.dtype)

        def report(n_iter, info, state):
            own = info._replace(lambda_=info.lambda_[:n_penalties])
            return reported(n_iter, own, state)

        given = problem, solver, 0.0, source.lambda_init
        result = self._solve(*given, report, progress, progress.deadline)
        models = problem.to_features(result.weights)
        result = result._replace(validation_loss=source.rows.mean_loss(models))
        with progress.phase("refit", 0):
            final = source.final_weights(problem, result.lambda_, models, self.refit)
        learned = self._set_row_weights(problem, source, result)
        error = standard_error(problem, result.weights, source.rows)
        lambda_ = self._as_parameter(learned.lambda_)
        self._set_minimum(lambda_, float(learned.validation_loss), error)
        self._set_results(problem, learned, *final, source.dtype)
        self._last_fit, self._stream = LastFit(result.lambda_, models), None
        self._set_curve(learned)
        with progress.phase("checks", 0):
            self._set_row_checks(problem, result)
            self._set_facts(problem, source, result.lambda_, final)
        self._warn(problem, learned)
        self._warn_of_few_rows(source)
        has_time = result.status is not Status.MAX_TIME
        if has_time and not solver.capabilities.finds_minimizers:
            self._warn_of_gap(problem, result)
        return models

    def _set_row_weights(self, problem, source, result):
        """Set the weights of the rows, and return the rest of a result."""
        groups, n_penalties = source.row_groups, problem.n_penalties
        weights = problem.row_weights(result.lambda_)
        # Groups whose rows all have the sample weight zero.
        self.row_weights_ = np.where(groups.are_used, weights, 0.0)
        self.row_groups_ = groups.names
        lambdas = result.history["lambda"]
        history = {
            **result.history,
            "lambda": lambdas[:, :n_penalties],
            "row_weights": problem.row_weights(lambdas),
        }
        return _Learned(
            result.lambda_[:n_penalties],
            result.validation_loss,
            result.status,
            result.message,
            result.n_iter,
            history,
        )

    def _set_row_checks(self, problem, result):
        """Set the certificate, whose largest slope is that of all hyperparameters."""
        self.certificate_ = self.optimism_ = None
        if result.status is Status.MAX_TIME:
            return
        with np.errstate(all="ignore"):
            found, _ = certify(problem, result)
        parts = ("hypergradient", "lower", "upper", "flat")
        penalties = {name: getattr(found, name)[: problem.n_penalties] for name in parts}
        self.certificate_ = replace(found, **penalties)
