"""An outer problem at one lambda and the weights there."""

from abc import ABC, abstractmethod

import numpy as np

from ..engine.linalg.hessian import CG_TOL, Hessian
from .outer import ADJOINT_TOL, OuterModel
from .outer_products import OuterProducts

#: Relative residual of the solves for a prediction.
PREDICT_TOL = 1e-2


class Evaluation(ABC):
    """Value and gradient of an outer problem, computed on first use.

    Parameters
    ----------
    problem : OuterProblem
        The function of lambda.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    weights : list of ndarray
        One array per split; exact inner solutions if derivatives are used.
    """

    def __init__(self, problem, lambda_: np.ndarray, weights: list[np.ndarray]):
        self.problem = problem
        self.lambda_ = lambda_
        self.weights = weights

    @property
    @abstractmethod
    def estimate(self) -> float:
        """The estimate of the error on new rows; it is cached."""

    @property
    def objective(self) -> float:
        """The value that is minimized: the estimate plus the shrinkage."""
        return self.problem.objective_of(self.lambda_, self.estimate)

    @abstractmethod
    def hypergradient(self, rtol: float = CG_TOL) -> np.ndarray:
        """Return the derivative of the objective in lambda, shape (n_groups,).

        Parameters
        ----------
        rtol : float
            Relative residual of an iterative solve.
        """


class SecondOrderEvaluation(Evaluation):
    """Value and first two derivatives of an outer problem.

    The Hessians of the training losses are kept until `release`.
    """

    def __init__(self, problem, lambda_: np.ndarray, weights: list[np.ndarray]):
        super().__init__(problem, lambda_, weights)
        self._hessians = None

    @property
    def hessians(self) -> list[Hessian]:
        """The Hessian of every split's L_T."""
        if self._hessians is None:
            self._hessians = self.problem.hessians(self.lambda_, self.weights)
        return self._hessians

    def release(self) -> None:
        """Free the memory of the Hessians; they are formed again if needed.

        Hessians are large: call this before forming the next ones.
        """
        self._hessians = None

    def follow(self, before: "SecondOrderEvaluation") -> None:
        """Start iterative solves at the solutions of a nearby evaluation.

        Parameters
        ----------
        before : SecondOrderEvaluation
            With a model, and not yet released.
        """

    #: Whether second derivatives are those of a nearby evaluation.
    is_beside = False

    def beside(self, move: np.ndarray, tol: float) -> "SecondOrderEvaluation | None":
        """Return the evaluation after a short move of lambda, with this one's bends.

        Parameters
        ----------
        move : ndarray of shape (n_groups,)
            Of lambda.
        tol : float
            Accuracy of the weights and of the slope.

        Returns
        -------
        SecondOrderEvaluation or None
            None where this one has no model that it could share.
        """
        return None

    def moved(self, move: np.ndarray) -> "SecondOrderEvaluation | None":
        """Return the evaluation after a tiny move of lambda, if it follows from this.

        Parameters
        ----------
        move : ndarray of shape (n_groups,)
            Of lambda.

        Returns
        -------
        SecondOrderEvaluation or None
            With weights and slope along their tangents, and the estimate to second
            order; None where they are unknown.
        """
        return None

    @abstractmethod
    def model(self, rtol: float = ADJOINT_TOL) -> OuterModel | OuterProducts:
        """Return the second-order model of the objective in lambda.

        Parameters
        ----------
        rtol : float
            Relative residual of an iterative solve for the gradient; the default is
            accurate enough for a step.

        Returns
        -------
        OuterModel or OuterProducts
            The latter for very many lambdas.
        """

    def predict(self, move: np.ndarray) -> list[np.ndarray]:
        """Return the weights after a move of lambda along their tangent, ``w + J x``.

        Parameters
        ----------
        move : ndarray of shape (n_groups,)
            The x.

        Returns
        -------
        list of ndarray
            One array per split.
        """
        problem, lambda_ = self.problem, self.lambda_
        rights = [
            -split.penalty(lambda_) * w * split.per_coordinate(move)
            for split, w in zip(problem.splits, self.weights, strict=True)
        ]
        steps = problem.split_set.solve(self.hessians, rights, PREDICT_TOL)
        return [w + step for w, step in zip(self.weights, steps, strict=True)]
