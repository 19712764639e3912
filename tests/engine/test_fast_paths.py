"""Ways to the same numbers that are faster: they may cost no accuracy."""

import threading
import warnings
from contextlib import nullcontext
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone

from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.bilevel.counts import OracleCounts
from sklearn_myhpo.data import threads
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.sparse import as_sparse_if_mostly_zero
from sklearn_myhpo.data.sparse_products import SparseProducts
from sklearn_myhpo.data.thin import adjoint_thin, forward_thin
from sklearn_myhpo.engine.glm import split_set as glm_set
from sklearn_myhpo.engine.glm.near_hessian import OutputsApart
from sklearn_myhpo.engine.glm.products import ProductHessian
from sklearn_myhpo.engine.plan import use_limits
from sklearn_myhpo.linear_model import _base as base
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss
from tests.helpers import Spec, folds


def hard_features(rng, n_samples, n_features, kind):
    """Return features that lose accuracy easily."""
    X = rng.standard_normal((n_samples, n_features))
    if kind == "collinear":
        X[:, 1:] = X[:, :1] + 1e-4 * X[:, 1:]
    elif kind == "units":
        X *= np.logspace(-8, 8, n_features)
    elif kind == "decaying":
        X *= np.logspace(0, -5, n_features)
    return X


KINDS = ["plain", "collinear", "units", "decaying"]


def labels(rng, X, n_classes):
    """Return classes that follow the features with noise, every one present."""
    unit = X / np.linalg.norm(X, axis=0)
    scores = np.sqrt(len(X)) * unit @ rng.standard_normal((X.shape[1], n_classes))
    y = np.argmax(scores + 3 * rng.gumbel(size=scores.shape), axis=1)
    y[: 10 * n_classes] = np.tile(np.arange(n_classes), 10)
    return y


