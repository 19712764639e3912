"""Directions of stochastic solvers: unbiased, and what the papers say."""

import numpy as np
import pytest

from sklearn_myhpo.solvers.stochastic.rules import RULES
from sklearn_myhpo.solvers.stochastic.steps import Outer, Steps, measured_steps
from sklearn_myhpo.solvers.stochastic.walk import Walk
from tests.solvers.helpers import by_rows

NAMES = [
    "ridge-5-fold",
    "ridge-targets",
    "ridge-sparse",
    "ridge-weighted",
    "logistic-groups",
    "logistic-no-intercept",
    "multinomial",
]


def random_z(problem, seed=0):
    """Return random weights and adjoints of all splits."""
    m, k = problem.splits[0].shape
    shape = (2, len(problem.splits), k, m)
    return np.random.default_rng(seed).standard_normal(shape)


def batches_of(problem, size=7):
    return problem.sample_row_batches(np.random.default_rng(0), size)


def every(batches):
    """Return all batches."""
    return list(batches.visit(np.arange(len(batches))))


def walk_through(problem, batches, steps, lambda_, z, n_inner=10, order=None):
    """Return a `Walk` whose order is known."""
    walk = Walk(batches, Outer(problem), steps, lambda_, z.copy(), 0, None, n_inner)
    order = np.arange(len(batches)) if order is None else order
    walk.order = lambda: order
    return walk


@pytest.mark.parametrize("name", NAMES)
def test_directions_are_unbiased(name):
    """The mean over all batches is the gradient of all rows, by other code."""
    problem = by_rows(name)
    batches, z = batches_of(problem), random_z(problem)
    zero, n = np.full(problem.n_groups, -np.inf), len(batches)
    sums = sum(one.adjoint(one.scalars(one.forward(z))) for one in every(batches))
    slopes = sum(
        one.adjoint(one.train * one.slopes(one.forward(z[0]))) for one in every(batches)
    )
    for k, split in enumerate(problem.splits):
        w, q = z[0, k].T.copy(), z[1, k].T.copy()
        gradient, pull = split.train_gradient(w, zero), split.validation_gradient(w)
        bent = split.product_hessian(w, zero).product(q)
        np.testing.assert_allclose(sums[0, k].T, gradient, atol=1e-12)
        np.testing.assert_allclose(slopes[k].T, gradient, atol=1e-12)
        np.testing.assert_allclose(sums[1, k].T, bent - pull, atol=1e-12)
    found = batches.everything(z)
    assert n > 1
    np.testing.assert_allclose(found.gradients, sums, atol=1e-12)
    losses = [s.validation_loss(z[0, k].T.copy()) for k, s in enumerate(problem.splits)]
    np.testing.assert_allclose(found.validation_losses, losses, rtol=1e-12)
    again = sum(one.adjoint(found.scalars[..., one.place]) for one in every(batches))
    np.testing.assert_allclose(again, sums, atol=1e-12)


def joint(batch, z, n_batches):
    """Return the gradients of both problems on a batch."""
    return n_batches * batch.adjoint(batch.scalars(batch.forward(z)))


def by_hand(outer, steps, lambda_, z, direction):
    """Return lambda and z after a step on all three at once, written out."""
    penalty = outer.penalty(lambda_)
    after = outer.stepped(lambda_, penalty, *z, steps)
    return after, z - steps.scale(penalty) * (direction + penalty * z)


