"""Fits of many targets with shared lambdas, and fits without coefficients.

Lambda is learned from fewer targets, at most as many as rows: a rotation of all targets
that keeps their sums of squares. Then the weights of all targets are found at that
lambda, some targets at a time. With more features than rows, both steps work in a basis
of the span of the rows.
"""

from dataclasses import replace

import numpy as np

from ..bilevel.bounds import automatic_bounds, resolve_bounds
from ..data.few_targets import target_slices, turned_targets
from ..data.row_basis import row_basis
from ..data.sources import as_design, stored_rows
from ..data.statistics import standard_rows
from ..diagnostics.posterior import Posterior
from ..engine.limits import limits
from ..engine.linalg.krylov import range_subspace
from ..engine.ridge.final_weights import (
    FinalWeights,
    RowWeights,
    TargetWeights,
    cancels,
    with_total,
)
from ..penalties.groups import FeatureGroups
from ._dual import check_dual
from ._few_rows import few_of_many, origin_of
from ._problem import LastFit

#: Share of the entries of sparse rows from which a dense copy takes hardly more memory.
LEAST_FILLED = 1 / 3
#: Range of penalties whose squares and quotients neither overflow nor vanish.
LEAST_PENALIZED, MOST_PENALIZED = 1e-150, 1e150


class ManyTargetsMixin:
    """Fits of many targets, and without `coef_`; a mixin for the ridge estimators."""

    def _learn(self, source, solver, progress):
        keeps_rows = not (self.store_coef or self._follows)
        if keeps_rows:
            check_dual(self, source)
            source = replace(source, design=_accurate(source))
        shares = _can_turn(self, source)
        few = few_of_many(self, source) if shares else None
        n_samples, n_targets = source.target.shape
        turns = shares and n_targets > max(n_samples, limits().turned_targets - 1)
        if not (keeps_rows or turns or few):
            return super()._learn(source, solver, progress)
        if few is not None:
            small, everything = few
            models = self._learn_small(small, source, solver, progress)
            self.plan_ = self.plan_.of_rows(n_samples).of_outputs(n_targets)
            given = (source, source) if keeps_rows else (everything, everything)
            found = _Weights(self, *given, None, keeps_rows)
            self._set_found(found, source, is_exact=False)
            return models
        basis = _basis_of(self, source)
        small = source if basis is None else _in_basis(source, basis)
        small = _turned(small) if turns else small
        models = self._learn_small(small, source, solver, progress)
        found = _Weights(self, source, small, basis, keeps_rows)
        self._set_found(found, source, is_exact=basis is None and not turns)
        return models

    def _learn_small(self, small, source, solver, progress):
        """Learn lambda from a source that stands for another; return split models."""
        if small is not source:
            progress = _WithoutModels(progress)
        # Weights are rounded to the precision of X at the end.
        small = replace(small, dtype=np.dtype(np.float64))
        models = super()._learn(small, solver, progress)
        self._last_fit = LastFit(self._last_fit.lambda_, None)
        self._set_groups(source.groups)
        return models

    def _set_found(self, found, source, is_exact):
        """Set the fitted weights and the attributes that depend on them."""
        del self.coef_
        self.intercept_ = self._intercept_form(found.intercept, source.dtype)
        if found.dual is None:
            self.coef_ = found.coef
        else:
            rows = stored_rows(source.design, found.index)
            self._set_dual(found.dual, rows, found.scale, found.total)
        facts = self._facts
        if facts is None or is_exact:
            return
        posterior = facts.posterior
        if posterior is not None:
            own = posterior.mean_square is not None
            square = found.mean_square if own else None
            posterior = posterior._replace(mean_square=square)
            if found.basis is not None:
                # Standard errors would be those of the basis, which users never see.
                posterior = Posterior(posterior.freedom, square)
        self._facts = facts._replace(share=None, posterior=posterior)


def _can_turn(model, source):
    """Whether rotated targets give the same lambda as all."""
    if model._is_per_target or source.row_groups is not None:
        return False
    asks = model.scoring is not None or model.store_cv_results or not model.refit
    if asks or source.groups.n_unpenalized or source.condensed is not None:
        return False
    return source.criterion is None or source.criterion.turns_targets


def _accurate(source):
    """Return the rows, dense where sparse ones would lose digits of their weights.

    Columns of large means have no zeros: their variance would be larger.
    """
    design = source.design
    if not (design.is_sparse and design.at_means(source.weights, True).has_large_means):
        return design
    n_samples, n_features = design.shape
    if design.entries_per_row < LEAST_FILLED * n_features:
        raise ValueError(
            "store_coef=False keeps weights of the rows, which are differences of "
            "rows, and features with large means would hide these. Here they are "
            f"columns of sparse X with {design.entries_per_row:.3g} of {n_features} "
            "entries per row. Subtract the means of columns without zeros, or use "
            "store_coef=True."
        )
    return as_design(design.take(slice(0, n_samples)).raw())


