"""Condensed rows of every fold, by factorization and without squares.

This is slower than sums of products, and more accurate: no digits are lost if features
are nearly collinear, also with the intercept, or if a model explains nearly everything.
"""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ..blocks import rows_by_label
from .condense import factor_of_rows
from .filling import Filler
from .fold_moments import kinds_of_block


class FoldFactors(NamedTuple):
    """Condensed rows of every kind, which can be merged over disjoint rows.

    Attributes
    ----------
    end : int
        Columns of which all products are kept; of others only their squares.
    rows : dict of int to ndarray of shape (n_rows, p)
        By kind, rows (x, 1, y) in the units of a `Centre`, times the roots of their
        weights: all of them where they are few.
    counts : dict of int to int
        Numbers of rows of positive weight.
    """

    end: int
    rows: dict
    counts: dict

    def plus(self, other):
        """Return the condensed rows of both."""
        rows, counts = dict(self.rows), dict(self.counts)
        for kind, own in other.rows.items():
            if kind in rows:
                own = np.concatenate([rows[kind], own])
                if len(own) > 2 * (self.end + 1):
                    own = factor_of_rows(own, self.end)
            rows[kind] = own
            counts[kind] = counts.get(kind, 0) + other.counts[kind]
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
    found, counts = rows_by_kind(block, rule, centre), {}
    for kind, own in found.items():
        counts[kind] = len(own)
        if len(own) > 2 * (end + 1):
            found[kind] = factor_of_rows(own, end)
    return FoldFactors(end, found, counts)


def rows_by_kind(block, rule, centre):
    """Return rows (x, 1, y) of every kind, in units and times roots of weights.

    Parameters
    ----------
    block, rule, centre
        As in `factors_of_block`.

    Returns
    -------
    dict of int to ndarray of shape (n_rows, p)
        Of the kinds with rows of positive weight.
    """
    y = block.y.reshape(block.n_rows, -1).astype(np.float64, copy=False)
    found, filler = {}, Filler(centre)
    _, used, n_kinds = kinds_of_block(block, rule)
    for family in used.T:
        for kind, rows in rows_by_label(family, n_kinds):
            weight = None if block.weight is None else block.weight[rows]
            own = np.empty((len(y[rows]), centre.width))
            filler.fill(block.X[rows], y[rows], weight, own)
            # Rows of a kind may come in several runs.
            known = found.get(kind)
            found[kind] = own if known is None else np.concatenate([known, own])
    return found
