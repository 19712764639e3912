"""One lambda per target, learned together if the solver can, else one by one."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..bilevel.bounds import outward
from ..bilevel.per_target import refit
from ..data.jobs import computes_at_once, run_jobs
from ..diagnostics.posterior import side_by_side
from ..solvers import minimize_bilevel
from ..solvers.phases import UNWATCHED
from ..solvers.protocol import Status
from ._few_rows import TargetParts
from ._problem import LastFit, mean_over_splits
from ._results.facts import posterior_of
from ._results.reporting import spell_some
from ._results.verify import is_not_believed, solve_and_verify


class TargetsFit(NamedTuple):
    """The result of a ridge problem with one lambda per target.

    Attributes
    ----------
    lambda_, validation_loss : ndarray of shape (n_targets,)
    coef : ndarray of shape (n_features, n_targets)
    intercept : ndarray of shape (n_targets,)
    bounds : ndarray of shape (2, n_targets)
    slope : ndarray of shape (n_targets,)
        Derivative of every validation loss in its lambda.
    history : dict of str to ndarray
    n_iter : int
        Largest number of iterations of a target.
    unfinished : list of str
        Messages of the runs that did not converge.
    counts : dict of str to int
    total_weight : float
        Sum of the sample weights.
    plan : Plan
        How the targets were computed.
    models : list of (coef, intercept)
        Of every split, all targets together.
    posterior : Posterior or None
        Of the weights.
    split : Split
        Of all rows.
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
    plan: object
    models: list
    posterior: object
    split: object


class PerTargetMixin:
    """Fits with one lambda per target; a mixin for the base class of the estimators."""

    def _learn(self, source, solver, progress):
        if not self._is_per_target:
            return super()._learn(source, solver, progress)
        found = self._learn_targets(source, solver, progress)
        self._set_targets(found, source)
        self._warn_targets(found)
        return found.models

    def _learn_targets(self, source, solver, progress):
        """Return the `TargetsFit` of a ridge problem."""
        n_targets, last = source.target.shape[1], self._last_fit
        start = None
        if self.warm_start and last is not None and last.fits_targets(n_targets):
            start = last.lambda_
        parts = TargetParts(self, source, progress)
        if len(parts.slices) == 1:
            given = parts.of(parts.slices[0]), solver, start, progress
            return parts.completed(self._learn_some(*given)[0])
        fits, axes = [], None
        keeps_models = self.scoring is not None or self.store_cv_results
        with progress.phase("solve", len(parts.slices)):
            for part in parts.slices:
                own_start = None if start is None else start[part]
                given = parts.of(part), solver, own_start, progress
                with progress.part("targets"):
                    found, axes = self._learn_some(*given, axes)
                # The split is of the same rows for all targets.
                split = None if fits else found.split
                models = found.models if keeps_models else []
                fits.append(found._replace(split=split, models=models))
        return parts.completed(merge(fits))

    def _learn_some(self, source, solver, start, progress, axes=None):
        """Return the `TargetsFit` of some targets, and axes for others of the rows."""
        if solver.capabilities.learns_targets:
            found = self._learn_together(source, solver, start, progress, axes)
            if found is not None:
                return found
        return merge(self._learn_each(source, solver, start, progress)), axes

    def _learn_each(self, source, solver, start, progress):
        """Return the `TargetsFit` of every target, some at once with `n_jobs`."""
        tasks = []
        for number in range(source.target.shape[1]):
            own = slice(number, number + 1)
            options = {
                "lambda_init": source.lambda_init if start is None else start[own],
                "max_iter": self.max_iter,
                "max_time": progress.deadline,
                "tol": self.tol,
                "random_state": self._seed(),
            }
            tasks.append((source, solver, own, options, self.refit))

        def report(n_iter, info, _):
            # A model of all targets exists only after the last one is learned.
            return progress.report(n_iter, info, None)

        fits = []
        # Callbacks are called during the run and may end it.
        if progress.has_callbacks or not computes_at_once(self.n_jobs):
            found = (((), learn_target(*task, report)) for task in tasks)
        else:
            found = iter(run_jobs(learn_quietly, tasks, self.n_jobs))
        with progress.phase("solve", len(tasks)):
            for _ in tasks:
                with progress.part("target"):
                    iterations, fit = next(found)
                    for iteration in iterations:
                        report(*iteration)
                fits.append(fit)
        return fits

    def _learn_together(self, source, solver, start, progress, axes):
        """Return the `TargetsFit` of one run for all targets, and axes for others.

        None if there is no such run, or its losses differ from those of held-out rows.
        """
        problem = source.make(axes=axes)
        targets = problem.per_target()
        if targets is None:
            return None
        report = self._reporter(problem, progress, source.dtype)
        lambda_init = source.lambda_init if start is None else start
        watchers = {"callback": report, "phases": progress}
        watchers["max_time"] = progress.deadline
        result = self._minimize(targets, solver, lambda_init, **watchers)
        models = problem.to_features(result.weights)
        if self.refit and not source.has_own_validation:
            with progress.phase("refit", 0):
                final = refit(problem.full, result.lambda_)
        else:
            final = mean_over_splits(models)
        losses, slope = targets.target_slopes(result.lambda_, targets.everything)
        if source.has_held_out_rows:
            believed, losses = losses, source.rows.mean_squares(models)
            has_time = result.status is not Status.MAX_TIME
            can_do_better = has_time and problem.plan.can_factor_rows
            if can_do_better and is_not_believed(losses, believed, problem.null_loss):
                return None
        found = problem, result, models, final
        fit = _as_fit(*found, losses, targets.bounds, slope)
        return _with_posterior(fit, problem, source, self.refit), problem.axes

    def _set_targets(self, found, source):
        """Set the fitted attributes."""
        self._choose_shrinkage(source, UNWATCHED)
        self._set_groups(source.groups)
        self.history_, self.lambda_ = found.history, found.lambda_
        alpha = 2.0 * found.total_weight * np.exp(found.lambda_)
        self._set_weights(found.coef, found.intercept, alpha, source.dtype)
        self.validation_loss_ = found.validation_loss
        self._keep_facts(found.split, found.posterior, source)
        self.n_iter_ = found.n_iter
        self.converged_ = not found.unfinished
        self.oracle_counts_, self.plan_ = found.counts, found.plan
        self._last_fit, self._stream = LastFit(found.lambda_, None), None
        self.certificate_ = self.optimism_ = self.validation_curve_ = None
        self.start_losses_ = None
        self._set_minimum(found.lambda_, found.validation_loss, None)

    def _warn_targets(self, found):
        """Warn of targets that did not converge and of lambdas at a bound."""
        if found.unfinished:
            text = found.unfinished[0]
            if len(found.unfinished) > 1:
                text += f" ({len(found.unfinished)} targets did not converge)"
            self._say(f"{text}.", ConvergenceWarning)
            return
        lower, upper = outward(found.bounds, found.lambda_, found.slope)
        self._warn_at_bounds(lower, upper, self._criterion_name())

    def _describe(self, where):
        if not self._is_per_target:
            return super()._describe(where)
        return spell_some("target", np.flatnonzero(where))

    def _as_parameter(self, lambda_):
        return lambda_ if self._is_per_target else super()._as_parameter(lambda_)


