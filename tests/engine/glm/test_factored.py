"""Splits whose Hessians are factored: passes for all splits, Newton steps, models."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.data import threads
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.glm import factored_newton
from sklearn_myhpo.engine.glm.factored_split_set import FactoredSplitSet
from sklearn_myhpo.engine.glm.fused_hessian import FusedHessian
from sklearn_myhpo.engine.glm.quadratic_model import QuadraticModels
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, PoissonLoss
from tests.data.helpers import sharded
from tests.engine.hard import KINDS, hard_features, labels
from tests.helpers import Spec, folds

N_ROWS = 90
CONTAINERS = {
    "dense": as_design,
    "Fortran": lambda X: as_design(np.asfortranarray(X)),
    "sparse": lambda X: as_design(sparse.csr_array(X)),
    "shards": sharded,
}
#: Splits that divide the rows, overlap, repeat rows, or leave rows out.
SPLITS = {
    "folds": folds(N_ROWS, 3),
    "holdout": folds(N_ROWS, 1),
    "shuffled": list(ShuffleSplit(4, test_size=0.3, random_state=0).split(range(90))),
    "repeated": [(np.r_[train, train[:9]], out[2:]) for train, out in folds(N_ROWS, 3)],
}


def make_problem(
    splits="folds",
    n_classes=2,
    container="dense",
    n_groups=1,
    scale_of_weightless=1.0,
):
    """Return a problem with weights, some of them zero."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, 5)) + 0.5
    y = labels(rng, X, n_classes)
    X[[40, 77]] *= scale_of_weightless
    weight = rng.uniform(0.2, 2.0, N_ROWS)
    weight[[40, 77]] = 0.0
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
    groups = np.arange(5) % n_groups
    design = CONTAINERS[container](X)
    spec = Spec(design, y, loss, SPLITS[splits], groups, sample_weight=weight)
    return spec.problem(all_directions=False)


@pytest.mark.parametrize("pass_entries", [100, 2**19])
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("splits", SPLITS)
def test_passes_are_sums_over_the_rows_of_splits(
    splits, n_classes, container, pass_entries, set_limits
):
    """A loss or slope would be that of other rows, or of other weights."""
    set_limits(pass_entries=pass_entries)
    problem = make_problem(splits, n_classes, container)
    split_set, lambda_ = problem.split_set, np.array([-3.0])
    assert isinstance(split_set, FactoredSplitSet)
    rng = np.random.default_rng(1)
    shape = (len(problem.splits), *problem.splits[0].shape)
    weights = 0.5 * rng.standard_normal(shape)
    vectors = rng.standard_normal((shape[0], 3, *shape[1:]))
    at = split_set.passes.slopes(weights)
    held_out = split_set.passes.held_out_losses(at.raw)
    out_slopes = split_set.passes.held_out_gradients(at.raw)
    images = split_set.passes.products(at.raw, vectors)
    matrices = split_set.passes.hessians(at.raw)
    grams, thirds = split_set.passes.tangent_terms(at.raw, vectors)
    nulls = split_set.null_validation_losses()
    for k, (split, w) in enumerate(zip(problem.splits, weights, strict=True)):
        penalty = split.penalty(lambda_)
        np.testing.assert_allclose(
            at.losses[k], split.train_loss(w, lambda_) - split.penalty_value(w, lambda_)
        )
        slope = split.train_gradient(w, lambda_) - penalty * w
        np.testing.assert_allclose(at.gradients[k], slope, atol=1e-13)
        np.testing.assert_allclose(held_out[k], split.validation_loss(w))
        slope = split.validation_gradient(w)
        np.testing.assert_allclose(out_slopes[k], slope, atol=1e-13)
        np.testing.assert_allclose(nulls[k], split.validation_loss(split.start()))
        hessian = split.hessian(w, lambda_)
        found = images[k] + penalty * vectors[k]
        np.testing.assert_allclose(found, hessian.product(vectors[k]), atol=1e-12)
        n_outputs = w.shape[1]
        full = matrices[k] + np.diag(np.repeat(penalty[:, 0], n_outputs))
        np.testing.assert_allclose(full, hessian.matrix, atol=1e-13)
        jacobian, adjoint = vectors[k, :-1], vectors[k, -1]
        np.testing.assert_allclose(grams[k], split.validation_gram(w, jacobian))
        third = split.third_term(w, adjoint, jacobian)
        np.testing.assert_allclose(thirds[k], third, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_passes_by_threads(n_classes, set_limits):
    """Threads would lose a block, or add it twice."""
    alone = make_problem("folds", n_classes).split_set.passes
    weights = np.random.default_rng(0).standard_normal((3, 6, max(1, n_classes - 1)))
    expected = alone.slopes(weights)
    set_limits(pass_entries=100, thin_work=0.0, gram_rows=8, block_entries=800)
    split_set = make_problem("folds", n_classes).split_set
    with threads.threads_of_a_fit(3):
        found = split_set.passes.slopes(weights)
        split_set.shared_curvature.renew(found.raw)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-13)
    matrices = split_set.shared_curvature.own_matrices()
    split_set.shared_curvature.renew(found.raw)
    again = split_set.shared_curvature.own_matrices()
    np.testing.assert_allclose(matrices, again, atol=1e-13)


