"""Samples of the rows that a model predicts worst; starts and models from them."""

import numpy as np

from ...engine.glm.sampled_model import sampled_models
from ...engine.glm.stream_sample import Drawing, surprising_of_block
from .long_rows import sample_rows
from .start import SampledRows, start_of_surprising


class Draws:
    """Samples that passes of a fit draw.

    Parameters
    ----------
    model : BilevelLinearModel
    target : RowTarget
    streamed : StreamedRows
    bounds : "auto" or (low, high)
        Of lambda.
    solver : Solver
    drawing : Drawing
    """

    def __init__(self, model, target, streamed, bounds, solver, drawing):
        self._model, self._target, self._rows = model, target, streamed
        self._bounds, self._solver, self._drawing = bounds, solver, drawing

    def wants(self, is_wanted):
        """Let the next pass draw a sample, or not."""
        self._rows.drawing = self._drawing if is_wanted else None

    def start(self, weights):
        """Return lambda and weights of every split, from a fit of a sample.

        Takes a pass unless the last one has drawn the sample.

        Parameters
        ----------
        weights : ndarray of shape (m, n_outputs)

        Returns
        -------
        (ndarray of shape (n_groups,), ndarray of shape (n_splits + 1, m, n_outputs))
            As of `start_of_surprising`, or None.
        """
        rows, found = self._rows, self._last(weights)
        if found is None:
            given = rows.reading, weights, rows.constants[-1], self._drawing
            found = rows.source.map_reduce(surprising_of_block, *given)
        # The pass that evaluates this start draws the next sample.
        self.wants(True)
        given = self._target, rows, self._bounds, self._solver
        return start_of_surprising(self._model, found, *given)

    def bent(self, models):
        """Return models bent as by the sample of their pass; None without one.

        Parameters
        ----------
        models : Models

        Returns
        -------
        Models or None
        """
        found, rows = self._last(models.full.about), self._rows
        if found is None:
            return None
        sampled, _ = SampledRows.of_surprising(found, self._target)
        given = sampled.sample.X, sampled.target, sampled.weight, sampled.sample.kind
        weights = rows.train_weights, rows.held_weights
        return sampled_models(models, rows.reading, given, *weights)

    def _last(self, weights):
        """Return the sample of the last pass if that was at these weights."""
        if self._rows.drawn is None or not np.array_equal(self._rows.drawn[0], weights):
            return None
        return self._rows.drawn[1]


def drawing_of(source, view, sample):
    """Return the `Drawing` of rows like those of a first sample.

    Parameters
    ----------
    source : RowSource
    view : RowView
    sample : SampledRows
    """
    most = sample_rows(source.n_features)
    return Drawing.of(most, view, sample.sample.X, sample.weight)
