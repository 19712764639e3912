"""The contract of every outer problem: the questions of the driver."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..engine.linalg.newton import NEWTON_TOL
from ..engine.split import Split
from ..losses.base import Loss
from .counts import OracleCounts
from .evaluation import Evaluation
from .shrinkage import Shrinkage


@dataclass(frozen=True)
class Offers:
    """Abilities of a problem that a solver may need.

    Attributes
    ----------
    splits : bool
        Training and validation parts; a criterion has none.
    rows : bool
        Batches of rows, `BilevelProblem.sample_row_batches`.
    all_directions : bool
        Weights outside the subspace of the exact solutions.
    is_separable : bool
        Lambdas that do not interact, one per target: the problem is a
        `TargetsProblem`, which evaluates many of them together.
    weighs_rows : bool
        Some lambdas are weights of training rows; they come after those of the
        penalties. The problem is a `RowWeightsProblem`.
    """

    splits: bool = True
    rows: bool = False
    all_directions: bool = True
    is_separable: bool = False
    weighs_rows: bool = False


class OuterProblem(ABC):
    """A function of lambda to minimize, at weights that minimize the training losses.

    Parameters
    ----------
    loss : Loss
        Of the rows.
    counts : OracleCounts
        Counters used by the splits.
    splits : list of Split
        One per training and validation part.
    split_weights : ndarray of shape (n_splits,)
        Share of every split in the means over splits.
    n_held_out : float
        Number of rows in the mean of the objective.
    bounds, scan_bounds : ndarray of shape (2, n_groups)
        Lowest and highest lambda; and the range in which lambda makes a difference.
    offers : Offers
        Abilities of the problem.
    """

    def __init__(
        self,
        loss: Loss,
        counts: OracleCounts,
        splits: list[Split],
        *,
        split_weights: np.ndarray,
        n_held_out: float,
        bounds: np.ndarray,
        scan_bounds: np.ndarray,
        offers: Offers,
    ):
        self.loss, self.counts = loss, counts
        self.splits, self.split_weights = splits, split_weights
        self.n_held_out = n_held_out
        self.bounds, self.scan_bounds = bounds, scan_bounds
        self.offers = offers
        self.shrinkage = Shrinkage()

    @property
    def n_groups(self) -> int:
        """Number of lambdas."""
        return self.bounds.shape[1]

    @abstractmethod
    def minimize(
        self, lambda_: np.ndarray, starts: list | None = None, tol: float = NEWTON_TOL
    ) -> list[np.ndarray]:
        """Return the exact inner solutions of all splits."""

    @abstractmethod
    def at(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> Evaluation:
        """Return the evaluation of the problem at a lambda and weights.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        weights : list of ndarray
            One array per split. Derivatives in lambda are those at exact inner
            solutions.

        Returns
        -------
        Evaluation
            Everything is computed on first use.
        """

    def estimate(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> float:
        """Return the estimate of the error on new rows."""
        return self.at(lambda_, weights).estimate

    def objective(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> float:
        """Return the value to minimize: the estimate and the shrinkage."""
        return self.at(lambda_, weights).objective

    def objective_of(self, lambda_: np.ndarray, estimate: float) -> float:
        """Return the objective that belongs to an estimate of the error."""
        return estimate + self.shrinkage.value(lambda_)

    def is_certain(self, lambda_: np.ndarray, estimate: float) -> bool:
        """Whether the objective is so small that every row is predicted surely."""
        total = self.n_held_out * self.objective_of(lambda_, estimate)
        return total < self.loss.negligible_sum

    def project(self, lambda_: np.ndarray) -> np.ndarray:
        """Return lambda moved into its bounds."""
        return np.clip(lambda_, *self.bounds)

    def first_lambda(self, lambda_init: float | np.ndarray) -> np.ndarray:
        """Return the lambda that a run starts from, given one number or an array."""
        return np.full(self.n_groups, lambda_init, float)

    def zeros(self) -> list[np.ndarray]:
        """Return zero weights for all splits, the start of the paper."""
        return [np.zeros(split.shape) for split in self.splits]

    def mean(self, values: Iterable[float | np.ndarray]) -> float | np.ndarray:
        """Return the mean over splits of one value or array per split."""
        return sum(
            weight * value
            for weight, value in zip(self.split_weights, values, strict=True)
        )
