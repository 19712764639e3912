"""Directions of stochastic solvers: unbiased, and what the papers say."""

import numpy as np
import pytest

from sklearn_myhpo.data.minibatches.batches import RowBatches
from sklearn_myhpo.solvers import Implicit, minimize_bilevel
from sklearn_myhpo.solvers.stochastic import f2sa
from sklearn_myhpo.solvers.stochastic.rules import RULES
from sklearn_myhpo.solvers.stochastic.steps import Outer, Steps, measured_steps
from sklearn_myhpo.solvers.stochastic.walk import Walk
from tests.helpers import SPECS, numerical_gradient
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


def every_row(problem):
    """Return all rows as one batch: methods are deterministic."""
    return RowBatches(problem.splits, [np.arange(len(problem.splits[0].y))])


def exact_place(problem, lambda_):
    """Return the exact weights and adjoints, shape (2, n_splits, n_outputs, m)."""
    weights = problem.minimize(lambda_, problem.starts(), 1e-14)
    adjoints = problem.split_set.solve(
        problem.hessians(lambda_, weights), problem.validation_gradients(weights), 1e-13
    )
    return np.stack([np.stack(one).swapaxes(1, 2) for one in (weights, adjoints)])


def epochs(method, walk, n_epochs=1):
    """Walk through epochs as the solver does."""
    rule = RULES[method]
    memory = rule.start(walk.batches.everything(walk.z)) if rule.needs_pass else None
    for _ in range(n_epochs):
        memory = rule.epoch(walk, memory)
        memory = rule.renewed(memory, walk.batches.everything(walk.z))
    return memory


@pytest.mark.parametrize("name", ["logistic-groups", "multinomial", "ridge-targets"])
def test_one_batch_of_all_rows_is_gradient_descent(name):
    """Without noise, what variance reduction adds has to vanish."""
    problem = by_rows(name)
    batches, lambda_ = every_row(problem), np.full(problem.n_groups, -1.0)
    steps, start = measured_steps(batches, 0.5)[0], 0.1 * random_z(problem)
    ends = []
    for method in ("saba", "srba"):
        walk = walk_through(problem, batches, steps, lambda_, start)
        epochs(method, walk, 5)
        ends.append(walk)
    outer, z = Outer(problem), start
    for _ in range(5):
        direction = batches.everything(z).gradients
        lambda_, z = by_hand(outer, steps, lambda_, z, direction)
    for walk in ends:
        np.testing.assert_allclose(walk.z, z, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-9)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    "method", [one for one in RULES if one not in ("f2sa", "vrbo")]
)
@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-groups"])
def test_optimum_is_a_fixed_point(method, name):
    """A method would walk away from where it has to end."""
    problem = by_rows(name)
    best = minimize_bilevel(SPECS[name]().problem(), Implicit(), tol=1e-12)
    batches, lambda_ = every_row(problem), best.lambda_
    place, steps = exact_place(problem, lambda_), measured_steps(batches, 1.0)[0]
    # A Neumann series has to have come to its end.
    walk = walk_through(problem, batches, steps, lambda_.copy(), place, n_inner=2000)
    walk.rounds = lambda n_each: np.zeros((1, n_each), dtype=int)
    epochs(method, walk)
    np.testing.assert_allclose(walk.lambda_, lambda_, atol=1e-6)
    np.testing.assert_allclose(walk.z[0], place[0], atol=1e-6)
    np.testing.assert_allclose(walk.z[1], place[1], atol=1e-6 * np.abs(place[1]).max())


def test_srba_follows_the_recursion_of_sarah():
    """Gradients that are not carried on, or from the wrong place, give other steps."""
    problem = by_rows("logistic-5-fold")
    batches, outer = batches_of(problem, 8), Outer(problem)
    lambda_, z = np.full(problem.n_groups, -1.0), random_z(problem)
    n, steps = len(batches), measured_steps(batches, 0.1)[0]
    walk = walk_through(problem, batches, steps, lambda_, z)
    epochs("srba", walk)
    direction = batches.everything(z).gradients
    for one in every(batches):
        after = by_hand(outer, steps, lambda_, z, direction)
        direction = direction + joint(one, after[1], n) - joint(one, z, n)
        lambda_, z = after
    np.testing.assert_allclose(walk.z, z, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-9)


