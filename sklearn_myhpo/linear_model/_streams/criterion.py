"""A fit to rows beyond memory by approximate leave-one-out, in few passes."""

from dataclasses import replace

import numpy as np

from ...criteria.streamed import AllRows, LeftOutRows
from ...diagnostics.certificate import certify
from ...solvers import minimize_bilevel
from ...solvers.streamed_criterion import CriterionDriver
from .fit import StreamedFit
from .start import SAMPLE_TOL, Start


def streamed_fit(model, rows, solver, progress):
    """Return the fit for rows beyond memory.

    Parameters
    ----------
    model : BilevelLinearModel
    rows : LongRows
    solver : Solver
    progress : Progress

    Returns
    -------
    StreamedFit
    """
    is_criterion = isinstance(rows.rule, AllRows)
    kind = StreamedCriterionFit if is_criterion else StreamedFit
    return kind(model, rows, solver, progress)


class StreamedCriterionFit(StreamedFit):
    """One fit by a criterion that holds no rows out; parameters of `StreamedFit`."""

    draws_first = False

    def _start(self):
        """Return the `Start`: of the last fit, of the sample, or without features."""
        # Raises for solvers that need splits, and for selection by held-out rows.
        self.criterion = self.model._choose_criterion(self.loss, self.solver)
        return super()._start()

    def _start_of_sample(self):
        """Return the `Start` from the criterion of the sample, or None."""
        model, sample = self.model, self.sample
        source = sample.source(model, self.loss, self.groups, self.bounds, [])
        try:
            problem = replace(source, criterion=self.criterion).make()
            result = minimize_bilevel(
                problem,
                self.solver,
                max_iter=model.max_iter,
                tol=max(SAMPLE_TOL, model.tol),
                random_state=model._seed(),
            )
        except (ValueError, np.linalg.LinAlgError):
            return None
        final = problem.to_features(result.weights)[0]
        if not all(np.all(np.isfinite(one)) for one in (result.lambda_, *final)):
            return None
        share = len(sample.target) / self.rows.facts.sample.n_rows
        return Start(result.lambda_ + np.log(share), *final)

    def _search(self, streamed, start, models, weights):
        """Return the finished loop of passes, the problem and the result."""
        model, rows = self.model, LeftOutRows(streamed, self.bounds)
        report = self._report(streamed)
        driver = CriterionDriver(
            rows,
            max_iter=model.max_iter,
            deadline=self.progress.deadline,
            tol=model.tol,
            report=report,
            advice=self.solver.capabilities.advice,
        )
        with self.progress.phase("solve"), np.errstate(all="ignore"):
            return driver, *driver.run(models, start.lambda_)

    def _select(self, streamed, driver, problem, result):
        """Return the result, and its problem; nothing is held out to select by."""
        model = self.model
        lambda_ = model._as_parameter(result.lambda_)
        model._set_minimum(lambda_, float(result.validation_loss), None)
        return result, problem

    def _set_checks(self, problem, result):
        """Set the certificate."""
        model = self.model
        model.certificate_ = model.optimism_ = None
        if result.lambda_.size:
            with np.errstate(all="ignore"):
                model.certificate_, _ = certify(problem, result)

    def _warn_of_few(self, source):
        """Do not warn, since all rows count."""
