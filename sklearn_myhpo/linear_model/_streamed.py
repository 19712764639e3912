"""The fit of rows beyond memory in few passes: start, passes, reports."""

import numpy as np
from sklearn.utils.validation import validate_data

from .._messages import shown
from ..bilevel.counts import StreamCounts
from ..data.cv import warn_if_rare
from ..data.folds.rules import Stratified
from ..data.limits import row_limits
from ..data.streams.view import RowView
from ..data.threads import threads_for
from ..diagnostics.certificate import certify
from ..diagnostics.optimism import estimate_optimism
from ..diagnostics.posterior import Posterior
from ..diagnostics.share import shares_by_rows
from ..engine.glm.stream_model import Frame
from ..engine.glm.stream_pass import Reading
from ..engine.glm.stream_plan import stream_plan
from ..engine.glm.stream_rows import StreamedRows
from ..engine.limits import limits
from ..penalties.coordinates import feature_coordinates
from ..selection.one_standard_error import strongest_within
from ..solvers.start.points import Scan
from ..solvers.streamed import StreamedDriver
from ._cv_results import no_cv_results
from ._facts import Facts
from ._lambda import check_lambda
from ._problem import LastFit, mean_over_splits
from ._stream_start import SampledRows, Start, start_of_sample, with_labels


class StreamedFit:
    """One fit of rows beyond memory.

    Parameters
    ----------
    model : BilevelLinearModel
    rows : LongRows
    solver : Solver
    progress : Progress
    """

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

    def run(self):
        """Fit the model."""
        n_rows, n_features = self.rows.facts.sample.n_rows, self.rows.source.n_features
        with threads_for(n_rows, n_features):
            self._fit()

    def _fit(self):
        model, progress = self.model, self.progress
        counts = StreamCounts()
        # Values that are not finite are refused below; numpy need not warn of them.
        with progress.phase("scan"), np.errstate(all="ignore"):
            start = self._start()
            streamed = self._rows(counts)
            frame = streamed.frame
            weights = frame.from_features(start.coef, start.intercept)
            models = streamed.first(
                weights, self._constant(), self.sample.sample.number
            )
            self._check_folds(streamed.facts)
            model._choose_shrinkage(self, progress)
        driver = StreamedDriver(
            streamed,
            self.solver,
            lambda_bounds=self.bounds,
            lambda_init=None if isinstance(self.init, str) else self.init,
            looks_around=isinstance(self.init, str) and not start.is_known,
            max_iter=model.max_iter,
            deadline=progress.deadline,
            tol=model.tol,
            random_state=model._seed(),
            report=self._report(streamed),
        )
        with progress.phase("solve"), np.errstate(all="ignore"):
            problem, result = driver.run(models, start.lambda_, weights)
        self._finish(streamed, driver, problem, result)
        if self.rows.source.watch is not None:
            self.rows.source.watch.end()

    # The start.

    def _start(self):
        """Return the `Start`: of the last fit, of the sample, or without features."""
        model, sample = self.model, self.sample
        n_rows = self.rows.facts.sample.n_rows
        last = model._last_fit
        if model.warm_start and last is not None and last.weights is not None:
            coef, intercept = mean_over_splits(last.weights)
            shape = self.groups.labels.shape[0], self.loss.n_outputs(sample.target)
            if coef.shape == shape and len(last.lambda_) == self.groups.n_groups:
                return Start(last.lambda_, coef, intercept, is_known=True)
        given = self.loss, self.groups, self.bounds, self.solver, n_rows
        found = start_of_sample(model, sample, *given)
        if found is None:
            found = self._null_start()
        if not isinstance(self.init, str):
            init = np.broadcast_to(np.asarray(self.init, float), found.lambda_.shape)
            found = found._replace(lambda_=init.copy())
        return found

    def _null_start(self):
        """Return the model without features, and a penalty of a few rows."""
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

    def _check_folds(self, facts):
        """Raise where a split lacks rows of one part, or a class to train on."""
        model, totals = self.model, facts.totals
        if model._is_classifier and isinstance(self.rows.rule, Stratified):
            sizes, n_splits = totals["classes"].sum(axis=0), len(facts.splits)
            labels = model.classes_.tolist()
            warn_if_rare(n_splits, sizes, lambda one: shown(labels[one]), model._say)
        name = f"cv={shown(model.cv)}: fold"
        n_rows, classes = totals["n_rows"], totals["classes"]
        trains, of_classes = facts.others(n_rows), facts.others(classes)
        for fold in facts.splits:
            where = f"{name} {fold} (counted from 0)"
            for part, count in (
                ("training", trains[fold]),
                ("validation", n_rows[fold]),
            ):
                if not count:
                    raise ValueError(
                        f"{where}: the {part} part has no row with positive sample "
                        "weight; both parts need at least one."
                    )
            missing = np.flatnonzero((of_classes[fold] == 0) & (of_classes[-1] > 0))
            if len(missing):
                label = shown(model.classes_[missing].tolist()[0])
                raise ValueError(
                    f"{where}: the training part has no row of class {label}; every "
                    "class must occur in every training part, as the loss of held-out "
                    "rows of an unknown class is infinite. What would work: drop rare "
                    "classes or merge them, or fewer folds."
                )
            if not np.delete(facts.has_constant, fold).any():
                raise ValueError(
                    f"{where}: the training part has only rows with y = 0, and a mean "
                    "of zero has no logarithm. Use cv=RowFolds(5) of "
                    "sklearn_myhpo.data, or fewer folds."
                )

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
        source = self.sample.source(model, self.loss, self.groups, self.bounds, [])
        source = with_labels(source, self.sample, streamed.facts)
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
        model._warn_of_few_rows(source)
        vars(model).update(no_cv_results())

    def _select(self, streamed, driver, problem, result):
        """Return the result that `selection` asks for, and its problem."""
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
        if self.model.feature_groups is not None or not result.lambda_.size:
            return result
        places = np.append(result.lambda_, problem.bounds[1])
        values = np.array([result.validation_loss, problem.null_loss])
        return result._replace(scan=Scan(result.lambda_, [], places, values))

    def _set_checks(self, problem, result):
        """Set the certificate and the optimism, which say how far to trust a fit."""
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
        losses = np.array(
            [
                split.validation_loss(w)
                for split, w in zip(splits, result.weights, strict=True)
            ]
        )
        if len(splits) > 1:
            off = np.linalg.norm(shares * (losses - shares @ losses))
            return float(np.sqrt(len(splits) / (len(splits) - 1)) * off)
        weight = streamed.facts.totals["weight"][0]
        variance = max(problem.models.held_square[0] - losses[0] ** 2, 0.0)
        return float(np.sqrt(variance / max(weight - 1.0, 1.0)))

    def _set_facts(self, problem, source, lambda_):
        """Set what a summary needs."""
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
