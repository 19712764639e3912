"""Counters of the questions that a problem was asked, and the time to ask them in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import ClassVar

from .._deadline import Deadline, OutOfTimeError


@dataclass
class OracleCounts:
    """Numbers of evaluations; each split counts for itself.

    Whatever takes long asks a question, and all questions are counted. So this is where
    a deadline ends a step that is under way, in whatever solver or engine.

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
        Linear solves by conjugate gradients that ended before their tolerance.
    """

    n_values: int = 0
    n_train_gradients: int = 0
    n_validation_gradients: int = 0
    n_consensus_gradients: int = 0
    n_hessian_products: int = 0
    n_factorizations: int = 0
    n_inner_solves: int = 0
    n_unfinished_solves: int = 0

    #: Of the block that is under way; the default has no limit.
    _deadline: ClassVar[Deadline] = Deadline()

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if self._deadline.is_over:
            raise OutOfTimeError

    @contextmanager
    def within(self, deadline: Deadline) -> Iterator[None]:
        """Let all questions after a deadline raise, within the block.

        Parameters
        ----------
        deadline : Deadline
            In the place of that of the block around this one; ``Deadline()`` for none,
            to ask what has to be asked in the end.

        Yields
        ------
        None

        Raises
        ------
        OutOfTimeError
            From a question, in the block.
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
    """Counts of a fit of rows beyond memory, whose questions are asked of models.

    Attributes
    ----------
    n_passes : int
        How often all rows have been read.
    """

    n_passes: int = 0
