"""Strengths shared by all terms first, one per term only where new rows gain.

Where classes are nearly separable, dozens of strengths fit the few held-out rows that
are uncertain: the validation loss goes to zero and says nothing about new rows. Three
strengths, of lines, of curves and of categories, are learned without that. They give
the statistics of the terms, and a model to compare with.
"""

from __future__ import annotations

import warnings

import numpy as np

from ..exceptions import LambdaBoundWarning

#: The largest prior variance of a term, in squared units of the log-odds: where its
#: penalty is as weak as this, the data alone decide.
MOST_VARIANCE = 25.0


class SharedStartMixin:
    """Fits the linear model of the columns of all terms, strengths shared at first."""

    def _fit_linear_model(self, data):
        """Fit with shared strengths, without terms of no effect, with one per term."""
        self.dropped_, columns = [], data.columns
        bounds = -np.log(2.0 * data.weight.sum() * MOST_VARIANCE), np.inf
        with warnings.catch_warnings():
            # A curve that is straight, or not there, is a result, not a problem.
            warnings.simplefilter("ignore", LambdaBoundWarning)
            shared = self._make_linear_model(columns.kept, data)
            shared.set_params(shrinkage=0.0, lambda_bounds=bounds)
            self._fit_to(shared, self._by_kind(columns), data)
            self._set_fitted(shared, columns, data)
            names = self._names_without_effect(data.weight)
            own, few = self._fit_without(names, data, lambda_bounds=bounds)
        if _expected_loss(own) < _expected_loss(shared):
            self._set_fitted(own, few, data)
            self._set_dropped(names)

    def _by_kind(self, columns):
        """Return the columns, with the kind of a term's part as the group of each."""
        kinds = np.empty(self._terms.n_columns, dtype=object)
        for part in self._terms.parts:
            kinds[part.columns] = part.kind
        return columns.labelled(kinds)


def _expected_loss(model):
    """Return the validation loss plus by how much it is too low, where known."""
    optimism = model.optimism_
    return model.validation_loss_ + (0.0 if optimism is None else optimism)
