"""Counters of the questions that a problem was asked."""

from dataclasses import dataclass


@dataclass
class OracleCounts:
    """Numbers of evaluations; each split counts for itself.

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

    @property
    def n_gradients(self) -> int:
        """The paper's n_g: training and validation gradients."""
        return self.n_train_gradients + self.n_validation_gradients

    def as_dict(self) -> dict[str, int]:
        """Return all counts, `n_gradients` included."""
        return {**self.__dict__, "n_gradients": self.n_gradients}


@dataclass
class StreamCounts(OracleCounts):
    """Counts of a fit of rows beyond memory, whose questions are asked of models.

    Attributes
    ----------
    n_passes : int
        How often all rows have been read.
    """

    n_passes: int = 0
