"""Few passes over rows beyond memory, each followed by a minimization of its models.

A pass makes second-order models of all training and validation losses. The solver
minimizes the validation loss of the models over lambda, which costs no pass, and the
next pass is at the weights where it ended: Newton's method for weights and lambdas
together. The models lack the third derivatives of the training losses; these correct
the step of lambda.
"""

import time

import numpy as np

from ..bilevel.streamed import StreamedProblem
from ..engine.glm.safeguards import overshoots, shortened
from ..engine.glm.stream_rows import every
from ..engine.linalg.newton import NEWTON_MAX_HALVINGS
from .driver import history_row
from .ending import result_of_passes
from .protocol import BilevelResult, Info, Status
from .rounds import Rounds
from .steps.acceptance import is_below_rounding
from .steps.model_steps import (
    BETTER,
    are_far_from_all,
    best_shared,
    inner_error,
    lengths,
    slopes_along,
)
from .steps.trust import Trust

#: Maximum number of passes at the weights of every split, and at common weights.
MOST_ROUNDS, MOST_COMMON = 30, 8
#: Maximum number of samples drawn by the weights of the last one.
MOST_DRAWN = 3
#: Length of the last move of lambda, relative to `tol`.
LAST_MOVE = 1e-1
#: Error after that move, relative to `tol`, where no pass follows it: of rows beyond
#: memory, and of rows that stay where they are. Of lambda or of weights relative in the
#: norm of the Hessian, whichever is smaller.
SETTLED_MOVE, SETTLED_RESIDENT = 1e-3, 1e-5
#: Relative change of second derivatives per move of a lambda.
BENT = 5.0
#: Longest step of lambda that follows the last pass; longer ones are in flat tails.
LONGEST_END = 1e-3
#: Accuracy of the weights relative to `tol`.
WEIGHTS_SHARE = 1e-2
#: Curvature in a lambda, relative to the objective, below which the objective is flat.
FLAT_LAMBDA = 1e-10
#: Largest number of lambdas for which third derivatives are computed.
MOST_THIRD = 30
#: Error of the weights below which it may be due to rounding.
ROUNDED = 1e-6
#: Largest error of the weights after a step of Newton, over the square of that before.
FURTHER = 1e2
#: Ratio of two successive moves above which moves are due to rounding.
STAGNANT = 0.4


