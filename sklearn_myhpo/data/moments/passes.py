"""The passes in which many rows are condensed."""

from functools import singledispatch
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve
from scipy.linalg.lapack import dpotrf

from ..folds.uses import rule_or_none
from ..limits import row_limits
from ..streams.sample import RowSample, sample_block
from ..sums import check_range, squares_of
from ..threads import one_thread_for_small_calls
from .condensed import condense, factors_of_moments
from .fold_factors import FoldFactors, factors_of_block, rows_by_kind
from .fold_moments import centre_of_block, kinds_of_block, moments_of_block

#: Allowed relative error of the least squares residual from sums of products, and
#: smallest eigenvalue of the correlations, per feature, that is not rounding error.
RESIDUAL_TOL, ROUNDING_PER_FEATURE = 1e-11, 1e-14
#: Entries of the sample of rows.
SAMPLE_ENTRIES = 2**23
#: Number of blocks from which the sample takes about all its rows, if the number of
#: rows is not known.
BLOCKS_PER_SAMPLE = 4


class KeptRows(NamedTuple):
    """All rows of a small source, by kind, and a sample of them.

    Attributes
    ----------
    factors : FoldFactors
    n_rows : int
    sample : RowSample
    """

    factors: FoldFactors
    n_rows: int
    sample: RowSample

    def plus(self, other):
        """Return the rows of both."""
        rows, counts = dict(self.factors.rows), dict(self.factors.counts)
        for kind, own in other.factors.rows.items():
            rows[kind] = np.concatenate([rows[kind], own]) if kind in rows else own
            counts[kind] = len(rows[kind])
        return KeptRows(
            FoldFactors(self.factors.end, rows, counts),
            self.n_rows + other.n_rows,
            self.sample.plus(other.sample),
        )


def rows_of_block(block, rule, centre, step, most):
    """Return the `KeptRows` of a block: a task.

    Parameters
    ----------
    block, rule, centre, step, most
        As in `moments_of_block`.

    Returns
    -------
    KeptRows
    """
    kinds, found = kinds_of_block(block, rule)[0], rows_by_kind(block, rule, centre)
    counts = {kind: len(rows) for kind, rows in found.items()}
    factors = FoldFactors(centre.n_features + 1, found, counts)
    return KeptRows(factors, block.n_rows, sample_block(block, kinds, step, most))


