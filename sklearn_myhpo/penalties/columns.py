"""Indices of columns, specified as in `sklearn.compose.ColumnTransformer`."""

from numbers import Integral

import numpy as np

from .._messages import shown

_ALLOWED_COLUMNS = (
    "a column name, an int, a list of either, a slice, a boolean mask, or a callable "
    "that takes X and returns one of these"
)


class Columns:
    """Resolver of specifications of columns to indices."""

    def __init__(self, X, n_features, feature_names):
        self.X = X
        self.n_features = n_features
        self.feature_names = feature_names
        self.position = {}  # name to its first column
        for index, name in enumerate([] if feature_names is None else feature_names):
            self.position.setdefault(name, index)

    def resolve(self, key, where):
        """Return the indices of the columns `key`; messages begin with `where`."""
        if callable(key):
            try:
                key = key(self.X)
            except Exception as error:
                error.add_note(f"Raised by the columns callable of {where}.")
                raise
        if isinstance(key, slice):
            return self._from_slice(key, where)
        try:
            items = [key] if isinstance(key, str) else list(key)
        except TypeError:  # a single int, or an invalid type
            items = [key]
        if all(isinstance(item, str) for item in items):
            return self._from_names(items, where)
        if all(isinstance(item, bool | np.bool_) for item in items):
            return self._from_mask(items, where)
        if all(_is_int(item) for item in items):
            return self._from_ints(items, where)
        raise TypeError(
            f"{where} has the columns {shown(key)}; allowed are {_ALLOWED_COLUMNS}."
        )

    def _from_names(self, names, where):
        if names and self.feature_names is None:
            raise ValueError(
                f"{where} names the columns {spell(names)}, but X has no feature "
                "names; use ints or a mask, or give X as a dataframe."
            )
        unknown = [name for name in names if name not in self.position]
        if unknown:
            raise ValueError(
                f"{where} names the unknown columns {spell(unknown)}; the columns of "
                f"X are {spell(list(self.feature_names))}."
            )
        return np.array([self.position[name] for name in names], dtype=np.intp)

    def _from_ints(self, indices, where):
        n = self.n_features
        wrong = [int(index) for index in indices if not -n <= index < n]
        if wrong:
            raise ValueError(
                f"{where} has the column indices {spell(wrong)}, but X has {n} "
                f"features; allowed are {-n} to {n - 1}."
            )
        return np.array([int(index) % n for index in indices], dtype=np.intp)

    def _from_mask(self, mask, where):
        if len(mask) != self.n_features:
            raise ValueError(
                f"{where} has a boolean mask of length {len(mask)}, but X has "
                f"{self.n_features} features; one entry per feature is needed."
            )
        return np.flatnonzero(mask)

    def _from_slice(self, key, where):
        start, stop = key.start, key.stop
        ends = [end for end in (start, stop) if end is not None]
        if ends and all(isinstance(end, str) for end in ends):
            start, stop = (
                None if end is None else self._from_names([end], where)[0]
                for end in (start, stop)
            )
            stop = None if stop is None else stop + 1  # names include both ends
        elif not all(_is_int(end) for end in ends):
            raise TypeError(
                f"{where} has the columns {shown(key)}, but both ends of a slice must "
                "be ints, or both column names."
            )
        if key.step is not None and not (_is_int(key.step) and key.step != 0):
            raise ValueError(
                f"{where}: the step of {shown(key)} must be a nonzero int."
            )
        return np.arange(self.n_features)[start : stop : key.step]


def _is_int(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def spell(items, most=5, word=shown):
    """List items for a message, at most the first few."""
    text = ", ".join(word(item) for item in items[:most])
    return f"{text} and {len(items) - most} more" if len(items) > most else text


def feature_list(indices, feature_names):
    """Return the names of features, or "x3" for features without names."""
    if feature_names is None:
        return [f"x{index}" for index in indices]
    return [feature_names[index] for index in indices]
