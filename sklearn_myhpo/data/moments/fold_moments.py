"""Second moments of the rows of every fold, in one pass."""

from functools import singledispatch
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..blocks import Space, rows_by_label, slices
from ..folds.uses import rule_or_none
from ..limits import row_limits
from ..streams.checks import as_dense
from ..streams.sample import RowSample, sample_block
from ..sums import add_products, origin
from ..threads import map_shares

#: Squared mean over variance below which the origin stays zero.
NEAR = 1.0


class Centre(NamedTuple):
    """Origin and units of rows, from the first of them.

    Attributes
    ----------
    x : ndarray of shape (n_features,)
        Origin of the features; zeros without an intercept.
    y : ndarray of shape (n_targets,)
        Origin of the targets.
    y_exponent : ndarray of int of shape (n_targets,)
        The targets are divided by ``2^y_exponent``.
    weight_exponent : int
        So are the weights.
    """

    x: np.ndarray
    y: np.ndarray
    y_exponent: np.ndarray
    weight_exponent: int

    @property
    def n_features(self):
        """Number of features."""
        return len(self.x)

    @property
    def width(self):
        """Number of columns of (x, 1, y)."""
        return len(self.x) + 1 + len(self.y)

    @property
    def is_zero(self):
        """Whether the origin is zero."""
        return not (self.x.any() or self.y.any())

    def fill(self, X, y, weight, out, space=None):
        """Write rows (x, 1, y) in these units, times the roots of their weights.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n_rows, n_features)
        y : ndarray of shape (n_rows, n_targets)
        weight : ndarray of shape (n_rows,) or None
        out : ndarray of shape (n_rows, n_features + 1 + n_targets)
        space : Origins, optional
            Memory to be used again for the next rows.
        """
        one = self.n_features
        # Another precision is converted first: both at once would be slow.
        out[:, :one] = as_dense(X)
        out[:, one] = 1.0
        out[:, one + 1 :] = y
        if not self.is_zero:
            origins = Origins(self) if space is None else space
            np.subtract(out, origins.of(len(out)), out=out)
        if self.y_exponent.any():
            out[:, one + 1 :] = np.ldexp(out[:, one + 1 :], -self.y_exponent)
        if weight is not None:
            weight = np.ldexp(weight.astype(np.float64), -self.weight_exponent)
            out *= np.sqrt(weight)[:, None]


class Origins:
    """The origin of (x, 1, y), repeated for every row, which is faster to subtract.

    Parameters
    ----------
    centre : Centre
    """

    def __init__(self, centre):
        self._origin = np.concatenate([centre.x, [0.0], centre.y])
        self._rows = np.empty((0, len(self._origin)))

    def of(self, n_rows):
        """Return the origins of some rows."""
        if len(self._rows) < n_rows:
            self._rows = np.tile(self._origin, (n_rows, 1))
        return self._rows[:n_rows]


class FoldMoments(NamedTuple):
    """Sums over the rows of every kind, which add up over disjoint rows.

    Attributes
    ----------
    matrices : dict of int to ndarray of shape (m + 2, m + 1 + n_targets)
        By kind: weighted sums of the products of (x, 1) with (x, 1, y) in the units of
        a `Centre`; the last row has those of the squares of y, after zeros.
    counts : dict of int to int
        Numbers of rows of positive weight.
    n_rows : int
        Number of all rows.
    sample : RowSample
        Of all rows.
    """

    matrices: dict
    counts: dict
    n_rows: int
    sample: RowSample

    def plus(self, other):
        """Return the sums over the rows of both."""
        matrices, counts = dict(self.matrices), dict(self.counts)
        for kind, matrix in other.matrices.items():
            with np.errstate(over="ignore", invalid="ignore"):
                # Infinite sums are detected at the end.
                add_of_kind(matrices, kind, matrix)
            counts[kind] = counts.get(kind, 0) + other.counts[kind]
        n_rows = self.n_rows + other.n_rows
        return FoldMoments(matrices, counts, n_rows, self.sample.plus(other.sample))

    def total(self, uses):
        """Return the sum over all rows, given the `FoldUses`."""
        own = (one for kind, one in self.matrices.items() if not uses.family[kind])
        with np.errstate(over="ignore", invalid="ignore"):
            return sum(own)


def add_of_kind(matrices, kind, matrix):
    """Add a matrix to the sum of its kind, in a dict; a known sum stays as it is."""
    known = matrices.get(kind)
    matrices[kind] = matrix if known is None else known + matrix


