"""The contract of a problem whose lambdas interact: the questions of a solver."""

from abc import abstractmethod
from collections.abc import Iterable

import numpy as np

from ..engine.linalg.hessian import CG_TOL, Hessian
from ..engine.linalg.newton import NEWTON_TOL
from .bounds import outward
from .contract import Offers, OuterProblem
from .evaluation import SecondOrderEvaluation
from .parts import ProblemParts, Scales
from .shrinkage import Shrinkage

#: Relative curvature of the data above which a penalty has no effect.
UNPENALIZED = 10.0


class Problem(OuterProblem):
    """Minimize an estimate of the error on new rows over lambdas that interact.

    The weights of every split minimize its training loss for the given lambda.

    Parameters
    ----------
    parts : ProblemParts
        Loss, groups and splits.
    scales : Scales
        Sizes to compare with.
    bounds : ndarray of shape (2, n_groups)
        Lowest and highest lambda of every group.
    scan_bounds : ndarray of shape (2, n_groups) or None
        The range of a scan; None for the part of `bounds` in which lambda makes a
        difference.
    offers : Offers
        Abilities of the problem.
    """

    #: Tolerance of the inner solutions of L-BFGS steps on lambda.
    step_tol = NEWTON_TOL

    def __init__(
        self,
        parts: ProblemParts,
        scales: Scales,
        bounds: np.ndarray,
        *,
        scan_bounds: np.ndarray | None = None,
        offers: Offers,
    ):
        if scan_bounds is None:
            scan_bounds = np.clip(scales.auto_bounds, *bounds)
        super().__init__(
            parts.loss,
            parts.counts,
            parts.split_set.splits,
            split_weights=parts.split_weights,
            n_held_out=parts.n_held_out,
            bounds=bounds,
            scan_bounds=scan_bounds,
            offers=offers,
        )
        self.parts, self.scales = parts, scales
        self.groups = parts.groups
        self.split_set, self.full = parts.split_set, parts.full
        self.total_weight = parts.total_weight
        self.null_loss = scales.null_loss
        self.curvature = scales.curvature
        self.group_curvature = scales.group_curvature
        self.auto_bounds = scales.auto_bounds

    #: The `KnownPlace` that the search for a start has ended at, if it is known.
    known = None

    @abstractmethod
    def at(
        self, lambda_: np.ndarray, weights: list[np.ndarray]
    ) -> SecondOrderEvaluation:
        """Return the evaluation of the problem at a lambda and weights."""

    def hypergradient(
        self, lambda_: np.ndarray, weights: list[np.ndarray], rtol: float = CG_TOL
    ) -> np.ndarray:
        """Return the derivative of the objective in lambda, shape (n_groups,).

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        weights : list of ndarray
            Exact inner solutions.
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        ndarray of shape (n_groups,)
            Derivatives in every lambda.
        """
        return self.at(lambda_, weights).hypergradient(rtol)

    @abstractmethod
    def path(self, lambdas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the objective and its slope at many values of a shared lambda.

        Where `scans_by` is "diagonal".

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,)
            Natural logs.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            At the exact solutions; slopes are derivatives in lambda.
        """

    def shrink(self, shrinkage: float, reference_loss: float) -> None:
        """Make a penalty on differences of the lambdas a part of the objective.

        Parameters
        ----------
        shrinkage : float
            Not negative.
        reference_loss : float
            Objective at the best shared lambda, the unit of `shrinkage`.
        """
        self.shrinkage = Shrinkage(shrinkage * reference_loss)

    def total_gradient(
        self, lambda_: np.ndarray, through_weights: np.ndarray
    ) -> np.ndarray:
        """Return the derivative of the objective along a response of the weights.

        A method with a response of its own, exact or not, gives the derivative of the
        validation loss through the weights; the objective depends on lambda itself
        as well, and this part is added.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        through_weights : ndarray of shape (n_groups,)
            Derivative of the mean validation loss through the weights.

        Returns
        -------
        ndarray of shape (n_groups,)
            The total derivative.
        """
        if not self.shrinkage.strength:
            return through_weights
        return through_weights + self.shrinkage.gradient(lambda_)

    def total_hessian(
        self, lambda_: np.ndarray, through_weights: np.ndarray
    ) -> np.ndarray:
        """Return the second derivative of the objective along a response.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        through_weights : ndarray of shape (n_groups, n_groups)
            Second derivative of the mean validation loss through the weights.

        Returns
        -------
        ndarray of shape (n_groups, n_groups)
            The total second derivative.
        """
        return through_weights + self.shrinkage.hessian(lambda_)

    @property
    def direct_curvature(self) -> float:
        """Largest curvature of the objective in lambda at fixed weights; 0 for none."""
        return self.shrinkage.max_curvature(self.n_groups)

    def of_fewer_rows(self) -> "Problem | None":
        """Return the problem of a sample of the rows; None where they are few."""
        return None

    def quadratic_model(self, fewer, lambda_, guide):
        """Return a second-order model of the problem; None where there is none."""
        return None

    def for_scan(self) -> "Problem":
        """Return the problem to scan for a start: this one."""
        return self

    def lifted(self, lambda_: np.ndarray) -> np.ndarray:
        """Return the lambda of this problem for one of the scanned problem."""
        return lambda_

    def share_taken(self, lambda_: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Return the effect of a move of each lambda on the weights, from 0 to 1.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_lambdas,)
        taken : ndarray of shape (n_lambdas,)
            The same, if all lambdas were logs of penalties.
        """
        return taken

    @property
    def scans_by(self) -> str:
        """The kind of a solve with a shared lambda, in the words of a split."""
        return self.split_set.shared[0].solves_by

    def relative(self, hypergradient: np.ndarray, objective: float) -> float:
        """Return the largest entry of a hypergradient relative to the objective."""
        # Below ten digits of the null loss a loss counts as zero.
        size = np.max(np.abs(hypergradient))
        return size / (objective + 1e-10 * self.null_loss) if size else 0.0

    def widen_bounds(self, lambda_: np.ndarray | float) -> None:
        """Move the bounds so far out that `lambda_` lies inside."""
        self.bounds = np.stack(
            [np.minimum(self.bounds[0], lambda_), np.maximum(self.bounds[1], lambda_)]
        )

    def projected(self, lambda_: np.ndarray, hypergradient: np.ndarray) -> np.ndarray:
        """Return the hypergradient, zero where it points out of the bounds."""
        lower, upper = outward(self.bounds, lambda_, hypergradient)
        return np.where(lower | upper, 0.0, hypergradient)

    def is_free(self, lambda_: np.ndarray) -> np.ndarray:
        """Return which lambdas are at none of their bounds."""
        return (lambda_ > self.bounds[0]) & (lambda_ < self.bounds[1])

    def starts(self) -> list[np.ndarray]:
        """Return weights to start exact inner solves from."""
        return [split.start() for split in self.splits]

    def minimize(
        self,
        lambda_: np.ndarray,
        starts: list[np.ndarray] | None = None,
        tol: float = NEWTON_TOL,
    ) -> list[np.ndarray]:
        """Return the exact inner solutions of all splits.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        starts : list of ndarray or None
            Weights to start from; None for the best models without features.
        tol : float
            Accuracy, as in `Split.minimize`.

        Returns
        -------
        list of ndarray
            One array per split.
        """
        starts = self.starts() if starts is None else starts
        return self.split_set.minimize(lambda_, starts, tol)

    def minimize_full(self, lambda_: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Return the exact inner solution of all rows, for the refit."""
        return self.split_set.minimize_full(self.full, lambda_, start)

    def inner_residuals(
        self, lambda_: np.ndarray, weights: list[np.ndarray]
    ) -> np.ndarray:
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        return self.split_set.inner_residuals(lambda_, weights)

    def to_features(
        self, weights: list[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return coef (n_features, n_outputs) and intercept of every split."""
        return [
            split.origin.moved(coef, intercept)
            for split, (coef, intercept) in zip(
                self.splits, self.moves_to_features(weights), strict=True
            )
        ]

    def moves_to_features(
        self, moves: list[np.ndarray]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the effect of moves of the weights on the model of every split.

        Parameters
        ----------
        moves : list of ndarray of shape (m, k)
            One column per output of a move, of any number of moves.

        Returns
        -------
        list of (ndarray of shape (n_features, k), ndarray of shape (k,))
            Coefficients and intercepts.
        """
        return self.split_set.moves_to_features(moves)

    def train_loss(self, weights: list[np.ndarray], lambda_: np.ndarray) -> float:
        """Return the splits' mean training loss, the penalty included."""
        return self.mean(self.split_set.train_losses(weights, lambda_))

    def penalty_energy(
        self, lambda_: np.ndarray, weights: list[np.ndarray]
    ) -> np.ndarray:
        """Return the splits' mean of ``w' P w`` by groups, shape (n_groups,)."""
        return self.mean_by_group(
            split.penalty(lambda_) * w**2
            for split, w in zip(self.splits, weights, strict=True)
        )

    def mean_by_group(self, values: Iterable[np.ndarray]) -> np.ndarray:
        """Return the splits' mean of the sums over groups, shape (n_groups,)."""
        return self.mean(
            split.by_group(value)
            for split, value in zip(self.splits, values, strict=True)
        )

    def hessians(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> list[Hessian]:
        """Return the Hessian of every split's L_T at its weights."""
        return self.split_set.hessians(lambda_, weights)

    @property
    def iterates(self) -> bool:
        """Whether exact inner solutions are found by iterations."""
        return self.splits[0].solves_by in ("newton", "iterative")

    @property
    def prefers_products(self) -> bool:
        """Whether there are too many lambdas for a response of the weights to each."""
        return self.split_set.prefers_products

    def is_unpenalized(self, lambda_: float) -> bool:
        """Whether a shared lambda is too weak to have an effect.

        Weights then only move like ``exp(lambda)`` from here on down.

        Parameters
        ----------
        lambda_ : float
            A natural log.

        Returns
        -------
        bool
            False where it is not known.
        """
        return UNPENALIZED * 2.0 * np.exp(lambda_) < self.split_set.least_curvature()
