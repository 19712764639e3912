"""Tasks of ridge regression in the namespace of a tensor; an import registers them."""

from typing import NamedTuple

import numpy as np

from ..moments.condensed import deviations_of_block, differences_of_block
from ..moments.filling import rows_of_parts
from ..moments.fold_factors import FoldFactors, factors_of_block
from ..moments.fold_moments import (
    FoldMoments,
    add_of_kind,
    kinds_of_block,
    moments_of_block,
)
from ..moments.passes import Largest, largest_of_block
from ..streams.sample import RowSample, SampledRows
from ..streams.source import Sums
from .arrays import Home, fetched, to_host
from .source import TensorBlock


def _filled(block, centre):
    """Return rows (x, 1, y) in units of a `Centre`, times the roots of weights."""
    home, xp = block.home, block.home.xp
    y = block.y.reshape(block.n_rows, -1).astype(np.float64, copy=False)
    right = np.empty((len(y), 1 + y.shape[1]))
    right[:, 0] = 1.0
    right[:, 1:] = np.ldexp(y - centre.y, -centre.y_exponent)
    weight = np.ldexp(block.weight.astype(np.float64), -centre.weight_exponent)
    root = home.put(np.sqrt(weight)[:, None])
    left = home.precise(block.X)
    for part in home.put_parts(centre.x):
        left = left - part
    return xp.concat([left, home.put(right)], axis=1) * root


@moments_of_block.register
def tensor_moments(block: TensorBlock, rule, centre, step, most):
    """Return the `FoldMoments` of a tensor, with its arrays where X lives."""
    kinds, used, n_kinds = kinds_of_block(block, rule)
    filled, matrices, end = _filled(block, centre), {}, centre.n_features + 1
    for family in used.T:
        for kind, index in rows_of_parts(family, n_kinds):
            matrix = _products(block.home, block.home.rows(filled, index), end)
            add_of_kind(matrices, kind, matrix)
    sample = _sample(block, kinds, step, most)
    return FoldMoments.of_kinds(matrices, used, block.n_rows, sample)


def _products(home, rows, end):
    """Return the products, and the squares of columns from the end on."""
    xp, left, right = home.xp, rows[:, :end], rows[:, end:]
    squares = xp.sum(right * right, axis=0, keepdims=True)
    zeros = xp.zeros((1, end), dtype=rows.dtype, device=home.device)
    squares = xp.concat([zeros, squares], axis=1)
    return home.total(xp.concat([home.products(left, rows), squares], axis=0))


class TensorSample(NamedTuple):
    """`RowSample` whose X is where it lives; its parts come to the host as one array.

    Attributes
    ----------
    step, most, parts
        As in `RowSample`; the number of all rows is known, so that the step stays.
    home : Home
    """

    step: int
    most: int
    parts: tuple
    home: Home

    @property
    def n_rows(self):
        """Number of rows."""
        return sum(map(len, self.parts))

    def plus(self, other):
        """Return the sample of the rows of both."""
        return self._replace(parts=self.parts + other.parts)

    def fetched(self):
        """Return the `RowSample`."""
        if not self.parts:
            return RowSample(self.step, self.most, ())
        X = self.home.xp.concat([part.X for part in self.parts], axis=0)
        others = ((one.number, one.kind, one.y, one.weight) for one in self.parts)
        number, kind, *rest = map(np.concatenate, zip(*others, strict=True))
        rows = SampledRows(number, kind, to_host(X), *rest)
        return RowSample(self.step, self.most, (rows,))


def _sample(block, kinds, step, most):
    """Return the `TensorSample` of a block."""
    first = -block.start % step
    number = block.start + np.arange(first, block.n_rows, step)
    if not len(number):
        return TensorSample(step, most, (), block.home)
    own = slice(first, None, step)
    y = np.array(block.y[own], dtype=np.float64).reshape(len(number), -1)
    weight = np.array(block.weight[own], dtype=np.float64)
    # A copy where X lives, for a view would keep the block.
    X = block.home.xp.asarray(block.X[own, :], copy=True)
    rows = SampledRows(number, kinds[own].copy(), X, y, weight)
    return TensorSample(step, most, (rows,), block.home)


