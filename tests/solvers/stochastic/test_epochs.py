"""Directions of stochastic solvers: unbiased, and what the papers say."""

import numpy as np
import pytest

from sklearn_myhpo.solvers.stochastic.epochs import (
    Tables,
    double_loop,
    saba_direction,
    soba_direction,
)
from sklearn_myhpo.solvers.stochastic.steps import Outer, measured_steps
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
    shape = (m, 2, len(problem.splits), k)
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("name", NAMES)
def test_directions_are_unbiased(name):
    """The mean over all batches is the gradient of all rows, by other code."""
    problem = by_rows(name)
    batches = problem.sample_row_batches(np.random.default_rng(0), 7)
    z, zero = random_z(problem), np.full(problem.n_groups, -np.inf)
    numbers = range(len(batches))
    mean = np.mean([soba_direction(batches, i, z) for i in numbers], axis=0)
    parts = {
        "inner": lambda i: batches.inner(i, z[:, 0]),
        "curved": lambda i: batches.curved(i, z),
        "outer": lambda i: batches.outer(i, z[:, 0]),
    }
    means = {key: np.mean([f(i) for i in numbers], axis=0) for key, f in parts.items()}
    for k, split in enumerate(problem.splits):
        w, q = z[:, 0, k].copy(), z[:, 1, k].copy()
        gradient, pull = split.train_gradient(w, zero), split.validation_gradient(w)
        bent = split.product_hessian(w, zero).product(q)
        np.testing.assert_allclose(mean[:, 0, k], gradient, atol=1e-12)
        np.testing.assert_allclose(mean[:, 1, k], bent - pull, atol=1e-12)
        np.testing.assert_allclose(means["inner"][:, k], gradient, atol=1e-12)
        np.testing.assert_allclose(means["curved"][:, k], bent, atol=1e-12)
        np.testing.assert_allclose(means["outer"][:, k], pull, atol=1e-12)
    found = batches.everything(z)
    np.testing.assert_allclose(found.gradients, mean, atol=1e-12)
    losses = [
        s.validation_loss(z[:, 0, k].copy()) for k, s in enumerate(problem.splits)
    ]
    np.testing.assert_allclose(found.validation_losses, losses, rtol=1e-12)


@pytest.mark.parametrize("name", ["logistic-5-fold", "multinomial", "ridge-targets"])
def test_tables_of_scalars_are_tables_of_vectors(name):
    """SABA as published keeps a gradient per batch; the scalars must stand for them."""
    problem = by_rows(name)
    rng = np.random.default_rng(0)
    batches = problem.sample_row_batches(rng, 8)
    start = batches.everything(random_z(problem))
    tables = Tables(start.scalars, start.gradients)
    vectors = [
        soba_direction(batches, i, random_z(problem)) for i in range(len(batches))
    ]
    for seed, number in enumerate(rng.integers(len(batches), size=25)):
        z = random_z(problem, seed)
        new = soba_direction(batches, number, z)
        expected = new - vectors[number] + np.mean(vectors, axis=0)
        direction = saba_direction(batches, number, z, tables)
        np.testing.assert_allclose(direction, expected, atol=1e-11)
        vectors[number] = new


def test_stocbio_sums_a_neumann_series():
    """One iteration against products of the batches' Hessians, written out."""
    problem, n_inner, lambda_ = by_rows("ridge-weighted"), 4, np.full(3, -1.0)
    batches = problem.sample_row_batches(np.random.default_rng(0), 8)
    steps = measured_steps(batches, 1.0)[0]
    z, outer = random_z(problem), Outer(problem)
    order = np.arange(2 * n_inner + 1)[None] % len(batches)
    _, after = double_loop(
        batches, outer, order, lambda_, z, n_inner, True, lambda k: steps
    )
    penalty = outer.penalty(lambda_)
    scale, w = steps.scale(penalty), z[:, 0]
    for number in order[0, :n_inner]:
        w = w - scale[..., None] * (batches.inner(number, w) + penalty[..., None] * w)
    np.testing.assert_allclose(after[:, 0], w, rtol=1e-12)
    pull = batches.outer(order[0, n_inner], w)
    size = len(penalty)
    for k in range(len(problem.splits)):
        factors, own = [], scale[:, k, None]
        for number in order[0, n_inner + 1 :]:
            rows = batches.block(number).matrix
            weight = len(batches) * batches.train[batches.index(number), k]
            hessian = rows.T @ (weight * rows) + np.diag(penalty[:, k])
            factors.append(np.eye(size) - own * hessian)
        series = sum(
            np.linalg.multi_dot([np.eye(size), *factors[:first:-1], own * pull[:, k]])
            for first in range(n_inner)
        )
        np.testing.assert_allclose(after[:, 1, k], series, rtol=1e-9)