def test_infinite_raw_predictions_of_other_rows():
    """Zero times infinity would end the fit in NaN."""
    problem = make_problem(scale_of_weightless=1e130)
    weights = np.full((3, 6, 1), 1e190)
    with np.errstate(all="ignore"):
        at = problem.split_set.passes.slopes(weights)
    assert not np.all(np.isfinite(at.raw))
    assert np.all(np.isfinite(at.losses))
    assert np.all(np.isfinite(at.gradients))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_classes", "own_pairs"), [(2, 0), (2, 2**19), (4, 0)])
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
def test_solutions_are_as_accurate_as_asked(kind, n_classes, own_pairs, tol):
    """Slopes in lambda are differences of folds, and would be those of errors."""
    rng = np.random.default_rng(2)
    X = hard_features(rng, 240, 6, kind)
    y = labels(rng, X, n_classes)
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
    with use_limits(own_pairs=own_pairs):
        problem = Spec(X, y, loss, folds(240, 3), np.zeros(6, int)).problem()
    level = np.log(np.median(np.var(X, axis=0)))
    for lambda_ in np.array([[level + 2.0], [level - 4.0], [level - 9.0]]):
        weights = problem.minimize(lambda_, problem.starts(), tol=tol)
        for split, w in zip(problem.splits, weights, strict=True):
            exact = split.minimize(lambda_, w, tol=1e-13)
            move = w - exact
            energy = np.sum(move * split.hessian(exact, lambda_).product(move))
            size = split.train_loss(exact, lambda_)
            assert np.sqrt(energy / (2.0 * size)) <= 2.0 * tol + 1e-8


