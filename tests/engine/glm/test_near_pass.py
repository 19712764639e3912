"""One pass for all terms, beside the passes for each of them."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo import MYHPOPoissonRegressor
from sklearn_myhpo.engine.glm.centre import Centre
from sklearn_myhpo.engine.glm.near_models import NearModels
from sklearn_myhpo.engine.glm.near_pass import NearPass
from sklearn_myhpo.engine.glm.part_sums import PartSums
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss, PoissonLoss
from tests.helpers import Spec, folds

#: How rows are divided among folds: in runs, at random, or in runs but for a few rows
#: where two folds meet, as stratified folds are.
ORDERS = ["runs", "random", "ragged"]


def problem_of(kind, order, is_weighted=True):
    """Return a problem of one lambda, with uneven weights or none."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 6))
    if kind == "sparse":
        X = sparse.csr_array(np.where(X > 1.0, X, 0.0))
    loss, y = PoissonLoss(), rng.poisson(1.5, 600).astype(float)
    if kind == "classes":
        loss, y = LogisticLoss(), np.arange(600) % 2
    pairs = folds(600, 4, seed=1)
    if order != "random":
        rows = np.arange(600)
        if order == "ragged":
            for end in (150, 300, 450):
                rows[end - 10 : end + 10] = rng.permutation(rows[end - 10 : end + 10])
        parts = np.array_split(rows, 4)
        pairs = [(np.setdiff1d(rows, part), np.sort(part)) for part in parts]
    weight = rng.uniform(0.3, 2.0, 600) if is_weighted else None
    spec = Spec(X, y, loss, pairs, np.zeros(6, int), sample_weight=weight)
    return spec.problem(all_directions=False)


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", ["dense", "sparse", "classes"])
def test_terms_are_those_of_single_passes(kind, order, is_weighted):
    """The slope in lambda would be that of other rows than the folds'."""
    problem = problem_of(kind, order, is_weighted)
    split_set, full = problem.split_set, problem.full
    passes, rng = split_set.passes, np.random.default_rng(1)
    weights = 0.3 * rng.standard_normal((5, 7))
    vectors = rng.standard_normal((4, 2, 7))
    with use_limits(block_entries=2**14, cached_entries=2**12):
        parts = PartSums(split_set)
        found = NearPass(passes, full.train_weight, parts).terms(weights, vectors)
    at = passes.slopes(weights[:4, :, None])
    whole = full.train_gradient(weights[4:].T, np.array([-300.0]))
    gradients = np.concatenate([at.gradients[..., 0], whole.T])
    np.testing.assert_allclose(found.gradients, gradients, atol=1e-13)
    products = passes.products(at.raw, vectors[..., None])[..., 0]
    np.testing.assert_allclose(found.products, products, atol=1e-12)
    gram, third = passes.tangent_terms(at.raw, vectors[..., None])
    np.testing.assert_allclose(found.gram, gram[:, 0, 0])
    turn = np.einsum("km,km->k", found.turn, vectors[:, 0])
    np.testing.assert_allclose(turn, (gram - third)[:, 0, 0])
    held = passes.held_out_gradients(at.raw)[..., 0]
    np.testing.assert_allclose(found.held_gradients, held, atol=1e-13)
    again = NearPass(passes, full.train_weight).gradients(weights)
    np.testing.assert_allclose(again, gradients, atol=1e-13)
    for own in (None, parts):
        last, held_losses = NearPass(passes, full.train_weight, own).values(weights)
        np.testing.assert_allclose(last.losses, at.losses)
        np.testing.assert_allclose(last.gradients[..., 0], gradients, atol=1e-13)
        np.testing.assert_allclose(held_losses, passes.held_out_losses(at.raw))


@pytest.mark.parametrize("order", ["runs", "ragged"])
def test_blocks_are_of_one_split_where_its_rows_are_neighbours(order):
    """Sums over held-out rows would be gathered row by row."""
    split_set = problem_of("dense", order).split_set
    with use_limits(cached_entries=2**12):
        blocks = [rows for rows, _ in NearPass(split_set.passes, np.ones(600))._blocks]
    numbers = [np.arange(600)[block] for block in blocks]
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), np.arange(600))
    assert sum(isinstance(block, slice) for block in blocks) >= 4
    for own in numbers:
        assert len(np.unique(split_set.parts.kinds[own])) == 1


