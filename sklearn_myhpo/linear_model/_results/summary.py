"""The summary of a fitted model: a row per feature, and facts about the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ..._html import html_table, text_table
from ..._messages import shown
from ...data.tensors.arrays import on_host
from ...penalties.columns import feature_list
from .._tensors.fit import host_weights
from .frames import import_pandas

if TYPE_CHECKING:
    import pandas

#: Features that are printed; `Summary.frame` has all.
MOST_FEATURES = 20
#: Numbers that a line lists; of more it gives the range.
MOST_NUMBERS = 4
_RANKED_BY = {
    "coef": "coefficients",
    "variance_share": "shares of the variance",
    "edof": "degrees of freedom",
}
_HOW_STANDARD_ERRORS = (
    "Standard errors are those of the posterior at the learned penalty. They ignore "
    "the uncertainty of the penalty and the bias of shrunken coefficients."
)


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """A readable description of a fitted model, for printing and for notebooks.

    `frame` needs pandas; the text and the HTML do not.

    Attributes
    ----------
    head : str
        The estimator, and the end of its fit.
    columns : dict of str to ndarray of shape (n_features,)
        The columns of `frame`.
    intercept, intercept_standard_error : float, ndarray or None
        In the form of `intercept_`; the latter is known for ridge only.
    effective_dof : float, ndarray of shape (n_targets,) or None
        Effective degrees of freedom: the trace of the hat matrix of the weights of all
        rows, intercept and unpenalized features included. For losses other than the
        squared loss it is the hat matrix of the last step of Newton's method, with all
        classes, estimated from a sample if there are many rows. An array with one
        lambda per target. None if it would cost too much, after `partial_fit` and
        without a refit.
    validation_loss, validation_loss_standard_error : float, ndarray or None
        Attributes of the fitted model.
    baseline_loss : float, ndarray or None
        The loss of a model with an intercept alone, on the same held-out rows and
        fitted to the same training rows. None if no rows are held out.
    noise_variance : ndarray of shape (n_targets,) or None
        For ridge, the sum of squared residuals over ``n - effective_dof``. A row with a
        sample weight of k counts as k rows.
    """

    #: Plural name of the rows of the table.
    _rows: ClassVar[str] = "features"

    head: str
    columns: dict[str, np.ndarray]
    intercept: float | np.ndarray
    validation_loss: float | np.ndarray
    validation_loss_standard_error: float | None
    intercept_standard_error: float | np.ndarray | None = None
    effective_dof: float | np.ndarray | None = None
    baseline_loss: float | np.ndarray | None = None
    noise_variance: np.ndarray | None = None

    @property
    def frame(self) -> pandas.DataFrame:
        """The table of the features, a row each, as a pandas.DataFrame.

        The columns are "feature", "coef", "standard_error" (ridge, where it is known),
        "group" (None for features without a penalty), "alpha" or "C" with the penalty
        factor, and "variance_share" where it is known. With several targets or classes,
        columns that differ between them occur once per target or class, such as
        "coef[0]".

        Returns
        -------
        pandas.DataFrame
            In the order of the features.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = import_pandas("summary().frame")
        return pd.DataFrame(self.columns)

    def __str__(self) -> str:
        return "\n".join([*self._lines(), "", text_table(*self._table())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        caption, heads, rows = self._table()
        above = " ".join(line.strip() for line in self._lines())
        return html_table(f"{above} {caption}".strip(), heads, rows)

    def _lines(self):
        """Return facts about the whole model, a line each."""
        lines = [self.head]
        loss = f"{_spell(self.validation_loss)}"
        if self.validation_loss_standard_error is not None:
            loss += f" (standard error {_spell(self.validation_loss_standard_error)})"
        if self.baseline_loss is not None:
            loss += f"; of an intercept alone {_spell(self.baseline_loss)}"
        lines.append(f"Loss at the learned penalty: {loss}.")
        if self.effective_dof is not None:
            lines.append(
                f"Effective degrees of freedom: {_spell(self.effective_dof)}, with "
                f"{self._what_is_counted()}."
            )
        intercept = f"Intercept: {_spell(self.intercept)}"
        if self.intercept_standard_error is not None:
            intercept += f" (standard error {_spell(self.intercept_standard_error)})"
        lines.append(f"{intercept}.")
        if self.intercept_standard_error is not None:
            lines.append(_HOW_STANDARD_ERRORS)
        return lines

    def _table(self):
        """Return caption, heads and rows of the features to print, as text."""
        columns, n_features = self.columns, self._size()
        shown, caption = np.arange(n_features), ""
        if n_features > MOST_FEATURES:
            size = sum(
                np.abs(values)
                for name, values in columns.items()
                if name.startswith(self._ranked_by())
            )
            shown = np.argsort(-size, kind="stable")[:MOST_FEATURES]
            caption = (
                f"The {MOST_FEATURES} {self._rows} with the largest "
                f"{_RANKED_BY[self._ranked_by()]}, of {n_features}; frame has all."
            )
        rows = [
            [_cell(values[index]) for values in columns.values()] for index in shown
        ]
        return caption, list(columns), rows

    def _size(self):
        """Return the number of rows of the table."""
        return len(self.columns["feature"])

    def _what_is_counted(self):
        """Return the number and the plural name of the rows."""
        return f"{self._size()} features"

    def _ranked_by(self):
        """Return the beginning of the names of the columns that rank features."""
        has_shares = any(name.startswith("variance_share") for name in self.columns)
        return "variance_share" if has_shares else "coef"


class SummaryMixin:
    """The method `summary` of a linear estimator."""

    #: Names of the features of an array, from a transformer; None without.
    _carried_names = None

    def summary(self, *, feature_names: ArrayLike | None = None) -> Summary:
        """Return a summary table of the fitted model.

        It prints as text and shows as a table in notebooks. `frame` has a row per
        feature: name, coefficient, for ridge its standard error, group, penalty, and
        its share of the variance of the prediction,
        ``Cov(x_j w_j, prediction) / Var(prediction)`` over the training rows. The
        shares add up to one; the share of a feature that is offset by others is
        negative. For the whole model it has the effective degrees of freedom, the
        validation loss with its standard error, and the loss of an intercept alone on
        the same rows.

        Standard errors are roots of the diagonal of
        ``sigma^2 (X' X + diag(alpha))^-1``, X about its means: the posterior covariance
        for the prior that corresponds to the learned penalty; with `standardize` that
        of standardized features, converted to the units of X. They are conditional on
        that penalty, and sigma^2 is the sum of squared residuals over n minus the
        effective degrees of freedom. With ``refit=False`` or `X_val` there are none,
        nor degrees of freedom.

        Parameters
        ----------
        feature_names : array-like of str of shape (n_features,), default=None
            Names of the features, such as ``pipeline[:-1].get_feature_names_out()``,
            where X has none. None takes the names of the columns of a frame or of the
            output of `GroupedColumnTransformer`, sparse too, and otherwise "x0", "x1"
            and so on.

        Returns
        -------
        Summary
            With the attributes `frame`, `columns`, `effective_dof`, `validation_loss`,
            `validation_loss_standard_error`, `baseline_loss`, `noise_variance`,
            `intercept` and `intercept_standard_error`; those that are not known are
            None.

        Raises
        ------
        ValueError
            If the number of names is not that of the features.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        facts, errors, known = self._facts, None, {}
        if facts is not None:
            known["effective_dof"] = facts.effective_dof
            known["noise_variance"] = facts.noise_variance
            known["baseline_loss"] = facts.baseline
            errors = facts.standard_errors
        if errors is not None:
            form = np.shape(on_host(self.intercept_))
            own = errors[1].reshape(form) if form else float(errors[1][0])
            known["intercept_standard_error"] = own
        return Summary(
            head=f"{type(self).__name__}. {self._describe_fit()}",
            columns=self._summary_columns(feature_names, errors),
            intercept=host_weights(self)[1],
            validation_loss=self.validation_loss_,
            validation_loss_standard_error=self.validation_loss_standard_error_,
            **known,
        )

    def _known_names(self):
        """Return the names that came with X, or None."""
        # scikit-learn sets the attribute only if X has string names.
        return getattr(self, "feature_names_in_", self._carried_names)

    def _summary_columns(self, feature_names, errors):
        """Return the columns of the table of features, by name."""
        coef = np.atleast_2d(on_host(self.coef_))
        keys = self._summary_keys(len(coef))
        columns = {"feature": self._summary_names(feature_names)}
        columns.update(_per_key("coef", keys, coef))
        if errors is not None:
            columns.update(_per_key("standard_error", keys, errors[0].T))
        labels, names = self.feature_group_labels_, self.feature_group_names_
        group = np.full(len(labels), None, dtype=object)
        group[labels >= 0] = names[labels[labels >= 0]]
        columns["group"] = group
        columns.update(self._summary_penalties(keys))
        if self._facts is not None and self._facts.share is not None:
            share = self._facts.share.T
            columns.update(_per_key("variance_share", keys, share))
        return columns

    def _summary_penalties(self, keys):
        """Return the columns of the penalties, by name."""
        name, strength = self._strength()
        strength, labels = np.atleast_1d(strength), self.feature_group_labels_
        if self._is_per_class:
            strength = np.reshape(strength, (-1, len(keys)))[np.maximum(labels, 0)].T
        elif self._is_per_target:
            strength = strength[:, None]
        else:
            strength, keys = strength[np.maximum(labels, 0)][None], [None]
        if name == "alpha":
            return _per_key(name, keys, strength * self.penalty_factors_)
        with np.errstate(divide="ignore"):
            return _per_key(name, keys, strength / self.penalty_factors_)

    def _summary_keys(self, n_rows):
        """Return the labels of the rows of `coef_`: numbers, classes, or [None]."""
        if n_rows == 1:
            return [None]
        return list(getattr(self, "classes_", range(n_rows)))

    def _summary_names(self, feature_names):
        """Return the names of the features."""
        n_features = self.n_features_in_
        if feature_names is None:
            names = feature_list(range(n_features), self._known_names())
            return _as_column(names)
        names = _as_column(list(feature_names))
        if len(names) != n_features:
            raise ValueError(
                f"feature_names must have {n_features} names, one per feature. Got "
                f"{len(names)}: {shown(list(names))}."
            )
        return names


def _as_column(values):
    """Return values of any kind as an array of objects."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _per_key(name, keys, values):
    """Return columns of values (n_keys or 1, n_features), by name."""
    if len(keys) == 1 and keys[0] is None:
        return {name: values[0]}
    rows = np.broadcast_to(values, (len(keys), values.shape[1]))
    return {f"{name}[{key}]": row for key, row in zip(keys, rows, strict=True)}


def _cell(value):
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def _spell(value):
    """Return a number, or a few of them, or the range of many, as text."""
    values = np.ravel(value)
    if len(values) <= MOST_NUMBERS:
        return ", ".join(f"{one:.6g}" for one in values)
    return f"{len(values)} from {values.min():.4g} to {values.max():.4g}"
