"""Stochastic bilevel solvers: epochs of steps on batches of rows, by one of `RULES`."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.evaluation import Evaluation
from ...bilevel.validation import BilevelProblem
from ...data.minibatches.batches import RowBatches
from ...engine.glm.safeguards import saturated
from ..capabilities import Capabilities
from ..options import check_options
from ..protocol import DivergedError, Info, Solver
from .pace import Best, calmed, lag, paced, swing
from .row_steps import RowOuter, make_outer
from .rules import RULES
from .steps import Outer, Steps, measured_steps
from .walk import Walk

#: Longest step of a lambda, a natural log.
MAX_STEP = 2.0


class StochasticState(NamedTuple):
    """Weights and adjoints of every split, and the memory of the method."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    adjoints: list[np.ndarray]
    error: float
    n_steps: int = 0
    batches: RowBatches | None = None
    steps: Steps | None = None
    largest: tuple | None = None
    outer: Outer | RowOuter | None = None
    memory: Any = None
    swing: float = 1.0
    best: Best | None = None


@dataclass(frozen=True)
class Stochastic(Solver):
    """Steps of weights, adjoints and lambda on batches of rows; one epoch an iteration.

    With (w, q, lambda) and H the Hessian of L_T at w, the directions are ``grad L_T``,
    ``H q - grad L_V`` and ``-sum_{j in g} p_j w_j q_j``, with sampled rows and the
    exact penalty. An epoch visits every row once, training or validation, with
    "saba", "srba" and "soba"; with the others it asks for as many batches, and "vrbo"
    for one pass more.

    Parameters
    ----------
    method : {"saba", "srba", "soba", "f2sa", "amigo", "stocbio", "mrbo", "vrbo"}, \
default="saba"
        "soba" steps on all three at once, with steps that fall like
        ``1 / sqrt(k + 1)``; "saba" and "srba" do the same with constant steps and a
        limit without noise, by SAGA's tables or SARAH's recursion. "amigo" takes
        `n_inner_steps` on w and q before each on lambda, "stocbio" too, with q from
        zero each time; "f2sa" on two sets of weights, without Hessians. "mrbo" has
        recursive momentum and "vrbo" SPIDER's recursion, both with q from a series of
        `n_inner_steps` terms. The sources are in the files of these names.
    batch_size : int, default=64
        Maximum number of rows of a batch, for both parts and all splits together. It is
        reduced if there would be fewer than ten batches.
    step_sizes : "auto" or (float, float), default="auto"
        alpha of w and q, and beta of lambda, as published. "auto" takes scale-free
        ones from the curvature of the batches, and needs no tuning.
    n_inner_steps : int, default=10
        Of "f2sa", "amigo", "stocbio", "mrbo" and "vrbo".
    """

    _parameter_constraints: ClassVar[dict] = {
        "method": [StrOptions(set(RULES))],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "step_sizes": [StrOptions({"auto"}), tuple, list],
        "n_inner_steps": [Interval(Integral, 1, None, closed="left")],
    }

    method: str = "saba"
    batch_size: int = 64
    step_sizes: str | tuple = "auto"
    n_inner_steps: int = 10

    def __post_init__(self):
        check_options(self, ("alpha", "beta"))

    @property
    def capabilities(self) -> Capabilities:
        """Needs rows; methods without a memory of the rows can take new ones."""
        return Capabilities(
            needs_rows=True, streams=self._rule.streams, weighs_rows=True
        )

    def init(
        self, problem: BilevelProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> StochasticState:
        """Return the given start with adjoints of zero; batches are drawn later."""
        adjoints = [np.zeros_like(w) for w in weights_0]
        return StochasticState(lambda_0, weights_0, adjoints, np.inf)

    def step(
        self, problem: BilevelProblem, state: StochasticState, rng: np.random.Generator
    ) -> tuple[StochasticState, Info]:
        """Return the state after an epoch and its `Info`."""
        if state.batches is None:
            state = self._with_batches(problem, state, rng)
        given = np.stack(state.weights), np.stack(state.adjoints)
        z = np.ascontiguousarray(np.stack(given).swapaxes(2, 3))
        memory, rule, lambda_ = state.memory, self._rule, state.lambda_
        weighs_rows = state.batches.weighs_rows
        if memory is None and (rule.needs_pass or weighs_rows):
            found = state.batches.everything(z, lambda_)
            memory = rule.start(found)
            state = state._replace(outer=state.outer.after(found))
        sizes = state.outer, state.steps
        place = state.lambda_, z, state.n_steps
        walk = Walk(state.batches, *sizes, *place, rng, self.n_inner_steps)
        try:
            memory = rule.epoch(walk, memory)
        except OutOfTimeError:
            # An unfinished epoch counts as far as it got.
            memory = None
        with problem.counts.within(Deadline()):
            found = state.batches.everything(walk.z, walk.lambda_)
        if _has_diverged(problem, state, found, np.stack(given)):
            raise DivergedError
        if memory is not None:
            memory = rule.renewed(memory, found)
        state = state._replace(
            lambda_=walk.lambda_,
            weights=[w.T.copy() for w in walk.z[0]],
            adjoints=[q.T.copy() for q in walk.z[1]],
            n_steps=walk.n_steps,
            memory=memory,
            outer=walk.outer.after(found),
        )
        residual = found.gradients + walk.penalty * walk.z
        steps, now = state.steps, swing(walk.scale, residual[1], found.held_out)
        state, info, slope = _judged(problem, state, walk, found, residual)
        left = lag(problem, walk.z[1], residual[0])
        value = problem.objective_of(info.lambda_, info.validation_loss)
        here = Best(value + abs(left), state.error, state.lambda_, state.weights)
        if rule.is_steady and isinstance(self.step_sizes, str):
            steps = calmed(steps, now, state.swing)
            if not weighs_rows:
                move = state.lambda_ - lambda_
                steps = paced(steps, slope, move, left, value)
        best = here.or_before(state.best)
        return state._replace(steps=steps, swing=now, best=best), info

    def evaluation(self, problem: BilevelProblem, state: StochasticState) -> Evaluation:
        """Return the evaluation at the best end of an epoch.

        With your own `step_sizes` it is that at the last one, as published.
        """
        if state.best is None or not isinstance(self.step_sizes, str):
            return super().evaluation(problem, state)
        return problem.at(state.best.lambda_, state.best.weights)

    @property
    def _rule(self):
        return RULES[self.method]

    def _with_batches(self, problem, state, rng):
        """Return the state with batches of rows and the sizes of its steps."""
        batches = problem.sample_row_batches(rng, self.batch_size)
        if isinstance(self.step_sizes, str):
            rule = self._rule
            steps, largest = measured_steps(batches, rule.safety, state.largest)
            steps = steps._replace(row_ratio=rule.row_ratio)
            if rule.has_inner_loops:
                # Number of steps of the weights between two steps of lambda.
                beta = min(self.n_inner_steps * steps.beta, MAX_STEP)
                steps = steps._replace(beta=beta)
        else:
            steps, largest = Steps(None, *self.step_sizes), None
        known = {"steps": steps, "largest": largest, "outer": make_outer(problem)}
        return state._replace(batches=batches, **known)


def _has_diverged(problem, state, found, given):
    """Whether an epoch has led to losses far above those without features.

    The zero weights of a start may have larger ones yet, where y is far from zero: then
    steps have led away from there.
    """
    null = problem.split_set.null_losses
    lost = saturated(found.train_losses, null) if null.all() else []
    if not len(lost):
        return False
    before = state.batches.everything(given.swapaxes(2, 3), state.lambda_)
    return not np.all(found.train_losses[lost] < before.train_losses[lost])


def _judged(problem, state, walk, found, residual):
    """Return the state with its full residual, its `Info` and the hypergradient."""
    lambda_, penalty, z = walk.lambda_, walk.penalty, walk.z
    validation_loss = float(problem.split_weights @ found.validation_losses)
    pull = None if found.rows is None else found.rows.pull
    slope = walk.outer.hypergradient(lambda_, penalty, *z, pull)
    objective = problem.objective_of(lambda_, validation_loss)
    inner = max(
        split.relative_gradient(own.T)
        for split, own in zip(problem.splits, residual[0], strict=True)
    )
    size = np.linalg.norm(found.held_out, axis=(1, 2))
    adjoint = np.linalg.norm(residual[1], axis=(1, 2))
    adjoint = np.divide(adjoint, size, out=np.zeros_like(size), where=adjoint > 0)
    hyper = problem.relative(problem.projected(lambda_, slope), objective)
    energy = 0.5 * np.sum(penalty * z[0] ** 2, axis=(1, 2))
    info = Info(
        lambda_=lambda_,
        train_loss=float(problem.split_weights @ (found.train_losses + energy)),
        validation_loss=validation_loss,
        hypergradient_norm=float(np.max(np.abs(slope), initial=0.0)),
        primal_residual=inner,
        dual_residual=float(adjoint.max()),
    )
    error = float(max(inner, adjoint.max(), hyper))
    return state._replace(error=error), info, slope