# Products of tall matrices with few vectors.


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 40), st.integers(1, 10), st.integers(0, 99))
def test_thin_products(n_samples, n_features, k, seed):
    """Blocks that miss a row, or count one twice, would bend every gradient."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    w, values = rng.standard_normal((n_features, k)), rng.standard_normal((k, len(X)))
    # Matrices of this size have several blocks then.
    with use_limits(thin_bytes=2**14):
        raw, back = forward_thin(X, w.T), adjoint_thin(X, values)
    np.testing.assert_allclose(raw, w.T @ X.T, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(back, values @ X, rtol=1e-12, atol=1e-11)


# Dense features that are mostly zero.


@pytest.mark.parametrize("share", [0.02, 0.15])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_mostly_zero_rows_are_the_same_map(share, fit_intercept, set_limits):
    """One-hot columns in a dense array must not change what is learned."""
    set_limits(many_entries=0)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 12)) * (rng.random((300, 12)) < share)
    X[:, 3], X[:, 4] = 0.0, np.where(np.arange(300) < 2, 1e3, 0.0)
    weight = rng.uniform(0.5, 2.0, 300)
    kept = as_sparse_if_mostly_zero(as_design(X))
    assert kept.is_sparse
    plain = as_design(X).at_means(weight, fit_intercept)
    fast = kept.at_means(weight, fit_intercept)
    w = rng.standard_normal((plain.n_coordinates, 3))
    values = rng.standard_normal((300, 3))
    scale = np.abs(X).max()
    np.testing.assert_allclose(fast.forward(w), plain.forward(w), atol=1e-13 * scale)
    np.testing.assert_allclose(
        fast.adjoint(values), plain.adjoint(values), atol=1e-12 * scale
    )
    for one in (weight, values[:, 0]):
        np.testing.assert_allclose(
            fast.gram(one), plain.gram(one), atol=1e-13 * scale**2
        )


def test_only_mostly_zero_features_are_kept_sparse(set_limits):
    """Sparse products of filled columns would be several times slower."""
    rng = np.random.default_rng(0)
    set_limits(many_entries=0)
    X = np.zeros((2000, 8))
    # What a look at every third row would miss.
    X[1::3] = rng.standard_normal(X[1::3].shape)
    filled = as_design(X)
    assert as_sparse_if_mostly_zero(filled) is filled
    set_limits(many_entries=2**16)
    few = as_design(np.zeros((20, 8)))
    assert as_sparse_if_mostly_zero(few) is few


@pytest.mark.parametrize("n_classes", [2, 3])
def test_mostly_zero_features_learn_the_same(n_classes, set_limits):
    """The same frame, filled or not, must give one model."""
    rng = np.random.default_rng(1)
    X = (rng.random((400, 20)) < 0.1) * rng.uniform(0.5, 2.0, (400, 20))
    scores = X @ rng.standard_normal((20, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    plain = MYHPOLogisticRegression(cv=3, random_state=0).fit(X, y)
    set_limits(many_entries=0)
    fast = MYHPOLogisticRegression(cv=3, random_state=0).fit(X, y)
    np.testing.assert_allclose(fast.lambda_, plain.lambda_, atol=1e-4)
    assert fast.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)
    np.testing.assert_allclose(fast.coef_, plain.coef_, atol=1e-4)


# Gradients and curvatures from solutions of low accuracy.


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


def dense_hessians(problem, lambda_):
    """Return the Hessians of all splits, formed and factored."""
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-12)
    return [
        split.hessian(w, lambda_)
        for split, w in zip(problem.splits, weights, strict=True)
    ]


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


@pytest.mark.parametrize("n_threads", [2, 3, 40])
@pytest.mark.parametrize("case", ["even", "one long row", "empty rows", "empty"])
def test_sparse_products_of_several_threads(case, n_threads, set_limits):
    """Rows would be lost, or counted twice, on a machine with more cores."""
    rng = np.random.default_rng(0)
    share = {"even": 0.3, "one long row": 0.0, "empty rows": 0.05, "empty": 0.0}[case]
    X = rng.standard_normal((30, 50)) * (rng.uniform(size=(30, 50)) < share)
    if case == "one long row":
        X[17] = 1.0
    set_limits(sparse_work=-1)
    with threads.threads_of_a_fit(n_threads):
        products = SparseProducts(sparse.csr_array(X))
        columns, values = rng.standard_normal((50, 3)), rng.standard_normal((30, 3))
        np.testing.assert_allclose(products.forward(columns), X @ columns, atol=1e-12)
        np.testing.assert_allclose(products.adjoint(values), X.T @ values, atol=1e-12)
    assert not any("sklearn_myhpo" in one.name for one in threading.enumerate())


def test_threads_change_nothing(set_limits):
    """The same data would get another strength on another machine."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 40)) * (rng.uniform(size=(300, 40)) < 0.2)
    X, y = sparse.csr_array(X), labels(rng, X, 3)
    model = MYHPOLogisticRegression(cv=3, random_state=0)
    one = clone(model).fit(X, y)
    set_limits(sparse_work=-1, thin_work=-1)
    with threads.threads_of_a_fit(2), mock.patch.object(base, "threads_for", free):
        two = clone(model).fit(X, y)
    assert two.lambda_ == pytest.approx(one.lambda_, abs=1e-6)
    np.testing.assert_allclose(two.coef_, one.coef_, rtol=1e-6, atol=1e-9)


def free(*_, **__):
    """Return a context that leaves threads as they are."""
    return nullcontext()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("case", ["plain", "noise", "wide", "sparse", "groups"])
