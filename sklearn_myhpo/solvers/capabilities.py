"""Abilities and needs of a solver, declared in one object and checked in one place."""

from dataclasses import dataclass
from typing import NamedTuple

from ..bilevel.contract import Offers

#: Part of the advice for estimators that have this parameter.
STANDARDIZE = "or set standardize=True where it is not set"
#: Default advice for a run that used up its iterations.
ADVICE = f"{STANDARDIZE}; gradient steps converge slowly, exact steps do not"


class Unmet(NamedTuple):
    """A need of a solver that a problem does not meet, in words for an error message.

    Attributes
    ----------
    fact : str
        The limit of the problem.
    need : str
        The need of the solver.
    remedy : str
        A change of the problem.
    """

    fact: str
    need: str
    remedy: str


@dataclass(frozen=True)
class Capabilities:
    """Abilities and needs of a solver; the defaults hold where it declares none.

    Attributes
    ----------
    needs_split : bool, default=True
        It uses training and validation losses of splits. False for a solver that uses
        only the objective of a problem, with derivatives in lambda, and for exact
        weights: it minimizes a criterion without held-out rows too.
    needs_rows : bool, default=False
        It uses `BilevelProblem.sample_row_batches`; its problems are built with
        ``by_rows=True``.
    all_directions : bool, default=True
        It may leave the subspace of the exact solutions, as means over features of the
        weights do. False makes some problems smaller.
    learns_targets : bool, default=False
        It takes a `TargetsProblem`, whose lambdas do not interact.
    streams : bool, default=False
        It can continue with other rows: ``partial_fit``. Its state has
        fields `adjoints`, `n_steps` and `largest`.
    finds_minimizers : bool, default=True
        Its weights are, in the end, the minimizers of the training losses. False makes
        the estimators compare its lambda with the weights of the refit.
    advice : str
        Remedy after too few iterations, other than more of them or less accuracy.
    weighs_rows : bool, default=False
        It takes a `RowWeightsProblem`: it gets derivatives in lambda from the methods
        of a split, and does not assume that every lambda is the log of a penalty.
    """

    needs_split: bool = True
    needs_rows: bool = False
    all_directions: bool = True
    learns_targets: bool = False
    streams: bool = False
    finds_minimizers: bool = True
    advice: str = ADVICE
    weighs_rows: bool = False

    def unmet(self, offers: Offers) -> Unmet | None:
        """Return the first need that a problem does not meet, or None.

        Parameters
        ----------
        offers : Offers
            Abilities of the problem.

        Returns
        -------
        Unmet or None
            In words.
        """
        if offers.is_separable and not self.learns_targets:
            return Unmet(
                "A TargetsProblem has an independent lambda for every target",
                "lambdas that interact",
                "Pass the BilevelProblem of one target at a time",
            )
        if offers.weighs_rows and not self.weighs_rows:
            return Unmet(
                "With row_groups some lambdas are weights of training rows",
                "lambdas that are penalties alone",
                "Leave out row_groups",
            )
        if self.needs_split and not offers.splits:
            return Unmet(
                "A criterion holds no rows out",
                "a training and a validation part",
                "Use criterion='validation'",
            )
        if self.needs_rows and not offers.rows:
            return Unmet(
                "This problem does not keep its rows",
                "batches of rows",
                "Build BilevelProblem(..., by_rows=True)",
            )
        if self.all_directions and not offers.all_directions:
            return Unmet(
                "This problem keeps only the subspace of the exact solutions",
                "weights outside of it",
                "Build BilevelProblem(..., all_directions=True)",
            )
        return None
