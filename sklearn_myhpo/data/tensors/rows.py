"""Rows of a kind as a linear map in the namespace of a tensor."""

from typing import NamedTuple

from ..blocks import rows_by_label, slices
from ..limits import row_limits
from .arrays import Home
from .memory import memory_advice


class KindRows(NamedTuple):
    """Rows of one kind within a block, in coordinates of a `RowView`.

    Attributes
    ----------
    kind : int
    index : ndarray of int or slice
        The rows within the block.
    X : array of shape (n, n_features)
        As the user gave them.
    rows : array of shape (n, n_coordinates)
        With the last coordinate one, where there is an intercept.
    """

    kind: int
    index: object
    X: object
    rows: object

    @property
    def index_key(self):
        """A key of these rows among those of the block."""
        if isinstance(self.index, slice):
            return self.kind, self.index.start, self.index.stop - self.index.start
        return self.kind, int(self.index[0]), len(self.index)


def forward(block, origin, matrix):
    """Return rows about an origin times a matrix (n_features, k), where they live.

    Parameters
    ----------
    block : TensorBlock
    origin : ndarray of shape (n_features,)
    matrix : ndarray of shape (n_features, k)
    """
    X = block.home.precise(block.X)
    for part in block.home.put_parts(origin):
        X = X - part
    return X @ block.home.put(matrix)


def tensor_product(X, coef, intercept):
    """Return ``X coef' + intercept`` where X lives.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    coef : array of shape (k, n_features)
    intercept : array of shape () or (k,)
    """
    with memory_advice():
        return X @ coef.T + intercept


def tensor_dual_product(X, rows, dual, intercept, total):
    """Return ``X rows' dual + intercept`` where X lives.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
    rows : array of shape (n_rows, n_features)
    dual : array of shape (n_rows,) or (n_rows, k)
    intercept : array of shape () or (k,)
    total : array of shape (k,)
        Sums of `dual` over the rows, as in `dual_predictor`.

    Returns
    -------
    array of shape (n_samples, k)
    """
    dual = dual[:, None] if len(dual.shape) == 1 else dual
    size = max(1, row_limits().tensor_entries // max(1, rows.shape[0]))
    with memory_advice():
        products, along = None, None
        for start in range(0, X.shape[1], size):
            columns = slice(start, min(start + size, X.shape[1]))
            own, part = X[:, columns], rows[:, columns]
            mean = mean_of_rows(part)
            # Products of large means would lose the digits of the rows' differences.
            part, mean = (
                Home.of(X).xp.astype(one, X.dtype, copy=False)
                for one in (part - mean, mean)
            )
            one, more = own @ part.T, own @ mean.T
            products = one if products is None else products + one
            along = more if along is None else along + more
        return products @ dual + along * total[None, :] + intercept


def mean_of_rows(rows):
    """Return the means of columns, (1, n_columns), without the errors of large sums."""
    xp = Home.of(rows).xp
    first = rows[:1, :]
    return first + xp.mean(rows - first, axis=0, keepdims=True)


def kind_rows(block, kinds, n_kinds, view, entries_per_row):
    """Yield the `KindRows` of a block, of bounded size.

    Parameters
    ----------
    block : TensorBlock
    kinds : ndarray of int of shape (b,)
        Of one family; -1 for rows that do not count.
    n_kinds : int
    view : RowView
    entries_per_row : int
        Numbers that the caller makes per row.
    """
    share = max(1, row_limits().tensor_entries // row_limits().block_entries)
    width = -(-max(entries_per_row, len(view.shift)) // share)
    home, columns = block.home, _columns_of(block, view)
    for kind, index in rows_by_label(kinds, n_kinds):
        first = index.start if isinstance(index, slice) else 0
        n_rows = index.stop - first if isinstance(index, slice) else len(index)
        for part in slices(n_rows, width):
            own = slice(first + part.start, first + part.stop)
            own = own if isinstance(index, slice) else index[own]
            X = home.precise(home.rows(block.X, own))
            yield KindRows(kind, own, X, _mapped(X, columns, home))


def _columns_of(block, view):
    """Return the origin and the units of a view, where a block lives."""
    home = block.home
    scale = None if view.scale is None else home.put(view.scale[None])
    return home.put_parts(view.shift), scale, view.fit_intercept


def _mapped(X, columns, home):
    """Return rows in the coordinates of a view."""
    shift, scale, fit_intercept = columns
    for part in shift:
        X = X - part
    X = X if scale is None else X * scale
    if not fit_intercept:
        return X
    ones = home.xp.ones((X.shape[0], 1), dtype=home.double, device=home.device)
    return home.xp.concat([X, ones], axis=1)