class StreamedDriver(Rounds):
    """The loop of passes; its parameters are those of `Rounds`."""

    def run(
        self, models, lambda_0: np.ndarray, weights: np.ndarray
    ) -> tuple[StreamedProblem, BilevelResult]:
        """Return the end of passes that begin with models about common weights.

        Parameters
        ----------
        models : Models
            About `weights`.
        lambda_0 : ndarray of shape (n_groups,)
            Start.
        weights : ndarray of shape (m, n_outputs) or (n_splits + 1, m, n_outputs)
            The common weights, or those of every split and of all rows.

        Returns
        -------
        problem : StreamedProblem
            About the weights of the result.
        result : BilevelResult
            Its losses, slopes and Hessians are those of the rows.
        """
        now = self._first(models, lambda_0, weights)
        most, status = min(self.max_iter, MOST_ROUNDS), Status.MAX_ITER
        for n_iter in range(1, most + 1):
            drawn = self._drawn(now.at[-1]) if self._is_far else None
            now = self._next(now) if drawn is None else drawn
            now = self._settled(now)
            place, info = self._look(now)
            is_stopped = self.report is not None and self.report(n_iter, info, place)
            is_over = self._is_over(now, place)
            is_certain = now.problem.is_certain(now.lambda_, info.validation_loss)
            if is_certain and not self._is_far:
                status = Status.CERTAIN
            elif not is_over and self.deadline.is_over:
                status = Status.MAX_TIME
            elif is_over and self._is_worse_than_none(now.problem, place):
                self.looks_around = False
                now = self._from_none(now.problem)
                continue
            elif is_over:
                status = Status.CONVERGED
            elif is_stopped:
                status = Status.STOPPED
            else:
                continue
            break
        return self._outcome(now, place, info, status)

    def _first(self, models, lambda_0, weights):
        """Return the first round, from the sample's weights or from no features."""
        if weights.ndim > 2:
            return self._round(models, lambda_0, weights)
        if not self.looks_around:
            return self._from_common(models, lambda_0, weights)
        problem = self._problem(models)
        lambda_0 = best_shared(problem, problem.project(lambda_0), weights)
        common = [weights.reshape(-1, 1)] * len(problem.splits)
        if lambda_0.size and problem.validation_loss(common) > problem.null_loss:
            # The model without features is a better start.
            drawn = self._drawn(weights)
            return self._from_none(problem) if drawn is None else drawn
        return self._from_common(models, lambda_0, weights)

    def _drawn(self, weights):
        """Return the round about the fit of a sample drawn by weights, or None."""
        now = None
        while self._draws():
            self._n_drawn += 1
            found = self.draws.start(weights)
            if found is None:
                break
            lambda_, at = found
            now = self._round(self.rows.own(at[:-1], at[-1]), lambda_, at)
            if not self._is_far:
                break
            weights = at[-1]
        return now

    def _draws(self):
        """Whether another sample may be drawn."""
        is_asked = self.draws is not None and self.looks_around
        return is_asked and self._n_drawn < MOST_DRAWN

    def _is_worse_than_none(self, problem, place):
        """Whether no features at all are better than the start that a fit chose."""
        if not (self.looks_around and place.lambda_.size):
            return False
        return problem.null_loss < (1.0 - BETTER) * place.objective

    def _from_none(self, problem):
        """Return the round about models without features, after a pass."""
        self._trust = Trust()
        at = np.zeros((self._n_models, *self.rows.frame.shape))
        if self.rows.frame.fit_intercept:
            at[:, -1] = self.rows.constants
        models = self.rows.own(at[:-1], at[-1])
        lambda_ = best_shared(self._problem(models), problem.bounds[1], at[-1])
        return self._round(models, lambda_, at)

    # Passes at common weights.

    def _from_common(self, models, lambda_, weights):
        """Return the first round in which every split has its own weights."""
        now = self._round(models, lambda_, np.stack([weights] * self._n_models))
        if self._is_far:
            drawn = self._drawn(weights)
            if drawn is not None:
                return drawn
        for _ in range(MOST_COMMON):
            if not are_far_from_all(now.problem, now.ahead, now.at[-1], now.there):
                break
            ahead, there = now.ahead, now.there[-1]
            size = 1.0
            for _ in range(NEWTON_MAX_HALVINGS):
                common = now.at[-1] + size * (there - now.at[-1])
                models = self.rows.common(common)
                full = now.problem.full, models.full
                found = slopes_along(full, ahead, now.at[-1], there, common)
                rise, decrement = np.array(found)
                if not overshoots(rise, decrement):
                    break
                size *= float(shortened(1.0, rise, decrement))
            now = self._round(models, ahead, np.stack([common] * self._n_models))
        return now

    # Passes at weights of every split.

    def _next(self, now):
        """Return the round about the solution of the last one, after a pass or more."""
        moves, problem = None, now.problem
        flat = [w.reshape(-1, 1) for w in now.there]
        if len(now.ahead) and problem.affords_responses:
            third = len(now.ahead) <= MOST_THIRD
            moves = problem.split_set.moves(now.ahead, flat[:-1], third)
        at = now.there
        models = self.rows.own(at[:-1], at[-1], moves)
        before, after = every(problem.models), every(models)
        ways = zip(before, after, now.at, at, strict=True)
        found = [
            slopes_along(pair, now.ahead, start, end, end) for *pair, start, end in ways
        ]
        rise, decrement = np.array(found).T
        far = overshoots(rise, decrement)
        if not far.any():
            return self._round(models, now.ahead, at)
        # These go back, and the next pass takes a shorter step.
        size = lengths(problem, now.ahead, now.at, at) * shortened(1.0, rise, decrement)
        longest = np.where(far, size, np.inf)
        at = np.where(far[:, None, None], now.at, at)
        return self._round(
            models.with_some(problem.models, far), now.ahead, at, longest
        )

    def raised(self, problem, result, raise_all):
        """Return a result with all lambdas raised by a rule, and its problem.

        The rule is applied to models expanded about its last result until that no
        longer changes.

        Parameters
        ----------
        problem : StreamedProblem
            About the minimum.
        result : BilevelResult
            The minimum.
        raise_all : callable
            Takes a problem and the minimum, and returns a `BilevelResult`.

        Returns
        -------
        BilevelResult, StreamedProblem
            With the losses of the rows.
        """
        last = None
        for _ in range(MOST_COMMON):
            chosen = raise_all(problem, result)
            lambda_ = chosen.lambda_
            shape = problem.full.frame.shape
            at = np.stack([w.reshape(shape) for w in chosen.weights])
            full = problem.full.minimize(lambda_, problem.full.start())
            models = self.rows.own(at, full.reshape(shape))
            problem = self._problem(models)
            place = problem.at(lambda_, [w.reshape(-1, 1) for w in at])
            if last is not None and np.abs(lambda_ - last).max() <= self.tol:
                break
            last = lambda_
        found = result._replace(place=place, validation_loss=place.estimate)
        return found, problem

    # Reports.

    def _look(self, now):
        """Return the place of a round, and its `Info`, a row of the history."""
        weights = [w.reshape(-1, 1) for w in now.at[:-1]]
        place = now.problem.at(now.lambda_, weights)
        slope = place.hypergradient() if now.lambda_.size else 0.0
        size = np.max(np.abs(slope))
        train = now.problem.train_loss(weights, now.lambda_)
        info = Info(now.lambda_, train, place.estimate, float(size))
        counts, source = self.rows.frame.counts, self.rows.source
        counts.n_passes = source.n_passes
        self.history.append(history_row(info, counts, time.perf_counter() - self.clock))
        return place, info

    def _settled(self, now):
        """Return the solution of a round if a pass about it would hardly move it."""
        step = inner_error(now.problem, now.ahead, now.at, now.there)
        move = np.abs(now.ahead - now.lambda_).max(initial=0.0)
        # Third derivatives are those of the place before.
        last = self._last_move
        rate = min(1.0, max(move / last, BENT * last)) if last else 1.0
        # Newton's method squares the error of the weights.
        if FURTHER * step**2 > WEIGHTS_SHARE * self.tol or self._left(now) > self.tol:
            return now
        # A lambda that moves no weight may be anywhere.
        is_felt = step > LAST_MOVE * WEIGHTS_SHARE * self.tol
        is_resident = self.rows.source.is_resident
        settled = SETTLED_RESIDENT if is_resident else SETTLED_MOVE
        if is_felt and rate * min(move, step) > settled * self.tol:
            return now
        return now._replace(lambda_=now.ahead, at=now.there)

    def _left(self, now):
        """Return the error of typical predictions after the last step of the weights.

        Where classes come apart, curvatures are tiny, and so are steps in their norms,
        while predictions still move. Curvatures change by as much, in logs.
        """
        moments = self.rows.second_moments
        about = [model.about for model in every(now.problem.models)]
        moves = (now.there - np.stack(about))[:, : len(moments)]
        return float(np.einsum("j,kjo->ko", moments, moves**2).max())

    def _errors(self, now, place):
        """Return the errors of the weights and of lambda, and the move of lambda."""
        problem = now.problem
        full = problem.full.minimize(now.lambda_, problem.full.start())
        weights = [*problem.minimize(now.lambda_), full]
        inner = inner_error(problem, now.lambda_, now.at, weights)
        if not now.lambda_.size:
            return inner, 0.0, 0.0
        found = place.model()
        slope = problem.projected(now.lambda_, found.gradient)
        size = problem.relative(slope, place.objective)
        bend = np.abs(np.diag(found.tangent + found.bend))
        felt = bend > FLAT_LAMBDA * place.objective
        move = np.abs(np.where(felt, now.ahead - now.lambda_, 0.0)).max()
        return inner, float(size), float(move)

    def _is_over(self, now, place):
        """Whether another pass would change nothing relevant."""
        inner, size, move = self._errors(now, place)
        last, self._last_move = self._last_move, move
        left = self._left(now)
        if max(inner, left) <= ROUNDED and inner > STAGNANT * self._last_inner:
            # For rows far from zero and no intercept, which would absorb their means.
            inner = left = 0.0
        else:
            self._last_inner = inner
        self.error = max(inner / WEIGHTS_SHARE, size, left)
        if self.error > self.tol or move <= LAST_MOVE * self.tol:
            return self.error <= self.tol
        there = now.problem.objective(now.ahead, now.problem.minimize(now.ahead))
        is_noise = is_below_rounding(place.objective - there, place.objective)
        return move > STAGNANT * last and bool(is_noise)

    def _last_place(self, now, place):
        """Return the place where the last models end, which costs no pass."""
        move = np.abs(now.ahead - now.lambda_).max(initial=0.0)
        if not 0.0 < move <= LONGEST_END:
            return place
        weights = [w.reshape(-1, 1) for w in now.there[:-1]]
        return now.problem.at(now.ahead, weights)

    def _outcome(self, now, place, info, status):
        """Return the problem and the result."""
        if status is Status.CONVERGED:
            place = self._last_place(now, place)
        now.problem.is_of_rows = True
        advice = self.solver.capabilities.advice
        return now.problem, result_of_passes(self, place, status, info, advice)
