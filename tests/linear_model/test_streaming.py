"""Learning from one part of the data after another."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import Stochastic
from sklearn_myhpo.solvers.stochastic.rules import RULES


def parts(X, y, size=200):
    """Yield the rows in parts."""
    for start in range(0, len(y), size):
        yield X[start : start + size], y[start : start + size]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("method", [m for m in RULES if m != "saba"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_partial_fit_learns(method, kind):
    """Parts of the data, once each, must come close to a fit of them all."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    order = np.random.default_rng(0).permutation(np.tile(np.arange(len(y)), 8))
    model = BilevelLogisticRegression(
        solver=Stochastic(method), cv=0.25, random_state=0
    )
    for part in parts(kind(X)[order], y[order]):
        model.partial_fit(*part, classes=[0, 1])
    assert model.score(X, y) > 0.96
    assert model.n_iter_ == len(model.history_["lambda"]) == -(-len(order) // 200)
    assert pytest.approx(0.5 / len(order) / np.exp(model.lambda_)) == model.C_
    assert model.certificate_ is None


def test_partial_fit_of_a_whole_is_an_epoch():
    """Two calls go on where the first ended; fit starts anew."""
    X, y = load_diabetes(return_X_y=True)
    make = {"solver": Stochastic("soba"), "cv": 3, "random_state": 0}
    once, twice = BilevelRidge(**make), BilevelRidge(**make)
    once.partial_fit(X, y)
    twice.partial_fit(X, y)
    np.testing.assert_array_equal(once.coef_, twice.coef_)
    twice.partial_fit(X, y)
    assert not np.array_equal(once.coef_, twice.coef_)
    assert twice.alpha_ == pytest.approx(2 * 2 * len(y) * np.exp(twice.lambda_))
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        twice.set_params(max_iter=1).fit(X, y)
    twice.partial_fit(X, y)
    assert twice.n_iter_ == 1


def test_partial_fit_only_where_the_solver_can():
    """hasattr is how others ask; the reason is in the error."""
    assert not hasattr(BilevelLogisticRegression(), "partial_fit")
    assert not hasattr(BilevelRidge(solver="stochastic"), "partial_fit")
    assert hasattr(BilevelRidge(solver=Stochastic("soba")), "partial_fit")
    with pytest.raises(AttributeError) as error:
        BilevelRidge(solver="stochastic").partial_fit()
    assert "goes on with new rows" in str(error.value.__cause__)


def test_partial_fit_says_what_is_wrong():
    """Labels, splits and shapes that do not go with the first part."""
    X, y = load_wine(return_X_y=True)
    model = BilevelLogisticRegression(solver=Stochastic("soba"), random_state=0)
    with pytest.raises(ValueError, match="needs classes="):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="has the label 3"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="are not those"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="makes 3 splits"):
        model.set_params(cv=3).partial_fit(X, y)
    ridge = BilevelRidge(solver=Stochastic("soba"), random_state=0).partial_fit(X, y)
    with pytest.raises(ValueError, match="2 targets"):
        ridge.partial_fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="alpha_per_target"):
        ridge.set_params(alpha_per_target=True).partial_fit(X, y)