def test_moves_mend_the_hessians_of_models():
    """Errors of weights would fall from pass to pass by the same small factor."""
    problem = problem_of("dense", "random")
    factors = np.append(np.ones(6), 0.0)
    rng, start = np.random.default_rng(4), problem.full.start()
    centre = Centre(-3.0, start, problem.full.raw(start).T)
    full = problem.full
    models, exact = NearModels(problem.split_set, full, factors, centre), []
    for _ in range(2):
        before, now = models.gradients, models.reference
        weights = now + 0.3 * rng.standard_normal((5, 7))
        found = NearPass(problem.split_set.passes, full.train_weight)
        slopes = found.gradients(weights)
        penalty = 2.0 * np.exp(-3.0) * factors
        move = weights - now
        exact.append((move, slopes - before + penalty * move))
        models.move_to(weights, slopes)
    move, change = exact[-1]
    for number in (5, 4):
        # Of all models, or of those of the splits.
        found = models.solve_corrected(change[:number, None], -3.0)[:, 0]
        np.testing.assert_allclose(found, move[:number])
    reference, move = models.reference[:-1], move[:-1]
    assert models.distance(reference) == 0.0
    grams = np.einsum("ka,kab,kb->k", move, models.grams[:-1], move)
    far = np.sqrt(np.max(0.5 * grams / models.losses[:-1]))
    assert models.distance(reference - move) == pytest.approx(far)


@pytest.mark.parametrize("order", ORDERS)
def test_sums_over_parts_are_those_of_the_splits(order):
    """A model of a split would know its own held-out rows."""
    split_set = problem_of("dense", order).split_set
    rng = np.random.default_rng(2)
    values, slopes = rng.random(600), rng.standard_normal((600, 2))
    sums = PartSums(split_set)
    train = np.stack(split_set.train_weights)
    held = split_set.passes.held_out.matrix
    rows = split_set.rows.of(0).to_dense()
    for own, weight in zip(sums.of_values(values), (train, held), strict=True):
        np.testing.assert_allclose(own, weight @ values)
    for own, weight in zip(sums.of_slopes(slopes), (train, held), strict=True):
        expected = np.einsum("kn,nm,nj->kmj", weight, rows, slopes)
        np.testing.assert_allclose(own, expected, atol=1e-13)


@pytest.mark.parametrize("order", ORDERS)
def test_gradients_without_features(order):
    """The residuals of a certificate would be relative to nothing."""
    split_set = problem_of("dense", order).split_set
    found = split_set._null_gradients()
    starts = [split.start() for split in split_set.splits]
    expected = split_set.passes.slopes(np.stack(starts)).gradients
    size = np.linalg.norm(expected, axis=(1, 2))
    assert np.all(np.linalg.norm(found - expected, axis=(1, 2)) <= 1e-2 * size)


def features_of(kind, rng):
    """Return features (5000, 8) that are hard for single precision, or easy."""
    X = rng.standard_normal((5000, 8))
    if kind == "collinear":
        X[:, 1] = X[:, 0] + 1e-5 * X[:, 1]
    if kind == "far":
        X += 50.0
    units = {"tiny": 1e-20, "huge": 1e25}.get(kind, 1.0)
    return X * units, X


@pytest.mark.parametrize("kind", ["easy", "collinear", "far", "tiny", "huge"])
def test_single_precision_leads_to_the_same_lambda(kind):
    """Strengths would depend on the units of X, or on their number."""
    rng = np.random.default_rng(5)
    X, own = features_of(kind, rng)
    y = rng.poisson(np.exp(0.1 * (own - own.mean(axis=0)).sum(axis=1))).astype(float)
    exact = MYHPOPoissonRegressor().fit(X, y)
    with use_limits(rough_features=1):
        rough = MYHPOPoissonRegressor().fit(X, y)
    assert rough.lambda_ == pytest.approx(exact.lambda_, abs=1e-9)
    assert rough.n_iter_ == exact.n_iter_
    np.testing.assert_allclose(rough.coef_, exact.coef_, rtol=1e-8)
