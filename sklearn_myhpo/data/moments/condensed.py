"""Condensed rows: few rows that replace those of every fold for ridge."""

from dataclasses import dataclass, replace
from functools import cached_property, singledispatch

import numpy as np

from ..folds.uses import FoldUses
from ..held_out import HeldOutRows
from ..parts import RowParts, divide_rows
from ..sources import as_design
from ..streams.sample import RowSample
from ..streams.source import Sums
from .condense import factor_of_moments, with_equal_ones
from .condensed_design import CondensedDesign


@dataclass(frozen=True, eq=False)
class CondensedParts(RowParts):
    """Splits of condensed rows.

    Attributes
    ----------
    kind_sizes : ndarray of int of shape (n_kinds,)
        Number of original rows of every kind.
    n_families : int
        Number of families. The rows occur once per family, with that share of their
        weight; parts count them as often.
    """

    kind_sizes: np.ndarray
    n_families: int

    @property
    def _kind_sizes(self):
        return self.kind_sizes

    @cached_property
    def n_held_out(self):
        """Number of rows in all validation parts."""
        counts = self.counts[:, 1].sum(axis=0) // self.n_families
        return int(counts @ self.kind_sizes)


@dataclass(frozen=True, eq=False)
class Condensed:
    """Condensed rows, which replace those of a source.

    Attributes
    ----------
    design : CondensedDesign
    y : ndarray of shape (n_samples, n_targets)
        About `centre.y`.
    weight : ndarray of shape (n_samples,)
    parts : CondensedParts
        A split for every one that holds rows out.
    uses : FoldUses
        Of these splits.
    centre : Centre
    sample : RowSample
        Some of the rows of the source.
    source : RowSource or None
        None where it cannot be read again.
    rule : rule of folds or None
    """

    design: CondensedDesign
    y: np.ndarray
    weight: np.ndarray
    parts: CondensedParts
    uses: FoldUses
    centre: object
    sample: RowSample
    source: object = None
    rule: object = None

    @property
    def facts(self):
        """The `CondensedFacts`."""
        return CondensedFacts(self, slice(None), np.zeros((), dtype=int))


@dataclass(frozen=True, eq=False)
class CondensedFacts:
    """Access to single rows of a source, for some targets in some unit.

    Attributes
    ----------
    rows : Condensed
    columns : slice or ndarray of int
        The targets.
    exponent : ndarray of int
        The unit of y is ``2^exponent``.
    """

    rows: Condensed
    columns: object
    exponent: np.ndarray

    def of_targets(self, columns):
        """Return the facts of some of the targets."""
        kept = np.arange(self.rows.y.shape[1])[self.columns][columns]
        return replace(self, columns=kept)

    def in_unit(self, exponent):
        """Return the facts with y in another unit."""
        return replace(self, exponent=self.exponent + exponent)

    def target(self, y):
        """Return y (n_rows, n_targets) of the source about its origin, in the unit."""
        moved = (y.reshape(len(y), -1) - self.rows.centre.y)[:, self.columns]
        return np.ldexp(moved, -self.exponent)

    def held_out(self, rows):
        """Return the held-out rows of the problem, with access to single rows.

        Parameters
        ----------
        rows : HeldOutRows
            The condensed held-out rows.

        Returns
        -------
        CondensedHeldOut
        """
        fields = {name: getattr(rows, name) for name in rows.__dataclass_fields__}
        return CondensedHeldOut(**fields, facts=self)


