"""Second moments of the rows of every fold, in one pass."""

from functools import reduce, singledispatch
from typing import NamedTuple

import numpy as np

from ..folds.uses import rule_or_none
from ..limits import row_limits
from ..product_sum import is_narrow, product_sum, upper_products
from ..streams.checks import as_dense
from ..streams.sample import RowSample, sample_block
from ..sums import origin
from ..threads import map_shares, n_threads_for
from .filling import Filler

#: Squared mean over variance below which the origin stays zero.
NEAR = 1.0
#: Rows from which a product costs about the least per row.
MANY_ROWS = 250
#: Rows of a block whose parts are counted.
SOME_ROWS = 100


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

    @classmethod
    def of_kinds(cls, matrices, used, n_rows, sample):
        """Return the sums of a block, given the kinds of its used rows, -1 for others.

        Parameters
        ----------
        matrices, n_rows, sample
            As the attributes.
        used : ndarray of int
            As `kinds_of_block` returns them.
        """
        counts = np.bincount(used[used >= 0], minlength=max(matrices, default=-1) + 1)
        counts = {kind: int(counts[kind]) for kind in matrices}
        return cls(matrices, counts, n_rows, sample)

    def plus(self, other):
        """Return the sums over the rows of both."""
        with np.errstate(over="ignore", invalid="ignore"):
            # Infinite sums are detected at the end.
            matrices = _added(self.matrices, other.matrices)
        return FoldMoments(
            matrices,
            _added(self.counts, other.counts),
            self.n_rows + other.n_rows,
            self.sample.plus(other.sample),
        )

    def total(self, uses):
        """Return the sum over all rows, given the `FoldUses`."""
        own = (one for kind, one in self.matrices.items() if not uses.family[kind])
        with np.errstate(over="ignore", invalid="ignore"):
            return sum(own)


def add_of_kind(matrices, kind, matrix):
    """Add a matrix to the sum of its kind, in a dict; a known sum stays as it is."""
    known = matrices.get(kind)
    matrices[kind] = matrix if known is None else known + matrix


def _added(matrices, other):
    """Return the sums of matrices by kind."""
    found = dict(matrices)
    for kind, matrix in other.items():
        add_of_kind(found, kind, matrix)
    return found


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
    work = block.n_rows * end * width
    windows = _windows(used, width, work)

    def own(share):
        sums, filler = {}, Filler(centre)
        for rows in share:
            weight = None if block.weight is None else block.weight[rows]
            filled = filler.fill(block.X[rows], y[rows], weight)
            for family in used[rows].T:
                add_products(sums, filler, filled, family, n_kinds)
        return {kind: one.matrix() for kind, one in sums.items()}

    n_entries = n_kinds * (end + 1) * width
    with np.errstate(over="ignore", invalid="ignore"):
        if n_entries > row_limits().thread_entries:
            found = [own(windows)]
        else:
            found = map_shares(own, windows, work, least=1)
        matrices = reduce(_added, found)
    sample = sample_block(block, kinds, step, most)
    return FoldMoments.of_kinds(matrices, used, block.n_rows, sample)


def add_products(sums, filler, filled, used, n_kinds):
    """Add the products of rows to the sums of their kinds.

    Parameters
    ----------
    sums : dict of int to ProductSum
        By kind; new ones are put into it.
    filler : Filler
    filled : ndarray of shape (n_rows, p)
        The last rows that the filler filled.
    used : ndarray of int of shape (n_rows,)
        Kinds; -1 for rows of none.
    n_kinds : int
    """
    end, width = filler.end, filler.width
    if not is_narrow(end, width):
        for kind, rows in filler.wide_parts(filled, used, n_kinds):
            _sum_of(sums, kind, end, width).add(rows)
        return
    tiles, kinds = filler.tiles(filled, used, n_kinds)
    found = upper_products(tiles).reshape(-1, width, width)
    for kind, products in zip(kinds, found, strict=True):
        if kind >= 0:
            _sum_of(sums, kind, end, width).add_upper(products)


def _sum_of(sums, kind, end, width):
    """Return the `ProductSum` of a kind in a dict, a new one if there is none."""
    if kind not in sums:
        sums[kind] = product_sum(end, width)
    return sums[kind]


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
    if block.weight is not None and not np.all(block.weight > 0):
        used = np.where((block.weight > 0)[:, None], kinds, -1)
    return kinds, used, rule.uses.n_kinds


def _windows(used, width, work):
    """Return slices of neighbouring rows, which are filled once for all their parts.

    Parameters
    ----------
    used : ndarray of int of shape (b, n_families)
        As in `kinds_of_block`.
    width : int
        Numbers per row.
    work : float
        Multiplications, which decide whether threads share the rows.

    Returns
    -------
    list of slice
    """
    n_rows, n_threads = len(used), n_threads_for(work, row_limits().thin_work)
    # The number of parts, about.
    n_parts = len(set(used[:: max(1, n_rows // SOME_ROWS), 0].tolist()))
    size = min(2 * row_limits().cached_entries // width, -(-n_rows // n_threads))
    size = max(size, MANY_ROWS * n_parts)
    # Of the same size, since a rest of few rows would cost as much as many.
    size = max(1, -(-n_rows // max(1, -(-n_rows // size))))
    starts = range(0, n_rows, size)
    return [slice(start, min(start + size, n_rows)) for start in starts]
