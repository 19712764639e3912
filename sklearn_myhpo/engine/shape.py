"""The shape of a problem, from which the plan is made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """Sizes and kinds of a problem.

    Attributes
    ----------
    n_samples, n_features : int
    entries_per_row : float
        Stored entries of a row.
    is_sparse : bool
    fit_intercept : bool
    group_sizes : tuple of int
        Features of every group.
    n_outputs : int
    n_splits : int
    is_quadratic : bool
        Whether the loss is.
    n_unpenalized : int
        Features in no group.
    lambdas_per_group : int
        The number of classes with a lambda per class, else 1.
    """

    n_samples: int
    n_features: int
    entries_per_row: float
    is_sparse: bool
    fit_intercept: bool
    group_sizes: tuple
    n_outputs: int
    n_splits: int
    is_quadratic: bool
    n_unpenalized: int = 0
    lambdas_per_group: int = 1

    @property
    def n_groups(self):
        """Number of lambdas."""
        return len(self.group_sizes) * self.lambdas_per_group

    @property
    def is_wide(self):
        """Whether a group has more features than its row space has dimensions."""
        return max(self.group_sizes) > self.n_samples + 1
