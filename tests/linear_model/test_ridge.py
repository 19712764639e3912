"""Ridge: the model of scikit-learn's Ridge at the learned alpha."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from sklearn_myhpo import (
    BilevelRidge,
    MYHPORidge,
)
from tests.helpers import data_for
from tests.linear_model.common import (
    ACCURATE,
    N_ROWS,
    each_ridge,
    no_bound_warning,
    uneven_weights,
)


@each_ridge
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_alpha_is_that_of_ridge(cls, fit_intercept, weighted, container):
    """The learned alpha would give another model in scikit-learn's Ridge."""
    X, y = data_for(cls)
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    weight = uneven_weights() if weighted else None
    model = cls(fit_intercept=fit_intercept, cv=3, random_state=0)
    model.fit(container(X), y, sample_weight=weight)
    ridge = Ridge(alpha=model.alpha_, fit_intercept=fit_intercept, solver="svd")
    ridge.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, ridge.intercept_, rtol=1e-9)
    np.testing.assert_allclose(model.predict(container(X)), ridge.predict(X), 1e-9)
    n = N_ROWS if weight is None else weight.sum()
    assert model.alpha_ == pytest.approx(2 * n * np.exp(model.lambda_))


@pytest.mark.parametrize("cls", [BilevelRidge, MYHPORidge])
def test_without_refit_ridge_is_the_mean_of_its_splits(cls):
    """The weights would belong to no split, or to all rows."""
    X, y = data_for(cls)
    pairs = list(KFold(3).split(X))
    model = cls(cv=pairs, refit=False).fit(X, y)
    fits = [
        Ridge(alpha=2 * len(train) * np.exp(model.lambda_)).fit(X[train], y[train])
        for train, _ in pairs
    ]
    mean = np.mean([fit.coef_ for fit in fits], axis=0)
    np.testing.assert_allclose(model.coef_, mean, rtol=1e-9)
    mean = np.mean([fit.intercept_ for fit in fits])
    np.testing.assert_allclose(model.intercept_, mean, rtol=1e-9)


@pytest.mark.one_in(3)
@each_ridge
@no_bound_warning
def test_several_targets(cls):
    """All targets share one lambda; every target is its own Ridge with it."""
    X, Y = data_for(cls, n_targets=3)
    model = cls(cv=3, random_state=0).fit(X, Y)
    assert model.coef_.shape == (3, 4)
    assert model.intercept_.shape == (3,)
    assert model.predict(X).shape == Y.shape
    assert isinstance(model.lambda_, float)
    ridge = Ridge(alpha=model.alpha_).fit(X, Y)
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-9)
    for index in range(3):
        same = Ridge(alpha=model.alpha_).fit(X, Y[:, index])
        np.testing.assert_allclose(model.coef_[index], same.coef_, rtol=1e-9)
    repeated = cls(cv=3, random_state=0).fit(X, Y[:, [0, 0]])
    alone = cls(cv=3, random_state=0).fit(X, Y[:, 0])
    if cls in ACCURATE:
        assert repeated.lambda_ == pytest.approx(alone.lambda_, abs=1e-4)
        np.testing.assert_allclose(repeated.coef_[1], alone.coef_, rtol=1e-4)


@each_ridge
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("per_target", [True, False])
def test_column_y(cls, fit_intercept, per_target):
    """A column of targets has the shapes that `Ridge` gives it."""
    X, y = data_for(cls)
    make = {"cv": 3, "random_state": 0, "fit_intercept": fit_intercept}
    make["alpha_per_target"] = per_target
    model, flat = (cls(**make).fit(X, one) for one in (y[:, None], y))
    ridge = Ridge(alpha=model.alpha_, fit_intercept=fit_intercept).fit(X, y[:, None])
    assert model.coef_.shape == ridge.coef_.shape
    assert np.shape(model.intercept_) == np.shape(ridge.intercept_)
    assert model.predict(X).shape == ridge.predict(X).shape == (N_ROWS,)
    assert model.to_sklearn().predict(X).shape == (N_ROWS,)
    assert isinstance(model.alpha_, float)
    np.testing.assert_array_equal(model.coef_, flat.coef_)
    assert np.ndim(flat.intercept_) == 0
    assert flat.predict(X).shape == (N_ROWS,)
