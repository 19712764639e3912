"""The mean loss of held-out rows as a function of lambda."""

from dataclasses import replace

import numpy as np

from ..engine.linalg.hessian import CG_TOL
from ..engine.split_set import SplitSet
from .evaluation import SecondOrderEvaluation
from .outer import (
    ADJOINT_TOL,
    MOST_ACCURATE_LAMBDAS,
    OuterModel,
    outer_model,
    responses_of,
)
from .outer_products import OuterProducts
from .parts import checked_loss
from .problem import Problem


class HeldOutProblem(Problem):
    """Minimize the mean loss of held-out rows; the base of two final classes."""

    def at(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> "HeldOutEvaluation":
        """Return the evaluation of the problem at a lambda and weights."""
        return HeldOutEvaluation(self, lambda_, weights)

    def validation_loss(self, weights: list[np.ndarray]) -> float:
        """Return the mean loss over all held-out rows; raise if it is negative."""
        loss = self.mean(self.split_set.validation_losses(weights))
        return checked_loss(self.parts, loss)

    def validation_gradients(self, weights: list[np.ndarray]) -> list[np.ndarray]:
        """Return the gradient of every split's L_V at its weights."""
        return self.split_set.validation_gradients(weights)

    def minimize_full(self, lambda_: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the exact inner solution of all rows, for the refit."""
        known = self.known
        has_full = known is not None and known.full is not None
        if has_full and np.array_equal(lambda_, known.place.lambda_):
            return known.full
        return super().minimize_full(lambda_, start)

    def path(self, lambdas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return validation losses and slopes at many values of a shared lambda.

        Only if `scans_by` is "diagonal".

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,)
            Natural logs.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            Losses at the exact solutions, and their derivatives in lambda.
        """
        penalties = 2.0 * np.exp(lambdas)
        shared = self.split_set.shared
        return self.mean(np.stack(split.path(penalties)) for split in shared)


class ScanProblem(HeldOutProblem):
    """A problem with fewer rows or a narrower range, scanned for a start.

    Parameters
    ----------
    problem : HeldOutProblem
        The whole problem.
    split_set : SplitSet
        The splits of the scanned rows, in the coordinates of `problem`.
    n_held_out : float
        Number of held-out rows among them.
    scan_bounds : ndarray of shape (2, n_groups)
        Range of the scan.
    """

    def __init__(
        self,
        problem: HeldOutProblem,
        split_set: SplitSet,
        n_held_out: float,
        scan_bounds: np.ndarray,
    ):
        parts = replace(problem.parts, split_set=split_set, n_held_out=n_held_out)
        super().__init__(
            parts,
            problem.scales,
            problem.bounds,
            scan_bounds=scan_bounds,
            offers=problem.offers,
        )
        self.shrinkage = problem.shrinkage


class HeldOutEvaluation(SecondOrderEvaluation):
    """The mean loss of held-out rows, with derivatives, at one lambda and weights."""

    def __init__(
        self, problem: HeldOutProblem, lambda_: np.ndarray, weights: list[np.ndarray]
    ):
        super().__init__(problem, lambda_, weights)
        self._estimate = None
        self._model, self._rtol = None, np.inf
        self._solved = self._guesses = None
        # Hessians of a nearby evaluation.
        self._near = None

    def know(self, estimate: float | None, model: OuterModel, solved: list) -> None:
        """Set the values that were computed with the inner solutions.

        Parameters
        ----------
        estimate : float or None
            None to compute it when it is needed.
        model : OuterModel
            Of the validation loss alone.
        solved : list of ndarray of shape (n_groups + 1, m, n_outputs)
            As in `outer_model`.
        """
        self._estimate, self._model, self._rtol = estimate, model, 0.0
        self._solved = solved

    @property
    def estimate(self) -> float:
        """The mean loss over all held-out rows."""
        if self._estimate is None:
            self._estimate = self.problem.validation_loss(self.weights)
        return self._estimate

    @property
    def is_beside(self) -> bool:
        """Whether second derivatives are those of a nearby evaluation."""
        return self._near is not None

    def beside(self, move: np.ndarray, tol: float) -> "HeldOutEvaluation | None":
        """Return the evaluation after a short move of lambda, with this one's bends.

        Slopes are exact; the Hessians of this evaluation precondition their solves.
        """
        known, problem, sets = self._model, self.problem, self.problem.split_set
        if known is None or self._solved is None:
            return None
        near = self._near or self.hessians
        lambda_ = self.lambda_ + move
        weights = problem.minimize(lambda_, self.predict(move), tol=tol)
        hessians = sets.hessians_near(lambda_, weights, near)
        rights = [slope[None] for slope in problem.validation_gradients(weights)]
        starts = [own[-1:] for own in self._solved]
        found = sets.solutions(hessians, rights, tol, guesses=starts)
        adjoints = [solution.x for solution in found]
        slope = problem.mean_by_group(
            -split.penalty(lambda_) * w * adjoint[0]
            for split, w, adjoint in zip(problem.splits, weights, adjoints, strict=True)
        )
        place = HeldOutEvaluation(problem, lambda_, weights)
        pairs = zip(self._solved, adjoints, strict=True)
        solved = [np.concatenate([own[:-1], adjoint]) for own, adjoint in pairs]
        place.know(None, known._replace(gradient=slope), solved)
        place._near = near
        return place

    def moved(self, move: np.ndarray) -> "HeldOutEvaluation | None":
        """Return the evaluation after a tiny move of lambda, if the model is known."""
        known = self._model
        if known is None or self._solved is None:
            return None
        slope = known.gradient + (known.tangent + known.bend) @ move
        place = HeldOutEvaluation(self.problem, self.lambda_ + move, self.predict(move))
        # To second order, while the loss of the weights has an error of first order in
        # theirs.
        estimate = self.estimate + 0.5 * (known.gradient + slope) @ move
        place.know(estimate, known._replace(gradient=slope), self._solved)
        return place

    def release(self) -> None:
        """Free the memory of the Hessians and of the responses of the weights."""
        super().release()
        self._solved = self._guesses = self._near = None

    def follow(self, before: "HeldOutEvaluation") -> None:
        """Start the solves of the model at the solutions of a nearby evaluation."""
        if self.problem.n_groups <= MOST_ACCURATE_LAMBDAS:
            self._guesses = before._solved

    def hypergradient(self, rtol: float = CG_TOL) -> np.ndarray:
        """Return the derivative of the objective in lambda.

        The derivative of the validation loss, by the implicit function theorem at exact
        inner solutions, is ``-sum_{j in g} p_j w_j q_j`` with ``H q = grad L_V``.

        Parameters
        ----------
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        ndarray of shape (n_groups,)
            Derivatives in every lambda.
        """
        problem, hessians = self.problem, self.hessians
        gradients = problem.validation_gradients(self.weights)
        adjoints = problem.split_set.solve(hessians, gradients, rtol)
        slope = problem.mean_by_group(
            -split.penalty(self.lambda_) * w * adjoint
            for split, w, adjoint in zip(
                problem.splits, self.weights, adjoints, strict=True
            )
        )
        return problem.total_gradient(self.lambda_, slope)

    def model(self, rtol: float = ADJOINT_TOL) -> OuterModel | OuterProducts:
        """Return the second-order model of the objective in lambda; it is cached.

        Parameters
        ----------
        rtol : float
            Relative residual of an iterative solve for the gradient.

        Returns
        -------
        OuterModel or OuterProducts
            The latter for very many lambdas, and not cached.
        """
        if self.problem.prefers_products:
            return OuterProducts(self, rtol)
        if self._model is None or rtol < self._rtol:
            guesses = self._guesses if self._solved is None else self._solved
            self._model, self._solved = outer_model(self, rtol, guesses)
            self._rtol, self._guesses = rtol, None
        return self._model.shrunken(self.problem.shrinkage, self.lambda_)

    @property
    def responses(self) -> list[np.ndarray]:
        """The derivative (n_groups, m, n_outputs) of every split's weights in lambda.

        The approximate one of the last model, if the model was made from it.
        """
        if self._solved is None:
            return responses_of(self)
        return [own[:-1] for own in self._solved]

    def predict(self, move: np.ndarray) -> list[np.ndarray]:
        """Return the weights after a move of lambda along their tangent."""
        if self._solved is None:
            return super().predict(move)
        return [
            w + np.tensordot(move, response, axes=1)
            for w, response in zip(self.weights, self.responses, strict=True)
        ]