def learn_target(source, solver, own, options, refits, report=None):
    """Return the `TargetsFit` of one target.

    Parameters
    ----------
    source : ProblemSource
    solver : Solver
    own : slice
        Column of the target.
    options : dict
        Of `minimize_bilevel`.
    refits : bool
        Whether to fit all rows with the learned lambda.
    report : callable, default=None
        Callback of every iteration.

    Returns
    -------
    TargetsFit
    """

    def solve(problem, is_first):
        callback = report if is_first else None
        return minimize_bilevel(problem, solver, **options, callback=callback)

    problem, result = solve_and_verify(source.of_targets(own), solve)
    models = problem.to_features(result.weights)
    final = source.final_weights(problem, result.lambda_, models, refits)
    slope = problem.hypergradient(result.lambda_, result.weights)
    loss = np.array([result.validation_loss])
    fit = _as_fit(problem, result, models, final, loss, problem.bounds, slope)
    fit = _with_posterior(fit, problem, source, refits)
    # The rows are the same for all targets.
    return fit if own.start == 0 else fit._replace(split=None)


def learn_quietly(*task):
    """Return the arguments of every report but the state, and the `TargetsFit`."""
    iterations = []

    def report(n_iter, info, _):
        iterations.append((n_iter, info, None))

    return iterations, learn_target(*task, report)


def _with_posterior(fit, problem, source, refits):
    """Return a `TargetsFit` with the posterior of refitted weights."""
    if not refits or source.has_own_validation:
        return fit
    final = fit.coef, fit.intercept
    return fit._replace(posterior=posterior_of(problem, source, fit.lambda_, final))


def _as_fit(problem, result, models, final, losses, bounds, slope):
    """Return the `TargetsFit` of one run, of one target or of all."""
    coef, intercept = final
    return TargetsFit(
        result.lambda_,
        losses,
        coef,
        intercept,
        bounds,
        slope,
        result.history,
        result.n_iter,
        [] if result.status.has_converged else [result.message],
        problem.counts.as_dict(),
        problem.total_weight,
        problem.plan,
        models,
        None,
        problem.full,
    )


def merge(fits):
    """Return one `TargetsFit` of all targets, given one per target."""
    first, *others = [fit.counts for fit in fits]
    splits = zip(*(fit.models for fit in fits), strict=True)
    return TargetsFit(
        *(np.concatenate([fit[k] for fit in fits], axis=-1) for k in range(6)),
        _merge_histories([fit.history for fit in fits]),
        max(fit.n_iter for fit in fits),
        [message for fit in fits for message in fit.unfinished],
        {name: first[name] + sum(one[name] for one in others) for name in first},
        fits[0].total_weight,
        fits[0].plan,
        [tuple(map(np.hstack, zip(*split, strict=True))) for split in splits],
        side_by_side([fit.posterior for fit in fits]),
        fits[0].split,
    )


def _merge_histories(histories):
    """Return the history of all targets.

    A target that has converged keeps its last row. Losses and counts are summed,
    residuals are the largest ones.
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
