"""Few rows in the place of many: all that ridge asks of the rows of every fold."""

from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from ..held_out import HeldOutRows
from ..parts import RowParts, divide_rows
from ..sources import as_design
from ..streams.sample import RowSample
from ..streams.source import Sums
from .condense import factor_of_moments, with_equal_ones
from .condensed_design import CondensedDesign


@dataclass(frozen=True, eq=False)
class CondensedParts(RowParts):
    """Splits of rows that stand for others.

    Attributes
    ----------
    kind_sizes : ndarray of int of shape (n_kinds,)
        Numbers of the rows that those of a kind stand for.
    """

    kind_sizes: np.ndarray

    @property
    def _kind_sizes(self):
        return self.kind_sizes


@dataclass(frozen=True, eq=False)
class Condensed:
    """Rows that stand for those of a source.

    Attributes
    ----------
    design : CondensedDesign
    y : ndarray of shape (n_samples, n_targets)
        About `centre.y`.
    weight : ndarray of shape (n_samples,)
    parts : CondensedParts
        A split for every fold that holds rows out.
    labels : list of int
        The label of the rows of every kind, increasing.
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
    labels: list
    centre: object
    sample: RowSample
    source: object = None
    rule: object = None

    def divided(self, counts):
        """Return the same rows with splits that use rows of every label so often.

        Parameters
        ----------
        counts : ndarray of int of shape (n_splits, 2, n_labels)
            As those of `RowParts`, by the label.
        """
        facts = self.parts.sample_weight, len(counts), self.parts.kinds
        own = counts[:, :, self.labels]
        parts = CondensedParts(*facts, own, None, self.parts.kind_sizes)
        return replace(self, parts=parts)

    @property
    def facts(self):
        """The `CondensedFacts`."""
        return CondensedFacts(self, slice(None), np.zeros((), dtype=int))


@dataclass(frozen=True, eq=False)
class CondensedFacts:
    """Facts of single rows of a source, of some targets in some unit.

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
        """Return the held-out rows of the problem, with what these facts add.

        Parameters
        ----------
        rows : HeldOutRows
            Those that stand for others.

        Returns
        -------
        CondensedHeldOut
        """
        fields = {name: getattr(rows, name) for name in rows.__dataclass_fields__}
        return CondensedHeldOut(**fields, facts=self)


@dataclass(frozen=True, eq=False)
class CondensedHeldOut(HeldOutRows):
    """Held-out rows that stand for others.

    Attributes
    ----------
    facts : CondensedFacts
    """

    facts: CondensedFacts

    @property
    def n_rows(self):
        """Number of rows that these stand for."""
        return self.facts.rows.design.n_counted

    def sample(self, n_rows):
        """Return rows of the source, about `n_rows`, or fewer of many features."""
        facts = self.facts
        sample = facts.rows.sample.joined()
        kept = np.flatnonzero(sample.weight > 0)
        kept = kept[:: max(1, len(kept) // n_rows)]
        kind = np.searchsorted(facts.rows.labels, sample.label[kept])
        number = np.arange(len(kept))
        pairs = [
            tuple(np.repeat(number, own[kind]) for own in counts)
            for counts in facts.rows.parts.counts
        ]
        return HeldOutRows(
            as_design(sample.X[kept].astype(np.float64)),
            facts.target(sample.y[kept]),
            self.loss,
            divide_rows(pairs, sample.weight[kept]),
            self.weight,
            self.total,
        )

    def deviation(self, coef, intercept, mean):
        """Return the root of the sum of squares of the parts in the mean loss.

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
        sums = rows.source.map_reduce(deviations_of_block, rows.rule, *given)
        return float(np.sqrt(sums.parts[0]) / self.weight)


@singledispatch
def deviations_of_block(
    block, rule, columns, exponent, y_origin, coef, intercept, mean
):
    """Return the sum over held-out rows of w (loss - mean)^2: a task.

    Parameters
    ----------
    block : Block
    rule : rule of folds
    columns, exponent
        As of `CondensedFacts`.
    y_origin : ndarray of shape (n_targets,)
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
    mean : float

    Returns
    -------
    Sums
    """
    own = rule.labels(block) >= 0
    weight = np.ones(block.n_rows) if block.weight is None else block.weight
    y = (block.y.reshape(block.n_rows, -1) - y_origin)[:, columns]
    left = np.ldexp(y, -exponent) - (block.X @ coef + intercept)
    loss = 0.5 * np.einsum("nt,nt->n", left, left)
    return Sums((float(weight[own] @ (loss[own] - mean) ** 2),))


def condense(rows_by_fold, counts, centre, sample, dtype, head, *, moves=True):
    """Return the `Condensed` of rows of every fold.

    Parameters
    ----------
    rows_by_fold : dict of int to ndarray of shape (n_rows, p)
        Rows (x, 1, y) in the units of the centre, times the roots of their weights.
    counts : dict of int to int
        Numbers of the rows that they stand for.
    centre : Centre
    sample : RowSample
    dtype : dtype
    head : object
        First rows of X, as they came.
    moves : bool, default=True
        Whether the rows stay about their origin; False adds it to every row.

    Returns
    -------
    Condensed
    """
    one, kinds = centre.n_features, sorted(rows_by_fold)
    columns = [[], [], [], []]
    for kind, fold in enumerate(kinds):
        rows = rows_by_fold[fold]
        if not np.all(rows[:, one] > 0):
            rows = with_equal_ones(rows, one)
        root = rows[:, [one]]
        own = rows[:, :one] / root, rows[:, one + 1 :] / root, root[:, 0] ** 2
        for column, values in zip(
            columns, (*own, np.full(len(rows), kind)), strict=True
        ):
            column.append(values)
    X, y, weight, kind_of_row = map(np.concatenate, columns)
    y = np.ldexp(y, centre.y_exponent)
    weight = np.ldexp(weight, centre.weight_exponent)
    origin = centre.x
    if not moves:
        X, y, origin = X + centre.x, y + centre.y, np.zeros(one)
        centre = centre._replace(y=np.zeros_like(centre.y))
    sizes = np.array([counts[fold] for fold in kinds])
    design = CondensedDesign(X, origin, int(sizes.sum()), head, dtype)
    folds = [fold for fold in kinds if fold >= 0]
    held_out = np.array(kinds)[None, :] == np.array(folds, dtype=int)[:, None]
    uses = np.stack([~held_out, held_out], axis=1).astype(int)
    parts = CondensedParts(weight, len(folds), kind_of_row, uses, None, sizes)
    return Condensed(design, y, weight, parts, kinds, centre, sample)


def factors_of_moments(moments, centre):
    """Return rows (x, 1, y) with the `FoldMoments`, by fold."""
    end = centre.n_features + 1
    return {
        fold: factor_of_moments(matrix, end)
        for fold, matrix in moments.matrices.items()
    }
