"""Results of a fitted estimator as pandas data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..._messages import import_optional
from ...data.tensors.arrays import on_host
from .._per_class import class_penalties, lambda_names

if TYPE_CHECKING:
    import pandas


class FramesMixin:
    """Fitted attributes of the linear estimators as frames."""

    def penalties_frame(self) -> pandas.DataFrame:
        """Return a table of the learned penalties, a row per lambda.

        Returns
        -------
        pandas.DataFrame
            A row per group in the order of `lambda_`, with the columns "group",
            "lambda" (a natural log), "alpha" (ridge) or "C" (logistic regression),
            "n_features" and "coef_norm", the Euclidean norm of the group's weights for
            all targets or classes. With ``alpha_per_target=True`` a row per target,
            with its number in the column "target" instead of "group". With a lambda
            per class there is a row per class, or per group and class, with the label
            in the column "class".

        Raises
        ------
        ImportError
            If pandas is not installed.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        pd = import_pandas("penalties_frame()")
        coef = np.atleast_2d(on_host(self.coef_)).astype(np.float64)
        name, strength = self._strength()
        if self._is_per_class:
            keys, n_features, squares = class_penalties(self)
        elif self._is_per_target:
            keys = {"target": np.arange(len(coef))}
            n_features = np.full(len(coef), coef.shape[1])
            squares = (coef**2).sum(axis=1)
        else:
            keys = {"group": self.feature_group_names_}
            kept = self.feature_group_labels_ >= 0
            n_groups = len(self.feature_group_names_)
            labels, own = self.feature_group_labels_[kept], coef[:, kept]
            n_features = np.bincount(labels, minlength=n_groups)
            squares = np.bincount(labels, (own**2).sum(axis=0), minlength=n_groups)
        return pd.DataFrame(
            {
                **keys,
                "lambda": np.ravel(self.lambda_),
                name: np.ravel(strength),
                "n_features": n_features,
                "coef_norm": np.sqrt(squares),
            }
        )

    def history_frame(self) -> pandas.DataFrame:
        """Return a row per iteration: `history_` with a column for every lambda.

        Returns
        -------
        pandas.DataFrame
            The columns of `history_`. With one lambda it is
            ``pandas.DataFrame(history_)``; with several, "lambda" is replaced by
            "lambda[name]" for every group or, with ``alpha_per_target=True``, by
            "lambda[number]" for every target, "lambda[class]" for every class, or
            "lambda[group, class]". A fit with `row_groups` has "row_weights[label]"
            too. The index, "iteration", starts at 1.

        Raises
        ------
        ImportError
            If pandas is not installed.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        pd = import_pandas("history_frame()")
        columns = {}
        for name, values in self.history_.items():
            if values.ndim == 1:
                columns[name] = values
                continue
            is_of_rows = name == "row_weights"
            keys = self.row_groups_ if is_of_rows else lambda_names(self)
            rows = values.reshape(len(values), -1)
            columns.update(
                {
                    f"{name}[{key}]": column
                    for key, column in zip(keys, rows.T, strict=True)
                }
            )
        index = pd.RangeIndex(1, self.n_iter_ + 1, name="iteration")
        return pd.DataFrame(columns, index=index)


def import_pandas(method):
    """Return pandas for a method or property, which it names in an error."""
    return import_optional(
        "pandas", f"{method} returns fitted attributes as a frame and"
    )
