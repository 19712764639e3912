"""Weights of training rows that are learned on a clean validation set: `row_groups`."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from sklearn.exceptions import ConvergenceWarning

from .._messages import shown
from ..bilevel.contract import Offers
from ..bilevel.row_weights import RowWeightsProblem
from ..data.dask.blocks import is_dask
from ..data.streams.batches import Batches
from ..data.tensors.arrays import Home
from ..diagnostics.certificate import RowWeightsCertificate, certify
from ..engine.glm.row_groups import RowGroups
from ..selection.one_standard_error import standard_error
from ..solvers.driver import check_solver
from ..solvers.phases import UNWATCHED
from ..solvers.protocol import Status
from ._checks import check_not_missing
from ._gross_rows import without_gross_rows
from ._learning import LearningMixin
from ._problem import LastFit
from ._tensors import TensorRows

#: The s of a group whose rows all have the sample weight zero.
LEAST_LOGIT = -700.0


def check_row_groups(model, X, row_groups, X_val):
    """Reset the weights of rows, and raise where they cannot be learned.

    Parameters
    ----------
    model : BilevelLinearModel
    X : object
        As given to `fit`.
    row_groups : object
        None if `fit` learns no weights of rows.
    X_val : object
        None without a validation set.

    Raises
    ------
    ValueError
        Names the parameter that is not possible with `row_groups`.
    """
    model.row_weights_ = model.row_groups_ = None
    if row_groups is None:
        return
    if X_val is None:
        raise ValueError(
            "row_groups needs a clean validation set, X_val and y_val: the weights of "
            "rows minimize its loss. Got X_val=None."
        )
    if isinstance(X, TensorRows):
        raise ValueError(
            "row_groups needs X as a NumPy array, a sparse matrix or a frame. Got an "
            f"array of {Home.of(X.given).name}."
        )
    if isinstance(X, Batches) or is_dask(X):
        raise ValueError(
            "row_groups needs X in memory, as an array, a sparse matrix or a frame. "
            f"Got {type(X).__name__}."
        )
    if model.selection != "min":
        raise ValueError(
            "row_groups needs selection='min': the weights of rows minimize the "
            f"validation loss. Got {shown(model.selection)}."
        )
    if model.alpha_per_target:
        raise ValueError(
            "row_groups needs alpha_per_target=False, as the targets share the weights "
            f"of the rows. Got {shown(model.alpha_per_target)}."
        )


def number_rows(row_groups, pair, kept):
    """Return the `RowGroups` of rows of positive weight; None without groups.

    Parameters
    ----------
    row_groups : "each", array-like of shape (n_train,) or None
        As given to `fit`.
    pair : (ndarray, ndarray) or None
        Indices of the training rows, and of the validation rows below them.
    kept : ndarray of int
        Indices of the rows of positive weight.

    Returns
    -------
    RowGroups or None
        Validation rows are in no group.

    Raises
    ------
    ValueError
        If there is not one label for each training row, or only one label.
    """
    if row_groups is None:
        return None
    n_train, n_others = map(len, pair)
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
            "row_groups needs two groups of rows or more: one weight for all rows only "
            f"rescales the penalty. Got {len(names)}."
        )
    labels = np.append(labels, np.full(n_others, len(names))).astype(np.intp)
    return RowGroups(labels[kept], names)


def _distinct(row_groups, n_train):
    """Return the distinct labels, and the index of the label of every row."""
    try:
        given = np.asarray(row_groups)
    except ValueError as error:
        raise ValueError(
            f"row_groups must have one label for each of the {n_train} rows of X. Got "
            f"{shown(row_groups)}."
        ) from error
    if given.shape != (n_train,):
        raise ValueError(
            f"row_groups must have one label for each of the {n_train} rows of X. Got "
            f"an array of shape {given.shape}."
        )
    try:
        check_not_missing(row_groups)
    except ValueError as error:
        raise ValueError("row_groups has missing labels.") from error
    # NaN, and NaT in dates and durations, differ from themselves.
    if given.dtype.kind in "fcmM" and (given != given).any():
        raise ValueError("row_groups has missing labels.")
    try:
        return np.unique(given, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            "row_groups must have labels of one kind, all text or all numbers."
        ) from error


class _Learned(NamedTuple):
    """The result of a fit, without the weights of rows in its lambdas."""

    lambda_: np.ndarray
    validation_loss: float
    status: Status
    message: str
    n_iter: int
    history: dict


class RowWeightsMixin(LearningMixin):
    """Fits with weights of training rows; a mixin for the base of the estimators."""

    #: The s of the last fit, for a warm start; None before the first.
    _last_logits = None

    def _learn(self, source, solver, progress):
        """Solve the problem, set the fitted attributes, warn; return split models.

        Lambda is learned first, with equal weights, and then fixed while the weights of
        rows are learned.
        """
        if source.row_groups is None:
            return super()._learn(source, solver, progress)
        check_solver(solver, Offers(rows=True, weighs_rows=True))
        source = without_gross_rows(source)
        plain, start, first = self._learn_plain(source, solver, progress)
        problem = _weighed(source, plain.lambda_)
        if self.shrinkage:
            problem.shrink(self.shrinkage, plain.validation_loss)
        result = self._learn_weights(problem, source, solver, start, progress)
        if result.status.has_converged and not plain.status.has_converged:
            message = f"{plain.message} (the search for lambda, before that of weights)"
            result = result._replace(status=plain.status, message=message)
        models = problem.to_features(result.weights)
        result = result._replace(validation_loss=source.rows.mean_loss(models))
        with progress.phase("refit", 0):
            final = source.final_weights(problem, result.lambda_, models, self.refit)
        learned = self._set_row_weights(problem, source, result)
        error = standard_error(problem, result.weights, source.rows)
        lambda_ = self._as_parameter(learned.lambda_)
        self._set_minimum(lambda_, float(learned.validation_loss), error)
        self._set_results(problem, learned, *final, source.dtype)
        before = plain.place.problem.counts.as_dict()
        counts = self.oracle_counts_.items()
        self.oracle_counts_ = {name: n + before[name] for name, n in counts}
        self._set_curve(plain)
        self._stream = None
        with progress.phase("checks", 0):
            self._set_row_checks(problem, source, result)
            own = np.append(self.row_weights_, 1.0)[source.row_groups.labels]
            weighed = replace(source, weights=source.weights * own)
            self._set_facts(problem, weighed, result.lambda_, final)
        self._warn_of_rows(problem, source, learned, first)
        return models

    def _learn_plain(self, source, solver, progress):
        """Return the result of equal weights of rows, its model and certificate."""
        shrinkage, problem = self._choose_shrinkage(source, progress), source.make()
        given = problem, solver, shrinkage, source.lambda_init, None
        result = self._solve(*given, UNWATCHED, progress.deadline)
        models = problem.to_features(result.weights)
        self._last_fit = LastFit(result.lambda_, models)
        certificate = None
        if result.status.has_converged:
            with np.errstate(all="ignore"):
                certificate, _ = certify(problem, result)
        return result, models[0], certificate

    def _learn_weights(self, problem, source, solver, start, progress):
        """Return the result; a warm start begins at the weights of the last fit."""
        lambda_ = problem.lifted(problem.held)
        logits = lambda_[problem.n_penalties :]
        if self.warm_start and np.shape(self._last_logits) == logits.shape:
            logits[:] = self._last_logits
        reported = self._reporter(problem, progress, source.dtype)
        groups = source.row_groups

        def report(n_iter, info, state):
            own = info._replace(lambda_=_apart(problem, groups, info.lambda_)[1])
            return reported(n_iter, own, state)

        weights = [problem.splits[0].from_features(*start)]
        watchers = {"callback": report, "phases": progress}
        watchers["max_time"] = progress.deadline
        result = self._minimize(problem, solver, lambda_, weights, **watchers)
        self._last_logits = result.lambda_[problem.n_penalties :]
        return result

    def _set_row_weights(self, problem, source, result):
        """Set the weights of rows; return the result for the other attributes."""
        groups, shares = source.row_groups, problem.splits[0].group_shares
        self.row_weights_, lambda_ = _apart(problem, groups, result.lambda_)
        self.row_groups_ = groups.names
        rows, lambdas = _apart(problem, groups, result.history["lambda"])
        problem.total_weight *= float(self.row_weights_ @ shares)
        return _Learned(
            lambda_,
            result.validation_loss,
            result.status,
            result.message,
            result.n_iter,
            {**result.history, "lambda": lambdas, "row_weights": rows},
        )

    def _set_row_checks(self, problem, source, result):
        """Set the certificate of the weights of rows."""
        self.certificate_ = self.optimism_ = None
        if result.status is Status.MAX_TIME:
            return
        with np.errstate(all="ignore"):
            found, _ = certify(problem, result)
        parts = ("hypergradient", "lower", "upper", "flat")
        own = {name: getattr(found, name)[problem.n_penalties :] for name in parts}
        names = tuple(source.row_groups.names.tolist())
        facts = {**vars(found), **own, "names": names}
        self.certificate_ = RowWeightsCertificate(**facts)

    def _warn_of_rows(self, problem, source, learned, first):
        """Warn of a run that did not converge, and of an unreliable lambda."""
        if learned.status is Status.STOPPED:
            return
        if not learned.status.has_converged:
            self._say(f"{learned.message}.", ConvergenceWarning)
        elif problem.counts.n_unfinished_solves:
            text = (
                f"converged to inexact weights of rows. {self._describe_unfinished()}"
            )
            self._say(text, ConvergenceWarning)
        if first is not None:
            objective = "validation loss of rows of equal weight"
            self._warn_of_lambda(first, objective, problem.loss.negligible_sum)
        self._warn_of_few_rows(source)


def _apart(problem, groups, lambdas):
    """Return weights up to one, and lambda as if they were sample weights."""
    # Groups whose rows all have sample weight zero do not occur in the loss.
    own = problem.row_weights(lambdas) * groups.are_used
    # A fit with sample weights divides the training loss by their sum.
    means = (own @ problem.splits[0].group_shares)[..., None]
    own /= own.max(axis=-1, keepdims=True)
    return own, lambdas[..., : problem.n_penalties] - np.log(means)


def at_row_weights(source, estimator):
    """Return the problem at the weights of rows that a fit has learned.

    Parameters
    ----------
    source : ProblemSource
        With `row_groups`.
    estimator : BilevelLinearModel
        Fitted with row groups, or its loss is that of equal weights.

    Returns
    -------
    problem : RowWeightsProblem
    of_penalties : callable
        From lambda (n_penalties,), as the attribute `lambda_` has it, to all
        hyperparameters.
    """
    problem, groups = _weighed(source), source.row_groups
    own = np.full(groups.n_groups, 0.5)
    if np.array_equal(groups.names, estimator.row_groups_):
        # A common factor of all weights has no effect; the logit of one would be
        # infinite.
        own *= estimator.row_weights_
    logits = np.maximum(logit(own), LEAST_LOGIT)
    log_mean = np.log(expit(logits) @ problem.splits[0].group_shares)

    def of_penalties(lambda_):
        return np.append(lambda_ + log_mean, logits)

    return problem, of_penalties


def _weighed(source, lambda_=None):
    """Return the problem of the weights of rows, at a lambda of equal weights."""
    rows = source.of_splits(
        source.design,
        source.target,
        source.parts,
        source.weights,
        all_directions=False,
        by_rows=source.loss.is_quadratic or source.needs_rows,
    )
    # The final weights are fitted to the training rows alone.
    rows.total_weight = source.parts.totals[0, 0]
    return RowWeightsProblem(rows, source.row_groups, penalties=lambda_)
