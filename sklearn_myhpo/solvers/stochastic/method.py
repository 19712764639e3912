"""Stochastic bilevel solvers: SOBA, SABA, AmIGO and stocBiO.

SOBA and SABA: Dagreou, Ablin, Vaiter & Moreau (2022), A framework for bilevel
optimization that enables stochastic and global variance reduction algorithms,
arXiv:2201.13409. AmIGO: Arbel & Mairal (2022), Amortized implicit differentiation for
stochastic bilevel optimization, arXiv:2111.14580. stocBiO: Ji, Yang & Liang (2021),
Bilevel optimization: convergence analysis and enhanced design, arXiv:2010.07962.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..._deadline import Deadline
from ...bilevel.validation import BilevelProblem
from ...data.batches import RowBatches
from ..capabilities import Capabilities
from ..options import check_options
from ..protocol import Info, Solver
from .epochs import Tables, double_loop, saba_direction, single_loop, soba_direction
from .steps import Outer, Steps, measured_steps

#: Of the inverse Lipschitz constant: Defazio et al. (2014) for SAGA; stability of
#: gradient steps for the others.
SAFETY = {"saba": 1.0 / 3.0, "soba": 1.0, "amigo": 1.0, "stocbio": 1.0}
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
    tables: Tables | None = None


@dataclass(frozen=True)
class Stochastic(Solver):
    """Steps of weights, adjoints and lambda on batches of rows; one epoch an iteration.

    With (w, q, lambda) and H the Hessian of L_T at w, the directions are ``grad L_T``,
    ``H q - grad L_V`` and ``-sum_{j in g} p_j w_j q_j``, with sampled rows and the
    exact penalty. An epoch visits every row once, training or validation, with
    "saba" and "soba"; with "amigo" and "stocbio" it asks for as many batches.

    Parameters
    ----------
    method : {"saba", "soba", "amigo", "stocbio"}, default="saba"
        "soba" steps on all three at once, with steps that fall like
        ``1 / sqrt(k + 1)``; "saba" the same with SAGA's tables, constant steps and so a
        limit without noise; "amigo" takes `n_inner_steps` on w and q before each on
        lambda, "stocbio" too, with q from zero each time.
    batch_size : int, default=64
        Most rows of a batch, of both parts and all splits together; fewer where there
        would be less than ten batches.
    step_sizes : "auto" or (float, float), default="auto"
        alpha of w and q, and beta of lambda, as published. "auto" takes scale-free
        ones from the curvature of the batches, and needs no tuning.
    n_inner_steps : int, default=10
        Of "amigo" and "stocbio".
    """

    _parameter_constraints: ClassVar[dict] = {
        "method": [StrOptions({"saba", "soba", "amigo", "stocbio"})],
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
        """Needs rows; all but SABA, which has a table of rows, can take new ones."""
        return Capabilities(needs_rows=True, streams=self.method != "saba")

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
        batches, outer = state.batches, Outer(problem)
        z = np.stack([np.stack(state.weights, 1), np.stack(state.adjoints, 1)], axis=1)
        tables = state.tables
        if self.method in ("saba", "soba"):
            order = rng.permutation(len(batches))
            if self.method == "saba":
                tables = self._tables(batches, tables, z)

            def direction(number, z):
                if self.method == "saba":
                    return saba_direction(batches, number, z, tables)
                return soba_direction(batches, number, z)

            lambda_, z = single_loop(
                batches, outer, order, state.lambda_, z, direction, self._sizes(state)
            )
        else:
            order = self._inner_order(len(batches), rng)
            lambda_, z = double_loop(
                batches,
                outer,
                order,
                state.lambda_,
                z,
                self.n_inner_steps,
                self.method == "stocbio",
                self._sizes(state),
            )
        state = state._replace(
            lambda_=lambda_,
            weights=list(np.moveaxis(z[:, 0], 1, 0).copy()),
            adjoints=list(np.moveaxis(z[:, 1], 1, 0).copy()),
            n_steps=state.n_steps + len(order),
            tables=tables,
        )
        # An epoch that was cut short leaves as much behind as it has done.
        with problem.counts.within(Deadline()):
            return _judged(problem, state, outer, z)

    def _with_batches(self, problem, state, rng):
        """Return the state with batches of rows and the sizes of its steps."""
        batches = problem.sample_row_batches(rng, self.batch_size)
        if isinstance(self.step_sizes, str):
            safety = SAFETY[self.method]
            steps, largest = measured_steps(batches, safety, state.largest)
            if self.method in ("amigo", "stocbio"):
                # Weights step as often as this between two steps of lambda.
                beta = min(self.n_inner_steps * steps.beta, MAX_STEP)
                steps = steps._replace(beta=beta)
        else:
            steps, largest = Steps(None, *self.step_sizes), None
        return state._replace(batches=batches, steps=steps, largest=largest)

    def _tables(self, batches, tables, z):
        """Return tables that may be written to; the first ones see all rows."""
        if tables is None:
            start = batches.everything(z)
            return Tables(start.scalars, start.gradients)
        return Tables(*(part.copy() for part in tables))

    def _sizes(self, state):
        """Return a function from k to the `Steps` of the k-th step of the epoch."""
        if self.method == "saba":
            return lambda k: state.steps
        return lambda k: state.steps.shrunk(1.0 / np.sqrt(state.n_steps + k + 1))

    def _inner_order(self, n_batches, rng):
        """Return numbers of batches for outer iterations that make up an epoch."""
        n_each = 2 * self.n_inner_steps + 1
        n_outer = max(1, round(n_batches / n_each))
        n_rounds = -(-n_outer * n_each // n_batches)
        numbers = np.concatenate([rng.permutation(n_batches) for _ in range(n_rounds)])
        return numbers[: n_outer * n_each].reshape(n_outer, n_each)


def _judged(problem, state, outer, z):
    """Return the state with its full residual, of all rows, and its `Info`."""
    found = state.batches.everything(z)
    lambda_, penalty = state.lambda_, outer.penalty(state.lambda_)
    residual = found.gradients + penalty[:, None, :, None] * z
    validation_loss = float(problem.split_weights @ found.validation_losses)
    slope = outer.hypergradient(lambda_, penalty, z)
    objective = problem.objective_of(lambda_, validation_loss)
    inner = max(
        split.relative_gradient(residual[:, 0, k])
        for k, split in enumerate(problem.splits)
    )
    size = np.linalg.norm(found.held_out, axis=(0, 2))
    adjoint = np.linalg.norm(residual[:, 1], axis=(0, 2))
    adjoint = np.divide(adjoint, size, out=np.zeros_like(size), where=adjoint > 0)
    hyper = problem.relative(problem.projected(lambda_, slope), objective)
    energy = 0.5 * np.sum(penalty[..., None] * z[:, 0] ** 2, axis=(0, 2))
    info = Info(
        lambda_=lambda_,
        train_loss=float(problem.split_weights @ (found.train_losses + energy)),
        validation_loss=validation_loss,
        hypergradient_norm=float(np.max(np.abs(slope))),
        primal_residual=inner,
        dual_residual=float(adjoint.max()),
    )
    error = float(max(inner, adjoint.max(), hyper))
    return state._replace(error=error), info
