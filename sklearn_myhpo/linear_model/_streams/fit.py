"""A fit to rows beyond memory in few passes: start, passes, reports."""

import numpy as np
from sklearn.utils.validation import validate_data

from ...bilevel.counts import StreamCounts
from ...data.limits import row_limits
from ...data.streams.view import RowView
from ...data.threads import threads_for
from ...diagnostics.certificate import certify
from ...diagnostics.optimism import estimate_optimism
from ...diagnostics.posterior import Posterior
from ...diagnostics.share import shares_by_rows
from ...engine.glm.stream_model import Frame
from ...engine.glm.stream_pass import Reading
from ...engine.glm.stream_plan import stream_plan
from ...engine.glm.stream_rows import StreamedRows
from ...engine.limits import limits
from ...penalties.coordinates import feature_coordinates
from ...selection.one_standard_error import strongest_within
from ...solvers.start.points import Scan
from ...solvers.streamed import StreamedDriver
from .._lambda import check_lambda
from .._problem import LastFit, mean_over_splits
from .._results.cv_results import CVResults, SplitSums
from .._results.facts import Facts
from .checks import check_splits
from .draws import Draws, drawing_of
from .start import SampledRows, Start, start_of_sample, with_splits

#: Accuracy of the shared lambda whose loss is the unit of `shrinkage`.
UNIT_TOL = 1e-4