def test_common_matrices_that_are_far_from_the_splits():
    """Folds of separable classes have curvatures of their own; steps would stall."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.standard_normal((40, 30)), 3, axis=0)
    X += 0.3 * rng.standard_normal(X.shape)
    y = (X @ rng.standard_normal(30) > 0).astype(int)
    with use_limits(own_pairs=0, scan_rows=10**6):
        problem = Spec(X, y, LogisticLoss(), folds(120, 3), np.zeros(30, int)).problem()
    lambda_ = np.array([-13.0])
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-8)
    assert problem.split_set.factored_curvature.is_rough
    assert problem.inner_residuals(lambda_, weights).max() <= 1e-6


def make_models(splits, n_classes, n_groups, w):
    """Return the problem, and the models of its splits; None where there are none."""
    problem = make_problem(splits, n_classes, n_groups=n_groups)
    if not problem.split_set.makes_models:
        return problem, None
    raw = problem.full.rows.forward(w).T
    return problem, QuadraticModels(problem.split_set, w, raw)


@pytest.mark.parametrize("splits", ["folds", "shuffled", "repeated"])
@pytest.mark.parametrize(("n_classes", "n_groups"), [(2, 1), (2, 2), (4, 1)])
def test_quadratic_models_touch_the_losses(splits, n_classes, n_groups):
    """A start would come from another problem."""
    shape = 6, n_classes - 1
    w = 0.3 * np.random.default_rng(0).standard_normal(shape)
    problem, models = make_models(splits, n_classes, n_groups, w)
    if splits != "folds":
        # Rows that are held out and never trained on have no Gram matrix.
        assert models is None or len(models.train.losses) == len(problem.splits)
    if models is None:
        return
    nothing = np.full(n_groups, -700.0)
    direction = np.random.default_rng(1).standard_normal(shape)
    flat = np.repeat(w.reshape(1, -1), len(problem.splits), axis=0)
    for name, args in (("train", (nothing,)), ("validation", ())):
        values, slopes = getattr(models, name).values_and_gradients(flat)
        along = np.repeat(direction.reshape(1, -1), len(flat), axis=0)
        curved = np.sum(getattr(models, name).products(along) * along, axis=1)
        for number, split in enumerate(problem.splits):
            own_slope = getattr(split, f"{name}_gradient")
            assert values[number] == pytest.approx(
                getattr(split, f"{name}_loss")(w, *args)
            )
            expected = own_slope(w, *args).ravel()
            np.testing.assert_allclose(slopes[number], expected, atol=1e-12)
            # Second derivatives are those of the split at common weights.
            step = 1e-6 * direction
            change = own_slope(w + step, *args) - own_slope(w - step, *args)
            expected = np.sum(change * direction) / 2e-6
            np.testing.assert_allclose(curved[number], expected, rtol=1e-4)


@pytest.mark.parametrize("moves", [[True, True], [True, False]])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_derivatives_along_a_model_are_those_of_its_values(moves, n_classes):
    """Newton steps of a start would end elsewhere, or lambda at a bound would count."""
    shape = 6, n_classes - 1
    w = 0.3 * np.random.default_rng(0).standard_normal(shape)
    _, models = make_models("folds", n_classes, 2, w)
    moves, lambda_ = np.array(moves), np.array([-3.0, -1.5])
    point = models.at(lambda_, moves)
    step = 1e-4
    low, high = (models.at(lambda_ + side * moves, moves) for side in (-step, step))
    slope = (high.values - low.values) / (2.0 * step)
    np.testing.assert_allclose(point.slopes, slope, rtol=1e-5, atol=1e-9)
    bend = (high.slopes - low.slopes) / (2.0 * step)
    np.testing.assert_allclose(point.bends, bend, rtol=1e-5, atol=1e-9)
    # The weights are the minima of the penalized models.
    flat = np.stack(point.weights).reshape(len(point.values), -1)
    penalty = np.repeat(2.0 * np.exp(np.r_[lambda_[np.arange(5) % 2], -800]), shape[1])
    rest = models.train.values_and_gradients(flat)[1] + penalty * flat
    np.testing.assert_allclose(rest, 0.0, atol=1e-10)


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_held_out_gradients_of_neighbours_are_those_of_all_rows(container):
    """A hypergradient would be that of other held-out rows."""
    problem = make_problem("folds", container=container)
    index = np.r_[problem.splits[0].held_out.index]
    assert np.any(np.diff(index) > 1)
    rng = np.random.default_rng(0)
    X = CONTAINERS[container](rng.standard_normal((N_ROWS, 5)))
    y = rng.integers(0, 2, N_ROWS)
    pairs = list(KFold(3).split(np.zeros((N_ROWS, 1))))
    problem = Spec(X, y, LogisticLoss(), pairs, np.zeros(5, int)).problem()
    passes = problem.split_set.passes
    assert passes.held_out.ranges == [slice(0, 30), slice(30, 60), slice(60, 90)]
    weights = list(rng.standard_normal((3, *problem.splits[0].shape)))
    found = problem.split_set.validation_gradients(weights)
    for split, w, one in zip(problem.splits, weights, found, strict=True):
        np.testing.assert_allclose(one, split.validation_gradient(w), atol=1e-14)


def test_matrices_of_every_split_take_over_from_long_solves():
    """Few counts and weak penalties would take a hundred passes for every step."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((200, 60))
    y = rng.poisson(0.1, 200).astype(float)
    with use_limits(own_pairs=0, scan_rows=10**6):
        problem = Spec(X, y, PoissonLoss(), folds(200, 3), np.zeros(60, int)).problem()
    lambda_ = np.array([-14.0])
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-8)
    assert problem.split_set.factored_curvature.is_rough
    assert problem.inner_residuals(lambda_, weights).max() <= 1e-6
    assert problem.counts.n_hessian_products <= 100 * len(problem.splits)