class TensorFactors(NamedTuple):
    """`FoldFactors` with rows where X lives.

    Attributes
    ----------
    end, rows, counts
        As in `FoldFactors`.
    home : Home
    """

    end: int
    rows: dict
    counts: dict
    home: object

    def plus(self, other):
        """Return the combined rows of both."""
        rows, counts = dict(self.rows), dict(self.counts)
        for kind, own in other.rows.items():
            if kind in rows:
                own = self.home.xp.concat([rows[kind], own], axis=0)
            rows[kind] = _factored(own, self.home)
            counts[kind] = counts.get(kind, 0) + other.counts[kind]
        return self._replace(rows=rows, counts=counts)

    def fetched(self):
        """Return the `FoldFactors`."""
        return FoldFactors(self.end, fetched(self.rows), self.counts)


def _factored(rows, home):
    """Return rows with the same products, by a QR factorization where X lives."""
    if rows.shape[0] <= 2 * rows.shape[1]:
        return rows
    what = "features that nearly depend on each other"
    return home.linalg("qr", what)(rows, mode="reduced")[1]


@factors_of_block.register
def tensor_factors(block: TensorBlock, rule, centre):
    """Return the `TensorFactors` of a tensor."""
    home, (_, used, n_kinds) = block.home, kinds_of_block(block, rule)
    filled, rows, counts = _filled(block, centre), {}, {}
    for family in used.T:
        for kind, index in rows_of_parts(family, n_kinds):
            own = home.rows(filled, index)
            counts[kind] = counts.get(kind, 0) + own.shape[0]
            if kind in rows:
                own = home.xp.concat([rows[kind], own], axis=0)
            rows[kind] = own
    rows = {kind: _factored(own, home) for kind, own in rows.items()}
    return TensorFactors(centre.n_features + 1, rows, counts, home)


@largest_of_block.register
def tensor_largest(block: TensorBlock):
    """Return the largest size of an entry of a tensor."""
    xp = block.home.xp
    return Largest(float(xp.max(xp.abs(block.X))))


@deviations_of_block.register
def tensor_deviations(
    block: TensorBlock,
    rule,
    held_out,
    columns,
    exponent,
    y_origin,
    coef,
    intercept,
    mean,
):
    """Return the sum over held-out rows of w (loss - mean)^2, of a tensor."""
    home, count = block.home, held_out[rule.kinds(block)].sum(axis=1)
    target = _targets(block, columns, exponent, y_origin)
    (loss,) = _losses(block, target, [(coef, intercept)])
    loss = loss - float(mean)
    total = home.xp.sum(home.put(count**2 * block.weight) * loss * loss)
    return Sums((home.total(total),))


@differences_of_block.register
def tensor_differences(
    block: TensorBlock, rule, held_out, columns, exponent, y_origin, models, best
):
    """Return sums over held-out rows of w (loss - loss of the best model)^2."""
    home, xp, kinds = block.home, block.home.xp, rule.kinds(block)
    target = _targets(block, columns, exponent, y_origin)
    more = xp.zeros(
        (max(map(len, models)), block.n_rows), dtype=home.double, device=home.device
    )
    for own, table in zip(models, held_out, strict=True):
        count = table[kinds].sum(axis=1)
        if own and count.any():
            # Rows that a split does not hold out count zero times.
            losses = xp.stack(_losses(block, target, own))
            times = home.put(count[None].astype(np.float64))
            more = more + times * (losses - losses[best : best + 1, :])
    total = xp.sum(more * more * home.put(block.weight[None]), axis=1)
    return Sums((home.total(total),))


def _targets(block, columns, exponent, y_origin):
    """Return targets about their origin, in their unit, where the rows live."""
    y = (block.y.reshape(block.n_rows, -1) - y_origin)[:, columns]
    return block.home.put(np.ldexp(y, -exponent))


def _losses(block, target, models):
    """Return the squared loss of every row for each (weights, intercept)."""
    home, xp = block.home, block.home.xp
    coef = np.concatenate([coef for coef, _ in models], axis=1)
    intercept = np.concatenate([intercept for _, intercept in models])
    raw = home.precise(block.X) @ home.put(coef) + home.put(intercept[None])
    width, found = target.shape[1], []
    for first in range(0, raw.shape[1], width):
        left = target - raw[:, first : first + width]
        found.append(0.5 * xp.sum(left * left, axis=1))
    return found
