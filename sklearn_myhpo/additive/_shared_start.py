"""Strengths shared by all terms first, one per term only where new rows gain.

Where classes are nearly separable, dozens of strengths fit the few held-out rows that
are uncertain: the validation loss goes to zero and says nothing about new rows. Three
strengths, of lines, of curves and of categories, are learned without that. They give
the statistics of the terms, and a model to compare with.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from ..exceptions import LambdaBoundWarning
from ..penalties.labelled import labels_of, names_of, with_labels
from ._evidence import terms_without_effect
from ._learning import select_columns

#: The largest prior variance of a term, in squared units of the log-odds: where its
#: penalty is as weak as this, the data alone decide.
MOST_VARIANCE = 25.0


class SharedStartMixin:
    """Fits the linear model of the columns of all terms, strengths shared at first."""

    def _fit_linear_model(self, columns, y, weight, groups):
        """Fit with shared strengths, without terms of no effect, with one per term."""
        self.dropped_ = []
        every = np.ones(columns.shape[1], dtype=bool)
        # An iterator gives its pairs once, and there are two fits.
        cv = list(self.cv) if isinstance(self.cv, Iterator) else self.cv
        bounds = -np.log(2.0 * weight.sum() * MOST_VARIANCE), np.inf
        with warnings.catch_warnings():
            # A curve that is straight, or not there, is a result, not a problem.
            warnings.simplefilter("ignore", LambdaBoundWarning)
            shared = self._make_linear_model(every, cv)
            shared.set_params(shrinkage=0.0, lambda_bounds=bounds)
            shared.fit(self._by_kind(columns), y, weight, groups=groups)
            self._set_fitted(shared, every, columns, y, weight)
            names = self._names_without_effect()
            kept = self._columns_without(names)
            few = select_columns(columns, kept)
            known = dict(zip(self.group_names_, self.lambda_, strict=True))
            start = {name: known[name] for name in labels_of(few) if name in known}
            own = self._make_linear_model(kept, cv)
            own.set_params(lambda_init=start, lambda_bounds=bounds)
            own.fit(few, y, weight, groups=groups)
        if _expected_loss(own) < _expected_loss(shared):
            self._set_fitted(own, kept, few, y, weight)
            self.dropped_ = [name for name in self.term_names_ if name in names]

    def _by_kind(self, columns):
        """Return the columns, with the kind of a term's part as the group of each."""
        kinds = np.empty(self._terms.n_columns, dtype=object)
        for part in self._terms.parts:
            kinds[part.columns] = part.kind
        # Sparse matrices are labelled in place.
        own = columns if isinstance(columns, np.ndarray) else columns.copy()
        return with_labels(own, kinds, names_of(columns))

    def _names_without_effect(self):
        """Return the terms that the data do not tell from nothing, at `select`."""
        if self.select is None or self._posterior is None:
            return []
        return terms_without_effect(*self._evidence(), self.select)


def _expected_loss(model):
    """Return the validation loss plus by how much it is too low, where known."""
    optimism = model.optimism_
    return model.validation_loss_ + (0.0 if optimism is None else optimism)
