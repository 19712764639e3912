"""Matrices that precondition the Hessians of all splits."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.bilevel.counts import OracleCounts
from sklearn_myhpo.engine.glm.near_hessian import OutputsApart
from tests.engine.hard import KINDS, hard_features, labels


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


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("groups", [None, "two"])
def test_many_classes_of_many_features(kind, groups, set_limits):
    """Strengths would depend on how the Hessians of all classes are solved with."""
    whole, apart, alone = fits_of_many_classes(kind, groups, set_limits, 400, 12)
    assert apart.validation_loss_ == pytest.approx(whole.validation_loss_, rel=1e-7)
    assert alone.validation_loss_ == pytest.approx(whole.validation_loss_, rel=1e-7)


@pytest.mark.slow
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