def condense_source(source, rule, *, is_about_means, exponents, n_sample, least):
    """Return the `Condensed` of a source, in one pass, or in two if digits are at risk.

    Parameters
    ----------
    source : RowSource
    rule : rule of folds or None
    is_about_means : bool
        Whether the origin of the rows may be moved.
    exponents : callable
        Returns exponents of units of two that suit the columns of an array.
    n_sample : int
        Rows of the sample.
    least : float
        Smallest eigenvalue of the correlations of the features for which moments are
        accurate enough.

    Returns
    -------
    Condensed
    """
    uses = rule_or_none(rule).uses
    with one_thread_for_small_calls():
        first = source.first()
        centre = centre_of_block(first, exponents, is_about_means=is_about_means)
        most = max(1, min(n_sample, SAMPLE_ENTRIES // max(1, centre.n_features)))
        # If the number of rows is not known, only some rows of a block are copied.
        n_rows = BLOCKS_PER_SAMPLE * first.n_rows
        n_rows = n_rows if source.n_samples is None else source.n_samples
        step = max(1, n_rows // most)
        given = rule, centre, step, 2 * most
        if source.is_one_block:
            kept = source.map_reduce(rows_of_block, *given)
            rows, counts, sample = kept.factors.rows, kept.factors.counts, kept.sample
        else:
            moments = source.map_reduce(moments_of_block, *given)
            sample, counts = moments.sample, moments.counts
            check_some_weight(counts)
            total = moments.total(uses)
            _check_scale(source, total, centre)
            if is_at_risk(total, centre, is_about_means, least):
                if is_about_means:
                    centre = centre_of_moments(total, centre)
                found = source.map_reduce(factors_of_block, rule, centre)
                rows, counts = found.rows, found.counts
            else:
                rows = factors_of_moments(moments, centre)
        check_some_weight(counts)
        facts = rows, counts, uses, centre, sample, source.dtype, source.head
        return condense(*facts)


def centre_of_moments(total, centre):
    """Return the `Centre` at the means of all rows."""
    one = centre.n_features
    mean = total[one] / total[one, one]
    y = np.ldexp(mean[one + 1 :], centre.y_exponent)
    return centre._replace(x=centre.x + mean[:one], y=centre.y + y)


def is_at_risk(total, centre, is_about_means, least):
    """Whether sums of products have lost digits that ridge needs.

    Parameters
    ----------
    total : ndarray
        Sums over all rows, as in `FoldMoments`.
    centre : Centre
    is_about_means : bool
        Whether the model has an intercept.
    least : float
        As in `condense_source`.

    Returns
    -------
    bool
        True if a mean is far from the origin, features are nearly collinear, or a model
        explains nearly everything.
    """
    one, weight = centre.n_features, total[centre.n_features, centre.n_features]
    mean = total[one] / weight
    gram, cross = total[:one, :one] / weight, total[:one, one + 1 :] / weight
    squares = squares_of(total) / weight
    if is_about_means:
        variance = np.maximum(np.delete(squares - mean**2, one), 0.0)
        if np.any(np.delete(mean, one) ** 2 > row_limits().large_mean * variance):
            return True
        gram = gram - np.outer(mean[:one], mean[:one])
        cross = cross - np.outer(mean[:one], mean[one + 1 :])
        squares = squares - mean**2
    kept = np.flatnonzero(np.diag(gram) > 0)
    if not len(kept):
        return False
    scale = 1.0 / np.sqrt(np.diag(gram)[kept])
    right = scale[:, None] * cross[kept]
    coef = _solved(gram[np.ix_(kept, kept)] * scale * scale[:, None], right, least)
    if coef is None:
        return True
    explained = np.sum(coef * right, axis=0)
    coef = np.abs(coef).sum(axis=0)
    own = np.maximum(squares[one + 1 :], 0.0)
    error = np.finfo(float).eps * (coef + np.sqrt(own)) ** 2
    left = np.maximum(own - explained, 0.0)
    return bool(np.any((error > RESIDUAL_TOL * left) & (own > 0)))


def _solved(correlations, right, least):
    """Return the least squares solution; None if it would lose relevant digits."""
    factor, failed = dpotrf(correlations, lower=1)
    if not failed and np.diag(factor).min() ** 2 > least:
        return cho_solve((factor, True), right)
    values, vectors = np.linalg.eigh(correlations)
    rounding = len(values) * ROUNDING_PER_FEATURE
    if np.any((values > rounding) & (values < least)):
        return None
    root = vectors[:, values > rounding] / np.sqrt(values[values > rounding])
    return root @ (root.T @ right)


def check_some_weight(has_weight):
    """Raise a ValueError unless some row has a positive sample weight."""
    if not has_weight:
        raise ValueError(
            "sample_weight is zero for all rows; at least one sample weight must "
            "not be zero."
        )


def _check_scale(source, total, centre):
    """Raise where squares of X leave the range of floating point numbers."""
    squares = np.diag(total)[: centre.n_features]

    def largest():
        return source.map_reduce(largest_of_block).size

    check_range(squares, largest)


class Largest(NamedTuple):
    """The largest size of an entry."""

    size: float

    def plus(self, other):
        """Return the larger one."""
        return Largest(max(self.size, other.size))


@singledispatch
def largest_of_block(block):
    """Return the largest size of an entry of X: a task."""
    entries = block.X.data if hasattr(block.X, "indptr") else block.X
    return Largest(float(np.abs(entries).max(initial=0.0)))