@pytest.mark.parametrize("name", ["logistic-5-fold", "multinomial", "ridge-targets"])
def test_tables_of_scalars_are_tables_of_vectors(name):
    """SABA as published keeps a gradient per batch; the scalars must stand for them."""
    problem = by_rows(name)
    batches, z = batches_of(problem, 8), random_z(problem)
    n, steps = len(batches), measured_steps(batches, 0.1)[0]
    rule, start = RULES["saba"], batches.everything(z)
    order = np.random.default_rng(1).integers(n, size=25)
    walk = walk_through(problem, batches, steps, np.full(problem.n_groups, -1.0), z)
    walk.order = lambda: order
    memory = rule.start(start)
    after = rule.epoch(walk, memory)
    # The memory of before is untouched.
    np.testing.assert_array_equal(memory.gradients, start.gradients)
    outer, lambda_ = Outer(problem), np.full(problem.n_groups, -1.0)
    vectors = [joint(one, z, n) for one in every(batches)]
    for number in order:
        new = joint(every(batches)[number], z, n)
        direction = new - vectors[number] + np.mean(vectors, axis=0)
        vectors[number] = new
        lambda_, z = by_hand(outer, steps, lambda_, z, direction)
    np.testing.assert_allclose(walk.z, z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-9)
    np.testing.assert_allclose(after.gradients, np.mean(vectors, axis=0), atol=1e-10)


def test_soba_steps_along_batches():
    """Steps of SOBA that do not fall, or fall too fast, end elsewhere."""
    problem, lambda_ = by_rows("logistic-groups"), np.full(3, -1.0)
    batches, z, outer = batches_of(problem), random_z(problem), Outer(problem)
    steps = Steps(None, 0.1, 0.2)
    walk = walk_through(problem, batches, steps, lambda_, z)
    RULES["soba"].epoch(walk, None)
    for k, batch in enumerate(every(batches)):
        now = steps._replace(gamma=0.1 / np.sqrt(k + 1), beta=0.2 / np.sqrt(k + 1))
        direction = joint(batch, z, len(batches))
        lambda_, z = by_hand(outer, now, lambda_, z, direction)
    np.testing.assert_allclose(walk.z, z, rtol=1e-10)
    np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-10)


@pytest.mark.parametrize("method", ["amigo", "stocbio"])
def test_inner_loops_are_products_of_hessians(method):
    """One iteration against products of the batches' Hessians, written out."""
    problem, n_inner, lambda_ = by_rows("ridge-weighted"), 4, np.full(3, -1.0)
    batches, n = batches_of(problem, 8), 0
    n = len(batches)
    steps, z = measured_steps(batches, 1.0)[0], random_z(problem)
    order = np.arange(2 * n_inner + 1) % n
    walk = walk_through(problem, batches, steps, lambda_, z, n_inner)
    walk.rounds = lambda n_each: order[None]
    RULES[method].epoch(walk, None)
    outer = Outer(problem)
    penalty = outer.penalty(lambda_)
    scale, many = steps.scale(penalty), every(batches)
    w, q = z[0], z[1] if method == "amigo" else np.zeros_like(z[1])
    for number in order[:n_inner]:
        one = many[number]
        slopes = one.train * one.slopes(one.forward(w))
        w = w - scale * (n * one.adjoint(slopes) + penalty * w)
    np.testing.assert_allclose(walk.z[0], w, rtol=1e-12)
    one = many[order[n_inner]]
    pull = n * one.adjoint(one.held_out * one.slopes(one.forward(w)))
    size = penalty.shape[-1]
    own_penalty = np.broadcast_to(penalty, (len(problem.splits), 1, size))[:, 0]
    own_scale = np.broadcast_to(scale, (len(problem.splits), 1, size))[:, 0]
    for k in range(len(problem.splits)):
        own = q[k, 0]
        for number in order[n_inner + 1 :]:
            rows = many[number].block.matrix
            weight = n * many[number].train[k, 0]
            hessian = rows.T @ (weight[:, None] * rows) + np.diag(own_penalty[k])
            own = own - own_scale[k] * (hessian @ own - pull[k, 0])
        np.testing.assert_allclose(walk.z[1, k, 0], own, rtol=1e-9)
    expected = outer.stepped(lambda_, penalty, *walk.z, steps)
    np.testing.assert_allclose(walk.lambda_, expected, rtol=1e-12)
