"""From the problem to the final weights: solve, select, refit, report."""

import numpy as np
from sklearn.utils import check_random_state

from .._deadline import OutOfTimeError
from ..selection.one_standard_error import standard_error, strongest_within
from ..solvers import minimize_bilevel
from ..solvers.phases import UNWATCHED
from ..solvers.protocol import Status
from ..solvers.start.newton import shared_minimum
from ..solvers.start.scan import scan_lambda
from ._problem import LastFit
from ._results.verify import solve_and_verify
from ._starts import lowest_of_starts


class LearningMixin:
    """The steps of a fit after its data are prepared."""

    def _learn(self, source, solver, progress):
        """Solve the problem, set the fitted attributes, warn; return split models."""
        shrinkage = self._choose_shrinkage(source, progress)

        def solve(problem, is_first):
            given = problem, solver, shrinkage, source.lambda_init
            if not is_first:
                return self._solve(*given, None, UNWATCHED, progress.deadline)
            report = self._reporter(problem, progress, source.dtype)
            return self._solve(*given, report, progress, progress.deadline)

        problem, result = solve_and_verify(source, solve)
        chosen = self._select(problem, result, source, progress.deadline)
        weights = problem.to_features(chosen.weights)
        with progress.phase("refit", 0):
            given = problem, chosen.lambda_, weights, self.refit
            final = source.final_weights(*given)
        self._set_results(problem, chosen, *final, source.dtype)
        self._last_fit, self._stream = LastFit(chosen.lambda_, weights), None
        self._set_curve(result)
        with progress.phase("checks", 0):
            self._set_checks(problem, result, source)
            self._set_facts(problem, source, chosen.lambda_, final)
        self._warn(problem, chosen)
        if source.criterion is None:
            self._warn_of_few_rows(source)
        has_time = chosen.status is not Status.MAX_TIME
        if has_time and not solver.capabilities.finds_minimizers:
            self._warn_of_gap(problem, result)
        return weights

    def _solve(
        self, problem, solver, shrinkage, lambda_init, report, progress, deadline
    ):
        """Run the solver, with a warm start from the last fit if requested."""
        weights_init = shared = None
        if shrinkage:
            with problem.counts.within(deadline):
                shared = shared_minimum(problem, scan_lambda(problem, progress))
            problem.shrink(shrinkage, problem.objective(shared.lambda_, shared.weights))
            if isinstance(lambda_init, str):
                lambda_init, weights_init = shared.lambda_, shared.weights
        last = self._last_fit
        if self.warm_start and last is not None and last.fits(problem):
            lambda_init = last.lambda_
            weights_init = [
                split.from_features(*weights)
                for split, weights in zip(problem.splits, last.weights, strict=True)
            ]
        given = problem, solver, lambda_init, weights_init
        watchers = {"callback": report, "phases": progress, "max_time": deadline}
        result = self._minimize(*given, **watchers)
        if shared is not None:
            result = result._replace(scan=shared)

        if self.n_starts == 1:
            self.start_losses_ = np.array([result.validation_loss])
            return result

        def run(start):
            given = problem, solver, start
            return self._minimize(*given, max_time=deadline)

        rng = np.random.default_rng(self._seed())
        with progress.phase("starts", self.n_starts - 1):
            given = result, self.n_starts, rng, deadline, run, progress.step
            result, self.start_losses_ = lowest_of_starts(*given)
        return result

    def _seed(self):
        """Return the seed of a run of the solver."""
        return check_random_state(self.random_state).randint(np.iinfo(np.int32).max)

    def _minimize(self, problem, solver, lambda_init, weights_init=None, **watchers):
        """Run the solver from lambda_init."""
        return minimize_bilevel(
            problem,
            solver,
            lambda_init=lambda_init,
            weights_init=weights_init,
            max_iter=self.max_iter,
            tol=self.tol,
            random_state=self._seed(),
            **watchers,
        )

    def _select(self, problem, result, source, deadline):
        """Return the result at the lambda given by `selection`."""
        error = None
        if source.has_held_out_rows:
            error = standard_error(problem, result.weights, source.rows)
        lambda_, loss = self._as_parameter(result.lambda_), result.validation_loss
        self._set_minimum(lambda_, float(loss), error)
        if self.selection == "min" or not result.lambda_.size:
            return result
        try:
            with problem.counts.within(deadline):
                return strongest_within(problem, result, error)
        except OutOfTimeError:
            if not result.status.has_converged:
                return result
            message = (
                f"stopped at max_time={self.max_time:g} seconds on the way to the "
                "strongest penalties within one standard error: lambda is that of the "
                "minimum. Increase max_time, or use selection='min'"
            )
            return result._replace(status=Status.MAX_TIME, message=message)
