"""The linear model of an additive model: parameters and fitted attributes."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._warn import warn
from ._bands import term_likelihoods
from ._columns import Columns
from ._evidence import Evidence, terms_without_effect
from ._posterior import MOST_WEIGHTS, quadratic_at, term_posterior

#: Level at which terms are removed where rows are held out.
SELECT = 0.01


class FitData(NamedTuple):
    """Data of the linear models of a fit.

    Attributes
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)
        As passed to `fit`.
    columns : Columns
        Of all terms.
    y, weight : ndarray of shape (n_samples,)
    groups : array-like of shape (n_samples,) or None
    cv : object
        Splits that can be reproduced.
    random_state : int
    """

    X: object
    columns: Columns
    y: np.ndarray
    weight: np.ndarray
    groups: object
    cv: object
    random_state: int


class LearningMixin:
    """Fits linear models of columns of terms, and sets the attributes of the fit."""

    def _data_of_fit(self, X, columns, y, weight, groups):
        """Return the `FitData`; all fits have the same splits."""
        cv, seed = self.cv, self.random_state
        if isinstance(cv, Iterator):
            cv = list(cv)
        if not isinstance(seed, Integral):
            seed = int(check_random_state(seed).randint(np.iinfo(np.int32).max))
        return FitData(X, columns, y, weight, groups, cv, seed)

    @staticmethod
    def _fit_to(model, X, data):
        """Fit the linear model to columns, by the splits of the rows of `fit`."""
        model._owner_rows = data.X
        try:
            return model.fit(X, data.y, data.weight, groups=data.groups)
        finally:
            del model._owner_rows

    def _names_without_effect(self, weight):
        """Return the terms without a significant effect, at the level `select`."""
        if self.select is None or not self._has_covariance(weight):
            return []
        level = SELECT if self.select == "auto" else self.select
        return terms_without_effect(*self._evidence(), level)

    def _chosen_criterion(self):
        """Return the criterion of the linear models."""
        return self.criterion

    def _make_linear_model(self, kept, data, **options):
        """Return the linear model of the columns that are kept, not fitted.

        Its parameters are those of the additive model, unless `options` has others.
        """
        common = ("selection", "shrinkage", "verbose", "n_jobs", "max_iter")
        common += ("max_time", "tol")
        own = {name: getattr(self, name) for name in common}
        own["criterion"] = self._chosen_criterion()
        own.update(cv=data.cv, random_state=data.random_state)
        own["lambda_bounds"] = self._lambda_bounds(data.weight)
        options = {**own, **options}
        if not self.penalize_linear:
            factors = np.ones(self._terms.n_columns)
            for part in self._terms.parts:
                if part.kind == "linear":
                    factors[part.columns] = 0.0
            if not factors.any():
                raise ValueError(
                    "penalize_linear=False leaves nothing to learn a strength for: X "
                    "has no category, and no number with enough distinct values for a "
                    "curve. Use penalize_linear=True."
                )
            options["penalty_factors"] = factors[kept]
        model = self._linear_estimator(feature_groups="transformer", **options)
        model._owner, model._deadline = type(self), self._deadline
        return model

    def _columns_without(self, names):
        """Return which columns are of other terms than these."""
        kept = np.ones(self._terms.n_columns, dtype=bool)
        for term in self._terms.terms:
            if term.name in names:
                kept[term.columns] = False
        return kept

    def _set_fitted(self, model, columns, data):
        """Set the attributes of a fit of the columns that are kept."""
        self.model_, self._kept = model, columns.kept
        # A further fit has its own time limit.
        model._deadline = None
        self.term_names_ = np.array([t.name for t in self._terms.terms], dtype=object)
        self.group_names_, group = self._groups_of(model, columns)
        name, strength = model._strength()
        self.lambda_ = np.atleast_1d(model.lambda_)[group]
        setattr(self, f"{name}_", np.atleast_1d(strength)[group])
        self.validation_loss_ = model.validation_loss_
        self.n_iter_, self.converged_ = model.n_iter_, model.converged_
        if hasattr(model, "classes_"):
            self.classes_ = model.classes_
        self._coef = self._spread(np.atleast_2d(model.coef_))
        self._means = self._spread(columns.means(data.weight)[None])[0]
        self._posterior = self._find_posterior(columns, data)
        self.edof_ = None
        if self._posterior is not None:
            self._freedom = self._spread(self._posterior.freedom[None])[0]
            self.edof_ = np.array(
                [self._freedom[term.columns].sum() for term in self._terms.terms]
            )

    def _groups_of(self, model, columns):
        """Return the names of the parts with a strength, and their groups in a model.

        Parts of several terms may be one group of the model.
        """
        group = {
            name: own
            for name, own in zip(
                columns.labels, model.feature_group_labels_, strict=True
            )
            if own >= 0
        }
        return np.array(list(group), dtype=object), np.array(list(group.values()), int)

    def _spread(self, values, fill=0.0):
        """Return values (k, n_kept) of columns as those of all, (k, n_columns)."""
        values = np.asarray(values)
        out = np.full((len(values), len(self._kept)), fill, dtype=values.dtype)
        out[:, self._kept] = values
        return out

    def _find_posterior(self, columns, data):
        """Return the `TermPosterior` of the fitted weights, or None."""
        model, weight = self.model_, data.weight
        # Numbers of a regressor may come as objects.
        dtype = None if hasattr(model, "classes_") else np.float64
        loss, target, _ = model._check_target(np.asarray(data.y, dtype=dtype), weight)
        raw = columns.design.forward(np.atleast_2d(model.coef_).T.astype(np.float64))
        raw = self._raw(raw + model.intercept_)
        if raw.shape[1] * self._terms.n_columns > MOST_WEIGHTS:
            return None
        labels = model.feature_group_labels_
        penalty = (
            2.0
            * weight.sum()
            * np.exp(np.atleast_1d(model.lambda_))[np.maximum(labels, 0)]
        )
        self._penalty = self._spread([penalty * model.penalty_factors_], np.inf)[0]
        # That of squares is the same for all penalties.
        if self._posterior is not None and loss.is_quadratic:
            quadratic = self._posterior.quadratic
        else:
            at = data.columns.design, loss, target, raw, weight
            quadratic = quadratic_at(*at, self._raw_weights().ravel())
        given = quadratic, self._kept, loss, target, raw, weight
        return term_posterior(
            *given,
            self._penalty[self._kept],
            dispersion=self._dispersion,
            n_rows=self._count_rows(weight),
        )

    def _count_rows(self, weight):
        """Return the number of rows by which a dispersion is estimated."""
        if self._weights_count_rows:
            return weight.sum()
        return np.count_nonzero(weight)

    def _raw_weights(self):
        """Return the weights (n_outputs, n_columns) of the raw predictions."""
        return self._raw(self._coef.T.astype(np.float64)).T

    def _raw(self, scores):
        """Return the raw predictions of a loss, given those of the linear model."""
        return scores

    def _has_covariance(self, weight):
        """Return whether terms can be tested; warn if sample weights prevent it."""
        posterior = self._posterior
        if posterior is None or posterior.covariance is not None:
            return posterior is not None
        n_rows = np.count_nonzero(weight)
        if self._weights_count_rows and weight.sum() < n_rows:
            warn(
                f"{type(self).__name__} treats sample_weight as numbers of rows. These "
                f"are {weight.sum():.3g} rows of {n_rows}, fewer than the "
                f"{posterior.total:.3g} degrees of freedom of the model, so that "
                "select removes no term and partial effects have no bands. Divide "
                "sample_weight by its mean if it does not count rows.",
                UserWarning,
            )
        return False

    def _evidence(self):
        """Return the `Evidence` of all terms, and the weights of each."""
        weights = self._raw_weights()
        n_outputs, size = weights.shape
        n_all, posterior = n_outputs * size, self._posterior
        covariance = posterior.covariance.transpose(0, 2, 1, 3).reshape(n_all, n_all)
        factors = np.tile(self._penalty, n_outputs) / (posterior.dispersion or 1.0)
        number = np.arange(n_all).reshape(n_outputs, size)
        penalized = set(self.group_names_)
        free = {part.term for part in self._terms.parts if part.name not in penalized}
        terms = {
            term.name: number[:, term.columns].ravel()
            for term in self._terms.terms
            if term.name not in free
        }
        return Evidence(weights.ravel(), covariance, factors), terms

    def _keep_likelihoods(self, weight):
        """Keep the likelihood of every term only, from which its bands are made."""
        self._likelihoods, posterior = None, self._posterior
        if posterior is None:
            return
        if posterior.covariance is not None:
            self._likelihoods = term_likelihoods(
                posterior.quadratic,
                self._raw_weights(),
                self._penalty,
                posterior.dispersion,
                self._count_rows(weight),
                self._terms,
            )
        self._posterior = posterior._replace(covariance=None, quadratic=None)