def test_a_sample_tells_where_to_look(case, seed, set_limits):
    """Many rows would get the strength that suits few, or that of another minimum."""
    rng = np.random.default_rng(seed)
    n_features = 400 if case == "wide" else 12
    X = rng.standard_normal((900, n_features))
    if case == "sparse":
        X = sparse.csr_array(X * (rng.uniform(size=X.shape) < 0.2))
    scale = 0.0 if case == "noise" else rng.choice([0.02, 0.2, 2.0])
    scores = X @ rng.normal(scale=scale, size=(n_features, 2 + seed % 2))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    groups = np.arange(n_features) % 3 if case == "groups" else None
    model = MYHPOLogisticRegression(cv=3, random_state=0, feature_groups=groups)
    model = model.set_params(tol=1e-8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = clone(model).fit(X, y)
        set_limits(scan_rows=300)
        sampled = model.fit(X, y)
    places = (one.validation_curve_["lambda"] for one in (sampled, whole))
    assert not np.array_equal(*places)
    np.testing.assert_allclose(
        sampled.validation_loss_, whole.validation_loss_, rtol=1e-9
    )


def test_no_sample_without_a_rare_class(set_limits):
    """The sample's models would know fewer classes than those of all rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((700, 3))
    y = (X[:, 0] > 0).astype(int)
    y[:6] = 2
    set_limits(scan_rows=12)
    model = MYHPOLogisticRegression(cv=2, random_state=0).fit(X, y)
    assert model.converged_


def test_outputs_apart_are_the_inverse_of_their_matrix():
    """A wrong preconditioner costs iterations, and nobody would see why."""
    rng = np.random.default_rng(0)
    gram, coupling = (
        (lambda root: root.T @ root)(rng.standard_normal((20, size))) for size in (6, 3)
    )
    penalty = rng.uniform(0.1, 1.0, (6, 1))
    counts = OracleCounts()
    near = OutputsApart(gram, coupling, penalty, counts)
    matrix = np.kron(gram, coupling) + np.diag(np.repeat(penalty[:, 0], 3))
    w = rng.standard_normal((4, 6, 3))
    expected = np.linalg.solve(matrix, w.reshape(4, -1).T).T.reshape(w.shape)
    np.testing.assert_allclose(near.solve(w), expected, rtol=1e-9)
    assert counts.n_factorizations == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("groups", [None, "two"])
def test_many_classes_of_many_features(kind, groups, set_limits):
    """Strengths would depend on how the Hessians of all classes are solved with."""
    whole, apart, alone = fits_of_many_classes(kind, groups, set_limits, 400, 12)
    assert apart.validation_loss_ == pytest.approx(whole.validation_loss_, rel=1e-7)
    assert alone.validation_loss_ == pytest.approx(whole.validation_loss_, rel=1e-7)


def test_many_classes_share_a_matrix_of_the_features(set_limits):
    """Correlated features would take a fifth more products, or twice as many."""
    _, *fits = fits_of_many_classes("collinear", "two", set_limits, 2000, 40)
    n_apart, n_alone = (one.history_["n_hessian_products"][-1] for one in fits)
    assert n_apart < 0.9 * n_alone


def fits_of_many_classes(kind, groups, set_limits, n_samples, n_features):
    """Return fits with one matrix of all weights, one per output, and none."""
    rng = np.random.default_rng(3)
    X = hard_features(rng, n_samples, n_features, kind)
    y = labels(rng, X, 4)
    groups = groups and np.arange(n_features) % 2
    model = MYHPOLogisticRegression(cv=3, random_state=0, feature_groups=groups)
    whole = clone(model).fit(X, y)
    set_limits(dense_size=2 * n_features)
    apart = clone(model).fit(X, y)
    set_limits(apart_entries=0)
    return whole, apart, clone(model).fit(X, y)


def plain_hessians(monkeypatch):
    """Let every split form and factor its Hessian, and solve to all digits by it."""
    monkeypatch.setattr(
        glm_set.GLMSplitSet,
        "hessians",
        lambda self, lambda_, weights: [
            split.hessian(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        ],
    )
    fast = glm_set.GLMSplitSet.minimize

    def minimize(self, lambda_, starts, tol):
        # The scan asks for the curvature that the fast way leaves behind.
        near = fast(self, lambda_, starts, tol)
        return [
            split.minimize(lambda_, w)
            for split, w in zip(self.splits, near, strict=True)
        ]

    monkeypatch.setattr(glm_set.GLMSplitSet, "minimize", minimize)
