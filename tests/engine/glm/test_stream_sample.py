"""The rows that weights explain least."""

import numpy as np

from sklearn_myhpo.data import RowFolds
from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.data.streams.target import RowTarget
from sklearn_myhpo.data.streams.view import RowView
from sklearn_myhpo.engine.glm.stream_pass import Reading
from sklearn_myhpo.engine.glm.stream_sample import (
    FAR,
    LEAST_IMPORTANCE,
    Drawing,
    surprising_of_block,
)
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss


def test_importance_is_slope_and_curvature():
    """The rows between two classes would be drawn no more often than others."""
    rng = np.random.default_rng(0)
    X, weight = rng.standard_t(2, (60, 2)), rng.integers(0, 3, 60) / 2.0
    y, w, constant = (rng.random(60) < 0.3).astype(int), np.array([2.0, -1.0, 0.5]), 0.4
    view = RowView(np.zeros(2), None, True, False)
    reading = Reading(view, RowTarget(np.arange(2)), RowFolds(3), LogisticLoss(), 1)
    block = Block(X, y, weight, 0, 0)
    with use_limits(block_entries=40):
        drawing = Drawing.of(100, view, X, np.ones(60))
        found = surprising_of_block(
            block, reading, w[:, None], np.full(1, constant), drawing
        )

    def size(raw):
        chance = 1.0 / (1.0 + np.exp(-raw))
        return np.abs(chance - y) + chance * (1.0 - chance)

    probes = drawing.probes
    lengths = np.mean((X @ probes[:2] + probes[2]) ** 2, axis=1) / 3
    lengths = np.maximum(lengths / FAR, 1.0)
    assert lengths.max() > 1.0
    expected = np.sqrt(lengths) * size(X @ w[:2] + w[2])
    expected += LEAST_IMPORTANCE * lengths * size(constant)
    used = np.flatnonzero(weight)
    np.testing.assert_array_equal(found.number, used)
    np.testing.assert_allclose(found.importance, (weight * expected)[used])
    np.testing.assert_array_equal(found.kind[:, 0], used % 3)
