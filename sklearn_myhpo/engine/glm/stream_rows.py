"""Rows beyond memory as a source of second-order models of all splits."""

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from ...data.folds.uses import SomeSplits
from ...data.statistics import ColumnMoments
from ...penalties.coordinates import feature_coordinates
from ...penalties.groups import FeatureGroups
from .pinning import holding, pinning_of
from .stream_facts import first_of_block
from .stream_model import Frame, StreamedModel, StreamedSplitSet, Values
from .stream_null import NullModels
from .stream_pass import common_of_block, own_of_block
from .stream_sample import drawing_of_block


class Models(NamedTuple):
    """Second-order models of all splits, and of all rows for the refit.

    Attributes
    ----------
    split_set : StreamedSplitSet
    full : StreamedModel
    third : ndarray of shape (n_splits, k, k) or None
        Third derivatives of the training losses along (q, J_a, J_b), where known.
    held_square : ndarray of shape (n_splits,) or None
        Mean squares of the losses of held-out rows.
    covariance : ndarray of shape (k, k) or None
        Of the slope of the validation loss over its rows, as in `slope_covariance`.
    """

    split_set: StreamedSplitSet
    full: StreamedModel
    third: np.ndarray | None = None
    held_square: np.ndarray | None = None
    covariance: np.ndarray | None = None

    def with_some(self, others, chosen):
        """Return these models with some of others, of the same rows, in their places.

        Parameters
        ----------
        others : Models
        chosen : ndarray of bool of shape (n_splits + 1,)
        """
        ours, theirs = every(self), every(others)
        *splits, full = (
            other if one else own
            for own, other, one in zip(ours, theirs, chosen, strict=True)
        )
        split_set = self.split_set.with_splits(splits)
        return self._replace(split_set=split_set, full=full, third=None)


def every(models):
    """Return the models of all splits, and last that of all rows."""
    return [*models.split_set.splits, models.full]


