"""Tasks of ridge regression in the namespace of a tensor; an import registers them."""

from typing import NamedTuple

import numpy as np

from ..blocks import rows_by_label
from ..limits import row_limits
from ..moments.condensed import deviations_of_block
from ..moments.fold_factors import FoldFactors, factors_of_block
from ..moments.fold_moments import (
    FoldMoments,
    as_steps,
    label_block,
    moments_of_block,
)
from ..moments.passes import Largest, largest_of_block
from ..streams.sample import RowSample, SampledRows
from ..streams.source import Sums
from .arrays import fetched
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
    if centre.x.any():
        left = left - home.put(centre.x[None])
    return xp.concat([left, home.put(right)], axis=1) * root


@moments_of_block.register
def tensor_moments(block: TensorBlock, rule, centre, step, most):
    """Return the `FoldMoments` of a tensor, with its arrays where X lives."""
    labels, used, n_parts = label_block(block, rule)
    filled, matrices = _filled(block, centre), {}
    for part, index in rows_by_label(used, n_parts):
        own = block.home.rows(filled, as_steps(index))
        end = centre.width
        if len(centre.y) > row_limits().many_outputs:
            end = centre.n_features + 1
        matrix = _products(block.home.xp, own, end)
        known = matrices.get(part - 1)
        matrices[part - 1] = matrix if known is None else known + matrix
    counts = np.bincount(used[used >= 0], minlength=n_parts)
    return FoldMoments(
        matrices,
        {part: int(counts[part + 1]) for part in matrices},
        block.n_rows,
        _sample(block, labels, step, most),
    )


def _products(xp, rows, end):
    """Return the products of columns with those before the end; of others squares."""
    if end == rows.shape[1]:
        return rows.T @ rows
    left, right = rows[:, :end], rows[:, end:]
    cross = left.T @ right
    squares = xp.sum(right * right, axis=0)
    return ManyTargets(left.T @ left, cross, squares)


class ManyTargets(NamedTuple):
    """Products of the features, and with many targets; of these only the squares.

    Attributes
    ----------
    gram : array of shape (p, p)
    cross : array of shape (p, n_targets)
    squares : array of shape (n_targets,)
    """

    gram: object
    cross: object
    squares: object

    def __add__(self, other):
        """Return the sum; tuples would be joined."""
        return ManyTargets(*(a + b for a, b in zip(self, other, strict=True)))

    def fetched(self):
        """Return the matrix of all products, as of `FoldMoments`."""
        gram, cross, squares = (fetched(one) for one in self)
        end, width = len(gram), len(gram) + len(squares)
        matrix = np.zeros((width, width))
        matrix[:end, :end], matrix[:end, end:] = gram, cross
        matrix[range(end, width), range(end, width)] = squares
        return matrix


def _sample(block, labels, step, most):
    """Return the `RowSample` of a block, with its X where it lives."""
    first = -block.start % step
    number = block.start + np.arange(first, block.n_rows, step)
    if not len(number):
        return RowSample(step, most, ())
    own = slice(first, None, step)
    y = np.array(block.y[own], dtype=np.float64).reshape(len(number), -1)
    weight = np.array(block.weight[own], dtype=np.float64)
    # A copy where X lives, for a view would keep the block.
    X = block.home.xp.asarray(block.X[own, :], copy=True)
    rows = SampledRows(number, labels[own].copy(), X, y, weight)
    return RowSample(step, most, (rows,))


class TensorFactors(NamedTuple):
    """`FoldFactors` with rows where X lives.

    Attributes
    ----------
    end, rows, counts
        As of `FoldFactors`.
    home : Home
    """

    end: int
    rows: dict
    counts: dict
    home: object

    def plus(self, other):
        """Return what stands for the rows of both."""
        rows, counts = dict(self.rows), dict(self.counts)
        for fold, own in other.rows.items():
            if fold in rows:
                own = self.home.xp.concat([rows[fold], own], axis=0)
            rows[fold] = _factored(own, self.home)
            counts[fold] = counts.get(fold, 0) + other.counts[fold]
        return self._replace(rows=rows, counts=counts)

    def fetched(self):
        """Return the `FoldFactors`."""
        return FoldFactors(self.end, fetched(self.rows), self.counts)


def _factored(rows, home):
    """Return rows with the same products, by a QR factorization where X lives."""
    if rows.shape[0] <= 2 * rows.shape[1]:
        return rows
    return home.linalg("qr")(rows, mode="reduced")[1]


@factors_of_block.register
def tensor_factors(block: TensorBlock, rule, centre):
    """Return the `TensorFactors` of a tensor."""
    home, (_, used, n_parts) = block.home, label_block(block, rule)
    filled, rows, counts = _filled(block, centre), {}, {}
    for part, index in rows_by_label(used, n_parts):
        own = home.rows(filled, as_steps(index))
        counts[part - 1] = counts.get(part - 1, 0) + own.shape[0]
        if part - 1 in rows:
            own = home.xp.concat([rows[part - 1], own], axis=0)
        rows[part - 1] = own
    rows = {fold: _factored(own, home) for fold, own in rows.items()}
    return TensorFactors(centre.n_features + 1, rows, counts, home)


@largest_of_block.register
def tensor_largest(block: TensorBlock):
    """Return the largest size of an entry of a tensor."""
    xp = block.home.xp
    return Largest(float(xp.max(xp.abs(block.X))))


@deviations_of_block.register
def tensor_deviations(
    block: TensorBlock, rule, columns, exponent, y_origin, coef, intercept, mean
):
    """Return the sum over held-out rows of w (loss - mean)^2, of a tensor."""
    home, xp = block.home, block.home.xp
    weight = np.where(rule.labels(block) >= 0, block.weight, 0.0)
    y = (block.y.reshape(block.n_rows, -1) - y_origin)[:, columns]
    raw = home.precise(block.X) @ home.put(coef) + home.put(intercept[None])
    left = home.put(np.ldexp(y, -exponent)) - raw
    loss = 0.5 * xp.sum(left * left, axis=1) - float(mean)
    return Sums((xp.sum(home.put(weight) * loss * loss),))