@given(
    seed=st.integers(0, 10**6),
    n_classes=st.sampled_from([2, 3, 5]),
    n_groups=st.sampled_from([1, 1, 3]),
    kind=st.sampled_from(KINDS),
    own_pairs=st.sampled_from([0, 2**19]),
)
@settings(max_examples=6, deadline=None)
def test_learns_what_conjugate_gradients_learn(
    seed, n_classes, n_groups, kind, own_pairs
):
    """The fast way would end at another minimum than the plain one."""
    rng = np.random.default_rng(seed)
    X = hard_features(rng, 100, 8, kind)
    y = labels(rng, X, n_classes)
    model = MYHPOLogisticRegression(
        cv=3, random_state=0, feature_groups=np.arange(8) % n_groups, max_iter=200
    )
    with use_limits(own_pairs=own_pairs):
        fast = model.fit(X, y).validation_loss_
    # Weights of 1e-9 at the upper bound of lambda have a gradient without effect.
    if model.lambda_.max() < 15.0:
        assert model.certificate_.inner_residuals.max() <= 1e-5
    if n_groups == 1:
        # Of several minima the fast way may find a lower one.
        with use_limits(dense_size=0):
            slow = model.fit(X, y).validation_loss_
        assert fast <= slow * (1 + 1e-5)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("rtol", [1e-2, 1e-9])
def test_solves_are_as_accurate_as_asked(n_classes, k, rtol):
    """A hypergradient would be that of adjoints of a few percent."""
    with use_limits(own_pairs=0, gram_entry=10.0, pass_base=0.0):
        problem = make_problem("folds", n_classes)
    split_set, lambda_ = problem.split_set, np.array([-5.0])
    rng = np.random.default_rng(0)
    weights = list(rng.standard_normal((3, *problem.splits[0].shape)))
    hessians = split_set.hessians(lambda_, weights)
    assert isinstance(hessians[0], FusedHessian)
    rights = list(rng.standard_normal((3, k, *problem.splits[0].shape)))
    solved = split_set.solve(hessians, rights, rtol)
    for split, w, x, right in zip(problem.splits, weights, solved, rights, strict=True):
        exact = split.hessian(w, lambda_)
        rest = right - exact.product(x)
        size = np.einsum("kmo,kmo->k", rest, exact.solve(rest))
        scale = np.einsum("kmo,kmo->k", right, exact.solve(right))
        # In the norm of the preconditioner, which is near this one.
        assert np.all(np.sqrt(size / scale) <= 5 * rtol)


class Overflowing(LogisticLoss):
    """A loss whose slope is no number far out."""

    def value_and_gradient(self, y, raw):
        """Return NaN beyond a raw prediction of size 3."""
        value, slope = super().value_and_gradient(y, raw)
        return value, np.where(np.abs(raw) > 3.0, np.nan, slope)


def test_slopes_that_are_no_numbers():
    """One split whose step overflows would stop all, or end in NaN."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((90, 4))
    y = (X[:, 0] > 0).astype(int)
    with use_limits(own_pairs=0):
        spec = Spec(X, y, Overflowing(), folds(90, 3), np.zeros(4, int))
        problem = spec.problem()
        weights = problem.minimize(np.array([-8.0]), problem.starts(), tol=1e-6)
    assert np.all(np.isfinite(weights))


def test_the_last_step_is_taken_once(monkeypatch):
    """Without convergence the weights would be a step beyond the last good ones."""
    monkeypatch.setattr(factored_newton, "NEWTON_MAX_ITER", 2)
    problem = make_problem()
    lambda_ = np.array([-9.0])
    loose = problem.minimize(lambda_, problem.starts(), tol=1e-9)
    tight = problem.minimize(lambda_, problem.starts(), tol=1e-12)
    np.testing.assert_allclose(loose, tight)
