"""One lambda per target of a criterion of ridge."""

import numpy as np

from ..bilevel.per_target import TargetsProblem, target_sizes

#: Penalty, relative to the largest curvature of the data, at which all weights vanish.
NULL_PENALTY = 1e30


class CriterionTargets(TargetsProblem):
    """The targets of a ridge problem with a criterion, each with its own lambda.

    The objective is the sum of the criteria of the targets. One decomposition serves
    all of them.

    Parameters
    ----------
    problem : CriterionProblem
        With one group and a spectrum, and a criterion that `learns_targets`.
    """

    def __init__(self, problem):
        self.bound = problem.bound
        super().__init__(problem)

    def null_values(self):
        """Return the criteria of the best constant models."""
        n_targets = self.splits[0].n_outputs
        largest = self.bound.whole.spectrum.squares.max(initial=0.0) or 1.0
        penalties = np.full(n_targets, NULL_PENALTY * largest)
        return self._curves(penalties, np.arange(n_targets), second=False).value

    def values(self, lambda_, weights):
        """Return the objective of every target at a lambda."""
        return self.target_slopes(lambda_, self.everything)[0]

    def _curves(self, penalties, targets, *, second=True):
        return self.bound.target_curves(penalties, targets, second=second)

    def _slope(self, split, penalty, targets):
        """Return the criteria of some targets and their derivatives in lambda."""
        curve = self._curves(penalty, targets, second=False)
        return curve.value, curve.slope

    def _model(self, split, penalty, targets):
        """Return the entries of a `TargetModel`."""
        inverse = 1.0 / (split.train.gram[:, None] + penalty)
        w = inverse * split.train.linear[:, targets]
        sizes = target_sizes(split, penalty, targets, inverse, w)
        return *self._curves(penalty, targets), *sizes