def _basis_of(model, source):
    """Return the `RowBasis` of rows with more features than rows; or None.

    None where a parameter needs the features themselves.
    """
    n_samples, n_features = source.design.shape
    is_one = source.groups.n_groups == 1 and not source.groups.n_unpenalized
    needs_features = source.all_directions or source.needs_rows or model.standardize
    needs_features |= model.scoring is not None or model.store_cv_results
    if n_features <= n_samples or not is_one or needs_features:
        return None
    others = source.has_own_validation or source.condensed is not None
    if others or n_samples > limits().factored_size:
        return None
    design = source.design.in_units(source.groups.scale)
    return row_basis(design, source.weights, source.fit_intercept, range_subspace)


def _in_basis(source, basis):
    """Return the source of the same rows in a basis of their span.

    The bounds of lambda are those of the features.
    """
    labels = np.zeros(basis.design.n_features, dtype=np.intp)
    groups = FeatureGroups(labels, source.groups.names)
    moments = basis.given.second_moments(source.weights)
    moments = moments * source.loss.curvature_scale(source.target, source.weights)
    bounds = source.lambda_bounds, automatic_bounds(moments, 1, is_wide=True)
    given = {"design": basis.design, "groups": groups}
    return replace(source, lambda_bounds=resolve_bounds(*bounds), **given)


def _turned(source):
    """Return the source of few targets with the same sums over targets."""
    target = turned_targets(source.target, origin_of(source))
    criterion, n_targets = source.criterion, source.target.shape[1]
    if criterion is not None:
        criterion = criterion.of_turned(n_targets, target.shape[1])
    return replace(source, target=target, criterion=criterion)


class _WithoutModels:
    """The `Progress` of a fit whose iterations have no weights of the targets."""

    def __init__(self, progress):
        self._progress = progress

    def __getattr__(self, name):
        return getattr(self._progress, name)

    def report(self, n_iter, info, _):
        """Report an iteration without its weights."""
        return self._progress.report(n_iter, info, None)


class _Weights:
    """The weights of all targets at the lambda of a fitted model.

    Parameters
    ----------
    model : RidgeModel
        Fitted to `small`.
    source : ProblemSource
    small : ProblemSource
        `source` itself, or its rows in the basis; its targets may be rotated.
    basis : RowBasis or None
        These coordinates.
    keeps_rows : bool
        Whether to find weights of rows instead of coefficients.

    Attributes
    ----------
    coef : ndarray of shape (n_targets, n_features) or None
    intercept, mean_square : ndarray of shape (n_targets,)
    dual : ndarray of shape (n_rows, n_targets) or None
    index : ndarray of int of shape (n_rows,) or None
        The rows that the weights are fitted to; None for all.
    total : ndarray of shape (n_targets,) or None
        Sums of the weights of rows.
    scale : ndarray of shape (n_features,) or None
        Factors of the features in sums of rows; None for ones.
    """

    def __init__(self, model, source, small, basis, keeps_rows):
        self.basis, self.index, self.coef = basis, None, None
        self.dual = self.total = None
        design, weight = small.design, source.weights
        if source.has_own_validation:
            weight = source.parts.training(0)
            self.index = np.flatnonzero(weight)
            design, weight = design.take(self.index), weight[self.index]
        self._find = _finder(model, small, design, weight)
        self._unit, self.scale = _of_rows(model, source, self._find, basis)
        n_targets, n_features = source.target.shape[1], source.design.n_features
        self.intercept, self.mean_square = np.empty(n_targets), np.empty(n_targets)
        if keeps_rows:
            self.dual = np.empty((len(weight), n_targets), dtype=source.dtype)
            self.total = np.empty(n_targets)
        else:
            self.coef = np.empty((n_targets, n_features), dtype=source.dtype)
        for part in target_slices(n_targets, max(source.design.shape)):
            y = source.target[:, part]
            self._set(part, y if self.index is None else y[self.index])

    def _set(self, part, y):
        """Set the weights of some targets (n_rows, k)."""
        basis, keeps_rows = self.basis, self.dual is not None
        needs = basis is not None or not keeps_rows
        found = self._find.of(part, y, coef=needs, rows=keeps_rows and basis is None)
        intercept, coef = found.intercept, found.coef
        rows, total = found.rows, found.total
        if basis is not None and keeps_rows:
            rows, total = basis.rows(coef)
            intercept = intercept - basis.mean_of(coef)
        elif basis is not None:
            coef, lack = basis.features(coef)
            intercept = intercept - lack
        elif keeps_rows:
            rows, total = rows / self._unit[part], total / self._unit[part]
        self.intercept[part], self.mean_square[part] = intercept, found.mean_square
        if keeps_rows:
            self.dual[:, part], self.total[part] = rows, total
        else:
            self.coef[part] = coef.T


