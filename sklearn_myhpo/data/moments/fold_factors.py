"""Rows of every fold as few rows with the same second moments, without squaring them.

Slower than sums of products, and more accurate: nothing is lost where features nearly
depend on each other, or on the intercept, or where a model explains nearly everything.
"""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ..blocks import rows_by_label
from .condense import factor_of_rows
from .fold_moments import label_block


class FoldFactors(NamedTuple):
    """Rows of every fold that stand for all of them, and add up over disjoint rows.

    Attributes
    ----------
    end : int
        Columns of which all products are kept; of others only their squares.
    rows : dict of int to ndarray of shape (n_rows, p)
        By fold, rows (x, 1, y) in the units of a `Centre`, times the roots of their
        weights: all of them where they are few. -1 is the fold of the rows that no
        split holds out.
    counts : dict of int to int
        Numbers of rows of positive weight.
    """

    end: int
    rows: dict
    counts: dict

    def plus(self, other):
        """Return what stands for the rows of both."""
        rows, counts = dict(self.rows), dict(self.counts)
        for fold, own in other.rows.items():
            if fold in rows:
                own = np.concatenate([rows[fold], own])
                if len(own) > 2 * (self.end + 1):
                    own = factor_of_rows(own, self.end)
            rows[fold] = own
            counts[fold] = counts.get(fold, 0) + other.counts[fold]
        return FoldFactors(self.end, rows, counts)


@singledispatch
def factors_of_block(block, rule, centre):
    """Return the `FoldFactors` of a block: a task.

    Parameters
    ----------
    block : Block
    rule : rule of folds or None
        None where no row is held out.
    centre : Centre

    Returns
    -------
    FoldFactors
    """
    end = centre.n_features + 1
    found, counts = rows_by_fold(block, rule, centre), {}
    for fold, own in found.items():
        counts[fold] = len(own)
        if len(own) > 2 * (end + 1):
            found[fold] = factor_of_rows(own, end)
    return FoldFactors(end, found, counts)


def rows_by_fold(block, rule, centre):
    """Return rows (x, 1, y) of every fold, in units and times roots of weights.

    Parameters
    ----------
    block, rule, centre
        As of `factors_of_block`.

    Returns
    -------
    dict of int to ndarray of shape (n_rows, p)
        Of the folds with rows of positive weight.
    """
    y = block.y.reshape(block.n_rows, -1).astype(np.float64, copy=False)
    found, (_, used, n_parts) = {}, label_block(block, rule)
    for part, rows in rows_by_label(used, n_parts):
        weight = None if block.weight is None else block.weight[rows]
        own = np.empty((len(y[rows]), centre.width))
        centre.fill(block.X[rows], y[rows], weight, own)
        # Neighbours of a fold come in several runs.
        known = found.get(part - 1)
        found[part - 1] = own if known is None else np.concatenate([known, own])
    return found
