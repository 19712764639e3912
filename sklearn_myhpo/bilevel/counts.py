"""Counters of the evaluations of a problem, and the time limit for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import ClassVar

from .._deadline import Deadline, OutOfTimeError


@dataclass
class OracleCounts:
    """Numbers of evaluations; each split is counted separately.

    All expensive operations are evaluations, and all evaluations are counted. So this
    is where a deadline stops a step, in any solver or engine.

    Attributes
    ----------
    n_values : int
        Training or validation losses.
    n_train_gradients, n_validation_gradients : int
    n_consensus_gradients : int
        Gradients of L_T with proximal terms.
    n_hessian_products, n_factorizations : int
    n_inner_solves : int
        Exact minimizations of L_T; their own evaluations are counted above too.
    n_unfinished_solves : int
        Exact minimizations, and linear solves by conjugate gradients, that ended before
        their tolerance.
    """

    n_values: int = 0
    n_train_gradients: int = 0
    n_validation_gradients: int = 0
    n_consensus_gradients: int = 0
    n_hessian_products: int = 0
    n_factorizations: int = 0
    n_inner_solves: int = 0
    n_unfinished_solves: int = 0

    #: Deadline of the current block; the default has no limit.
    _deadline: ClassVar[Deadline] = Deadline()

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if self._deadline.is_over:
            raise OutOfTimeError

    @contextmanager
    def within(self, deadline: Deadline) -> Iterator[None]:
        """Let all evaluations after a deadline raise an error, within the block.

        Parameters
        ----------
        deadline : Deadline
            Replaces that of the enclosing block; ``Deadline()`` for none, for
            evaluations that are always needed.

        Yields
        ------
        None

        Raises
        ------
        OutOfTimeError
            From an evaluation, in the block.
        """
        before = self._deadline
        self.__dict__["_deadline"] = deadline
        try:
            yield
        finally:
            self.__dict__["_deadline"] = before

    @property
    def n_gradients(self) -> int:
        """The paper's n_g: training and validation gradients."""
        return self.n_train_gradients + self.n_validation_gradients

    def as_dict(self) -> dict[str, int]:
        """Return all counts, `n_gradients` included."""
        counts = {one.name: getattr(self, one.name) for one in fields(self)}
        return {**counts, "n_gradients": self.n_gradients}


@dataclass
class StreamCounts(OracleCounts):
    """Counts of a fit of rows beyond memory, which evaluates second-order models.

    Attributes
    ----------
    n_passes : int
        Number of times that all rows have been read.
    """

    n_passes: int = 0
