"""Unrolled differentiation: the inner problem is K steps of gradient descent.

Bengio (2000), Gradient-Based Optimization of Hyperparameters; Maclaurin, Duvenaud &
Adams (2015), Gradient-Based Hyperparameter Optimization through Reversible Learning
(reverse mode); Franceschi, Donini, Frasconi & Pontil (2017), Forward and Reverse
Gradient-Based Hyperparameter Optimization (both modes).
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from .._messages import shown
from ..bilevel.held_out import HeldOutProblem
from ..bilevel.problem import Problem
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver
from .steps.descent import DescentState, Value, descend, report
from .steps.unroll import (
    StepSize,
    automatic_step_size,
    forward_slope,
    inner_path,
    reverse_slope,
)


@dataclass(frozen=True)
class Unrolled(Solver):
    """Exact derivatives of K steps of gradient descent, instead of exact weights.

    For a given lambda the weights are those after K steps of gradient descent on L_T
    from the best model without features, with step size 1/L. The validation loss of
    these weights is a smooth function of lambda, whose exact gradient is found through
    the steps, and L-BFGS minimizes it. Its minimum is not that of the exact problem:
    few steps regularize by themselves and need a weaker penalty. The two minima
    approach each other as K grows, like ``(1 - mu/L)^K`` with mu the least curvature of
    L_T, so features of very different scale should be standardized. The estimators
    compare the two after the fit, and warn by how much lambda misses the minimum.

    Parameters
    ----------
    n_steps : int, default=100
        K.
    mode : {"reverse", "forward"}, default="reverse"
        How the chain rule is applied: both give the same numbers. "reverse" keeps the K
        weights and needs K Hessian products for any number of lambdas; "forward" keeps
        the derivative of the weights in every lambda and needs K products for each.
    truncation : int or None, default=None
        Go only this many steps back, in reverse mode. The result approximates the
        gradient but is the gradient of no function: at exact weights it is that many
        terms of the Neumann series of the inverse Hessian. The run ends where it is
        zero.
    step_size : "auto" or float, default="auto"
        a of the inner descent. "auto" is 1/L at every lambda, its derivative in lambda
        included, with the largest eigenvalue of the data term by power iteration. A
        number is used for all lambdas; the descent diverges if it is above 2/L.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        all_directions=False, finds_minimizers=False, weighs_rows=True
    )
    _parameter_constraints: ClassVar[dict] = {
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "mode": [StrOptions({"reverse", "forward"})],
        "truncation": [None, Interval(Integral, 1, None, closed="left")],
        "step_size": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    n_steps: int = 100
    mode: str = "reverse"
    truncation: int | None = None
    step_size: str | float = "auto"

    def __post_init__(self):
        check_options(self, ())
        if self.truncation is None:
            return
        if self.mode != "reverse" or self.truncation > self.n_steps:
            raise ValueError(
                "The 'truncation' parameter must be None, or with mode='reverse' an "
                f"int of at most n_steps={self.n_steps}. Got {shown(self.truncation)} "
                f"with mode={shown(self.mode)} instead."
            )

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> DescentState:
        """Return the start; the inner descent does not begin at `weights_0`."""
        return DescentState(lambda_0, problem.starts())

    def step(
        self, problem: HeldOutProblem, state: DescentState, rng: np.random.Generator
    ) -> tuple[DescentState, Info]:
        """Return the next state and its `Info`; deterministic."""
        new_state = descend(
            problem,
            state,
            lambda lambda_, limit: self.evaluate(problem, lambda_, limit),
            is_gradient=self.truncation in (None, self.n_steps),
        )
        return new_state, report(new_state)

    def evaluate(
        self, problem: Problem, lambda_: np.ndarray, limit: float = np.inf
    ) -> Value:
        """Return the objective after K steps, and its gradient in lambda.

        Parameters
        ----------
        problem : BilevelProblem
            The objective.
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        limit : float, default=inf
            Objective above which the gradient is left out, where that saves time.

        Returns
        -------
        Value
            Objective and gradient.
        """
        if isinstance(self.step_size, str):
            problem.loss.curvature_bound("Unrolled(step_size='auto')")
        sizes = [self._inner_step_size(split, lambda_) for split in problem.splits]
        places = list(zip(problem.splits, sizes, strict=True))
        if self.mode == "forward":
            found = [
                forward_slope(split, lambda_, size, self.n_steps)
                for split, size in places
            ]
            weights, slopes = zip(*found, strict=True)
            place = problem.at(lambda_, list(weights))
        else:
            n_kept = self.truncation or self.n_steps
            paths = [
                inner_path(split, lambda_, size, self.n_steps, n_kept)
                for split, size in places
            ]
            place = problem.at(lambda_, [path[-1] for path in paths])
            if not place.objective <= limit:
                return Value(place, place.objective, None)
            slopes = [
                reverse_slope(split, lambda_, size, path)
                for (split, size), path in zip(places, paths, strict=True)
            ]
        gradient = problem.total_gradient(lambda_, problem.mean(slopes))
        return Value(place, place.objective, gradient)

    def _inner_step_size(self, split, lambda_):
        """Return the `StepSize` of the inner descent of a split."""
        if isinstance(self.step_size, str):
            penalties = split.penalties_of(lambda_)
            size = automatic_step_size(split.lipschitz, penalties)
            # The Lipschitz constant is known for rows of weight one.
            others = len(lambda_) - len(penalties)
            return size._replace(slope=np.pad(size.slope, (0, others)))
        return StepSize(self.step_size, np.zeros(len(lambda_)))
