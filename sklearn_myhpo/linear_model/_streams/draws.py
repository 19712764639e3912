"""Samples of the rows that a model predicts worst; starts and models from them."""

import numpy as np

from ...engine.glm.sampled_model import sampled_models
from ...engine.glm.stream_sample import (
    Drawing,
    importance_of,
    surprising_of_block,
)
from .long_rows import sample_rows
from .start import start_of_drawn

#: Maximum number of rows of all samples together, in samples.
MOST_SAMPLES = 3


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
        # Weights and scale of every sample so far, and the rows of all.
        self._past, self._rows_of_all = [], None

    def wants(self, is_wanted):
        """Let the next pass draw a sample, or not."""
        self._rows.drawing = self._drawing if is_wanted else None

    def start(self, weights):
        """Return lambda and weights of every split, from a fit of the samples.

        Takes a pass unless one has drawn a sample.

        Parameters
        ----------
        weights : ndarray of shape (m, n_outputs)

        Returns
        -------
        (ndarray of shape (n_groups,), ndarray of shape (n_splits + 1, m, n_outputs))
            As of `start_of_drawn`, or None.
        """
        rows, drawn = self._rows, self._joined()
        if drawn is None:
            given = rows.reading, weights, rows.constants[-1], self._drawing
            found = rows.source.map_reduce(surprising_of_block, *given)
            rows.drawn = weights, found
            drawn = self._joined()
        # The pass that evaluates this start draws the next sample.
        self.wants(True)
        given = self._target, rows, self._bounds, self._solver
        return start_of_drawn(self._model, drawn, *given)

    def bent(self, models):
        """Return models bent as by the samples of all passes; None without one.

        Parameters
        ----------
        models : Models

        Returns
        -------
        Models or None
        """
        drawn, rows = self._joined(), self._rows
        if drawn is None:
            return None
        given = drawn.X, *self._target.of(drawn), drawn.count, drawn.kind
        weights = rows.train_weights, rows.held_weights
        return sampled_models(models, rows.reading, given, *weights)

    def _joined(self):
        """Return the `DrawnRows` of all samples, that of the last pass included."""
        if self._rows.drawn is None:
            return self._rows_of_all
        weights, found = self._rows.drawn
        self._rows.drawn = None
        new, old = found.drawn(), self._rows_of_all
        present = weights, new.scale
        if old is not None:
            chances = [self._chance(new, *one) for one in self._past]
            given = np.max(chances, axis=0), self._chance(old, *present)
            new = old.joined(new, *given, MOST_SAMPLES * self._drawing.most)
        self._past.append(present)
        self._rows_of_all = new
        return new

    def _chance(self, drawn, weights, scale):
        """Return the chance of rows to be in the sample of a pass at weights."""
        y, weight = self._target.of(drawn)
        rows = self._rows
        given = rows.reading, weights, rows.constants[-1], self._drawing
        found = importance_of(drawn.X, np.arange(len(y)), y, weight, *given)
        return np.minimum(1.0, scale * found)


def drawing_of(reading, sample):
    """Return the `Drawing` of rows like those of a first sample.

    Parameters
    ----------
    reading : Reading
    sample : SampledRows
    """
    X = sample.sample.X
    most = sample_rows(X.shape[1], reading.n_outputs)
    return Drawing.of(most, reading.view, X, sample.weight)
