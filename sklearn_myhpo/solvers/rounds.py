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
    Round,
    bent,
    inner_error,
    moves_little,
    newton_move,
    polished,
    promises_little,
    within,
)
from .steps.trust import LONGEST, Trust

#: Share of `tol` that is the tolerance of a solve of the models.
MODEL_SHARE = 1e-3
#: Relative error of the weights, in the norm of the Hessian, below which they are near
#: the minimum.
NEAR_WEIGHTS = 0.01
#: Distance at which a lambda counts as being at a bound.
AT_BOUND = 1e-4
#: Error of the weights above which samples of the rows bend the models.
FAR_BENT = 0.03
#: Tolerance of a solve of bent models.
BENT_TOL = 1e-3
#: Error of the weights above which no model about them is of use.
USELESS = 1.0
#: Share of a move that leads uphill to try next, and number of such trials.
NEARER, MOST_NEARER = 0.25, 5
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

    def _round(self, models, lambda_, at, longest=None):
        """Return the `Round` of models about weights: solve them.

        Parameters
        ----------
        models : Models
        lambda_ : ndarray of shape (n_groups,)
        at : ndarray of shape (n_splits + 1, m, n_outputs)
        longest : ndarray of shape (n_splits + 1,) or None
            Longest steps of the weights; None for any length.
        """
        problem = self._problem(models)
        # Bounds follow from the models without features, which a later pass may
        # correct.
        for bound in problem.bounds:
            lambda_ = np.where(np.abs(lambda_ - bound) <= AT_BOUND, bound, lambda_)
        lambda_ = problem.project(lambda_)
        weights = problem.minimize(lambda_, problem.starts())
        inner = inner_error(problem, lambda_, at, weights)
        self._inner, self._is_far = inner, inner > USELESS
        self._is_near = inner <= NEAR_WEIGHTS
        ahead, there = self._end(problem, models, lambda_, at)
        now = Round(problem, lambda_, at, ahead, there)
        return now if longest is None else now._replace(there=within(now, longest))

    def _end(self, problem, models, lambda_, at):
        """Return lambda and the weights at the minimum of the models."""
        is_far = self._inner > FAR_BENT
        if self.draws is not None:
            self.draws.wants(is_far)
            bent = self.draws.bent(models) if is_far else None
            found = None if bent is None else self._end_of_bent(bent, lambda_, at)
            if found is not None:
                return found
        # Far from the minimum only the weights move: there the models say little about
        # lambda.
        if self._inner <= FAR_WEIGHTS:
            lambda_ = self._ahead(problem, lambda_, at)
        return lambda_, _minima(problem, lambda_, at)

    def _end_of_bent(self, models, lambda_, at):
        """Return lambda and the weights at the minimum of bent models, or None."""
        problem = self._problem(models)
        for moves in (True, False):
            try:
                ahead = lambda_
                if moves:
                    ahead = self._ahead(problem, lambda_, at, BENT_TOL)
                there = _minima(problem, ahead, at)
            except (ValueError, np.linalg.LinAlgError):
                # Bent models may be negative far away.
                continue
            if np.all(np.isfinite(there)):
                return ahead, there
        return None

    def _ahead(self, problem, lambda_, at, tol=None):
        """Return lambda at the models' minimum, corrected by third derivatives.

        Parameters
        ----------
        problem : StreamedProblem
        lambda_ : ndarray of shape (n_groups,)
        at : ndarray of shape (n_splits + 1, m, n_outputs)
        tol : float or None
            Tolerance of the solve of the models; None for an accurate one.
        """
        if not lambda_.size or not (self._is_near or self._trust.is_free):
            # Moves that turned back were due to slopes at inaccurate weights.
            return lambda_
        place = problem.at(lambda_, [w.reshape(-1, 1) for w in at[:-1]])
        longest = LONGEST
        if self._is_near:
            back = self._trust.retreat(lambda_, place.objective, self._inner)
            if back is not None:
                return problem.project(back)
            longest = self._trust.longest
            move = None if self._trust.is_free else newton_move(problem, place)
            if move is not None:
                return problem.project(lambda_ + self._trust.moved(move, longest))
        found = self._minimum(problem, lambda_, np.inf, tol)
        if self._is_near and promises_little(problem, place, found):
            # For example the last part of a lambda's way to its bound.
            longest = np.inf
        elif np.abs(found - lambda_).max() > longest:
            for wider in (np.inf, *WIDER) if self._trust.is_free else ():
                if wider < np.inf:
                    found = self._minimum(problem, lambda_, wider * longest, tol)
                if moves_little(problem, lambda_, found, at):
                    return lambda_ + self._trust.moved(found - lambda_, np.inf)
            # On the way to a distant minimum the objective may rise first.
            found = self._minimum(problem, lambda_, longest, tol)
        if not self._trust.is_free:
            found = self._downhill(problem, place, found, longest, tol)
        move = found - lambda_
        if problem.models.third is not None:
            move = bent(problem, place, move)
        return problem.project(lambda_ + self._trust.moved(move, longest))

    def _downhill(self, problem, place, found, longest, tol):
        """Return a minimum of the models near enough that the slope leads to it.

        Minima of the models beyond a rise may be none of the rows.
        """
        lambda_, slope = place.lambda_, place.hypergradient()
        for _ in range(MOST_NEARER):
            if not slope @ (found - lambda_) > 0:
                break
            longest = NEARER * min(longest, np.abs(found - lambda_).max())
            found = self._minimum(problem, lambda_, longest, tol)
        return found

    def _minimum(self, problem, lambda_, longest, tol):
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
                tol=tol or MODEL_SHARE * self.tol,
                random_state=self.random_state,
            )
            found = result.lambda_ if tol else polished(problem, result.lambda_)
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
