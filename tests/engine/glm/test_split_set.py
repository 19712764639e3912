"""All splits in step: solutions and derivatives of low accuracy."""

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.engine.glm import newton_together
from sklearn_myhpo.engine.glm.products import ProductHessian
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss
from tests.engine.hard import (
    KINDS,
    dense_hessians,
    hard_features,
    labels,
    plain_hessians,
)
from tests.helpers import Spec, folds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_classes", "n_groups"), [(2, 1), (2, 3), (4, 1), (4, 5)])
@pytest.mark.parametrize("rtol", [1e-4, 1e-9])
def test_gradient_is_as_accurate_as_it_says(
    kind, n_classes, n_groups, rtol, set_limits, monkeypatch
):
    """Adjoint and responses are inaccurate; what they give together must not be."""
    rng = np.random.default_rng(3)
    X = hard_features(rng, 240, 8, kind)
    y = labels(rng, X, n_classes)
    loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
    groups = np.arange(8) % n_groups
    pairs = folds(len(y), 3)
    problem = Spec(X, y, loss, pairs, groups).problem()
    # Weak and strong enough for the penalty to matter to some features only.
    level = np.log(np.median(np.var(X, axis=0))) - 6.0
    lambda_ = level + np.linspace(-1.0, 1.0, n_groups)
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-12)
    dense = dense_hessians(problem, lambda_)
    monkeypatch.setattr(problem, "hessians", lambda *place: dense)
    exact = problem.at(lambda_, weights).model()
    # No preconditioner helps, so every digit has to be earned.
    set_limits(products_per_solve=0)
    hessians = [
        split.product_hessian(w, lambda_)
        for split, w in zip(problem.splits, weights, strict=True)
    ]
    assert all(isinstance(hessian, ProductHessian) for hessian in hessians)
    monkeypatch.setattr(problem, "hessians", lambda *place: hessians)
    found = problem.at(lambda_, weights).model(rtol)
    # |J|_H |q|_H bounds the hypergradient and is the unit of its error.
    unit = bound_of_gradient(problem, lambda_, weights)
    error = np.abs(found.gradient - exact.gradient)
    assert np.all(error <= 20 * rtol * unit + 1e-12)
    size = np.abs(exact.tangent).max() + np.abs(exact.metric).max()
    np.testing.assert_allclose(found.tangent, exact.tangent, atol=0.05 * size)
    np.testing.assert_allclose(found.metric, exact.metric, atol=0.05 * size)


def bound_of_gradient(problem, lambda_, weights):
    """Return the mean of ``|J|_H |q|_H`` over splits, for every lambda."""
    hessians = dense_hessians(problem, lambda_)
    total = 0.0
    for omega, split, w, hessian in zip(
        problem.split_weights, problem.splits, weights, hessians, strict=True
    ):
        slope = split.validation_gradient(w)
        force = -split.scatter_by_group(split.penalty(lambda_) * w)
        adjoint = np.sum(slope * hessian.solve(slope))
        response = np.sum(force * hessian.solve(force), axis=(1, 2))
        total = total + omega * np.sqrt(adjoint * response)
    return total


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_learns_what_plain_hessians_learn(kind, n_classes, monkeypatch):
    """Shared factors and solves of low accuracy must end at the same minimum."""
    rng = np.random.default_rng(5)
    X = hard_features(rng, 300, 10, kind)
    y = labels(rng, X, n_classes)
    model = MYHPOLogisticRegression(cv=4, random_state=0)
    fast = model.fit(X, y)
    loss = fast.validation_loss_
    plain_hessians(monkeypatch)
    plain = model.fit(X, y)
    assert loss == pytest.approx(plain.validation_loss_, rel=1e-7)


def test_steps_are_lengthened_where_classes_come_apart(set_limits):
    """Every step would divide the slope by e, dozens of times."""
    rng, lambda_ = np.random.default_rng(0), np.array([-40.0])
    X = rng.normal(size=(400, 40))
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    # Not by factored Hessians of every split.
    set_limits(dense_size=0)
    found = {}
    for most in (0, newton_together.MAX_DOUBLINGS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(newton_together, "MAX_DOUBLINGS", most)
            problem = Spec(
                X, y, LogisticLoss(), folds(400, 3), np.zeros(40, dtype=int)
            ).problem()
            weights = problem.minimize(lambda_)
        found[most] = problem.counts.n_hessian_products
        assert np.max(problem.inner_residuals(lambda_, weights)) < 1e-7
    without, products = found.values()
    assert products < 0.8 * without
