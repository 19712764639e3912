"""SHO with a global hypernetwork.

Lorraine & Duvenaud (2018), Stochastic Hyperparameter Optimization through
Hypernetworks, arXiv:1802.09419, algorithm 2.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..bilevel.held_out import HeldOutProblem
from ..bilevel.problem import Problem
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver
from .steps.descent import Value, arrive, descend, report
from .steps.hypernetwork import Adam, Hypernetwork
from .steps.packing import in_a_row, taken_apart, weight_units

#: Number of iterations over which the training of the network is spread.
N_CHUNKS = 100
#: Standard deviation of the first parameters.
INIT_SCALE = 0.01
#: Maximum number of parameters of the network; with Adam's moments and the gradient
#: they take 160 MB.
MAX_PARAMETERS = 5_000_000


class SHOGlobalState(NamedTuple):
    """A descent through the hypernetwork, and the hypernetwork.

    The weights of all splits, in a row, are ``base + unit * network(lambda - centre)``.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    centre: np.ndarray
    base: np.ndarray
    unit: np.ndarray
    adam: Adam | None = None
    value: Value | None = None
    pairs: tuple = ()
    error: float = np.inf


@dataclass(frozen=True)
class SHOGlobal(Solver):
    """Stochastic hyperparameter optimization with a global hypernetwork.

    A network from the lambdas to the weights of all splits, with one layer of
    rectified linear units, is trained on the training loss at
    ``lambda_hat ~ N(lambda_0, scale^2)``, where lambda_0 is the start of the run.
    Then the network is frozen, and lambda descends the validation loss of its weights.
    The first 100 iterations are the training.

    Inputs of the network are relative to lambda_0, and its outputs to the weights that
    the run starts from and to the size of the exact ones there, so that units do not
    matter; with ``lambda_init=0`` samples and start are as published. The result is
    only as accurate as the network, which is not trained at lambdas far from lambda_0.

    Parameters
    ----------
    n_hidden : int, default=50
        Hidden units, as published.
    scale : float, default=1.5
        Standard deviation of the sampled lambdas, as published.
    batch_size : int, default=2
        Lambdas for each step of training, as published.
    learning_rate : float, default=1e-4
        Of Adam, as published.
    n_train_steps : int, default=10000
        Steps of training.
    step_size : "auto" or float, default="auto"
        A number is the size of gradient steps on lambda (0.01 as published); "auto"
        descends by L-BFGS.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        all_directions=False, finds_minimizers=False
    )
    _parameter_constraints: ClassVar[dict] = {
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "scale": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_train_steps": [Interval(Integral, 1, None, closed="left")],
        "step_size": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    n_hidden: int = 50
    scale: float = 1.5
    batch_size: int = 2
    learning_rate: float = 1e-4
    n_train_steps: int = 10_000
    step_size: str | float = "auto"

    def __post_init__(self):
        check_options(self, ())

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> SHOGlobalState:
        """Return the state before the training; raise for too large a network."""
        base = in_a_row(weights_0)
        n_parameters = (self.n_hidden + 1) * len(base)
        if n_parameters > MAX_PARAMETERS:
            raise ValueError(
                f"The 'n_hidden' parameter of SHOGlobal is {self.n_hidden}; with "
                f"{len(base)} weights in all splits the hypernetwork would have "
                f"{n_parameters} parameters, and at most {MAX_PARAMETERS} are allowed. "
                "Use fewer hidden units or splits, or a solver without a network, such "
                "as 'sho' or 'implicit'."
            )
        exact = problem.minimize(lambda_0, weights_0)
        unit = weight_units(problem, exact)
        return SHOGlobalState(lambda_0, weights_0, lambda_0, base, unit)

    def step(
        self, problem: HeldOutProblem, state: SHOGlobalState, rng: np.random.Generator
    ) -> tuple[SHOGlobalState, Info]:
        """Return the next state and its `Info`."""
        if state.adam is None or state.adam.n_steps < self.n_train_steps:
            state = self._train(problem, state, rng)
            value = self.evaluate(problem, state, state.lambda_)
            new_state = arrive(problem, state, state.lambda_, value)
            if new_state.adam.n_steps < self.n_train_steps:
                new_state = new_state._replace(error=np.inf)
        elif isinstance(self.step_size, str):
            new_state = descend(
                problem,
                state,
                lambda lambda_, _: self.evaluate(problem, state, lambda_),
            )
        else:
            move = -self.step_size * state.value.gradient
            lambda_ = problem.project(state.lambda_ + move)
            value = self.evaluate(problem, state, lambda_)
            new_state = arrive(problem, state, lambda_, value)
        return new_state, report(new_state)

    def evaluate(
        self, problem: Problem, state: SHOGlobalState, lambda_: np.ndarray
    ) -> Value:
        """Return the objective of the network's weights, and its gradient in lambda.

        Parameters
        ----------
        problem : BilevelProblem
            The objective.
        state : SHOGlobalState
            State with a network.
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.

        Returns
        -------
        Value
            Objective and gradient.
        """
        network = state.adam.network
        hidden, output = network(lambda_ - state.centre)
        weights = taken_apart(problem, state.base + state.unit * output)
        slopes = in_a_row(
            omega * slope
            for omega, slope in zip(
                problem.split_weights,
                problem.validation_gradients(weights),
                strict=True,
            )
        )
        slope = network.input_gradient(hidden, state.unit * slopes)
        place = problem.at(lambda_, weights)
        gradient = problem.total_gradient(lambda_, slope)
        return Value(place, place.objective, gradient)

    def _train(self, problem, state, rng):
        """Return the state after a chunk of the training."""
        adam = state.adam
        if adam is None:
            adam = Adam.start(self._first_network(problem, len(state.base), rng))
        chunk = -(-self.n_train_steps // N_CHUNKS)
        shape = self.batch_size, problem.n_groups
        for _ in range(min(chunk, self.n_train_steps - adam.n_steps)):
            noise = self.scale * rng.standard_normal(shape)
            gradient = training_gradient(problem, state, adam.network, noise)
            adam = adam.step(gradient, self.learning_rate)
        return state._replace(adam=adam)

    def _first_network(self, problem, n_weights, rng):
        """Return a network with small random parameters."""
        shapes = (
            (self.n_hidden, problem.n_groups),
            (self.n_hidden,),
            (n_weights, self.n_hidden),
            (n_weights,),
        )
        return Hypernetwork(*(INIT_SCALE * rng.standard_normal(one) for one in shapes))


def training_gradient(
    problem: Problem, state: SHOGlobalState, network: Hypernetwork, noise: np.ndarray
) -> Hypernetwork:
    """Return the gradient of the training losses at some lambdas in the network.

    Parameters
    ----------
    problem : BilevelProblem
        The objective.
    state : SHOGlobalState
        The state, which has the units of the outputs.
    network : Hypernetwork
        Where to evaluate.
    noise : ndarray of shape (n_batch, n_groups)
        Lambdas, relative to the centre.

    Returns
    -------
    Hypernetwork
        Of the mean over the batch of the sum over the splits, relative to the loss
        of the best constant.
    """
    lambdas = problem.project(state.centre + noise)
    noise = lambdas - state.centre
    hidden, outputs = network(noise)
    slopes = np.empty_like(outputs)
    for lambda_, output, slope in zip(lambdas, outputs, slopes, strict=True):
        weights = taken_apart(problem, state.base + state.unit * output)
        slope[:] = state.unit * in_a_row(
            split.train_gradient(w, lambda_)
            for split, w in zip(problem.splits, weights, strict=True)
        )
    slopes /= len(noise) * (problem.null_loss or 1.0)
    return network.parameter_gradient(noise, hidden, slopes)
