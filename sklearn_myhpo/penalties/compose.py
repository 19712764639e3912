"""A ColumnTransformer that labels its output with transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from .._documentation import DocumentationLinkMixin
from .._typing import MatrixLike
from .columns import Columns, feature_list
from .labelled import with_labels


class GroupedColumnTransformer(DocumentationLinkMixin, ColumnTransformer):
    """A ColumnTransformer that labels every output column with its transformer.

    It is `sklearn.compose.ColumnTransformer` with one addition. Its output, dense or
    sparse, carries the name of the transformer of each column, and the name of the
    column itself if all transformers have `get_feature_names_out`. An estimator of this
    package that follows it in a pipeline learns one lambda per transformer with
    ``feature_groups="transformer"``. A transformer with the method
    ``get_feature_groups_out``, such as
    `sklearn_myhpo.preprocessing.PenalizedSplineTransformer`, alone or as the last step
    of a pipeline, has a lambda for each of its own groups, which are named like
    "transformer__group". Every fit sets the names anew, so that cross-validation works
    where the number of columns depends on the rows, for example with texts and
    categories.

    The estimator must be the next step: any transformer in between returns an array
    without these names. Put such steps into the transformers instead.

    Parameters
    ----------
    transformers : list of tuples
        ``(name, transformer, columns)``; a transformer may have the method
        ``get_feature_groups_out(input_features)``, which returns a string per column
        of its output. All parameters and attributes are as in
        `sklearn.compose.ColumnTransformer`.

    See Also
    --------
    sklearn.compose.ColumnTransformer : The same without the names.

    Notes
    -----
    With ``set_output(transform="pandas")`` or "polars" the frames carry only their
    column names, and ``feature_groups="transformer"`` reads their prefixes ("num" in
    "num__age"), so that every transformer has one group. Then a plain
    `ColumnTransformer` has the same effect, but it does not support sparse output.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from sklearn_myhpo import GroupedColumnTransformer, MYHPORidge
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.normal(size=(200, 2)), rng.integers(4, size=200)])
    >>> y = X[:, 0] - X[:, 1] + 2 * (X[:, 2] == 1) + rng.normal(size=200)
    >>> columns = GroupedColumnTransformer(
    ...     [("number", StandardScaler(), [0, 1]), ("category", OneHotEncoder(), [2])]
    ... )
    >>> model = make_pipeline(columns, MYHPORidge(feature_groups="transformer"))
    >>> model.fit(X, y)[-1].feature_group_names_.tolist()
    ['number', 'category']
    """

    _column_names = _column_groups = None

    def fit_transform(
        self, X: ArrayLike, y: ArrayLike | None = None, **params: Any
    ) -> MatrixLike:
        """Fit all transformers, transform the data and join the results.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,), default=None
            Target for the transformers that use it.
        **params : dict
            Metadata, as `sklearn.compose.ColumnTransformer` takes it.

        Returns
        -------
        {array-like, sparse matrix, dataframe} of shape (n_samples, n_columns)
            The results side by side; arrays and sparse matrices carry the
            transformer and the name of each column.
        """
        output = super().fit_transform(X, y, **params)
        try:
            # Computed once, since a text vectorizer may have a million names.
            self._column_names = self.get_feature_names_out()
        except (AttributeError, ValueError):
            # Some transformer has no names, or not as many as columns.
            self._column_names = None
        self._column_groups = self._groups_of_columns(output.shape[1])
        return self._labelled(output)

    def transform(self, X: ArrayLike, **params: Any) -> MatrixLike:
        """Transform the data by every transformer and join the results.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Data.
        **params : dict
            Metadata, as `sklearn.compose.ColumnTransformer` takes it.

        Returns
        -------
        {array-like, sparse matrix, dataframe} of shape (n_samples, n_columns)
            The results side by side; arrays and sparse matrices carry the
            transformer and the name of each column.
        """
        return self._labelled(super().transform(X, **params))

    def to_sklearn(self) -> ColumnTransformer:
        """Return the equivalent `sklearn.compose.ColumnTransformer`.

        For tools that support only scikit-learn's own estimators.

        Returns
        -------
        sklearn.compose.ColumnTransformer
            Fitted if this one is fitted; it shares the transformers.
        """
        plain = ColumnTransformer(self.transformers)
        vars(plain).update(vars(self))
        return plain

    def _labelled(self, output):
        if not (isinstance(output, np.ndarray) or sparse.issparse(output)):
            return output
        return with_labels(output, self._column_groups, self._column_names)

    def _groups_of_columns(self, n_columns):
        """Return the group of every column: its transformer, or a group given by it."""
        groups = np.empty(n_columns, dtype=object)
        names = getattr(self, "feature_names_in_", None)
        features = np.array(feature_list(range(self.n_features_in_), names), object)
        resolver = Columns(None, self.n_features_in_, names)
        for name, transformer, key in self.transformers_:
            own = self.output_indices_[name]
            groups[own] = name
            says = getattr(_last_step(transformer), "get_feature_groups_out", None)
            if says is not None:
                inputs = features[resolver.resolve(key, "transformers")]
                inputs = _names_before_last(transformer, inputs)
                found = [f"{name}__{group}" for group in says(inputs)]
                if len(found) != own.stop - own.start:
                    raise ValueError(
                        f"The transformer {name!r} made {own.stop - own.start} "
                        f"columns, but its get_feature_groups_out has {len(found)} "
                        "groups; it must return one per column."
                    )
                groups[own] = found
        return groups


def _last_step(transformer):
    """Return the last step of a pipeline, or the transformer itself."""
    return transformer[-1] if isinstance(transformer, Pipeline) else transformer


def _names_before_last(transformer, names):
    """Return the names of the features that the last step of a pipeline gets.

    They are None if an earlier step has no names.
    """
    if not isinstance(transformer, Pipeline) or len(transformer) == 1:
        return names
    try:
        return transformer[:-1].get_feature_names_out(names)
    except (AttributeError, ValueError):
        return None
