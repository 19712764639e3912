"""Sums of a pass against sums of every row, one after the other."""

import pickle
from itertools import pairwise

import numpy as np
import pytest

from sklearn_myhpo.data import RowFolds
from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.data.streams.target import RowTarget
from sklearn_myhpo.data.streams.view import RowView
from sklearn_myhpo.engine.glm.stream_facts import facts_of_folds
from sklearn_myhpo.engine.glm.stream_pass import (
    Moves,
    Reading,
    common_of_block,
    own_of_block,
)
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, PoissonLoss

RNG = np.random.default_rng(0)
N, D, K = 90, 3, 4
X = RNG.standard_normal((N, D)) + 1.0
WEIGHT = RNG.integers(0, 3, N) / 2.0
FOLD = np.arange(N) % K


@pytest.fixture(params=["logistic", "multinomial", "poisson"])
def problem(request):
    """Return a loss, targets as given, and as the loss wants them."""
    if request.param == "poisson":
        y = RNG.poisson(1.0, N)
        return PoissonLoss(), y, y.astype(float), RowTarget()
    n_classes = 2 if request.param == "logistic" else 3
    y = RNG.integers(0, n_classes, N)
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(3)
    return loss, y, y, RowTarget(np.arange(n_classes))


def reading_of(loss, y, target):
    """Return the reading of the rows about an origin, in units of their own."""
    view = RowView(np.ones(D), np.array([1.0, 2.0, 0.5]), True, False)
    return Reading(view, target, RowFolds(K), loss, loss.n_outputs(y))


def rows():
    """Return the rows in the coordinates."""
    return np.column_stack([(X - 1.0) * [1.0, 2.0, 0.5], np.ones(N)])


def blocks(y):
    """Return the rows in three blocks."""
    ends = [0, 31, 32, N]
    return [
        Block(X[a:b], y[a:b], WEIGHT[a:b], a, number)
        for number, (a, b) in enumerate(pairwise(ends))
    ]


def total(parts):
    """Return the sum of results, each sent to another process and back."""
    parts = [pickle.loads(pickle.dumps(part)) for part in parts]
    out = parts[0]
    for part in parts[1:]:
        out = out.plus(part)
    return out


def sums(loss, y, w, used):
    """Return loss, slope and Hessian over some rows."""
    matrix, weight = rows()[used], WEIGHT[used]
    raw = matrix @ w
    value = weight @ loss.value(y[used], raw)
    slope = matrix.T @ (weight[:, None] * loss.gradient(y[used], raw))
    bend = loss.curvature(y[used], raw) * weight[:, None, None]
    gram = np.einsum("ni,nab,nj->iajb", matrix, bend, matrix)
    return value, slope, gram.reshape(w.size, w.size)


def test_own_weights(problem):
    """Rows of one fold would be in the loss of another, or in none."""
    loss, given, y, target = problem
    reading = reading_of(loss, y, target)
    weights = 0.3 * RNG.standard_normal((K + 1, *reading.shape))
    constants = 0.2 * RNG.standard_normal((K + 1, reading.n_outputs))
    with use_limits(block_entries=400):
        parts = [
            own_of_block(one, reading, weights, constants, None)
            for one in blocks(given)
        ]
    found = total(parts)
    for split in range(K + 1):
        names = ("loss", "slope", "gram")
        train = sums(loss, y, weights[split], split != FOLD)
        for name, expected in zip(names, train, strict=True):
            np.testing.assert_allclose(found[name][split], expected, atol=1e-12)
        null = np.zeros(reading.shape)
        null[-1] = constants[split]
        value, slope, gram = sums(loss, y, null, split != FOLD)
        np.testing.assert_allclose(found["null_loss"][split], value)
        np.testing.assert_allclose(found["null_slope"][split], slope, atol=1e-12)
        size = reading.n_outputs
        np.testing.assert_allclose(found["null_bend"][split], gram[-size:, -size:])
        if split == K:
            continue
        held = sums(loss, y, weights[split], split == FOLD)
        for name, expected in zip(names, held, strict=True):
            np.testing.assert_allclose(
                found[f"held_{name}"][split], expected, atol=1e-12
            )
        own = split == FOLD
        raw = rows()[own] @ weights[split]
        square = WEIGHT[own] @ loss.value(y[own], raw) ** 2
        np.testing.assert_allclose(found["held_square"][split], square)
        null_held = sums(loss, y, null, own)[0]
        np.testing.assert_allclose(found["held_null_loss"][split], null_held)


