"""Models that a sample of the rows bends: known values, and the curves between."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel.counts import StreamCounts
from sklearn_myhpo.data import RowFolds
from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.data.streams.target import RowTarget
from sklearn_myhpo.data.streams.view import RowView
from sklearn_myhpo.engine.glm.sampled_model import PartRows, sampled_models
from sklearn_myhpo.engine.glm.stream_model import Frame, Values
from sklearn_myhpo.engine.glm.stream_pass import Reading
from sklearn_myhpo.engine.glm.stream_rows import StreamedRows
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss
from sklearn_myhpo.penalties.coordinates import feature_coordinates
from sklearn_myhpo.penalties.groups import FeatureGroups

RNG = np.random.default_rng(0)
N, D = 90, 3
X = RNG.standard_normal((N, D))
LAMBDA = np.array([-3.0])


class OneBlock:
    """Rows in memory as a source of one block."""

    def __init__(self, block):
        self.block = block

    def map_reduce(self, task, *args):
        """Return the result of a task."""
        return task(self.block, *args)


def rows_of(loss, y, n_outputs):
    """Return rows and their reading."""
    view = RowView(np.zeros(D), None, True, False)
    target = RowTarget(np.arange(y.max() + 1))
    reading = Reading(view, target, RowFolds(3), loss, n_outputs)
    groups = FeatureGroups(np.zeros(D, dtype=int), ("all",))
    pinning = np.zeros((D + 1, 1))
    coordinates = feature_coordinates(groups, None)
    frame = Frame(coordinates, np.zeros(D), True, n_outputs, pinning, StreamCounts())
    source = OneBlock(Block(X, y, None, 0, 0))
    return StreamedRows(source, reading, groups, frame, False), reading


@pytest.mark.parametrize("n_classes", [2, 3])
def test_sample_of_all_rows_is_the_loss(n_classes):
    """A step by bent models would end elsewhere than at the minimum of the rows."""
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(3)
    n_outputs = n_classes - 1
    y = np.argmax(X[:, :n_classes] + RNG.standard_normal((N, n_classes)), axis=1)
    rows, reading = rows_of(loss, y, n_outputs)
    w = 0.3 * RNG.standard_normal((D + 1, n_outputs))
    models = rows.first(w, np.zeros(n_outputs), np.arange(0))
    kind = reading.rule.kinds(rows.source.block)
    sample = X, y, np.ones(N), np.ones(N), kind
    bent = sampled_models(
        models, reading, sample, rows.train_weights, rows.held_weights
    )
    held = np.arange(N) % 3 == 1
    split = bent.split_set.splits[1]
    for other in (w, w + RNG.standard_normal(w.shape)):
        flat = other.reshape(-1, 1)
        raw = X @ other[:-1] + other[-1]
        values = loss.value(y, raw)
        penalty = np.exp(LAMBDA[0]) * np.sum(other[:-1] ** 2)
        assert split.validation_loss(flat) == pytest.approx(values[held].mean())
        train = values[~held].mean() + penalty
        assert split.train_loss(flat, LAMBDA) == pytest.approx(train)
        full = bent.full.train_loss(flat, LAMBDA)
        assert full == pytest.approx(values.mean() + penalty)
    end = split.minimize(LAMBDA, split.start())
    np.testing.assert_allclose(split.train_gradient(end, LAMBDA), 0.0, atol=1e-8)
    move, step = RNG.standard_normal((2, *end.shape))
    ahead, back = (
        split.hessian(end + sign * 1e-5 * step, LAMBDA).product(move)
        for sign in (1, -1)
    )
    slope = np.vdot(step, ahead - back) / 2e-5
    third = split.third_term(end, move, step[None])
    np.testing.assert_allclose(third, [[slope]], rtol=1e-5)
    gram = split.validation_gram(end, step[None])
    near = [split.validation_gradient(end + sign * 1e-5 * step) for sign in (1, -1)]
    np.testing.assert_allclose(
        gram, [[np.vdot(step, near[0] - near[1]) / 2e-5]], rtol=1e-5
    )


def test_values_are_those_of_all_rows():
    """A bent model would forget where the pass was, and a fit could not converge."""
    y = (X[:, 0] > 0).astype(int)
    design, at = RowView(np.zeros(D), None, False, False).of(X), np.zeros((D, 1))
    known = Values(0.5, RNG.standard_normal((D, 1)), 4.0 * np.eye(D))
    weight, once = np.full(N, 1 / N), np.ones(N)
    part = PartRows(LogisticLoss(), design, y, weight, once, at, known)
    assert part.value(at) == pytest.approx(known.loss)
    np.testing.assert_allclose(part.gradient(at), known.slope)
    np.testing.assert_allclose(part.gram(at), known.gram, atol=1e-12)
    known = known._replace(gram=1e-3 * np.eye(D))
    part = PartRows(LogisticLoss(), design, y, weight, once, at, known)
    # Where the sample has more curvature, the loss stays convex.
    assert np.all(np.linalg.eigvalsh(part.gram(at)) > 1e-3)


def test_rows_count_no_more_than_the_curvature_allows():
    """Steps would be too short where a small sample bends more than all rows."""
    y = (X[:, 0] + RNG.standard_normal(N) > 0).astype(int)
    view, loss = RowView(np.zeros(D), None, False, False), LogisticLoss()
    at = np.zeros((D, 1))
    gram = 0.25 * X.T @ X / N
    known = Values(np.log(2.0), np.zeros((D, 1)), gram)
    few = np.arange(6)
    for count in (N / 6, 100.0 * N):
        given = y[few], np.full(6, 1 / N), np.full(6, count)
        part = PartRows(loss, view.of(X[few]), *given, at, known)
        excess = np.linalg.eigvals(np.linalg.solve(gram, part.gram(at))).real.max()
        assert excess <= 1.06
