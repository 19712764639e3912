"""Exact ridge from parts of the data."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight

from .._messages import shown
from .._progress import kept_on_error
from .._typing import MatrixLike
from ..data.arrays import head_of
from ..data.cv import check_cv_type
from ..data.folds.rules import HoldOut, is_rule
from ..data.folds.splitters import KeyFolds, RowFolds
from ..data.moments.state import add_part
from ..data.threads import threads_for
from ..engine.limits import limits
from ..losses import SquaredLoss
from ..solvers.phases import Phases
from ._checks import resolve_criterion
from ._results.cv_results import no_cv_results, refuse_cv_results
from ._streaming import can_stream
from ._streams.moments import check_folds
from ._units import unit_exponents

#: Fitted attributes that every part sets or checks.
KNOWN_FROM_PARTS = ("n_features_in_", "feature_names_in_")


def can_add_parts(model):
    """Whether an estimator of ridge takes one part of the rows after another.

    Parameters
    ----------
    model : RidgeModel

    Returns
    -------
    bool

    Raises
    ------
    AttributeError
        If it does not, as `sklearn.utils.metaestimators.available_if` requires.
    """
    if not model.store_coef:
        raise AttributeError(
            "partial_fit keeps no rows, but store_coef=False keeps weights of the "
            "rows. Use store_coef=True."
        )
    solver = model._make_solver()
    if solver.capabilities.needs_rows:
        return can_stream(model)
    criterion = resolve_criterion(model.criterion, SquaredLoss(), model._name())
    if criterion is not None and (criterion.needs_rows or criterion.is_matrix_free):
        raise AttributeError(
            f"partial_fit keeps no rows, but criterion={shown(model.criterion)} needs "
            "single ones. Use criterion='validation', 'gcv', 'sure' or 'reml'."
        )
    return True


class ExactPartsMixin:
    """`partial_fit` and `merge` of the ridge estimators."""

    @available_if(can_add_parts)
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Add some rows to those of earlier calls.

        The result is that of `fit` to all rows so far with the same folds, to rounding,
        in any division into parts. Second moments of every fold are kept, not rows;
        the fitted attributes are computed on first use.

        The folds of ``cv=5`` are those of `sklearn_myhpo.data.RowFolds`: row i of all
        calls is held out by fold i modulo 5; a float holds out that share by a hash of
        i; `RowFolds` and `KeyFolds` can be given. Other splitters need to know all
        rows. With `KeyFolds`, and with a `criterion`, the order of the rows makes no
        difference. `fit` starts from scratch, and so does the first call after it.

        With a solver that can continue with new rows, such as
        ``BilevelRidge(solver=Stochastic(method="soba"))``, every call is one epoch of
        it over the rows instead: `cv` divides them into training and validation parts,
        nothing is refitted, and `coef_` is the mean over the splits of the solver's
        weights; `history_` has a row per call, and `validation_loss_` is the loss of
        the last held-out rows before the solver learned from them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Some of the training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.
        groups : array-like of shape (n_samples,), default=None
            Labels of rows that belong together: the keys of ``cv=KeyFolds(5)``, or for
            a splitter `cv` of a solver that can continue with new rows.

        Returns
        -------
        self : object
            The estimator of all rows so far.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit, or this part does not fit the first.
        """
        if self._make_solver().capabilities.streams:
            with kept_on_error(self):
                self._parts, self._is_stale, self._y_origin = None, False, None
                return self._fit_part(X, y, sample_weight, groups)
        self._validate_params()
        self._check_options()
        with kept_on_error(self):
            state = self._parts
            head = head_of(X)
            X, y = self._check_data(X, y, reset=state is None, least=1)
            rule = self._rule_of_parts(state)
            _check_groups(rule, groups)
            if state is not None and y.shape[1:] != state.y_shape:
                raise ValueError(
                    "y must have the shape of the first part except for the number of "
                    f"rows, {('n_samples', *state.y_shape)}. Got {y.shape}."
                )
            weight = _weights_of_part(sample_weight, X)
            key = None if groups is None else np.asarray(groups)
            head = head_of(X) if head is None else head
            rows = X, y, weight, key, head
            state = add_part(
                state,
                rule,
                *rows,
                is_about_means=self.fit_intercept,
                exponents=unit_exponents,
                n_sample=limits().optimism_rows,
            )
            self._set_parts(state)
        return self

    def merge(self, other: Self) -> Self:
        """Add the rows that another estimator got by `partial_fit`.

        It is for parts of the data that are read in different processes. The moments
        are added, and rows keep their folds. Each estimator numbers its own rows, so
        only `KeyFolds` or a `criterion` give the same result as one pass.

        Parameters
        ----------
        other : estimator
            Of the same class and parameters; it is not changed.

        Returns
        -------
        self : object
            The estimator of the rows of both.

        Raises
        ------
        ValueError
            If one of them has got no rows by `partial_fit`, or they do not fit.
        """
        states = [getattr(one, "_parts", None) for one in (self, other)]
        if type(other) is not type(self) or None in states:
            raise ValueError(
                f"merge needs two {self._name()} fitted by partial_fit. Got "
                f"{shown(other)}."
            )
        own, more = states
        names = [getattr(one, "feature_names_in_", None) for one in (self, other)]
        for what, a, b in (
            ("features", own.centre.n_features, more.centre.n_features),
            ("names of the features", *(None if n is None else [*n] for n in names)),
            ("targets", own.y_shape, more.y_shape),
            ("folds", shown(own.rule), shown(more.rule)),
        ):
            if a != b:
                raise ValueError(f"merge needs the same {what}: {a} is not {b}.")
        self._set_parts(own.merged(more))
        return self

    def _check_options(self):
        """Raise if an option of the fit needs rows that are not kept."""
        refuse_cv_results(self)
        if self.shrinkage == "auto":
            raise ValueError(
                "shrinkage='auto' is not possible with partial_fit: it divides the "
                "rows of every fold again. Use a number for shrinkage."
            )

    def _rule_of_parts(self, state):
        """Return the rule of the folds; that of the first part, if it is the same."""
        if self.criterion != "validation":
            rule = None
        elif not is_rule(self.cv) or isinstance(self.cv, bool):
            raise ValueError(
                f"cv={shown(self.cv)} is not possible with partial_fit, which does not "
                "know all rows. Allowed are None (five folds), an int >= 2 (folds by "
                "the number of the row), a float in (0, 1), and "
                "sklearn_myhpo.data.RowFolds or KeyFolds."
            )
        else:
            rule = self._new_rule(state)
        if state is not None and shown(rule) != shown(state.rule):
            raise ValueError(
                f"cv={shown(self.cv)} makes different folds from those of the first "
                f"part, {shown(state.rule)}. Use the same cv and criterion in every "
                "call."
            )
        return rule if state is None else state.rule

    def _new_rule(self, state):
        """Return the rule that the parameter `cv` asks for."""
        cv = 5 if self.cv is None else self.cv
        if isinstance(cv, KeyFolds):
            names = getattr(self, "feature_names_in_", None)
            return cv.of_columns(names, self.n_features_in_)
        if isinstance(cv, RowFolds):
            return cv
        check_cv_type(cv)
        if cv < 1:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            if state is not None and isinstance(state.rule, HoldOut):
                seed = state.rule.seed
            return HoldOut(float(cv), int(seed))
        return RowFolds(cv)

    def _set_parts(self, state):
        """Keep the moments, and discard the results for fewer rows."""
        for name in [*vars(self)]:
            is_fitted = name.endswith("_") and not name.startswith("_")
            if is_fitted and name not in KNOWN_FROM_PARTS:
                delattr(self, name)
        self._parts, self._is_stale = state, True
        self._stream = None

    def _refresh(self):
        """Fit the rows so far."""
        state = self._parts
        with kept_on_error(self):
            # First, so that the access to attributes does not start another fit.
            self._is_stale = False
            n_rows = sum(state.factors.counts.values())
            if n_rows < 2:
                raise ValueError(
                    f"{self._name()} needs two rows or more of positive weight, but "
                    f"got {n_rows} by partial_fit."
                )
            found = state.condensed(has_intercept=self.fit_intercept)
            found.design.condensed, self._y_origin = found, found.centre.y
            if state.rule is not None:
                check_folds(self, found, state.rule)
            y = found.y if state.y_shape else found.y[:, 0]
            solver, none = self._make_solver(), (None, None, None)
            given = found.design, y, found.weight, none, (None, {}), solver
            source = self._prepare(*given)
            with threads_for(*found.design.shape):
                self._learn(source, solver, _Silent())
            vars(self).update(no_cv_results())
            self.row_weights_ = self.row_groups_ = None
            self.plan_ = self.plan_.of_rows(found.design.n_counted)

    def __getattr__(self, name):
        is_fitted = name.endswith("_") and not name.startswith("_")
        if (
            is_fitted
            and name not in KNOWN_FROM_PARTS
            and vars(self).get("_is_stale", False)
        ):
            self._refresh()
            return getattr(self, name)
        # Read again, for its error.
        return object.__getattribute__(self, name)

    def __sklearn_is_fitted__(self):
        if self._is_stale:
            self._refresh()
        return "coef_" in vars(self)


def _weights_of_part(sample_weight, X):
    """Return the weights (n_rows,) of some rows, which may all be zero."""
    if sample_weight is not None and not np.any(sample_weight):
        # Checked as ones, since all weights of a part may be zero.
        return 0.0 * _check_sample_weight(np.ones(np.shape(sample_weight)), X)
    return _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )


class _Silent(Phases):
    """The progress of a fit without callbacks and output."""

    names, has_callbacks = (), False

    def part(self, name):
        """Begin a part of a phase."""
        return nullcontext()

    def report(self, n_iter, info, attributes):
        """Take an iteration; the fit goes on."""
        return False


def _check_groups(rule, groups):
    """Raise if groups are missing, or not used."""
    takes = isinstance(rule, KeyFolds) and rule.key is None
    if takes == (groups is not None):
        return
    if takes:
        raise ValueError(
            f"{rule} needs the groups of the rows: partial_fit(X, y, groups=...)."
        )
    raise ValueError(
        "groups are not possible with this cv, which ignores them. Use cv=KeyFolds(5) "
        "of sklearn_myhpo.data, or leave groups out."
    )
