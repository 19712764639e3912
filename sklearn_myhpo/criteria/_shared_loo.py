"""Leave-one-out along one lambda that many targets share: sums over targets.

The residual of a row is ``o + u' q a``, where u is its row of U, a are the targets in
the directions of U, q the filter factors, and o the part of the targets outside the
column space of X. Its square,
summed over targets, needs only ``a a'`` and, for every row, ``a o`` and ``o' o``.
"""

from typing import NamedTuple

import numpy as np

from ..data.few_targets import target_slices


class TargetSums(NamedTuple):
    """Sums over targets, of all rows.

    Attributes
    ----------
    inner : ndarray of shape (k, k)
        ``a a'``.
    cross : ndarray of shape (n_samples, k)
        ``a o`` of every row.
    outside : ndarray of shape (n_samples,)
        ``o' o``.
    gap : ndarray of shape (n_samples,)
        One minus the leverage without a penalty.
    """

    inner: np.ndarray
    cross: np.ndarray
    outside: np.ndarray
    gap: np.ndarray


def sum_targets(spectrum, residuals):
    """Return the `TargetSums` of the rows of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
    residuals : callable
        Returns gaps (b,) and residuals (b, k) without a penalty of a slice of rows,
        given their U, and of a slice of the targets.
    """
    along, n_samples = spectrum.along, len(spectrum.share)
    size, n_targets = along.shape
    inner, gaps = np.zeros((size, size)), np.empty(n_samples)
    cross, outside = np.zeros((n_samples, size)), np.zeros(n_samples)
    for part in target_slices(n_targets, size):
        inner += along[:, part] @ along[:, part].T
    for rows, left in spectrum.blocks(2 * n_targets):
        gaps[rows], own = residuals(spectrum, rows, left, slice(None))
        cross[rows] = own @ along.T
        outside[rows] = np.einsum("nt,nt->n", own, own)
    return TargetSums(inner, cross, outside, gaps)


def add_shared(sums, target_sums, rows, left, orders):
    """Add the sums over a block of rows of leave-one-out and its derivatives.

    Parameters
    ----------
    sums : ndarray of shape (4, n_lambdas)
        Half the squares of the errors e; e times its first derivative; the squares of
        that; e times its second derivative.
    target_sums : TargetSums
    rows : slice
    left : ndarray of shape (b, k)
        Rows of U.
    orders : ndarray of shape (2 or 3, k, n_lambdas)
        Filter factors and their derivatives.
    """
    inner, cross = target_sums.inner, target_sums.cross[rows]
    below = left**2 @ orders
    below[0] += target_sums.gap[rows, None]
    for number in range(orders.shape[2]):
        turned = [left * own[:, number] for own in orders]
        first = turned[0] @ inner
        pulled = first + cross
        square = np.einsum("nk,nk->n", first + 2.0 * cross, turned[0])
        square = np.maximum(square + target_sums.outside[rows], 0.0)
        mixed = np.einsum("nk,nk->n", pulled, turned[1])
        inverse = 1.0 / np.maximum(below[0, :, number], np.finfo(float).tiny)
        bend = below[1, :, number] * inverse
        square, mixed = square * inverse**2, mixed * inverse**2
        slope = mixed - square * bend
        sums[0, number] += 0.5 * square.sum()
        sums[1, number] += slope.sum()
        if len(orders) < 3:
            continue
        own = np.einsum("nk,nk->n", turned[1] @ inner, turned[1]) * inverse**2
        sums[2, number] += np.sum(own - 2.0 * mixed * bend + square * bend**2)
        second = np.einsum("nk,nk->n", pulled, turned[2]) * inverse**2
        rest = 2.0 * bend * slope + below[2, :, number] * inverse * square
        sums[3, number] += np.sum(second - rest)
