"""The contract of a solver, its report, and the result of a run."""

from abc import ABC, abstractmethod
from enum import Enum
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..bilevel.contract import OuterProblem
from ..bilevel.evaluation import Evaluation
from .capabilities import Capabilities


class Info(NamedTuple):
    """The report of one iteration; one row of `history_`.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
    train_loss, validation_loss : float
        At the weights of the state; the penalty is part of the training loss.
    hypergradient_norm : float
        The largest absolute entry of the method's own hypergradient.
    primal_residual, dual_residual : float
        Norms of r and s where the method has them, else NaN.
    """

    lambda_: np.ndarray
    train_loss: float
    validation_loss: float
    hypergradient_norm: float
    primal_residual: float = np.nan
    dual_residual: float = np.nan

    @classmethod
    def at(
        cls,
        place: Evaluation,
        slope: np.ndarray,
        primal_residual: float = np.nan,
        dual_residual: float = np.nan,
    ) -> "Info":
        """Return the report of a place.

        Parameters
        ----------
        place : Evaluation
            Of a `Problem`, at the lambda and the weights of the state.
        slope : ndarray of shape (n_groups,)
            The method's own hypergradient.
        primal_residual, dual_residual : float
            Norms of r and s, where there are any.

        Returns
        -------
        Info
            With the losses of the place.
        """
        return cls(
            place.lambda_,
            place.problem.train_loss(place.weights, place.lambda_),
            place.estimate,
            float(np.max(np.abs(slope))),
            primal_residual,
            dual_residual,
        )


class DivergedError(Exception):
    """The steps of an iteration diverge."""


class State(Protocol):
    """A solver's memory from one iteration to the next, a NamedTuple.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
    weights : list of ndarray
        One array per split.
    error : float
        The full relative residual: the largest of those of the inner problem, the
        adjoint and the hypergradient. Zero if rounding prevents further progress.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    error: float


class Solver(ABC):
    """A method: a frozen dataclass of options with two pure functions.

    A solver whose abilities or needs differ from the defaults overrides `capabilities`,
    with a class variable or with a property that depends on its options.
    """

    @property
    def capabilities(self) -> Capabilities:
        """Abilities and needs; by default those of a method that uses splits."""
        return Capabilities()

    @abstractmethod
    def init(
        self, problem: OuterProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> State:
        """Return the first state.

        Parameters
        ----------
        problem : BilevelProblem
            The objective, and its parts.
        lambda_0 : ndarray of shape (n_groups,)
            Start.
        weights_0 : list of ndarray
            Weights to start from.
        """

    @abstractmethod
    def step(
        self, problem: OuterProblem, state: State, rng: np.random.Generator
    ) -> tuple[State, Info]:
        """Return the next state and its `Info`.

        Parameters
        ----------
        problem : BilevelProblem
            The objective, and its parts.
        state : State
            From `init` or the last step.
        rng : numpy.random.Generator
            The only source of random numbers.
        """

    def info(self, problem: OuterProblem, state: State) -> Info | None:
        """Return the `Info` of a first state that may be the last one too.

        Parameters
        ----------
        problem : BilevelProblem
            The objective.
        state : State
            From `init`; its error is at most the tolerance.

        Returns
        -------
        Info or None
            None, the default, for a method that takes at least one step.
        """
        return None

    def evaluation(self, problem: OuterProblem, state: State) -> Evaluation:
        """Return the evaluation of the problem at a state.

        A solver whose states carry one returns it, so that its Hessians and its model
        serve the checks of the result too.

        Parameters
        ----------
        problem : BilevelProblem
            The objective.
        state : State
            From `init` or the last step.

        Returns
        -------
        Evaluation
            At the lambda and the weights of the state.
        """
        return problem.at(state.lambda_, state.weights)


#: Sentence of a run that had no time for an iteration: it has no residual.
NO_ITERATION = (
    "stopped at max_time={max_time:g} seconds, before the end of its first iteration. "
    "The result is its start. Increase max_time"
)


class Status(Enum):
    """End of a run, with a sentence that a user can act on."""

    CONVERGED = "converged"
    CERTAIN = (
        "converged after {n_iter} iterations to a model that leaves no held-out row in "
        "doubt"
    )
    MAX_ITER = (
        "stopped after max_iter={max_iter} iterations with a relative residual of "
        "{error:.1e}, above tol={tol:.1e} ({residuals}). Increase max_iter or tol, "
        "{advice}"
    )
    DIVERGED = (
        "diverged: iteration {n_iter} has values that are not finite, or losses far "
        "above those of the model without features. The result is that of the previous "
        "iteration. Use smaller step_sizes, backtracking, or exact steps"
    )
    MAX_TIME = (
        "stopped at max_time={max_time:g} seconds, after {n_iter} iterations, with a "
        "relative residual of {error:.1e}, above tol={tol:.1e}. The result is the best "
        "so far. Increase max_time or tol, {advice}"
    )
    STOPPED = (
        "was stopped by a callback after {n_iter} iterations, with a relative residual "
        "of {error:.1e}"
    )

    def sentence(self, *, n_iter: int, **facts: Any) -> str:
        """Return the sentence with the facts of a run in it.

        Parameters
        ----------
        n_iter : int
            Iterations that the run ended.
        **facts
            max_iter, max_time, tol, error (full relative residual), residuals (those
            of its parts, as text) and advice of the solver.

        Returns
        -------
        str
            Without a full stop.
        """
        is_start = self is Status.MAX_TIME and n_iter == 0
        text = NO_ITERATION if is_start else self.value
        return text.format(n_iter=n_iter, **facts)

    @property
    def has_converged(self) -> bool:
        """Whether the run converged."""
        return self in (Status.CONVERGED, Status.CERTAIN)


class BilevelResult(NamedTuple):
    """The result of `minimize_bilevel`.

    Attributes
    ----------
    place : Evaluation
        The problem at the last finite state; its Hessians and model are kept if the
        solver had them.
    validation_loss : float
        The estimate of the error on new rows there: validation loss or criterion.
    status : Status
    message : str
    n_iter : int
    history : dict of str to ndarray
        One entry per iteration.
    scan : Scan or None
        The scan that found the start; None without a scan.
    start : ndarray of shape (n_groups,) or None
        Lambda that the run started from.
    """

    place: Evaluation
    validation_loss: float
    status: Status
    message: str
    n_iter: int
    history: dict[str, np.ndarray]
    scan: Any = None
    start: np.ndarray | None = None

    @property
    def lambda_(self) -> np.ndarray:
        """The learned lambda, shape (n_groups,)."""
        return self.place.lambda_

    @property
    def weights(self) -> list[np.ndarray]:
        """Weights of every split, in the split's coordinates."""
        return self.place.weights