@dataclass(eq=False)
class StreamedRows:
    """Rows beyond memory, evaluated as models at given weights.

    Attributes
    ----------
    source : RowSource
    reading : Reading
    groups : FeatureGroups
        Of the features.
    frame : Frame
    is_standardized : bool
        Whether every split measures features by the deviations of its training rows.
    facts : FoldFacts or None
        None before the first pass.
    constants : ndarray of shape (n_splits + 1, n_outputs)
        Raw predictions of the models without features; those of all rows last.
    drawing : Drawing or None
        How the next pass draws a sample; None if it draws none.
    drawn : (ndarray, WeighedSample) or None
        Weights of the last pass, and the sample of the rows that these explain least.
    """

    source: object
    reading: object
    groups: object
    frame: Frame
    is_standardized: bool
    facts: object = None
    constants: np.ndarray | None = None
    drawing: object = None
    drawn: tuple | None = None
    _null: object = field(default=None, repr=False)

    def first(self, weights, constant, numbers):
        """Return the `Models` about common weights, and collect facts of the rows.

        Parameters
        ----------
        weights : ndarray of shape (m, n_outputs)
        constant : ndarray of shape (n_outputs,)
            Near the raw predictions of the models without features.
        numbers : ndarray of int
            Rows whose folds are needed, increasing.
        """
        given = self.reading, weights, constant, numbers
        found = self._pass(weights, constant, first_of_block, *given)
        totals, self.facts = found
        self._leave_out_weightless()
        self._null = NullModels.of_kinds(
            totals, self.weight, constant, self.frame, self.uses
        )
        self.constants = self._null.constants
        self._pin()
        return self._of_kinds(totals, weights)

    def _leave_out_weightless(self):
        """Leave out splits whose held-out rows have no weight, unless all are such."""
        rule, has_weight = self.reading.rule, self.held_weights > 0
        if has_weight.any() and not has_weight.all():
            self.reading = self.reading._replace(rule=SomeSplits(rule, has_weight))

    def common(self, weights):
        """Return the `Models` about weights that all splits share."""
        given = self.reading, weights, self.constants[-1]
        found = self._pass(weights, self.constants[-1], common_of_block, *given)
        return self._of_kinds(found, weights)

    def own(self, weights, full, moves=None):
        """Return the `Models` of every split about its own weights.

        Parameters
        ----------
        weights : sequence of ndarray of shape (m, n_outputs)
        full : ndarray of shape (m, n_outputs)
        moves : Moves or None
            Of the weights in lambda.
        """
        at = np.stack([*weights, full])
        given = self.reading, at, self.null_constants, moves
        found = self._pass(full, self.constants[-1], own_of_block, *given)
        return self.models_of(found, at, moves)

    def _pass(self, weights, constant, task, *given):
        """Return the results of a pass, which draws a sample if asked to."""
        self.drawn = None
        if self.drawing is None:
            return self.source.map_reduce(task, *given)
        more = self.reading, weights, constant, self.drawing
        found = self.source.map_reduce(drawing_of_block, task, given, *more)
        self.drawn = weights, found.sample
        return found.totals

    @property
    def null_constants(self):
        """The constants to correct in a pass; None if none are left."""
        return None if self._null.is_final else self.constants

    def models_of(self, totals, at, moves=None):
        """Return the `Models` of the sums of a pass.

        Parameters
        ----------
        totals : Totals
            As in `own_of_block`, at the constants in force.
        at : ndarray of shape (n_splits + 1, m, n_outputs)
        moves : Moves or None
        """
        constants = self.null_constants
        if constants is not None:
            weights = self.held_weights, self.train_weights
            self._null = NullModels.of_splits(totals, *weights, constants, self.frame)
            self.constants = self._null.constants
        names = ("loss", "slope", "gram")
        trains = _values(self.train_weights, *(totals[name] for name in names))
        held = _values(self.held_weights, *(totals[f"held_{name}"] for name in names))
        third = covariance = None
        if moves is not None:
            covariance = self._covariance(totals)
        if moves is not None and moves.wants_third:
            third = totals["third"] / self.train_weights[:-1, None, None]
        square = totals["held_square"] / self.held_weights
        more = third, square, covariance
        return self._models(at, trains, [*held, trains[-1]], *more)

    def with_one_lambda(self):
        """Return the same rows, where all groups share one lambda, after `first`."""
        own = self.groups
        labels = np.where(own.is_penalized, 0, 1)
        groups = FeatureGroups(labels, ("all",) if own.n_groups else (), own.factors)
        coordinates = feature_coordinates(groups, self.reading.view.scale)
        frame = self.frame._replace(coordinates=coordinates)
        return replace(self, groups=groups, frame=frame)

    def in_frame(self, models):
        """Return `Models` of the same losses with the groups of these rows."""
        splits = [split.in_frame(self.frame) for split in models.split_set.splits]
        nulls = self._null.held_losses, self._null.slopes
        full = models.full.in_frame(self.frame)
        return Models(StreamedSplitSet(splits, *nulls), full)

    def _of_kinds(self, totals, weights):
        """Return the `Models` of sums by kinds at common weights."""
        names = ("loss", "slope", "gram")
        sums = [totals[name] for name in names]
        trains = _values(self.train_weights, *map(self.uses.trained, sums))
        held = _values(self.held_weights, *map(self.uses.held, sums))
        at = [weights] * len(trains)
        return self._models(at, trains, [*held, trains[-1]])

    def _models(self, at, trains, held, *more):
        """Return the `Models` of values of every split, and of all rows last."""
        scales = self._penalty_scales
        *splits, full = (
            StreamedModel(self.frame, *one)
            for one in zip(at, trains, held, scales, strict=True)
        )
        nulls = self._null.held_losses, self._null.slopes
        return Models(StreamedSplitSet(splits, *nulls), full, *more)

    # Facts of the rows.

    @property
    def uses(self):
        """The `FoldUses`."""
        return self.reading.uses

    @property
    def weight(self):
        """Sums of the weights of the rows of every kind."""
        return self.facts.totals["weight"]

    @property
    def train_weights(self):
        """Sums of the weights of the training rows, shape (n_splits + 1,)."""
        return self.uses.trained(self.weight)

    @property
    def held_weights(self):
        """Sums of the weights of the held-out rows, shape (n_splits,)."""
        return self.uses.held(self.weight)

    @property
    def n_train(self):
        """Least number of training rows of a split."""
        return int(((self.uses.train > 0) @ self.facts.totals["n_rows"]).min())

    @property
    def n_held_out(self):
        """Number of rows in all validation parts."""
        return int(self.uses.held(self.facts.totals["n_rows"]).sum())

    @property
    def split_weights(self):
        """Shares of the splits in the held-out weight, shape (n_splits,)."""
        return self.held_weights / self.held_weights.sum()

    @property
    def _unit(self):
        """Unit of the weights in which they count rows."""
        mean = self.weight.sum() / self.facts.totals["n_rows"].sum()
        return float(np.exp2(np.round(np.log2(mean))))

    def _moments(self, model):
        """Return the `ColumnMoments` of the training rows of a model; -1 the refit."""
        return self._moments_of(self.uses.models[model])

    def _moments_of(self, counts):
        """Return the `ColumnMoments` of rows with given multiplicities, by kind."""
        found = None
        for count, one in zip(counts, self.facts.moments, strict=True):
            if one is None or not count:
                continue
            if count > 1:
                one = ColumnMoments(count * one[0], one[1], count * one[2])
            found = one if found is None else found.plus(one)
        weight, mean, square = found
        return ColumnMoments(weight / self._unit, mean, square / self._unit)

    def _covariance(self, totals):
        """Return the covariance of the mean slope in lambda of held-out rows.

        A row has about the same slope in all families of splits.
        """
        mean = totals["lambda_slope"] / self.held_weights.sum()
        square = totals["lambda_square"] / self.held_weights.sum() ** 2
        is_held = self.uses.held_out.any(axis=0)
        n_families = self.uses.n_families
        held = self.weight[is_held].sum() / n_families
        return n_families * square - np.outer(mean, mean) / held

    @property
    def _penalty_scales(self):
        """Factors (m, 1) of the penalty of every split and of all rows, or None."""
        n_splits = self.reading.n_splits
        if not self.is_standardized:
            return [None] * (n_splits + 1)
        view, groups = self.reading.view, self.groups
        units = view.scale / (1.0 if groups.scale is None else groups.scale)
        found = []
        for split in [*range(n_splits), -1]:
            one = np.ones((view.n_coordinates, 1))
            one[: len(units), 0] = (self._moments(split).scale() * units) ** 2
            found.append(one)
        return found

    @property
    def second_moments(self):
        """Mean squares of the features in the units of the penalty, (n_features,)."""
        all_moments = self._moments_of((self.uses.family == 0).astype(int))
        weight, mean, square = all_moments
        groups, fit_intercept = self.groups, self.reading.view.fit_intercept
        found = square / weight
        if self.is_standardized:
            found = found / all_moments.scale() ** 2
        elif not fit_intercept:
            found = found + mean**2
        return found if groups.scale is None else found * groups.scale**2

    @property
    def curvature_scale(self):
        """A typical curvature of the loss, as in `Loss.curvature_scale`."""
        known = self.reading.loss.max_curvature
        return self._null.curvature if known is None else known

    def _pin(self):
        """Add a negligible penalty to unpenalized features that are not determined."""
        view, groups = self.reading.view, self.frame.groups
        weight, mean, square = self._moments(-1)
        scale = np.ones(len(mean)) if view.scale is None else view.scale
        squares = np.ones(view.n_coordinates)
        moved = square / weight + (mean - view.shift) ** 2
        squares[: len(mean)] = moved * scale**2
        offsets = (view.shift * scale) ** 2
        given = squares, offsets, groups, self.curvature_scale
        pinning = holding(*given) if groups.width > 1 else pinning_of(*given)
        self.frame = self.frame._replace(pinning=pinning)


def _values(weights, loss, slope, gram):
    """Return the `Values` of sums over rows of known weight."""
    return [
        Values(one[0] / weight, one[1] / weight, one[2] / weight)
        for weight, *one in zip(weights, loss, slope, gram, strict=True)
    ]
