"""One lambda per target: all at once where the solver can, else one after another."""

from typing import NamedTuple

import numpy as np

from ..bilevel.per_target import TargetsProblem, refit


class TargetsFit(NamedTuple):
    """What is learned for the targets of a ridge problem.

    Attributes
    ----------
    lambda_, validation_loss : ndarray of shape (n_targets,)
    coef : ndarray of shape (n_features, n_targets)
    intercept : ndarray of shape (n_targets,)
    bounds : ndarray of shape (2, n_targets)
    slope : ndarray of shape (n_targets,)
        Derivatives of the validation losses.
    history : dict of str to ndarray
    n_iter : int
        The largest of the targets'.
    unfinished : list of str
        What runs that did not converge say.
    counts : dict of str to int
    total_weight : float
        Sum of the sample weights.
    """

    lambda_: np.ndarray
    validation_loss: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    bounds: np.ndarray
    slope: np.ndarray
    history: dict
    n_iter: int
    unfinished: list
    counts: dict
    total_weight: float


def learn_targets(model, source, solver, progress, dtype):
    """Learn one lambda per target.

    Parameters
    ----------
    model : BilevelLinearModel
        Its parameters say how.
    source : ProblemSource
        The data, with one column of the target per lambda.
    solver : Solver
        The method; how many targets it can take at once is its own matter.
    progress : Progress
        Told of every iteration.
    dtype : dtype
        Of the models it may make.

    Returns
    -------
    TargetsFit
        What the estimator needs for its fitted attributes.
    """
    last = getattr(model, "lambda_", None) if model.warm_start else None
    target = source.target
    is_known = np.shape(last) == target.shape[1:]

    def report_one(n_iter, info, state):
        # There is no model of all targets before the last of them.
        return progress.report(n_iter, info, None)

    def solve(problem, report, numbers=slice(None)):
        start = last[numbers] if is_known else model.lambda_init
        return model._minimize(problem, solver, start, report=report)

    if solver.capabilities.learns_targets and source.criterion is None:
        problem = source.make()
        if problem.splits[0].solves_by == "diagonal":
            report = model._reporter(problem, progress, dtype)
            return _fit_together(problem, solve, report, source)
    fits = []
    for number in range(target.shape[1]):
        own = slice(number, number + 1)
        problem = source.make(own)
        result = solve(problem, report_one, own)
        fits.append(_fit_one(problem, result, source))
    return _merge(fits)


def _fit_together(problem, solve, report, source):
    """Return the `TargetsFit` of all targets at once."""
    targets = TargetsProblem(problem)
    result = solve(targets, report)
    model = source.estimator
    if model.refit and not source.has_own_validation:
        coef, intercept = refit(problem.full, result.lambda_)
    else:
        coef, intercept, _ = model._coefficients(source, problem, result)
    values, slope = targets.target_slopes(result.lambda_, targets.everything)
    return TargetsFit(
        result.lambda_,
        values,
        coef,
        intercept,
        targets.bounds,
        slope,
        result.history,
        result.n_iter,
        [] if result.status.has_converged else [result.message],
        problem.counts.as_dict(),
        problem.total_weight,
    )


def _merge(fits):
    """Return one `TargetsFit` of those of single targets."""
    first, *others = [fit.counts for fit in fits]
    return TargetsFit(
        *(np.concatenate([fit[k] for fit in fits], axis=-1) for k in range(6)),
        _merge_histories([fit.history for fit in fits]),
        max(fit.n_iter for fit in fits),
        [message for fit in fits for message in fit.unfinished],
        {name: first[name] + sum(one[name] for one in others) for name in first},
        fits[0].total_weight,
    )


def _fit_one(problem, result, source):
    coef, intercept, _ = source.estimator._coefficients(source, problem, result)
    return TargetsFit(
        result.lambda_,
        np.array([result.validation_loss]),
        coef,
        intercept,
        problem.bounds,
        problem.hypergradient(result.lambda_, result.weights),
        result.history,
        result.n_iter,
        [] if result.status.has_converged else [result.message],
        problem.counts.as_dict(),
        problem.total_weight,
    )


def _merge_histories(histories):
    """Return one history; targets that are done keep their last row.

    Losses and counts are summed, residuals are the largest ones.
    """
    n_rows = max(len(history["lambda"]) for history in histories)
    merged = {}
    for name in histories[0]:
        rows = [_extended(history[name], n_rows) for history in histories]
        if name == "lambda":
            merged[name] = np.concatenate(rows, axis=1)
        elif name.endswith(("residual", "norm")):
            merged[name] = np.max(rows, axis=0)
        else:
            merged[name] = np.sum(rows, axis=0)
    return merged


def _extended(values, n_rows):
    """Return values with the last one repeated up to `n_rows`."""
    if not len(values):
        return np.full((n_rows, *values.shape[1:]), np.nan)
    return np.concatenate([values, np.repeat(values[-1:], n_rows - len(values), 0)])