@dataclass(frozen=True, eq=False)
class CondensedHeldOut(HeldOutRows):
    """Condensed held-out rows.

    Attributes
    ----------
    facts : CondensedFacts
    """

    facts: CondensedFacts

    @property
    def n_rows(self):
        """Number of original rows."""
        return self.facts.rows.design.n_counted

    def sample(self, n_rows):
        """Return about `n_rows` rows of the source; fewer if features are many."""
        facts = self.facts
        sample = facts.rows.sample.joined()
        kept = np.flatnonzero(sample.weight > 0)
        kept = kept[:: max(1, len(kept) // n_rows)]
        pairs = facts.rows.uses.pairs(sample.kind[kept])
        return HeldOutRows(
            as_design(sample.X[kept].astype(np.float64)),
            facts.target(sample.y[kept]),
            self.loss,
            divide_rows(pairs, sample.weight[kept]),
            self.weight,
            self.total,
        )

    def deviation(self, coef, intercept, mean):
        """Return the root of the sum of squared contributions to the mean loss.

        This reads the source once; without one it is an estimate from the sample.

        Parameters
        ----------
        coef : ndarray of shape (n_features, n_outputs)
        intercept : ndarray of shape (n_outputs,)
        mean : float
            The mean loss.

        Returns
        -------
        float
        """
        facts, rows = self.facts, self.facts.rows
        given = facts.columns, facts.exponent, rows.centre.y, coef, intercept, mean
        if rows.source is None:
            some = self.sample(rows.sample.n_rows)
            share = self.n_rows / max(1, some.n_rows)
            return float(np.sqrt(share)) * some.deviation(coef, intercept, mean)
        held_out = rows.rule, rows.uses.held_out[0]
        sums = rows.source.map_held_out(deviations_of_block, *held_out, *given)
        return float(np.sqrt(sums.parts[0]) / self.weight)

    def compared(self, models, n_models):
        """Return `HeldOutRows.compared`; the squares take a pass over the source."""
        means = self._alternatives(models, n_models).sum(axis=1)
        facts, rows = self.facts, self.facts.rows
        given = facts.columns, facts.exponent, rows.centre.y
        best = int(np.argmin(means))
        sums = rows.source.map_reduce(
            differences_of_block, rows.rule, rows.uses.held_out, *given, models, best
        )
        return means, sums.parts[0] / self.weight**2


@singledispatch
def differences_of_block(
    block, rule, held_out, columns, exponent, y_origin, models, best
):
    """Return sums over held-out rows of w (loss - loss of the best model)^2: a task.

    Parameters
    ----------
    block, rule, columns, exponent, y_origin
        As in `deviations_of_block`.
    held_out : ndarray of int of shape (n_splits, n_kinds)
    models : list of list of (ndarray, ndarray)
        Of every split.
    best : int
        Number of the best model.

    Returns
    -------
    Sums
    """
    kinds = rule.kinds(block)
    weight = np.ones(block.n_rows) if block.weight is None else block.weight
    more = np.zeros((max(map(len, models)), block.n_rows))
    for own, table in zip(models, held_out, strict=True):
        count = table[kinds].sum(axis=1)
        rows = np.flatnonzero(count)
        if not (own and len(rows)):
            continue
        y = _targets(block.y[rows], columns, exponent, y_origin)
        losses = np.stack([_losses(y, block.X[rows], *model) for model in own])
        more[:, rows] += count[rows] * (losses - losses[best])
    return Sums((more**2 @ weight,))


def _targets(y, columns, exponent, y_origin):
    """Return targets about their origin, in their unit."""
    return np.ldexp((y.reshape(len(y), -1) - y_origin)[:, columns], -exponent)


def _losses(y, X, coef, intercept):
    """Return the squared loss of every row."""
    left = y - (X @ coef + intercept)
    return 0.5 * np.einsum("nt,nt->n", left, left)


@singledispatch
def deviations_of_block(
    block, rule, held_out, columns, exponent, y_origin, coef, intercept, mean
):
    """Return the sum over held-out rows of w (loss - mean)^2: a task.

    Parameters
    ----------
    block : Block
    rule : rule of folds
    held_out : ndarray of int of shape (n_kinds,)
        How often rows of every kind are held out.
    columns, exponent
        As in `CondensedFacts`.
    y_origin : ndarray of shape (n_targets,)
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
    mean : float

    Returns
    -------
    Sums
    """
    count = held_out[rule.kinds(block)].sum(axis=1)
    weight = np.ones(block.n_rows) if block.weight is None else block.weight
    y = _targets(block.y, columns, exponent, y_origin)
    loss = _losses(y, block.X, coef, intercept)
    return Sums((float((count**2 * weight) @ (loss - mean) ** 2),))


def condense(rows, counts, uses, centre, sample, dtype, head, *, moves=True):
    """Return the `Condensed` of rows of every kind.

    Parameters
    ----------
    rows : dict of int to ndarray of shape (n_rows, p)
        Rows (x, 1, y) in the units of the centre, times the roots of their weights.
    counts : dict of int to int
        Numbers of original rows.
    uses : FoldUses
        Splits without a held-out row are left out.
    centre : Centre
    sample : RowSample
    dtype : dtype
    head : object
        First rows of X, as given.
    moves : bool, default=True
        Whether the rows stay relative to their origin; False adds it to every row.

    Returns
    -------
    Condensed
    """
    one, kinds, n_families = centre.n_features, sorted(rows), uses.n_families
    columns = [[], [], [], []]
    for number, kind in enumerate(kinds):
        found = rows[kind]
        if not np.all(found[:, one] > 0):
            found = with_equal_ones(found, one)
        root = found[:, [one]]
        own = found[:, :one] / root, found[:, one + 1 :] / root, root[:, 0] ** 2
        for column, values in zip(
            columns, (*own, np.full(len(found), number)), strict=True
        ):
            column.append(values)
    X, y, weight, kind_of_row = map(np.concatenate, columns)
    y = np.ldexp(y, centre.y_exponent)
    weight = np.ldexp(weight, centre.weight_exponent) / n_families
    origin = centre.x
    if not moves:
        X, y, origin = X + centre.x, y + centre.y, np.zeros(one)
        centre = centre._replace(y=np.zeros_like(centre.y))
    sizes = np.array([counts[kind] for kind in kinds])
    n_counted = int(sizes[uses.family[kinds] == 0].sum())
    design = CondensedDesign(X, origin, n_counted, head, dtype)
    uses = uses.only(uses.held_out[:, kinds].any(axis=1))
    tables = n_families * np.stack([uses.train, uses.held_out], axis=1)[:, :, kinds]
    own = kind_of_row, tables, None, sizes, n_families
    parts = CondensedParts(weight, len(tables), *own)
    return Condensed(design, y, weight, parts, uses, centre, sample)


def factors_of_moments(moments, centre):
    """Return rows (x, 1, y) with the `FoldMoments`, by kind."""
    end = centre.n_features + 1
    return {
        kind: factor_of_moments(matrix, end)
        for kind, matrix in moments.matrices.items()
    }
