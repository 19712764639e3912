"""The parameter `shrinkage` of the estimators."""

import numpy as np
import pytest

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
)
from tests.helpers import (
    data_for,
    no_warnings,
)

SHRINKABLE = (
    BilevelRidge,
    MYHPORidge,
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
)


each_shrinkable = pytest.mark.parametrize("cls", SHRINKABLE)


@each_shrinkable
@no_warnings
def test_much_shrinkage_is_one_lambda(cls):
    """The way back to the safe model would end somewhere else."""
    X, y = data_for(cls)
    one = cls(cv=3, random_state=0).fit(X, y)
    many = cls(cv=3, random_state=0, feature_groups="each", shrinkage=1e6).fit(X, y)
    np.testing.assert_allclose(many.lambda_, one.lambda_, atol=2e-4)
    np.testing.assert_allclose(many.coef_, one.coef_, rtol=1e-4, atol=1e-8)
    assert many.validation_loss_ == pytest.approx(one.validation_loss_, rel=1e-7)
    assert (one.shrinkage_, many.shrinkage_) == (0.0, 1e6)


@pytest.mark.one_in(3)
@each_shrinkable
@no_warnings
def test_shrinkage_buys_closeness_with_validation_loss(cls):
    """The reported loss would hide what was paid, or include the penalty."""
    X, y = data_for(cls, n_features=6, seed=3)
    fits = [
        cls(cv=3, random_state=0, feature_groups="each", shrinkage=shrinkage).fit(X, y)
        for shrinkage in (0.0, 0.1, 1.0)
    ]
    deviations = [np.std(model.lambda_) for model in fits]
    losses = [model.validation_loss_ for model in fits]
    assert np.all(np.diff(deviations) < 0)
    assert np.all(np.diff(losses) > 0)
    for model in fits:
        again = model.history_["validation_loss"][-1]
        assert again == pytest.approx(model.validation_loss_, rel=1e-12)


@pytest.mark.parametrize("lambda_init", ["auto", -1.0])
def test_shrinkage_is_free_of_units_and_start(lambda_init):
    """The same data in other units, or another start, would give another model."""
    X, y = data_for(MYHPORidge, n_features=6)
    options = {"cv": 3, "random_state": 0, "feature_groups": "each", "shrinkage": 0.1}
    model = MYHPORidge(**options).fit(X, y)
    other = MYHPORidge(**options).fit(X * 1e3, y * 1e-5)
    np.testing.assert_allclose(other.lambda_, model.lambda_ + 6 * np.log(10), atol=1e-3)
    started = MYHPORidge(**options, lambda_init=lambda_init).fit(X, y)
    np.testing.assert_allclose(started.lambda_, model.lambda_, atol=1e-3)


@each_shrinkable
@pytest.mark.parametrize("shrinkage", [-0.1, "often", np.inf, np.nan, None])
def test_shrinkage_of_no_meaning(cls, shrinkage):
    """A typo would be taken for no shrinkage."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=r"'shrinkage' parameter .* must be a str"):
        cls(shrinkage=shrinkage).fit(X, y)