def test_common_weights(problem):
    """Sums of training rows would miss a fold."""
    loss, given, y, target = problem
    reading = reading_of(loss, y, target)
    w, constant = 0.3 * RNG.standard_normal(reading.shape), np.zeros(reading.n_outputs)
    parts = [common_of_block(one, reading, w, constant) for one in blocks(given)]
    found = total(parts)
    assert len(found["loss"]) == K + 1
    assert found["loss"][K] == 0.0
    for fold in range(K):
        names = ("loss", "slope", "gram")
        own = sums(loss, y, w, fold == FOLD)
        for name, expected in zip(names, own, strict=True):
            np.testing.assert_allclose(found[name][fold], expected, atol=1e-12)


def test_derivatives_along_moves(problem):
    """Third derivatives would be of other rows, directions or signs."""
    loss, given, y, target = problem
    reading = reading_of(loss, y, target)
    weights = 0.3 * RNG.standard_normal((K + 1, *reading.shape))
    moves = Moves(
        RNG.standard_normal((K, 2, *reading.shape)),
        RNG.standard_normal((K, *reading.shape)),
        True,
    )
    parts = [own_of_block(one, reading, weights, None, moves) for one in blocks(given)]
    found = total(parts)
    step, slopes = 1e-4, []
    for split in range(K):
        first, second = moves.responses[split]
        adjoint = moves.adjoints[split].ravel()

        def bend(w, split=split, first=first, adjoint=adjoint):
            gram = sums(loss, y, w, split != FOLD)[2]
            return adjoint @ gram @ first.ravel()

        w = weights[split]
        difference = (bend(w + step * second) - bend(w - step * second)) / (2 * step)
        third = found["third"][split]
        np.testing.assert_allclose(third[0, 1], difference, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(third, third.T, atol=1e-12)
        own = split == FOLD
        slope = loss.gradient(y[own], rows()[own] @ w)
        images = np.stack([rows()[own] @ one for one in moves.responses[split]])
        slopes.append(np.einsum("no,kno->nk", slope, images))
    slopes = np.concatenate(slopes)
    weight = np.concatenate([WEIGHT[split == FOLD] for split in range(K)])
    np.testing.assert_allclose(found["lambda_slope"], weight @ slopes, atol=1e-12)
    square = slopes.T @ (weight[:, None] * slopes)
    np.testing.assert_allclose(found["lambda_square"], square, atol=1e-12)


def test_facts_of_folds(problem):
    """Standard deviations or numbers of rows would be of other rows."""
    loss, given, y, target = problem
    reading = reading_of(loss, y, target)
    numbers = np.array([0, 5, 31, 32, 80])
    parts = [facts_of_folds(one, reading, numbers) for one in blocks(given)]
    found = total(parts)
    np.testing.assert_array_equal(found.numbers, numbers)
    np.testing.assert_array_equal(found.kinds[:, 0], FOLD[numbers])
    weight = np.bincount(FOLD, WEIGHT)
    np.testing.assert_allclose(found.totals["weight"], [*weight, 0.0])
    counts = np.bincount(FOLD, WEIGHT > 0)
    np.testing.assert_array_equal(found.totals["n_rows"], [*counts, 0])
    for fold, moments in enumerate(found.moments[:-1]):
        own, share = X[fold == FOLD], WEIGHT[fold == FOLD]
        mean = share @ own / share.sum()
        np.testing.assert_allclose(moments.mean, mean)
        np.testing.assert_allclose(moments.square, share @ (own - mean) ** 2)
    assert found.moments[K] is None
    np.testing.assert_allclose(
        reading.uses.trained(found.totals["weight"]),
        [*(weight.sum() - weight), weight.sum()],
    )
