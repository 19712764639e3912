"""From a frame of numbers and categories to columns of terms."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from .._messages import shown
from ..data.frames import column_kinds, some_columns, with_one_missing
from ..penalties.columns import Columns, feature_list, spell
from ..preprocessing import PenalizedSplineTransformer
from ..preprocessing._columns import (
    check_not_missing,
    check_range,
    resolve_pairs,
    resolve_periods,
)
from ..preprocessing._term import write_terms
from ._categories import (
    Categories,
    contrasts,
    dense_columns,
    identifiers,
    leave_out,
    sparse_columns,
)
from ._columns import TermRows
from ._term import Part, Term

#: Fraction of nonzero columns below which the columns of terms are sparse.
SPARSE_SHARE = 0.3


class TermColumns:
    """The columns of all terms.

    Parameters
    ----------
    model : AdditiveModel
        Its parameters define the terms.
    X : array-like or dataframe of shape (n_samples, n_features)
        Features.
    names : sequence of str or None
        Of the features.
    weight : ndarray of shape (n_samples,)
        Sample weights.

    Attributes
    ----------
    parts : list of Part
        In the order of the columns.
    terms : list of Term
    n_columns : int
    """

    def __init__(self, model, X, names, weight):
        kinds = column_kinds(X)
        self.n_features, self.names = len(kinds), feature_list(range(len(kinds)), names)
        self._find_kinds(kinds, model.categorical, names)
        self._allows_missing = model.missing == "indicator"
        self.splines = self.encoder = None
        self.parts, self.terms, self.n_columns = [], [], 0
        if self.numbers:
            self.splines = PenalizedSplineTransformer(
                n_splines=model.n_splines,
                knots=model.knots,
                cyclic=self._cyclic(model.cyclic, names),
                pairs=self._pairs(model.pairs, names),
                missing=model.missing,
            ).fit(self._numbers(X, model), sample_weight=weight)
            self._add_curves()
        elif model.pairs is not None and len(model.pairs):
            self._pairs(model.pairs, names)
        self._first_category, self._is_sparse = self.n_columns, False
        if self.categories:
            self._set_encoder(X, weight)
        if self.categories:
            sizes = [len(values) for values in self.encoder.values]
            n_stored = self._first_category + len(sizes)
            n_all = self._first_category + sum(sizes)
            self._is_sparse = n_stored / n_all < SPARSE_SHARE
            self._add_categories()
        self._check_names()

    def read(self, X, model):
        """Return the rows of X in the form of which columns are made.

        Parameters
        ----------
        X : array-like or dataframe of shape (n_samples, n_features)
            Features.
        model : AdditiveModel
            For messages.

        Returns
        -------
        TermRows
        """
        numbers = self._numbers(X, model) if self.numbers else None
        if self.encoder is None:
            return TermRows(numbers, None)
        return TermRows(numbers, self.encoder.codes(self._categories(X)))

    def form(self, rows, kept):
        """Return the columns of some terms.

        Parameters
        ----------
        rows : TermRows
        kept : ndarray of bool of shape (n_columns,)
            All columns of a term or none.

        Returns
        -------
        ndarray or CSR matrix of shape (n_samples, n_kept)
            Sparse if few entries of the columns of all terms are nonzero.
        """
        own = [term for term in self.terms if kept[term.columns.start]]
        terms = [term for term in own if term.categories is not None]
        curves = [term.curve_columns for term in own if term.categories is None]
        n_curves, codes = sum(one.n_columns for one in curves), rows.codes
        if codes is not None:
            codes = codes[:, [self.categories.index(t.features[0]) for t in terms]]
        if self._is_sparse:
            dense = write_terms(curves, rows.numbers) if n_curves else None
            known = sparse_columns(codes, [len(term.categories) for term in terms])
            return (
                known
                if dense is None
                else sparse.csr_matrix(sparse.hstack([dense, known]))
            )
        is_single = codes is None and rows.numbers.dtype == np.float32
        shape = rows.n_samples, int(np.count_nonzero(kept))
        out = np.empty(shape, dtype=np.float32 if is_single else np.float64)
        if n_curves:
            write_terms(curves, rows.numbers, out[:, :n_curves])
        if terms:
            dense_columns(codes, [term.mix for term in terms], out[:, n_curves:])
        return out

    def means(self, rows, weight):
        """Return the weighted means of the columns, shape (n_columns,).

        Parameters
        ----------
        rows : TermRows
            Of the fit.
        weight : ndarray of shape (n_samples,)
        """
        # Means of lines and curves are zero by construction.
        out, total = np.zeros(self.n_columns), weight.sum()
        for term in self.terms:
            values = self.values_of(rows, term)
            if term.categories is not None:
                counts = np.bincount(values, weight, len(term.categories))
                out[term.columns] = term.of_categories(counts / total)
            elif term.curve_columns.has_indicator:
                missing = np.isnan(values[:, 0])
                out[term.columns.stop - 1] = weight @ missing / total
        return out

    def labels(self):
        """Return the name of the group of every column."""
        labels = np.empty(self.n_columns, dtype=object)
        for part in self.parts:
            labels[part.columns] = part.name
        return labels

    def column_names(self):
        """Return the names of the columns."""
        names = []
        if self.numbers:
            own = [self.names[index] for index in self.numbers]
            names.extend(self.splines.get_feature_names_out(own))
        for term in self.terms:
            if term.categories is None:
                continue
            own = term.categories
            if term.mix is not None:
                own = [f"contrast{number}" for number in range(term.mix.shape[1])]
            names.extend(f"{term.name}_{one}" for one in own)
        return np.array(names, dtype=object)

    def rows_of(self, term, values):
        """Return the columns of a term at values of its features.

        Parameters
        ----------
        term : Term
        values : ndarray of shape (n, n_features_of_term)
            Numbers, or indices of categories.

        Returns
        -------
        ndarray of shape (n, n_columns_of_term)
        """
        if term.categories is not None:
            every = np.eye(len(term.categories))[values[:, 0].astype(int)]
            return term.of_categories(every)
        found = term.curve.columns(*values.T)
        # An indicator of missing values is zero there.
        width = term.columns.stop - term.columns.start
        return np.pad(found, ((0, 0), (0, width - found.shape[1])))

    def values_of(self, rows, term):
        """Return the values of a term's features in rows.

        Parameters
        ----------
        rows : TermRows
        term : Term
            Of numbers or categories.

        Returns
        -------
        ndarray of shape (n_samples, n_features_of_term) or (n_samples,)
            Numbers, as `rows_of` takes them; numbers of categories.
        """
        if term.categories is not None:
            return rows.codes[:, self.categories.index(term.features[0])]
        return rows.numbers[:, [self.numbers.index(i) for i in term.features]]

    def _find_kinds(self, kinds, categorical, names):
        """Set the indices of numbers and categories."""
        if not (isinstance(categorical, str) and categorical == "auto"):
            columns = Columns(None, self.n_features, names)
            for index in columns.resolve(categorical, "categorical"):
                kinds[index] = "category"
        others = [self.names[i] for i, kind in enumerate(kinds) if kind == "other"]
        if others:
            raise ValueError(
                f"X has columns that are neither numbers nor categories: "
                f"{spell(others)}. Convert them, such as dates to numbers of days."
            )
        self.numbers = [i for i, kind in enumerate(kinds) if kind == "number"]
        self.categories = [i for i, kind in enumerate(kinds) if kind == "category"]

    def _numbers(self, X, model):
        """Return the columns of numbers as an array."""
        rows = check_array(
            some_columns(X, self.numbers),
            dtype=(np.float64, np.float32),
            ensure_all_finite="allow-nan",
            estimator=model,
            input_name="X",
        )
        names = [self.names[index] for index in self.numbers]
        if not self._allows_missing:
            check_not_missing(rows, names)
        check_range(rows, names)
        return rows

    def _categories(self, X):
        """Return the columns of categories, with one value for missing entries."""
        return with_one_missing(some_columns(X, self.categories))

    def _set_encoder(self, X, weight):
        """Set the encoder of categories, and leave out those of a single row each."""
        own = self._categories(X)
        encoder = self._fit_encoder(own)
        found = [self.categories[i] for i in identifiers(encoder, own, weight)]
        if not found:
            self.encoder = encoder
            return
        names = [self.names[index] for index in found]
        self.categories = [i for i in self.categories if i not in found]
        leave_out(names, is_all=not (self.numbers or self.categories))
        if self.categories:
            self.encoder = self._fit_encoder(self._categories(X))

    def _fit_encoder(self, X):
        """Return the encoder of columns of categories."""
        try:
            return Categories(X)
        except TypeError as error:
            names = spell([self.names[index] for index in self.categories])
            raise TypeError(
                "The values of a category must be all texts or all numbers, and they "
                f"are not in every one of {names}. Convert them, such as with "
                "astype(str)."
            ) from error

    def _check_names(self):
        """Raise where two groups or terms would have one name."""
        for names in ([part.name for part in self.parts], [t.name for t in self.terms]):
            twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
            if twice:
                raise ValueError(
                    f"Two terms of the model would have the name {spell(twice)}, which "
                    "is made of the names of columns of X. Rename one of these columns."
                )

    def _position(self, index, where):
        """Return the position of a feature among the numbers."""
        if index not in self.numbers:
            raise ValueError(
                f"{where} names {shown(self.names[index])}, which is a category; "
                "it needs columns of numbers."
            )
        return self.numbers.index(index)

    def _cyclic(self, cyclic, names):
        """Return the cyclic features by their positions among the numbers."""
        if isinstance(cyclic, bool | np.bool_):
            return bool(cyclic)
        periods = resolve_periods(cyclic, self.n_features, names)
        own = {
            self._position(index, "cyclic"): period
            for index, period in enumerate(periods)
            if period is not None
        }
        return own if isinstance(cyclic, dict) else list(own)

    def _pairs(self, pairs, names):
        """Return the pairs of features by their positions among the numbers."""
        found = resolve_pairs(pairs, self.n_features, names)
        return [tuple(self._position(i, "pairs") for i in pair) for pair in found]

    def _add_curves(self):
        """Add terms and parts of numbers."""
        for own in self.splines._terms:
            features = tuple(self.numbers[index] for index in own.features)
            name = ":".join(self.names[index] for index in features)
            kinds = own.kinds()
            start = self.n_columns
            for kind in dict.fromkeys(kinds):
                self._add_part(name, kind, kinds.count(kind))
            columns = slice(start, self.n_columns)
            self.terms.append(Term(name, features, columns, own))

    def _add_categories(self):
        """Add terms and parts of categories."""
        for index, values in zip(self.categories, self.encoder.values, strict=True):
            name, start = self.names[index], self.n_columns
            mix = None if self._is_sparse else contrasts(len(values))
            self._add_part(
                name, "category", len(values) if mix is None else mix.shape[1]
            )
            columns = slice(start, self.n_columns)
            term = Term(name, (index,), columns, categories=values, mix=mix)
            self.terms.append(term)

    def _add_part(self, name, kind, n_own):
        columns = slice(self.n_columns, self.n_columns + n_own)
        self.parts.append(Part(name, kind, columns))
        self.n_columns += n_own
