"""Weights, adjoints and lambda during an epoch, and the contract of a step rule."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...data.minibatches.batches import Pass, RowBatches
from ...data.minibatches.blocks import Batch
from .steps import Outer, Steps


class Walk:
    """The current weights, adjoints and lambda; arrays change in place.

    Parameters
    ----------
    batches : RowBatches
        The rows.
    outer : Outer
        Penalties and steps of lambda.
    steps : Steps
        Sizes.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs.
    z : ndarray of shape (2, n_splits, n_outputs, m)
        Weights w and adjoints q; changed in place.
    n_steps : int
        Number of steps before, by which steps fall.
    rng : numpy.random.Generator
        The only source of random numbers.
    n_inner : int
        Steps of the inner loops of a method that has some.

    Attributes
    ----------
    penalty, scale : ndarray of shape (n_splits, 1, m) or (1, 1, m)
        Of lambda; and the factors of the gradients in a step.
    """

    def __init__(
        self,
        batches: RowBatches,
        outer: Outer,
        steps: Steps,
        lambda_: np.ndarray,
        z: np.ndarray,
        n_steps: int,
        rng: np.random.Generator,
        n_inner: int,
    ):
        self.batches, self.outer, self.steps = batches, outer, steps
        self.z, self.n_steps = z, n_steps
        self.rng, self.n_inner = rng, n_inner
        self.go_to(lambda_)

    def go_to(self, lambda_: np.ndarray) -> None:
        """Continue with another lambda."""
        self.lambda_ = lambda_
        self.penalty = self.outer.penalty(lambda_)
        self.scale = self.steps.scale(self.penalty)

    def stepped(
        self,
        w: np.ndarray | None = None,
        q: np.ndarray | None = None,
        factor: float = 1.0,
        slope: np.ndarray | None = None,
        pull: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return lambda after a step, at other weights and adjoints or its own.

        Parameters
        ----------
        w, q : ndarray of shape (n_splits, n_outputs, m), optional
            By default those of the walk.
        factor : float, default=1.0
            Of the size.
        slope : ndarray of shape (n_groups,), optional
            Along which to step; by default that of w and q.
        pull : ndarray of shape (n_row_groups,), optional
            Of groups of rows whose weights are learned.

        Returns
        -------
        ndarray of shape (n_groups,)
            The new lambda.
        """
        w, q = self.z[0] if w is None else w, self.z[1] if q is None else q
        given = self.lambda_, self.penalty, w, q, self.steps, factor, slope, pull
        return self.outer.stepped(*given)

    def move(
        self,
        direction: np.ndarray,
        factor: float = 1.0,
        pull: np.ndarray | None = None,
    ) -> None:
        """Step on weights, adjoints and lambda at once.

        Parameters
        ----------
        direction : ndarray of shape (2, n_splits, n_outputs, m)
            Without the penalty; overwritten.
        factor : float, default=1.0
            Of the sizes of all steps.
        pull : ndarray of shape (n_row_groups,), optional
            Of groups of rows whose weights are learned.
        """
        lambda_ = self.stepped(factor=factor, pull=pull)
        direction += self.penalty * self.z
        direction *= self.scale if factor == 1.0 else factor * self.scale
        self.z -= direction
        self.n_steps += 1
        self.go_to(lambda_)

    @property
    def falling(self) -> float:
        """The factor of steps that fall like ``1 / sqrt(k + 1)``."""
        return 1.0 / np.sqrt(self.n_steps + 1.0)

    def order(self) -> np.ndarray:
        """Return the numbers of all batches in a random order."""
        return self.rng.permutation(len(self.batches))

    def rounds(self, n_each: int) -> np.ndarray:
        """Return numbers of batches for loops that make up about an epoch.

        Parameters
        ----------
        n_each : int
            Batches of a loop.

        Returns
        -------
        ndarray of shape (n_loops, n_each)
            At least one loop.
        """
        n_loops = max(1, round(len(self.batches) / n_each))
        n_orders = -(-n_loops * n_each // len(self.batches))
        numbers = np.concatenate([self.order() for _ in range(n_orders)])
        return numbers[: n_loops * n_each].reshape(n_loops, n_each)

    @property
    def n_outer(self) -> int:
        """Batches for a step of lambda alone: weights of rows ask for some."""
        return self.n_inner if self.batches.weighs_rows else 0

    def visit(self, numbers: np.ndarray, *asked: str) -> Iterator[Batch]:
        """Return an iterator over batches, at the lambda of the time of each.

        Parameters
        ----------
        numbers : ndarray of int
            Which ones.
        *asked : str
            Names of the counts of what is asked of each.

        Returns
        -------
        iterator of Batch
            As in `RowBatches.visit`.
        """
        found = self.batches.visit(numbers, *asked)
        if not self.batches.weighs_rows:
            return found
        return (batch.at(self.lambda_) for batch in found)

    def pull(self, numbers: np.ndarray) -> np.ndarray | None:
        """Return the pull of groups of rows at the weights and adjoints, or None.

        Parameters
        ----------
        numbers : ndarray of int
            Batches to look at; none where no weights of rows are learned.

        Returns
        -------
        ndarray of shape (n_row_groups,) or None
            The mean of the batches, times their number in all.
        """
        if not len(numbers):
            return None
        share = len(self.batches) / len(numbers)
        total = 0.0
        for batch in self.visit(numbers, "n_train_gradients"):
            raw = batch.forward(self.z)
            total = total + batch.pull(batch.scalars(raw), raw, share)
        return total


#: The counts of the gradients of both problems on a batch.
BOTH = "n_train_gradients", "n_hessian_products", "n_validation_gradients"


class Rule(ABC):
    """A method: its steps through an epoch, for `Stochastic`.

    Attributes
    ----------
    safety : float
        Of the inverse Lipschitz constant.
    has_inner_loops : bool
        Whether weights step `n_inner_steps` times as often as lambda.
    streams : bool
        Whether it can continue with new rows.
    is_steady : bool
        Whether its noise vanishes in the limit, so that growing residuals mean that
        lambda oscillates.
    needs_pass : bool
        Whether `start` needs a pass over the rows.
    row_ratio : float
        Size of the steps of the s of groups of rows relative to those of lambda: they
        move the weights along the rows, and these respond faster there.
    """

    safety: ClassVar[float] = 1.0
    has_inner_loops: ClassVar[bool] = False
    streams: ClassVar[bool] = True
    is_steady: ClassVar[bool] = False
    needs_pass: ClassVar[bool] = False
    row_ratio: ClassVar[float] = 2.0

    def start(self, found: Pass) -> Any:
        """Return the memory of the method before the first epoch.

        Parameters
        ----------
        found : Pass
            All rows at the first weights and adjoints.

        Returns
        -------
        object
            None for a method without memory.
        """
        return None

    def renewed(self, memory: Any, found: Pass) -> Any:
        """Return the memory, updated with the sums of the last pass."""
        return memory

    @abstractmethod
    def epoch(self, walk: Walk, memory: Any) -> Any:
        """Walk about once through all rows, and return the new memory.

        Parameters
        ----------
        walk : Walk
            The start; changed in place.
        memory : object
            From `start` or the last epoch; not changed.

        Returns
        -------
        object
            For the next epoch.
        """


class Sums(NamedTuple):
    """A memory of rows or of directions.

    Attributes
    ----------
    scalars : ndarray of shape (2, n_splits, n_outputs, n_rows)
        A row's factor in the gradients, for rows in the order of the batches.
    gradients : ndarray of shape (2, n_splits, n_outputs, m)
        Sums over rows.
    rows : RowTotals or None
        Of weights of rows: pulls, and their sums over groups.
    """

    scalars: np.ndarray
    gradients: np.ndarray
    rows: Any = None
