"""Few passes over rows beyond memory for a criterion that holds no rows out.

Every pass evaluates the weights at the lambda that the last pass led to. That is the
minimum of a model with the slope of the criterion, in which the sums of the pass are
held fixed.
"""

import time

import numpy as np

from .._deadline import Deadline
from ..engine.linalg.newton import NEWTON_MAX_HALVINGS
from .driver import history_row
from .ending import result_of_passes
from .protocol import Info, Status
from .steps.model_steps import inner_error
from .steps.trust import SWINGING

#: Maximum number of passes.
MOST_CRITERION_PASSES = 30
#: Longest move of a lambda between two passes.
LONGEST_MOVE = 4.0
#: Limits of the last move of lambda and of the error of the weights, relative to `tol`:
#: of rows beyond memory, and of rows that stay where they are.
LAST_SHARE, LAST_RESIDENT = 1e-2, 1e-4
#: The least of these limits that passes in double precision reach.
LEAST_LAST = 1e-12
#: The last move of lambda, per relative error of sums over rows, that is rounding.
ROUNDING_SHARE = 1e2
#: Rise of the training loss, relative to it, that turns weights back.
TRAIN_RISE = 1e-9


class CriterionDriver:
    """The loop of passes.

    Parameters
    ----------
    rows : LeftOutRows
        The rows, read in passes.
    max_iter : int
        Maximum number of passes.
    deadline : Deadline or None
        No pass begins after it.
    tol : float
        Largest relative hypergradient of a converged result.
    report : callable
        Called with (n_iter, info, place).
    advice : str
        Advice for passes that have not converged.
    """

    def __init__(self, rows, *, max_iter, deadline, tol, report, advice):
        self.rows, self.tol, self.report = rows, tol, report
        self.max_iter, self.deadline = max_iter, Deadline.of(deadline)
        self.clock, self.advice, self.history = time.perf_counter(), advice, []
        source = rows.rows.source
        self.rounding = source.rounding
        share = LAST_RESIDENT if source.is_resident else LAST_SHARE
        self.last = max(share * tol, ROUNDING_SHARE * source.rounding, LEAST_LAST)

    def run(self, models, lambda_):
        """Return the problem and the result of passes.

        Parameters
        ----------
        models : Models
            About the start.
        lambda_ : ndarray of shape (n_groups,)
            Start; all entries may be moved by the same before the first pass.

        Returns
        -------
        problem : StreamedProblem
            About the weights of the result.
        result : BilevelResult
            The best of all passes.
        """
        lambda_, frozen = self.rows.begin(models, lambda_)
        longest, status = LONGEST_MOVE, Status.MAX_ITER
        last = np.zeros_like(lambda_)
        for n_iter in range(1, min(self.max_iter, MOST_CRITERION_PASSES) + 1):
            place = self._pass(frozen, lambda_)
            frozen, problem = place.frozen, place.problem
            info, is_stopped = self._told(n_iter, place)
            ends = [frozen.full.minimize(lambda_, frozen.full.start())]
            error = inner_error(problem, lambda_, place.weights, ends)
            box = np.clip([lambda_ - longest, lambda_ + longest], *problem.bounds)
            ahead = frozen.minimum(lambda_, box)
            move = np.abs(ahead - lambda_).max(initial=0.0)
            self.error = max(error, move)
            if self.error <= self.last:
                status = Status.CONVERGED
            elif self.deadline.is_over:
                status = Status.MAX_TIME
            elif is_stopped:
                status = Status.STOPPED
            else:
                is_back = last @ (ahead - lambda_) < 0
                if is_back and move > SWINGING * np.abs(last).max():
                    longest = 0.5 * move
                    ahead = np.clip(ahead, lambda_ - longest, lambda_ + longest)
                last, lambda_ = ahead - lambda_, ahead
                continue
            break
        return problem, result_of_passes(self, place, status, info, self.advice)

    def _pass(self, frozen, lambda_):
        """Return the place of lambda, at the weights that the model leads to."""
        full, given = frozen.full, frozen.inverses(lambda_)
        w = full.minimize(lambda_, full.start())
        about = full.about.reshape(-1, 1)
        before = full.train_loss(about, lambda_)
        rise = max(TRAIN_RISE, self.rounding)
        for _ in range(NEWTON_MAX_HALVINGS):
            place = self.rows.at(lambda_, w.reshape(full.about.shape), given)
            after = place.problem.full.train_loss(place.weights[0], lambda_)
            if after <= before + rise * abs(before):
                break
            w = 0.5 * (w + about)
        return place

    def _told(self, n_iter, place):
        """Return the `Info` of a pass, and whether a callback ends the run."""
        size = np.abs(place.gradient).max(initial=0.0)
        train = place.problem.full.train_loss(place.weights[0], place.lambda_)
        info = Info(place.lambda_, float(train), place.estimate, float(size))
        counts = self.rows.rows.frame.counts
        counts.n_passes = self.rows.rows.source.n_passes
        seconds = time.perf_counter() - self.clock
        self.history.append(history_row(info, counts, seconds))
        return info, self.report(n_iter, info, place)
