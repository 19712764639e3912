"""The summary of an additive model: a row per line, curve and category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..linear_model._results.summary import Summary

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False, repr=False)
class TermSummary(Summary):
    """The summary table of a fitted additive model, as text, HTML or a frame.

    `frame` needs pandas; the text and the HTML do not. It has the attributes of
    `sklearn_myhpo.linear_model.Summary`, and one of its own.

    Attributes
    ----------
    dispersion : float or None
        Estimated dispersion of the target about its mean: the noise variance for
        ``family="normal"``, otherwise Pearson's statistic divided by its degrees of
        freedom, about 1 for counts without overdispersion. None for classes, and
        without degrees of freedom to estimate it.
    """

    _rows: ClassVar[str] = "parts of terms"

    dispersion: float | None = None

    @property
    def frame(self) -> pandas.DataFrame:
        """The table of the terms, a row for every group of columns.

        The columns are "term", "kind" ("linear", "smooth", "missing" or "category"),
        "edof", its effective degrees of freedom where they are known, "alpha" or "C",
        and where it is known "variance_share", its share of the variance of the
        prediction, one per class with several classes. A curve that is straight has a
        row "smooth" with an edof of about 0.

        Returns
        -------
        pandas.DataFrame
            In the order of the terms.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return super().frame

    def _what_is_counted(self):
        n_terms = len(dict.fromkeys(self.columns["term"]))
        return "1 term" if n_terms == 1 else f"{n_terms} terms"

    def _lines(self):
        lines = super()._lines()
        if self.dispersion is not None:
            lines.append(f"Dispersion: {self.dispersion:.6g}.")
        return lines

    def _size(self):
        return len(self.columns["term"])

    def _ranked_by(self):
        return "edof" if "edof" in self.columns else super()._ranked_by()


class TermSummaryMixin:
    """The method `summary` of an additive model."""

    def summary(self) -> TermSummary:
        """Return a summary table of the fitted model.

        It is printed as text and shown as a table in notebooks. `frame` has a row for
        every line, curve, indicator of missing values and category: term, kind,
        effective degrees of freedom, penalty, and its share of the variance of the
        prediction, ``Cov(effect, prediction) / Var(prediction)`` over the rows of
        `fit`.

        Returns
        -------
        TermSummary
            With the attributes of `sklearn_myhpo.linear_model.Summary`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        model, parts = self.model_, self._terms.parts
        whole = model.summary()
        columns = {
            "term": np.array([part.term for part in parts], dtype=object),
            "kind": np.array([part.kind for part in parts], dtype=object),
        }
        if self._posterior is not None:
            freedom = self._freedom
            columns["edof"] = np.array([freedom[p.columns].sum() for p in parts])
        strongest = {"alpha": np.inf, "C": 0.0}
        for name, values in whole.columns.items():
            if name in strongest:
                values = self._spread(values[None], strongest[name])[0]
                columns[name] = np.array([values[p.columns][0] for p in parts])
            elif name.startswith("variance_share"):
                values = self._spread(values[None])[0]
                columns[name] = np.array([values[p.columns].sum() for p in parts])
        known = {}
        if self._posterior is not None:
            known["effective_dof"] = self._posterior.total
            dispersion = self._posterior.dispersion
            if self._dispersion is None and dispersion is not None:
                known["dispersion"] = dispersion
                if self._weights_count_rows:
                    known["noise_variance"] = np.array([dispersion])
        return TermSummary(
            head=f"{type(self).__name__}. {model._describe_fit()}",
            columns=columns,
            intercept=whole.intercept,
            validation_loss=whole.validation_loss,
            validation_loss_standard_error=whole.validation_loss_standard_error,
            baseline_loss=whole.baseline_loss,
            **known,
        )