def centre_of_block(block, exponents, *, is_about_means):
    """Return the `Centre` of the first rows.

    Parameters
    ----------
    block : Block
    exponents : callable
        Returns exponents of units of two that suit the columns of an array.
    is_about_means : bool
        Whether the origin may be moved; otherwise it is zero.

    Returns
    -------
    Centre
    """
    y = block.y.astype(np.float64).reshape(block.n_rows, -1)
    x, y_origin = np.zeros(block.X.shape[1]), np.zeros(y.shape[1])
    if is_about_means:
        step = max(1, block.n_rows // row_limits().shift_rows)
        rows = as_dense(block.X[::step]).astype(np.float64)
        x, y_origin = origin(rows), origin(y[::step])
        # The origin of a constant column is that constant, without rounding error.
        y_origin = np.where(y.min(axis=0) == y.max(axis=0), y[0], y_origin)
        with np.errstate(over="ignore"):
            own = np.concatenate([x, y_origin]) ** 2
            both = np.concatenate([rows.var(axis=0), y[::step].var(axis=0)])
        if np.all(own <= NEAR * both):
            # Moving the origin would gain nothing.
            x, y_origin = np.zeros_like(x), np.zeros_like(y_origin)
    weight_exponent = 0
    if block.weight is not None and block.weight.any():
        # An even exponent, so that the square root of the unit changes no digit.
        weight_exponent = 2 * (int(np.frexp(float(block.weight.max()))[1]) // 2)
    return Centre(x, y_origin, exponents(y - y_origin), weight_exponent)


@singledispatch
def moments_of_block(block, rule, centre, step, most):
    """Return the `FoldMoments` of a block: a task.

    Parameters
    ----------
    block : Block
    rule : rule of folds or None
        None where no row is held out.
    centre : Centre
    step, most : int
        Of the `RowSample`.

    Returns
    -------
    FoldMoments
    """
    kinds, used, n_kinds = kinds_of_block(block, rule)
    y = block.y.reshape(block.n_rows, -1).astype(np.float64, copy=False)
    width, end = centre.width, centre.n_features + 1
    least = min(width, row_limits().gram_rows)
    most_rows = next(slices(block.n_rows, width, least, cached=True)).stop
    pieces = [
        (kind, piece)
        for family in used.T
        for kind, index in rows_of_parts(family, n_kinds)
        for piece in _pieces(index, block.n_rows, most_rows)
    ]

    def own(share):
        sums, space, origins = {}, Space(), Origins(centre)
        for kind, index in share:
            target = y[index]
            weight = None if block.weight is None else block.weight[index]
            filled = space.of(len(target), width)
            centre.fill(_rows(block.X, index), target, weight, filled, origins)
            if kind not in sums:
                sums[kind] = np.zeros((end + 1, width))
            add_products(sums[kind], filled)
        return sums

    n_entries = n_kinds * (end + 1) * width
    with np.errstate(over="ignore", invalid="ignore"):
        if n_entries > row_limits().thread_entries:
            found = [own(pieces)]
        else:
            found = map_shares(own, pieces, block.n_rows * end * width)
        matrices = found[0]
        for others in found[1:]:
            for kind, matrix in others.items():
                add_of_kind(matrices, kind, matrix)
    counts = np.bincount(used[used >= 0], minlength=n_kinds)
    return FoldMoments(
        matrices,
        {kind: int(counts[kind]) for kind in matrices},
        block.n_rows,
        sample_block(block, kinds, step, most),
    )


def kinds_of_block(block, rule):
    """Return the kinds of the rows of a block.

    Parameters
    ----------
    block : Block
    rule : rule of folds or None

    Returns
    -------
    kinds : ndarray of int of shape (b, n_families)
    used : ndarray of int of shape (b, n_families)
        The same; -1 for rows of weight zero.
    n_kinds : int
    """
    rule = rule_or_none(rule)
    kinds = used = rule.kinds(block)
    if block.weight is not None:
        used = np.where((block.weight > 0)[:, None], kinds, -1)
    return kinds, used, rule.uses.n_kinds


def rows_of_parts(used, n_parts):
    """Yield the rows of every part, as a slice if they are at even distances.

    Indexing with a slice copies nothing.

    Parameters
    ----------
    used : ndarray of int of shape (b,)
        One column of those of `kinds_of_block`.
    n_parts : int

    Yields
    ------
    part : int
    rows : slice or ndarray of int
    """
    period = _period(used, n_parts)
    if not period:
        yield from rows_by_label(used, n_parts)
        return
    for first, part in enumerate(used[:period].tolist()):
        if part >= 0:
            yield part, slice(first, None, period)


def _period(used, n_parts):
    """Return the period of the parts, in rows; 0 if they do not recur."""
    again = np.flatnonzero(used[1 : n_parts + 2] == used[0]) if len(used) else ()
    if not len(again) or again[0] == 0:
        return 0
    period = int(again[0]) + 1
    # A part that occurs twice in a period is not a single slice.
    if len(set(used[:period].tolist())) < period:
        return 0
    return period if np.array_equal(used[period:], used[:-period]) else 0


def _pieces(index, n_rows, most_rows):
    """Yield parts of an index, a slice or an array, of so many rows at most."""
    if not isinstance(index, slice):
        for start in range(0, len(index), most_rows):
            yield index[start : start + most_rows]
        return
    start, stop, step = index.indices(n_rows)
    for first in range(start, stop, most_rows * step):
        yield slice(first, min(stop, first + most_rows * step), step)


def _rows(X, index):
    """Return some rows of an array, dense or sparse."""
    if isinstance(index, slice) or sparse.issparse(X):
        return X[index]
    # Faster than an index in brackets.
    return X.take(index, axis=0)
