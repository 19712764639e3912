"""From the parameters of an estimator and its data to the outer problem."""

from functools import cached_property

import numpy as np

from ..bilevel.validation import BilevelProblem
from ..criteria import CriterionProblem
from ..data.cv import make_splits
from ..data.held_out import hold_out
from ..engine.plan import limits
from ._checks import check_bounds, drop_weightless, resolve_criterion


class ProblemSource:
    """The data and splits of a fit, and the problems that are made of them.

    Parameters
    ----------
    estimator : BilevelLinearModel
        Its parameters count.
    X : ndarray or sparse array of shape (n_samples, n_features)
        Validated features.
    target : ndarray
        As the loss wants it.
    loss : Loss
        Of the rows.
    groups : FeatureGroups
        Which lambda penalizes which feature.
    weights : ndarray of shape (n_samples,)
        Non-negative sample weights.
    solver : Solver
        What the problem must suit.
    pair : (ndarray, ndarray) or None
        Training rows, and a validation set of the user's own, in place of `cv`.

    Attributes
    ----------
    X, target, weights : ndarray
        Of the rows that count.
    criterion : Criterion or None
        None where the validation loss is minimized.
    pairs : list of (ndarray, ndarray)
        Training and validation rows; none with a criterion.
    """

    def __init__(self, estimator, X, target, loss, groups, weights, solver, pair=None):
        self.estimator, self.loss, self.groups = estimator, loss, groups
        self.criterion = resolve_criterion(estimator.criterion, loss, solver)
        self.options = {
            "fit_intercept": estimator.fit_intercept,
            "lambda_bounds": check_bounds(
                estimator.lambda_bounds, estimator.lambda_init
            ),
        }
        self.all_directions = solver.capabilities.all_directions
        self.by_rows = solver.capabilities.needs_rows
        pairs = []
        if self.criterion is None:
            pairs = make_splits(
                estimator.cv if pair is None else [pair],
                X,
                target,
                classifier=estimator._is_classifier,
                rows=np.flatnonzero(weights),
                classes=getattr(estimator, "classes_", None),
                random_state=estimator.random_state,
            )
        X, *rest = drop_weightless(X, target, weights, pairs)
        self.X, (self.target, self.weights, self.pairs) = X, rest
        self.has_own_validation = pair is not None

    @property
    def has_held_out_rows(self):
        """Whether `rows` exist and fit the memory."""
        return 0 < len(self.pairs) * len(self.weights) <= limits().most_responses

    @cached_property
    def rows(self):
        """The held-out rows of all splits."""
        return hold_out(self.X, self.target, self.loss, self.pairs, self.weights)

    def of_splits(self, X, target, pairs, sample_weight, all_directions, by_rows=False):
        """Return the problem of some splits of some rows."""
        return BilevelProblem(
            X,
            target,
            self.loss,
            self.groups,
            pairs,
            sample_weight=sample_weight,
            all_directions=all_directions,
            by_rows=by_rows,
            **self.options,
        )

    def make(self, columns=None):
        """Return the problem of all targets, or of some of them.

        Parameters
        ----------
        columns : slice or None
            Which ones, where there may be several.

        Returns
        -------
        Problem
            With bounds that include the start.
        """
        target, criterion = self.target, self.criterion
        if columns is not None:
            target = target[:, columns]
        if criterion is None:
            problem = self.of_splits(
                self.X,
                target,
                self.pairs,
                self.weights,
                self.all_directions,
                self.by_rows,
            )
        else:
            if columns is not None:
                criterion = criterion.of_targets(columns, self.target.shape[1])
            problem = CriterionProblem(
                self.X,
                target,
                self.loss,
                self.groups,
                criterion,
                sample_weight=self.weights,
                **self.options,
            )
        if self.has_own_validation:
            # The weights are those of the training part, and so is their alpha.
            ((train, _),) = self.pairs
            problem.total_weight = self.weights[train].sum()
        estimator = self.estimator
        if estimator.lambda_bounds == "auto" and estimator.lambda_init != "auto":
            problem.widen_bounds(estimator.lambda_init)
        return problem
