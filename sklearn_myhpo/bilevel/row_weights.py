"""The bilevel problem of penalties and of weights of training rows.

``min over (lambda, s) L_V(w)`` with
``w = argmin sum_i c_i sigmoid(s_g(i)) l_i(w) + sum_j exp(lambda_g(j)) w_j^2``: data
cleaning (Franceschi, Donini, Frasconi & Pontil 2017, section 5.1, with a sigmoid in the
place of their constraint). The hyperparameters are one vector: the log-penalties
lambda, then the s of the groups of rows.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import expit, log_expit

from ..data.minibatches.weighed import WeighedBatches
from ..engine.glm.row_groups import RowGroups
from ..engine.glm.weighed_split_set import WeighedSplitSet
from ..engine.linalg.hessian import CG_TOL
from .held_out import HeldOutEvaluation, HeldOutProblem
from .outer import ADJOINT_TOL, OuterModel
from .row_weights_model import row_weights_model
from .shrinkage import Shrinkage
from .validation import BilevelProblem

#: The s of all groups at the start, and the largest |s|: a weight of 6e-6 is none.
FIRST_LOGIT, MAX_LOGIT = 0.0, 12.0
#: Tolerances of the inner solutions and of the adjoint for a step.
STEP_TOL, ADJOINT_STEP_TOL = 1e-7, 1e-4


class RowShrinkage(NamedTuple):
    """Penalty on differences of the s of groups of rows.

    Attributes
    ----------
    own : Shrinkage
        The penalty as a function of the s alone.
    n_penalties : int
        Number of log-penalties before the s.
    """

    own: Shrinkage
    n_penalties: int

    @property
    def strength(self) -> float:
        """In units of the validation loss."""
        return self.own.strength

    def value(self, lambda_: np.ndarray) -> float:
        """Return the penalty."""
        return self.own.value(lambda_[self.n_penalties :])

    def gradient(self, lambda_: np.ndarray) -> np.ndarray:
        """Return its derivative, shape (n_lambdas,)."""
        slope = self.own.gradient(lambda_[self.n_penalties :])
        return np.append(np.zeros(self.n_penalties), slope)

    def hessian(self, lambda_: np.ndarray) -> np.ndarray:
        """Return its second derivative, shape (n_lambdas, n_lambdas)."""
        curvature = self.own.hessian(lambda_[self.n_penalties :])
        return np.pad(curvature, (self.n_penalties, 0))

    def max_curvature(self, n_lambdas: int) -> float:
        """Return the largest eigenvalue of the second derivative."""
        return self.own.max_curvature(n_lambdas - self.n_penalties)


class RowWeightsProblem(HeldOutProblem):
    """Minimize the validation loss over penalties and weights of training rows.

    Parameters
    ----------
    problem : BilevelProblem
        It has one split and keeps its rows: the loss is not the squared one, or it was
        built with ``by_rows=True``.
    row_groups : RowGroups
        The group of each of its rows; validation rows are in none.
    penalties : ndarray of shape (n_penalties,) or None, default=None
        The log-penalties to hold, on the scale where all rows have the weight one. None
        learns them too; a common factor of all weights is then nearly the same as a
        factor of all penalties.

    Attributes
    ----------
    plain : BilevelProblem
        The problem as given, whose training rows all have the weight one.
    held : ndarray of shape (n_penalties,) or None
        The `penalties` as given.
    n_penalties : int
        Number of log-penalties, the first entries of lambda.
    """

    step_tol = STEP_TOL

    def __init__(
        self,
        problem: BilevelProblem,
        row_groups: RowGroups,
        penalties: np.ndarray | None = None,
    ):
        if len(problem.splits) != 1:
            raise ValueError(
                "Weights of rows are learned on one validation part. Got "
                f"{len(problem.splits)} splits."
            )
        split_set = WeighedSplitSet(problem.split_set, row_groups)
        ends = np.full((2, row_groups.n_groups), [[-MAX_LOGIT], [MAX_LOGIT]])
        bounds, scan_bounds = problem.bounds, problem.scan_bounds
        self.held = penalties
        if penalties is not None:
            held = np.reshape(penalties, -1) + log_expit(FIRST_LOGIT)
            bounds = scan_bounds = np.stack([held, held])
        super().__init__(
            replace(problem.parts, split_set=split_set),
            problem.scales,
            np.hstack([bounds, ends]),
            scan_bounds=np.hstack([scan_bounds, ends]),
            offers=replace(problem.offers, weighs_rows=True),
        )
        self.plain, self.n_penalties = problem, problem.n_groups
        self.total_weight, self.plan = problem.total_weight, problem.plan

    def at(
        self, lambda_: np.ndarray, weights: list[np.ndarray]
    ) -> "RowWeightsEvaluation":
        """Return the evaluation of the problem at a lambda and weights."""
        return RowWeightsEvaluation(self, lambda_, weights)

    def sample_row_batches(
        self, rng: np.random.Generator, batch_size: int
    ) -> WeighedBatches:
        """Return random batches of rows, where the plain problem keeps rows.

        Parameters
        ----------
        rng : numpy.random.Generator
            The only source of chance.
        batch_size : int
            Most rows of a batch.

        Returns
        -------
        WeighedBatches
            As in `BilevelProblem.sample_row_batches`, with weights of rows.
        """
        batches = self.plain.sampled_rows(rng, batch_size)
        given = batches, self.split_set.row_groups, self.n_penalties
        return WeighedBatches(self.plain.splits, *given)

    def row_weights(self, lambda_: np.ndarray) -> np.ndarray:
        """Return the weight of every group of rows.

        Parameters
        ----------
        lambda_ : ndarray of shape (..., n_lambdas)
            All hyperparameters.

        Returns
        -------
        ndarray of shape (..., n_row_groups)
            Between 0 and 1.
        """
        return expit(lambda_[..., self.n_penalties :])

    def shrink(self, shrinkage: float, reference_loss: float) -> None:
        """Add a penalty on differences of the s to the objective.

        Parameters
        ----------
        shrinkage : float
            Not negative.
        reference_loss : float
            Objective where all s are equal, the unit of `shrinkage`.
        """
        own = Shrinkage(shrinkage * reference_loss)
        self.shrinkage = RowShrinkage(own, self.n_penalties)

    def for_scan(self) -> BilevelProblem:
        """Return the problem to scan for a start: that of the penalties alone."""
        return self.plain

    def lifted(self, lambda_: np.ndarray | float) -> np.ndarray:
        """Return the hyperparameters at which all rows have the same weight.

        The minimizer of the training loss is that of the plain problem at `lambda_`.

        Parameters
        ----------
        lambda_ : float or ndarray of shape (n_penalties,)
            Natural logs of penalties.

        Returns
        -------
        ndarray of shape (n_lambdas,)
            Inside the bounds, so that penalties that are held stay where they are.
        """
        penalties = np.full(self.n_penalties, lambda_) + log_expit(FIRST_LOGIT)
        logits = np.full(self.n_groups - self.n_penalties, FIRST_LOGIT)
        return self.project(np.append(penalties, logits))

    def first_lambda(self, lambda_init: float | np.ndarray) -> np.ndarray:
        """Return the hyperparameters of a start: all of them, or log-penalties."""
        if np.size(lambda_init) == self.n_groups:
            return np.array(lambda_init, dtype=float)
        first = self.lifted(0.0)
        first[: self.n_penalties] = lambda_init
        return first

    def penalty_energy(
        self, lambda_: np.ndarray, weights: list[np.ndarray]
    ) -> np.ndarray:
        """Return ``w' P w`` of every group of features, and zero for those of rows."""
        own = super().penalty_energy(lambda_, weights)
        return np.append(own, np.zeros(self.n_groups - self.n_penalties))

    def share_taken(self, lambda_: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Return `taken` of the penalties, and the weight of every group of rows.

        With this fraction the rescaled move is linear in the row weight.
        """
        return np.append(taken[: self.n_penalties], self.row_weights(lambda_))


class RowWeightsEvaluation(HeldOutEvaluation):
    """The loss of clean rows, with derivatives, at one lambda and weights."""

    def hypergradient(self, rtol: float = ADJOINT_STEP_TOL) -> np.ndarray:
        """Return the derivative of the objective in all hyperparameters.

        In the s of a group of rows it is ``-sigmoid'(s) sum_i c_i <grad l_i, q>`` with
        ``H q = grad L_V``: one solve and one pass over the rows, however many groups.

        Parameters
        ----------
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        ndarray of shape (n_lambdas,)
            Derivatives.
        """
        problem = self.problem
        slopes = problem.validation_gradients(self.weights)
        (q,) = problem.split_set.adjoints(self.hessians, slopes, rtol)
        slope = -problem.splits[0].pull_back(self.weights[0], self.lambda_, q)
        return problem.total_gradient(self.lambda_, slope)

    def model(self, rtol: float = ADJOINT_TOL) -> OuterModel:
        """Return the second-order model of the objective in all hyperparameters."""
        if self._model is None or rtol < self._rtol:
            self._model, self._rtol = row_weights_model(self, rtol), rtol
        return self._model.shrunken(self.problem.shrinkage, self.lambda_)

    def follow(self, before: "RowWeightsEvaluation") -> None:
        """Do nothing: the set of splits keeps the last adjoints."""

    def predict(self, move: np.ndarray) -> list[np.ndarray]:
        """Return the weights after a move of lambda along their tangent."""
        split, w = self.problem.splits[0], self.weights[0]
        right = -split.push(w, self.lambda_, move)
        (step,) = self.problem.split_set.solve(self.hessians, [right], CG_TOL)
        return [w + step]
