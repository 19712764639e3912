"""The state of `partial_fit`: condensed rows of all parts so far."""

from typing import NamedTuple

import numpy as np

from ..folds.uses import rule_or_none
from ..streams.sample import RowSample, sample_block
from ..streams.source import Block
from .condensed import condense
from .fold_factors import FoldFactors, factors_of_block
from .fold_moments import Centre, centre_of_block


class MomentsState(NamedTuple):
    """Condensed rows of all rows so far.

    Attributes
    ----------
    rule : rule of folds or None
    centre : Centre
        From the first part.
    factors : FoldFactors
    sample : RowSample
    n_rows : int
        Number of the next row.
    dtype : dtype
        Precision of the parts.
    head : object
        First rows of X, for names and dtypes of the columns.
    y_shape : tuple
        Of y but for the rows.
    """

    rule: object
    centre: Centre
    factors: FoldFactors
    sample: RowSample
    n_rows: int
    dtype: np.dtype
    head: object
    y_shape: tuple

    def condensed(self, *, has_intercept):
        """Return the `Condensed` of all rows so far."""
        rows, counts = self.factors.rows, self.factors.counts
        uses = rule_or_none(self.rule).uses
        facts = self.centre, self.sample, self.dtype, self.head
        return condense(rows, counts, uses, *facts, moves=has_intercept)

    def merged(self, other):
        """Return the state after the rows of both.

        Parameters
        ----------
        other : MomentsState
            With the same rule, numbers of features and targets.

        Returns
        -------
        MomentsState
            With the origin of this one.
        """
        rows = {
            kind: _moved(own, other.centre, self.centre)
            for kind, own in other.factors.rows.items()
        }
        return self._replace(
            factors=self.factors.plus(other.factors._replace(rows=rows)),
            sample=self.sample.plus(other.sample),
            n_rows=self.n_rows + other.n_rows,
            dtype=np.promote_types(self.dtype, other.dtype),
        )


def add_part(
    state, rule, X, y, weight, key, head, *, is_about_means, exponents, n_sample
):
    """Return the `MomentsState` after some more rows.

    Parameters
    ----------
    state : MomentsState or None
        None before the first part.
    rule : rule of folds or None
    X : ndarray or CSR array of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,) or (n_rows, n_targets)
    weight : ndarray of shape (n_rows,)
    key : ndarray of shape (n_rows,) or None
    head : object
        X as given.
    is_about_means, exponents : object
        As in `centre_of_block`.
    n_sample : int
        Rows of the sample, at least.

    Returns
    -------
    MomentsState
    """
    start = 0 if state is None else state.n_rows
    block = Block(X, y, weight, start, 0, key)
    if state is None:
        centre = centre_of_block(block, exponents, is_about_means=is_about_means)
        width = centre.n_features
        state = MomentsState(
            rule,
            centre,
            FoldFactors(width + 1, {}, {}),
            RowSample(1, 2 * n_sample, ()),
            0,
            np.dtype(np.float32),
            head,
            y.shape[1:],
        )
    kinds = rule_or_none(rule).kinds(block)
    sample = sample_block(block, kinds, state.sample.step, state.sample.most)
    return state._replace(
        factors=state.factors.plus(factors_of_block(block, rule, state.centre)),
        sample=state.sample.plus(sample),
        n_rows=start + len(y),
        dtype=np.promote_types(state.dtype, X.dtype),
    )


def _moved(rows, centre, wanted):
    """Return rows (x, 1, y) in the units of another `Centre`."""
    one = centre.n_features
    half = (centre.weight_exponent - wanted.weight_exponent) // 2
    rows = np.ldexp(rows, half)
    rows[:, :one] += (centre.x - wanted.x) * rows[:, [one]]
    y = np.ldexp(rows[:, one + 1 :], centre.y_exponent)
    y += (centre.y - wanted.y) * rows[:, [one]]
    rows[:, one + 1 :] = np.ldexp(y, -wanted.y_exponent)
    return rows
