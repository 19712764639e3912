"""What a solver is, what it reports, and what a run returns."""

from enum import Enum
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np


class Info(NamedTuple):
    """What one iteration reports; one row of `history_`.

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


#: What else a user may do whose run was stopped by max_iter, unless the solver has
#: better advice.
ADVICE = (
    "or standardize the features; gradient steps converge slowly, exact steps do not"
)


class State(Protocol):
    """What a solver carries from one iteration to the next, a NamedTuple.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
    weights : list of ndarray
        One array per split.
    error : float
        The full relative residual, of the inner problem, the adjoint and the
        hypergradient; zero when rounding allows no further progress.
    """

    lambda_: np.ndarray
    weights: list
    error: float


@runtime_checkable
class Solver(Protocol):
    """A method: a frozen dataclass of options with two pure functions.

    One that takes means over features of the weights, as MY-HPO's mean response does,
    may leave the subspace of the exact solutions; one that does not may say so by
    an attribute ``all_directions = False``, which makes some problems smaller. One that
    can learn the lambdas of a `TargetsProblem` says so by ``learns_targets = True``.

    One that asks a problem only for its objective, with derivatives in lambda, and for
    exact weights, and never looks at training and validation parts itself, says so by
    ``needs_split = False``; only such solvers minimize a criterion that holds no rows
    out.

    One that looks at some rows at a time says so by ``needs_rows = True``; its problems
    are built with ``by_rows=True`` and offer `BilevelProblem.sample_row_batches`. One
    that can go on with other rows than it began with says so by ``streams = True``.

    One whose weights are not, in the end, the minimizers of the training losses says so
    by ``finds_minimizers = False``. The estimators then check whether its lambda suits
    the weights of the refit.

    One that knows what a user should do after too few iterations, beside asking for
    more of them or for less accuracy, says so in a string ``advice``.
    """

    def init(self, problem, lambda_0, weights_0):
        """Return the first state.

        Parameters
        ----------
        problem : BilevelProblem
            What is minimized.
        lambda_0 : ndarray of shape (n_groups,)
            Where to start.
        weights_0 : list of ndarray
            Weights to start from.
        """

    def step(self, problem, state, rng):
        """Return the next state and its `Info`.

        Parameters
        ----------
        problem : BilevelProblem
            What is minimized.
        state : State
            From `init` or the last step.
        rng : numpy.random.Generator
            The only source of chance.
        """


class Status(Enum):
    """How a run ended, with a sentence that a user can act on."""

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
        "diverged: iteration {n_iter} was not finite. The last finite iterate is "
        "kept. Use smaller step_sizes, backtracking, or exact steps"
    )
    STOPPED = (
        "was stopped by a callback after {n_iter} iterations, with a relative residual "
        "of {error:.1e}"
    )

    @property
    def has_converged(self):
        """Whether the run came to its own end."""
        return self in (Status.CONVERGED, Status.CERTAIN)


class BilevelResult(NamedTuple):
    """What `minimize_bilevel` returns.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
    weights : list of ndarray
        Weights of every split, in the split's coordinates.
    validation_loss : float
    status : Status
    message : str
    n_iter : int
    history : dict of str to ndarray
        One entry per iteration.
    scan : Scan or None
        Of the shared lambda that the run started from, where there was one.
    """

    lambda_: np.ndarray
    weights: list
    validation_loss: float
    status: Status
    message: str
    n_iter: int
    history: dict
    scan: tuple | None = None