@pytest.mark.parametrize("name", ["ridge-weighted", "logistic-groups"])
def test_f2sa_has_the_slope_of_its_lagrangian(name):
    """At exact y and z it is ``s d/dlambda (L_T(y) - L_T(z))``, by differences."""
    problem, s = by_rows(name), f2sa.multiplier(0)
    lambda_ = np.linspace(-2.0, -1.0, problem.n_groups)
    batches, outer = every_row(problem), Outer(problem)
    steps = measured_steps(batches, 1.0)[0]
    place = exact_place(problem, lambda_)
    walk = walk_through(problem, batches, steps, lambda_, place)
    both = np.stack([place[0], place[0]])
    for _ in range(20_000):
        before = both.copy()
        RULES["f2sa"].step(walk, np.zeros(1, dtype=int), both, s, 1.0)
        if np.abs(both - before).max() < 1e-14:
            break
    y, z = both
    np.testing.assert_allclose(z, place[0], atol=1e-7)
    slope = outer.hypergradient(lambda_, walk.penalty, 0.5 * (y + z), -s * (y - z))

    def lagrangian(point):
        losses = [
            s
            * (
                split.train_loss(a.T.copy(), point)
                - split.train_loss(b.T.copy(), point)
            )
            for split, a, b in zip(problem.splits, y, z, strict=True)
        ]
        return problem.split_weights @ np.array(losses)

    np.testing.assert_allclose(
        slope, numerical_gradient(lagrangian, lambda_), rtol=1e-5, atol=1e-10
    )
    # Up to a part of 1/s it is the hypergradient.
    exact = outer.hypergradient(lambda_, walk.penalty, *place)
    assert np.abs(slope - exact).max() < 0.5 * np.abs(exact).max()


def test_f2sa_steps_on_both_weights():
    """The sizes and the multiplier of the paper, written out."""
    problem = by_rows("logistic-groups")
    batches, outer = batches_of(problem, 8), Outer(problem)
    n, steps = len(batches), Steps(None, 0.1, 0.2)
    lambda_, start = np.full(3, -1.0), random_z(problem)
    walk = walk_through(problem, batches, steps, lambda_, start, n_inner=2)
    rounds = np.arange(n)[: 2 * (n // 2)].reshape(-1, 2)
    walk.rounds = lambda n_each: rounds
    RULES["f2sa"].epoch(walk, None)
    z, share = start[0], problem.split_weights[:, None, None]
    y = z - start[1] / 10.0
    for k, numbers in enumerate(rounds):
        penalty, s = outer.penalty(lambda_), 10.0 * (k + 1) ** (1 / 7)
        gamma = 0.1 / (k + 1) ** (4 / 7)
        for number in numbers:
            one = every(batches)[number]
            slope_y, slope_z = (one.slopes(one.forward(w)) for w in (y, z))
            f = n * one.adjoint(one.held_out * slope_y)
            g = n * one.adjoint(one.train * slope_y) + penalty * y
            z = z - gamma * (n * one.adjoint(one.train * slope_z) + penalty * z)
            y = y - gamma / (2.0 * s) * (f + s * g)
        change = 0.5 * s * share * penalty * (y**2 - z**2)
        change = np.sum(change, axis=(0, 1))[:-1]
        slope = problem.groups.sum_by_group(change)
        lambda_ = lambda_ - 0.2 / (k + 1) ** (5 / 7) * slope
    s = 10.0 * (len(rounds) + 1) ** (1 / 7)
    np.testing.assert_allclose(walk.z, np.stack([z, -s * (y - z)]), rtol=1e-9)
    np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-9)


def series(problem, batches, w, lambda_, numbers, steps):
    """Return the gradient of L_T and the hypergradient of some batches, and q."""
    outer, many, n = Outer(problem), every(batches), len(batches)
    penalty = outer.penalty(lambda_)
    first, second, *others = (many[number] for number in numbers)
    slopes = first.train * first.slopes(first.forward(w))
    gradient = n * first.adjoint(slopes) + penalty * w
    right = n * second.adjoint(second.held_out * second.slopes(second.forward(w)))
    q = np.zeros_like(w)
    for one in others:
        bent = one.slopes_and_bent(one.forward(w), one.forward(q))[1]
        image = n * one.adjoint(one.train * bent) + penalty * q
        q = q - steps.scale(penalty) * (image - right)
    return gradient, outer.hypergradient(lambda_, penalty, w, q), q


def test_mrbo_keeps_momentum_in_both_directions():
    """Directions of the last batch alone would be those of another method."""
    problem, n_inner = by_rows("logistic-groups"), 3
    batches, outer = batches_of(problem, 8), Outer(problem)
    steps, lambda_ = measured_steps(batches, 1.0)[0], np.full(3, -1.0)
    (w, q), rounds = random_z(problem), np.arange(15).reshape(3, 5) % len(batches)
    walk = walk_through(problem, batches, steps, lambda_, np.stack([w, q]), n_inner)
    walk.rounds = lambda n_each: rounds[:, :n_each]
    RULES["mrbo"].epoch(walk, None)
    last = before = None
    for k, numbers in enumerate(rounds):
        u, v, q = series(problem, batches, w, lambda_, numbers, steps)
        if k:
            share = 0.5 * k ** (-2 / 3)
            old = series(problem, batches, *before, numbers, steps)
            u = u + (1.0 - share) * (last[0] - old[0])
            v = v + (1.0 - share) * (last[1] - old[1])
        last, before = (u, v), (w, lambda_)
        penalty, factor = outer.penalty(lambda_), (k + 1) ** (-1 / 3)
        lambda_ = outer.stepped(lambda_, penalty, w, q, steps, factor, v)
        w = w - factor * steps.scale(penalty) * u
    np.testing.assert_allclose(walk.z, np.stack([w, q]), rtol=1e-9)
    np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-9)


