"""Models from a pass over rows beyond memory, minimized to find the next place."""

import time

import numpy as np

from .._deadline import Deadline
from ..bilevel.streamed import StreamedProblem
from ..engine.glm.stream_rows import StreamedRows
from .driver import minimize_bilevel
from .protocol import Solver
from .steps.model_steps import (
    FAR_WEIGHTS,
    LONGEST,
    Round,
    Trust,
    bent,
    inner_error,
    moves_little,
    polished,
    promises_little,
)

#: Share of `tol` that is the tolerance of a solve of the models.
MODEL_SHARE = 1e-3
#: Relative error of the weights, in the norm of the Hessian, below which they are near
#: the minimum.
NEAR_WEIGHTS = 0.01
#: Error of the weights above which only they move after a sample was drawn: its lambda
#: is good, and unfinished weights may have a lower held-out loss than the minimum.
FAR_DRAWN = 0.03
#: Distance at which a lambda counts as being at a bound.
AT_BOUND = 1e-4
#: Error of the weights above which a sample of the rows bends the models; ratio of two
#: such errors above which the sample does not help.
FAR_BENT, NO_HELP = 0.03, 0.5
#: Multiples of the longest move of lambda that are tried if the weights hardly move.
WIDER = (4.0, 2.0)


class Rounds:
    """Minimization of the models from a pass, to find the place of the next pass.

    Parameters
    ----------
    rows : StreamedRows
        The data.
    solver : Solver
        It minimizes the models of every pass.
    lambda_bounds : "auto" or (low, high)
        As in `StreamedProblem`.
    lambda_init : float, ndarray of shape (n_groups,) or None
        The start given by the user; None without one.
    looks_around : bool
        Whether lambda may start somewhere else if that is clearly better.
    max_iter : int
        Maximum number of iterations of the solver between two passes, and most passes.
    deadline : Deadline or None
        No pass begins after it, except the first ones; None for no limit.
    tol : float
        As in `minimize_bilevel`.
    random_state : int
        Seed of every run of the solver.
    report : callable or None
        Called with (n_iter, info, weights) after a pass at weights of every split; the
        run ends if it returns something true.
    shrinkage : (float, float) or None
        Arguments of `Problem.shrink`.
    draws : Draws or None
        Fits of samples of the rows that weights explain least.
    """

    def __init__(
        self,
        rows: StreamedRows,
        solver: Solver,
        *,
        lambda_bounds,
        lambda_init=None,
        looks_around: bool = True,
        max_iter: int = 100,
        deadline: Deadline | None = None,
        tol: float = 1e-6,
        random_state: int | None = None,
        report=None,
        shrinkage: tuple[float, float] | None = None,
        draws=None,
    ):
        self.rows, self.solver = rows, solver
        self.lambda_bounds, self.lambda_init = lambda_bounds, lambda_init
        self.looks_around = looks_around
        self.tol, self.error = tol, np.inf
        self.max_iter, self.deadline = max_iter, Deadline.of(deadline)
        self.random_state = random_state
        self.report, self.clock = report, time.perf_counter()
        self.shrinkage, self.draws, self._n_drawn = shrinkage, draws, 0
        # Whether a sample bends the models, and the error before the last such round.
        self._bends, self._bent_error = draws is not None, np.inf
        self.history = []
        self._last_move = self._last_inner = np.inf
        self._trust = Trust()

    @property
    def _n_models(self):
        return self.rows.reading.n_splits + 1

    def _problem(self, models):
        """Return the problem of models; its bounds include the user's own start."""
        problem = StreamedProblem(self.rows, models, self.lambda_bounds)
        if self.lambda_init is not None:
            problem.widen_bounds(self.lambda_init)
        if self.shrinkage is not None:
            problem.shrink(*self.shrinkage)
        return problem

    def _round(self, models, lambda_, at):
        """Return the `Round` of models about weights: solve them."""
        problem = self._problem(models)
        # Bounds follow from the models without features, which a later pass may
        # correct.
        for bound in problem.bounds:
            lambda_ = np.where(np.abs(lambda_ - bound) <= AT_BOUND, bound, lambda_)
        lambda_ = problem.project(lambda_)
        weights = problem.minimize(lambda_, problem.starts())
        inner = inner_error(problem, lambda_, at, weights)
        self._inner, self._is_far = inner, inner > FAR_WEIGHTS
        self._is_near = inner <= NEAR_WEIGHTS
        # Far from the minimum only the weights move: there the models say little about
        # lambda.
        is_held = inner > FAR_DRAWN if self._n_drawn else self._is_far
        ahead = lambda_ if is_held else self._ahead(problem, lambda_, at)
        now = Round(problem, lambda_, at, ahead, _minima(problem, ahead, at))
        return self._bent(now, models) if self.draws is not None else now

    def _bent(self, now, models):
        """Return the round with the end of models that a sample bends."""
        inner = self._inner
        if inner > NO_HELP * self._bent_error:
            self._bends = False
        self._bent_error, bent = np.inf, None
        is_far = inner > FAR_BENT
        # Very far away a fit of the sample alone is the better start.
        if is_far and self._bends and not self._is_far:
            bent = self.draws.bent(models)
        self.draws.wants(is_far and (self._bends or self._is_far))
        if bent is None:
            return now
        end = self._end_of_bent(self._problem(bent), now.lambda_, now.at)
        if end is None:
            return now
        self._bent_error = inner
        return now._replace(ahead=end[0], there=end[1])

    def _end_of_bent(self, problem, lambda_, at):
        """Return lambda and the weights at the minimum of bent models, or None."""
        for moves in (True, False):
            try:
                ahead = self._ahead(problem, lambda_, at) if moves else lambda_
                there = _minima(problem, ahead, at)
            except (ValueError, np.linalg.LinAlgError):
                # Bent models may be negative far away.
                continue
            if np.all(np.isfinite(there)):
                return ahead, there
        return None

    def _ahead(self, problem, lambda_, at):
        """Return lambda at the models' minimum, corrected by third derivatives."""
        if not lambda_.size:
            return lambda_
        place = problem.at(lambda_, [w.reshape(-1, 1) for w in at[:-1]])
        longest = LONGEST
        if self._is_near:
            back = self._trust.retreat(lambda_, place.objective, self._inner)
            if back is not None:
                return problem.project(back)
            longest = self._trust.longest
        found = self._minimum(problem, lambda_, np.inf)
        if self._is_near and promises_little(problem, place, found):
            # For example the last part of a lambda's way to its bound.
            longest = np.inf
        elif np.abs(found - lambda_).max() > longest:
            for wider in (np.inf, *WIDER) if self._trust.is_free else ():
                if wider < np.inf:
                    found = self._minimum(problem, lambda_, wider * longest)
                if moves_little(problem, lambda_, found, at):
                    return found
            # On the way to a distant minimum the objective may rise first.
            found = self._minimum(problem, lambda_, longest)
        move = found - lambda_
        if problem.models.third is not None:
            move = bent(problem, place, move)
        longest = self._trust.without_swing(move, longest)
        return problem.project(lambda_ + np.clip(move, -longest, longest))

    def _minimum(self, problem, lambda_, longest):
        """Return the minimum of the models in a box around lambda."""
        bounds = problem.bounds
        problem.bounds = np.clip([lambda_ - longest, lambda_ + longest], *bounds)
        try:
            result = minimize_bilevel(
                problem,
                self.solver,
                lambda_init=lambda_,
                weights_init=problem.minimize(lambda_),
                max_iter=self.max_iter,
                tol=MODEL_SHARE * self.tol,
                random_state=self.random_state,
            )
            found = polished(problem, result.lambda_)
        except np.linalg.LinAlgError:
            # Models about weights of no use: these move alone.
            found = lambda_
        problem.bounds = bounds
        return found


def _minima(problem, lambda_, at):
    """Return the minima of the models, that of all rows last, shaped as `at`."""
    weights = problem.minimize(lambda_, problem.starts())
    full = problem.full.minimize(lambda_, problem.full.start())
    return np.stack([one.reshape(at[0].shape) for one in [*weights, full]])
