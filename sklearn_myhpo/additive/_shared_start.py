"""Shared strengths for all terms first, then one per term if this helps.

If every term has its own strength, some useless terms seem to help by chance. Three
shared strengths, of lines, of curves and of categories, avoid this. They give the
statistics of the terms, and a model for comparison: if classes are nearly separable,
dozens of strengths fit the few uncertain held-out rows, and the validation loss goes to
zero without any gain on new rows.
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

    #: Whether rows may be predicted with certainty: then no penalty of a term is weaker
    #: than that of `MOST_VARIANCE`, and validation losses are corrected by their
    #: optimism.
    _may_separate = False

    def _fit_shared_first(self, data):
        """Fit with shared strengths, remove terms without effect, fit one per term."""
        columns = data.columns
        with warnings.catch_warnings():
            # A straight or removed curve is a valid result: no warning.
            warnings.simplefilter("ignore", LambdaBoundWarning)
            shared = self._fit_shared(columns, data)
            self._set_fitted(shared, columns, data)
            if self._deadline.is_over:
                return
            names = self._names_without_effect(data.weight)
            few = columns.of(self._columns_without(names))
            own = self._fit_own(few, data)
            found, most = own, shared.validation_loss_ + loss_error(shared)
            if not self._is_better(own, shared, most):
                if self._may_separate:
                    # The statistic may be wrong if classes are nearly separable.
                    return
                found = self._fit_shared(few, data) if names else shared
                if found.validation_loss_ > most:
                    return
        if found is not shared:
            self._set_fitted(found, few, data)
            self.dropped_ = [name for name in self.term_names_ if name in names]

    def _is_better(self, own, shared, most):
        """Return whether strengths per term are better than shared ones."""
        if self._may_separate:
            return _expected_loss(own) < _expected_loss(shared)
        return own.validation_loss_ <= most

    def _fit_shared(self, columns, data):
        """Fit the linear model with a strength per kind of a term's part."""
        kinds = np.empty(self._terms.n_columns, dtype=object)
        for part in self._terms.parts:
            kinds[part.columns] = part.kind
        model = self._make_linear_model(columns.kept, data, shrinkage=0.0)
        return self._fit_to(model, columns.labelled(kinds[columns.kept]), data)

    def _fit_own(self, columns, data):
        """Fit the linear model with a strength per part, from those of the last fit."""
        known = dict(zip(self.group_names_, map(float, self.lambda_), strict=True))
        labels = dict.fromkeys(columns.labels)
        start = {name: known[name] for name in labels if name in known}
        model = self._make_linear_model(columns.kept, data, lambda_init=start)
        return self._fit_to(model, columns.X, data)

    def _lambda_bounds(self, weight):
        """Return bounds of every lambda, given the weights of rows."""
        if not self._may_separate:
            return "auto"
        return -np.log(2.0 * weight.sum() * MOST_VARIANCE), np.inf


def _expected_loss(model):
    """Return the validation loss plus its optimism, if known."""
    optimism = model.optimism_
    return model.validation_loss_ + (0.0 if optimism is None else optimism)


def loss_error(model):
    """Return the standard error of the validation loss, approximately."""
    error = model.validation_loss_standard_error_
    if error is not None:
        return error
    return model.validation_loss_ * np.sqrt(2.0 / model._facts.n_rows)