def first_series(problem, batches, w, lambda_, n_terms, steps):
    """Return the gradient of L_T, a hypergradient and q, with rows shared by terms."""
    outer, many = Outer(problem), every(batches)
    penalty, found = outer.penalty(lambda_), batches.everything(np.stack([w, 0.0 * w]))
    q = np.zeros_like(w)
    for own in np.array_split(np.arange(len(many)), n_terms):
        image = 0.0
        for one in (many[number] for number in own):
            bent = one.slopes_and_bent(one.forward(w), one.forward(q))[1]
            image = image + len(many) / len(own) * one.adjoint(one.train * bent)
        q = q - steps.scale(penalty) * (image + penalty * q - found.held_out)
    slope = outer.hypergradient(lambda_, penalty, w, q)
    return found.gradients[0] + penalty * w, slope, q


def test_vrbo_follows_spider_through_its_inner_loops():
    """First gradients of all rows, a series whose terms share them, then changes."""
    problem, n_inner = by_rows("logistic-groups"), 2
    batches, outer = batches_of(problem, 8), Outer(problem)
    steps, lambda_ = measured_steps(batches, 1.0)[0], np.full(3, -1.0)
    w, _ = start = random_z(problem)
    rounds = np.arange(16).reshape(2, 8) % len(batches)
    walk = walk_through(problem, batches, steps, lambda_, start, n_inner)
    walk.rounds = lambda n_each: rounds[:, :n_each]
    epochs("vrbo", walk)
    u, v, q = first_series(problem, batches, w, lambda_, n_inner, steps)
    for numbers in rounds:
        before = w, lambda_
        penalty = outer.penalty(lambda_)
        lambda_ = outer.stepped(lambda_, penalty, w, q, steps, 1.0, v)
        for own in numbers.reshape(2, 4):
            new = series(problem, batches, w, lambda_, own, steps)
            old = series(problem, batches, *before, own, steps)
            u, v, q = u + new[0] - old[0], v + new[1] - old[1], new[2]
            before = w, lambda_
            w = w - steps.scale(outer.penalty(lambda_)) * u
    np.testing.assert_allclose(walk.z, np.stack([w, q]), rtol=1e-8)
    np.testing.assert_allclose(walk.lambda_, lambda_, rtol=1e-8)
