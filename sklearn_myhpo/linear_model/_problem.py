"""The data and the splits of a fit, and the outer problems built from them."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..bilevel.validation import BilevelProblem
from ..criteria import CriterionProblem
from ..criteria._tensor_loo import at_home
from ..data.design import Design
from ..data.held_out import hold_out
from ..data.parts import divide_rows


def mean_over_splits(weights):
    """Return the means of coef and intercept over the splits."""
    return tuple(np.mean(part, axis=0) for part in zip(*weights, strict=True))


@dataclass(eq=False)
class ProblemSource:
    """The data and the splits of a fit; makes its outer problems.

    Attributes
    ----------
    design : Design
        Features of the rows with positive weight.
    target : ndarray
        Target in the form of the loss.
    loss : Loss
    groups : FeatureGroups
    weights : ndarray of shape (n_samples,)
        Positive sample weights.
    kept : ndarray of int of shape (n_samples,)
        Their numbers among all rows; those of the user's validation set come last.
    pairs : list of (ndarray, ndarray)
        Training and validation rows of every split; empty with a criterion.
    classes : ndarray of shape (n_classes,) or None
        Class labels; None for regression.
    criterion : Criterion or None
        None if the validation loss is minimized.
    fit_intercept, standardize : bool
    lambda_bounds : "auto" or (low, high)
        Each a float or of shape (n_groups,).
    lambda_init : "auto", float or ndarray of shape (n_groups,)
    dtype : dtype
        Precision of the data as given, and of the fitted weights.
    needs_rows : bool
        Whether the solver reads batches of rows.
    all_directions : bool
        Whether the solver may leave the subspace of the exact solutions.
    has_own_validation : bool
        Whether the only split is the user's validation set.
    condensed : CondensedFacts or None
        Access to the original rows if the rows are condensed; else None.
    row_groups : RowGroups or None
        Groups of training rows with learned weights; None without.
    """

    design: Design
    target: np.ndarray
    loss: object
    groups: object
    weights: np.ndarray
    kept: np.ndarray
    pairs: list
    classes: np.ndarray | None
    criterion: object
    fit_intercept: bool
    standardize: bool
    lambda_bounds: object
    lambda_init: object
    dtype: object
    needs_rows: bool
    all_directions: bool
    has_own_validation: bool
    condensed: object = None
    row_groups: object = None

    @property
    def has_held_out_rows(self):
        """Whether any rows are held out."""
        return bool(self.pairs)

    @cached_property
    def rows(self):
        """The held-out rows of all splits."""
        rows = hold_out(self.design, self.target, self.loss, self.parts)
        return rows if self.condensed is None else self.condensed.held_out(rows)

    @cached_property
    def parts(self):
        """The training and validation rows of every split."""
        return divide_rows(self.pairs, self.weights)

    @cached_property
    def index_pairs(self):
        """The rows of both parts of every split, also where `pairs` are parts."""
        return self.pairs if isinstance(self.pairs, list) else self.parts.index_pairs()

    def of_splits(
        self,
        design,
        target,
        pairs,
        sample_weight,
        all_directions,
        by_rows=False,
        squares_nothing=False,
        axes=None,
    ):
        """Return the problem of some splits of some rows."""
        return BilevelProblem(
            design,
            target,
            self.loss,
            self.groups,
            pairs,
            sample_weight=sample_weight,
            all_directions=all_directions,
            by_rows=by_rows,
            squares_nothing=squares_nothing,
            axes=axes,
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
            lambda_bounds=self.lambda_bounds,
        )

    def make(self, squares_nothing=False, axes=None):
        """Return the problem of all targets.

        Parameters
        ----------
        squares_nothing : bool, default=False
            Whether ill-conditioned ridge is expected.
        axes : list of Axes, default=None
            Those of the problem of other targets.

        Returns
        -------
        Problem
            Its bounds include `lambda_init`.
        """
        if self.criterion is None:
            problem = self.of_splits(
                self.design,
                self.target,
                self.parts,
                self.weights,
                self.all_directions,
                self.needs_rows,
                squares_nothing,
                axes,
            )
        else:
            problem = self._of_criterion()
        if self.has_own_validation:
            # The final weights are fitted to the training rows alone, so `alpha_` is
            # based on their number.
            problem.total_weight = self.parts.totals[0, 0]
        if not isinstance(self.lambda_init, str):
            # Only automatic bounds can exclude `lambda_init`.
            problem.widen_bounds(self.lambda_init)
        return problem

    def final_weights(self, problem, lambda_, weights, refit):
        """Return coef and intercept of a refit, or the means over the splits.

        Parameters
        ----------
        problem : Problem
            From `make`.
        lambda_ : ndarray of shape (n_groups,)
        weights : list of (coef, intercept)
            Of every split.
        refit : bool
            Whether to fit to all rows, except the user's validation set.

        Returns
        -------
        coef : ndarray of shape (n_features, n_outputs)
        intercept : ndarray of shape (n_outputs,)
        """
        coef, intercept = mean_over_splits(weights)
        if not refit:
            return coef, intercept
        if self.has_own_validation:
            # The only split trains on all other rows, but some methods only approximate
            # its minimizer.
            start = problem.splits[0].from_features(coef, intercept)
            return problem.to_features(problem.minimize(lambda_, [start]))[0]
        start = problem.full.from_features(coef, intercept)
        full = problem.minimize_full(lambda_, start)
        return problem.full.to_features(full)

    def of_targets(self, columns):
        """Return the source of some targets.

        Parameters
        ----------
        columns : slice or ndarray of int
            Columns of `target`.

        Returns
        -------
        ProblemSource
        """
        criterion = self.criterion
        if criterion is not None:
            criterion = criterion.of_targets(columns, self.target.shape[1])
        # A fixed memory order, so that sums do not depend on how the columns were
        # selected.
        target = np.ascontiguousarray(self.target[:, columns])
        condensed = self.condensed
        if condensed is not None:
            condensed = condensed.of_targets(columns)
        return replace(self, target=target, criterion=criterion, condensed=condensed)

    def in_unit(self, exponent):
        """Return the source with y in a unit of ``2^exponent``.

        Parameters
        ----------
        exponent : int

        Returns
        -------
        ProblemSource
        """
        criterion, condensed = self.criterion, self.condensed
        return replace(
            self,
            target=np.ldexp(self.target, -exponent),
            criterion=None if criterion is None else criterion.in_unit(exponent),
            condensed=None if condensed is None else condensed.in_unit(exponent),
        )

    def _of_criterion(self):
        return CriterionProblem(
            self.design,
            self.target,
            self.loss,
            self.groups,
            at_home(self.criterion, self.condensed),
            sample_weight=self.weights,
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
            lambda_bounds=self.lambda_bounds,
        )


class LastFit(NamedTuple):
    """End of the last fit, in terms of features, for a warm start.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,) or (n_targets,)
    weights : list of (coef, intercept) or None
        Weights of every split; None with one lambda per target.
    """

    lambda_: np.ndarray
    weights: list | None

    def fits(self, problem):
        """Whether a problem of shared lambdas has the shape of the last one."""
        if self.weights is None:
            return False
        coef, _ = self.weights[0]
        split = problem.splits[0]
        shape = (split.coordinates.n_features, split.n_outputs)
        return (
            len(self.weights) == len(problem.splits)
            and len(self.lambda_) == problem.n_groups
            and coef.shape == shape
        )

    def fits_targets(self, n_targets):
        """Whether the last fit had one lambda for each of as many targets."""
        return self.weights is None and len(self.lambda_) == n_targets