class StreamedFit:
    """One fit to rows beyond memory.

    Parameters
    ----------
    model : BilevelLinearModel
    rows : LongRows
    solver : Solver
    progress : Progress
    """

    #: Whether the first pass at weights draws a sample.
    draws_first = True

    def __init__(self, model, rows, solver, progress):
        self.model, self.rows = model, rows
        self.solver, self.progress = solver, progress
        validate_data(model, rows.source.head, skip_check_array=True)
        self.loss, self.target = model._target_of_counts(rows.counts)
        self.groups = model._make_groups(rows.source.head)
        self.bounds, self.init = check_lambda(
            model.lambda_bounds, model.lambda_init, self.groups
        )
        self.sample = SampledRows.of(rows.facts, self.target)
        given = model, self.loss, self.groups, self.bounds, []
        self.source = self.sample.source(*given)
        self.results = CVResults(model, self.source, (rows, None, None), None)
        # How passes draw a sample; None where they draw none.
        self._drawing = None

    def run(self):
        """Fit the model."""
        n_rows, n_features = self.rows.facts.sample.n_rows, self.rows.source.n_features
        with threads_for(n_rows, n_features):
            self._fit()

    def _fit(self):
        model, progress = self.model, self.progress
        counts = StreamCounts()
        # Values that are not finite raise an error below, so NumPy's warnings are
        # ignored.
        with progress.phase("scan"), np.errstate(all="ignore"):
            start = self._start()
            streamed = self._rows(counts)
            if self.draws_first and not self.rows.source.is_resident:
                self._drawing = drawing_of(streamed.reading, self.sample)
            streamed.drawing = self._drawing
            frame = streamed.frame
            weights = frame.from_features(start.coef, start.intercept)
            models = streamed.first(
                weights, self._constant(), self.sample.sample.number
            )
            check_splits(model, self.rows.rule, streamed.facts)
            model._choose_shrinkage(self, progress)
        self._finish(streamed, *self._search(streamed, start, models, weights))
        if self.rows.source.watch is not None:
            self.rows.source.watch.end()

    def _search(self, streamed, start, models, weights):
        """Return the finished loop of passes, the problem and the result."""
        model, progress = self.model, self.progress
        begin, shrinkage = (models, start.lambda_, weights), None
        # NumPy's warnings about rejected steps are ignored.
        with np.errstate(all="ignore"):
            if model.shrinkage_ if model._has_shrinkage else 0.0:
                begin, reference = self._shared(streamed, start, *begin)
                shrinkage = model.shrinkage_, reference
            driver = self._driver(
                streamed,
                start,
                self.bounds,
                tol=model.tol,
                report=self._report(streamed),
                shrinkage=shrinkage,
            )
            with progress.phase("solve"):
                return driver, *driver.run(*begin)

    def _driver(self, streamed, start, bounds, **options):
        """Return the loop of passes."""
        model, is_auto = self.model, isinstance(self.init, str)
        return StreamedDriver(
            streamed,
            self.solver,
            lambda_bounds=bounds,
            lambda_init=None if is_auto else np.asarray(self.init, dtype=float),
            looks_around=is_auto and not start.is_known,
            max_iter=model.max_iter,
            deadline=self.progress.deadline,
            random_state=model._seed(),
            draws=self._draws(streamed),
            **options,
        )

    def _draws(self, streamed):
        """Return the `Draws` of a loop of passes; None where passes draw none."""
        if self._drawing is None:
            return None
        given = self.target, streamed, self.bounds, self.solver
        return Draws(self.model, *given, self._drawing)

    # The start.

    def _shared(self, streamed, start, models, lambda_, weights):
        """Return the start at the best shared lambda, and the objective there."""
        one, bounds = streamed.with_one_lambda(), self.bounds
        if not isinstance(bounds, str):
            bounds = np.min(bounds[0]), np.max(bounds[1])
        driver = self._driver(one, start, bounds, tol=max(UNIT_TOL, self.model.tol))
        driver.lambda_init = None
        mean = np.full(1, np.mean(lambda_))
        problem, result = driver.run(one.in_frame(models), mean, weights)
        own = [one.reshape(streamed.frame.shape) for one in result.weights]
        at = np.stack([*own, problem.models.full.about])
        shared = np.full(self.groups.n_groups, result.lambda_[0])
        lambda_ = shared if isinstance(self.init, str) else lambda_
        begin = streamed.in_frame(problem.models), lambda_, at
        return begin, float(result.validation_loss)

    def _start(self):
        """Return the `Start`: of the last fit, of the sample, or without features."""
        last = self._last_start()
        if last is not None:
            return last
        found = self._start_of_sample()
        if found is None:
            found = self._null_start()
        if not isinstance(self.init, str):
            init = np.broadcast_to(np.asarray(self.init, float), found.lambda_.shape)
            found = found._replace(lambda_=init.copy())
        return found

    def _start_of_sample(self):
        """Return the `Start` from the fit to the sample, or None."""
        n_rows, uses = self.rows.facts.sample.n_rows, self.rows.rule.uses
        given = self.loss, self.groups, self.bounds, self.solver, n_rows
        return start_of_sample(self.model, self.sample, uses, *given)

    def _last_start(self):
        """Return the `Start` of the last fit, or None."""
        last = self.model._last_fit
        if not self.model.warm_start or last is None or last.weights is None:
            return None
        coef, intercept = mean_over_splits(last.weights)
        n_outputs = self.loss.n_outputs(self.sample.target)
        shape = self.groups.labels.shape[0], n_outputs
        if coef.shape != shape or len(last.lambda_) != self.groups.n_groups:
            return None
        return Start(last.lambda_, coef, intercept, is_known=True)

    def _null_start(self):
        """Return the model without features, and a penalty equivalent to a few rows."""
        n_outputs = self.loss.n_outputs(self.sample.target)
        lambda_ = np.full(self.groups.n_groups, -np.log(self.rows.facts.sample.n_rows))
        coef = np.zeros((len(self.groups.labels), n_outputs))
        return Start(lambda_, coef, self._constant())

    def _constant(self):
        """Return the raw predictions of the sample's model without features."""
        sample = self.sample
        if not self.model.fit_intercept:
            return np.zeros(self.loss.n_outputs(sample.target))
        return np.atleast_1d(self.loss.intercept_start(sample.target, sample.weight))

    def _rows(self, counts):
        """Return the `StreamedRows`."""
        model, groups, facts = self.model, self.groups, self.rows.facts
        rows = self.sample.sample.X
        shift, scale = np.zeros(len(facts.low)), groups.scale
        if model.fit_intercept:
            shift = facts.centre
        view = RowView(shift, None, model.fit_intercept, False)
        squares = view.of(rows).second_moments(self.sample.weight)
        squares = np.where(facts.low == facts.high, 0.0, squares)
        is_far = np.any(shift**2 > row_limits().large_mean * squares)
        if model.standardize:
            unit = np.sqrt(np.where(squares > 0, squares, 1.0))
            scale = (1.0 if scale is None else scale) / unit
        view = RowView(shift, scale, model.fit_intercept, bool(is_far))
        n_outputs = self.loss.n_outputs(self.sample.target)
        reading = Reading(view, self.target, self.rows.rule, self.loss, n_outputs)
        frame = Frame(
            feature_coordinates(groups, scale),
            shift,
            model.fit_intercept,
            n_outputs,
            np.zeros((view.n_coordinates, 1)),
            counts,
        )
        return StreamedRows(self.rows.source, reading, groups, frame, model.standardize)

    # Reports.

    def _report(self, streamed):
        """Return the function that reports a pass."""
        model, progress = self.model, self.progress
        dtype = self.rows.source.dtype
        if model.feature_groups is not None:
            progress.names = self.groups.names

        def report(n_iter, info, place):
            def attributes():
                each = place.problem.to_features(place.weights)
                coef, intercept = mean_over_splits(each)
                alpha = model._alpha(place.problem, info.lambda_)
                return model._weight_attributes(coef, intercept, alpha, dtype)

            return progress.report(n_iter, info, attributes)

        return report

    def _finish(self, streamed, driver, problem, result):
        """Set the fitted attributes, and warn."""
        model, progress, dtype = self.model, self.progress, self.rows.source.dtype
        given = self.sample, streamed.facts, streamed.uses
        source = with_splits(self.source, *given)
        chosen, model_problem = self._select(streamed, driver, problem, result)
        model_problem.plan = stream_plan(self.sample.sample, streamed)
        weights = model_problem.to_features(chosen.weights)
        with progress.phase("refit", 0):
            final = mean_over_splits(weights)
            if model.refit:
                full = model_problem.full
                final = full.to_features(full.minimize(chosen.lambda_, full.start()))
        model._set_results(model_problem, chosen, *final, dtype)
        model.start_losses_ = np.array([result.validation_loss])
        model.row_weights_ = model.row_groups_ = None
        model._last_fit, model._stream = LastFit(chosen.lambda_, weights), None
        model._set_curve(self._with_curve(problem, result))
        with progress.phase("checks", 0):
            self._set_checks(problem, result)
            self._set_facts(model_problem, source, chosen.lambda_)
        model._warn(problem, result)
        self._warn_of_few(source)
        sums = None
        if self.rows.given is not None:
            totals = streamed.train_weights[: len(weights)]
            sums = SplitSums(totals, _held_losses(model_problem, chosen))
        vars(model).update(self.results.attributes(weights, sums))

    def _warn_of_few(self, source):
        """Warn if the objective is a mean over very few rows."""
        self.model._warn_of_few_rows(source)

    def _select(self, streamed, driver, problem, result):
        """Return the result given by `selection`, and its problem."""
        model = self.model
        error = self._standard_error(problem, result, streamed)
        lambda_ = model._as_parameter(result.lambda_)
        model._set_minimum(lambda_, float(result.validation_loss), error)
        if model.selection == "min" or not result.lambda_.size:
            return result, problem
        return driver.raised(
            problem, result, lambda at, best: strongest_within(at, best, error)
        )

    def _with_curve(self, problem, result):
        """Return the result with the value at the end, and that without features."""
        if self.model.feature_groups is not None or result.lambda_.size != 1:
            return result
        places = np.append(result.lambda_, problem.bounds[1])
        values = np.array([result.validation_loss, problem.null_loss])
        return result._replace(scan=Scan(result.lambda_, [], places, values))

    def _set_checks(self, problem, result):
        """Set the certificate and the optimism, the checks of a fit."""
        model = self.model
        model.certificate_ = model.optimism_ = None
        if not result.lambda_.size:
            return
        with np.errstate(all="ignore"):
            model.certificate_, found = certify(problem, result)
            covariance = problem.models.covariance
            if found is not None and covariance is not None:
                free = problem.is_free(result.lambda_)
                model.optimism_ = estimate_optimism(covariance, found, free)

    def _standard_error(self, problem, result, streamed):
        """Return the standard error of the validation loss, as `standard_error`."""
        shares, splits = problem.split_weights, problem.splits
        losses = _held_losses(problem, result)
        if len(splits) > 1:
            off = np.linalg.norm(shares * (losses - shares @ losses))
            return float(np.sqrt(len(splits) / (len(splits) - 1)) * off)
        weight = streamed.held_weights[0]
        variance = max(problem.models.held_square[0] - losses[0] ** 2, 0.0)
        return float(np.sqrt(variance / max(weight - 1.0, 1.0)))

    def _set_facts(self, problem, source, lambda_):
        """Set the facts for a summary."""
        model, split = self.model, problem.full
        posterior = share = None
        if model.refit:
            inverse = split.hessian(None, lambda_).inverse()
            penalty = split.penalty(lambda_)[:, 0]
            freedom = np.array([len(inverse) - penalty @ np.diag(inverse)])
            posterior = Posterior(freedom) if np.all(np.isfinite(freedom)) else None
        coef = np.atleast_2d(model.coef_).T.astype(np.float64)
        if coef.size <= limits().summary_entries:
            with np.errstate(all="ignore"):
                share = shares_by_rows(source.design, source.weights, coef)
            share = share if np.all(np.isfinite(share)) else None
        baseline = None
        if not source.groups.n_unpenalized:
            baseline = float(problem.null_loss)
        model._facts = Facts(float(problem.total_weight), posterior, share, baseline)


def _held_losses(problem, result):
    """Return the mean losses of the held-out rows of all splits at a result."""
    pairs = zip(problem.splits, result.weights, strict=True)
    return np.array([split.validation_loss(weights) for split, weights in pairs])