def _of_rows(model, source, find, basis):
    """Return the units of weights of rows, and the `scale` of features in their sums.

    With one lambda for all features the weights of rows are those of kernel ridge.
    """
    n_targets = source.target.shape[1]
    if basis is not None:
        scale = basis.given.scale
        return None, None if scale is None else scale**2
    alpha = np.ones(n_targets)
    if source.groups.n_groups == 1:
        alpha = np.broadcast_to(np.atleast_1d(model.alpha_), n_targets)
    scale = find.scale
    is_one = np.all(np.abs(scale - 1.0) <= 4 * np.finfo(float).eps)
    return alpha, None if is_one else scale


def _finder(model, small, design, weight):
    """Return what finds the weights of targets in coordinates of a source."""
    if model.standardize:
        design = standard_rows(design, weight, small.fit_intercept)
    factors = small.groups.factors
    factors = np.ones(design.n_features) if factors is None else factors
    if model._is_per_target:
        return _Known(model, design, weight, factors, small.fit_intercept)
    alpha = np.atleast_1d(model.alpha_)[small.groups.labels]
    return _Solved(design, weight, alpha, factors, small.fit_intercept)


class _Solved:
    """Weights at penalties that all targets share."""

    def __init__(self, design, weight, alpha, factors, fit_intercept):
        penalty = np.clip(alpha * factors, LEAST_PENALIZED, MOST_PENALIZED)
        self._weights = FinalWeights(design, weight, penalty, fit_intercept)
        is_one = np.all(alpha == alpha[0])
        #: Factors of the features in sums of rows, once these have their units.
        self.scale = self._weights.design.scale**2 * (alpha[0] if is_one else 1.0)

    def of(self, part, y, *, coef, rows):
        """Return the `TargetWeights` of some targets."""
        return self._weights.of(y, coef=coef, rows=rows)


class _Known:
    """Weights with a lambda per target, which the fit has found."""

    def __init__(self, model, design, weight, factors, fit_intercept):
        self._coef = np.atleast_2d(model.coef_).T
        self._intercept = np.atleast_1d(model.intercept_)
        self._alpha, self._weight = np.atleast_1d(model.alpha_), weight
        self._rows = design.about(None, None, False, False)
        found = design.at_means(weight, True)
        facts = found.shift, found.scale, False, found.has_large_means
        self._centred, self._fix = found.about(*facts), None
        #: Whether weights of rows have a sum: not where the rows are about their mean.
        self._has_mean = not (fit_intercept or design.shift.any())
        self._origin = np.zeros_like(found.shift) if self._has_mean else found.shift
        scale = np.ones(design.n_features) if design.scale is None else design.scale
        self.scale = scale**2 / factors
        squares = self._centred.second_moments(weight) / factors
        self._square = weight.sum() * squares.sum()

    def of(self, part, y, *, coef, rows):
        """Return the `TargetWeights` of some targets."""
        w, intercept = self._coef[:, part], self._intercept[part]
        left = y - self._rows.forward(w) - intercept
        own, total = self._weight[:, None] * left, None
        mean_square = self._weight @ left**2 / self._weight.sum()
        if rows:
            # Residuals below rounding are noise, and do not give these coefficients.
            unit = self._centred.scaled(1.0 / self.scale)[:, None]
            sums = self._alpha[part] * w * unit
            self._fix = self._fix or RowWeights(self._centred)
            total = np.zeros(sums.shape[1])
            if self._has_mean:
                total = self._fix.totals(sums, own)
                sums = sums - self._fix.mean * total
            square = self._square / self._alpha[part].min()
            if cancels(own, self._weight[:, None] * y, square):
                own = self._fix.of(sums)
            own = self._fix.closer(own, sums)
            # Rounding may give coefficients that no rows have.
            lack = (sums - self._centred.adjoint(own)) / (self._alpha[part] * unit)
            intercept = intercept + self._origin @ lack
            own = with_total(own, total, self._weight)
        return TargetWeights(w, intercept, own, total, mean_square)
