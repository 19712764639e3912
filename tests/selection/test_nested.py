"""The choice of shrinkage by splits within splits."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import KFold

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPORidge,
)
from sklearn_myhpo.selection.nested import SHRINKAGES
from tests.helpers import (
    data_for,
    no_warnings,
)

#: Two groups of the four features.
FOUR = ["a", "a", "b", "b"]


@pytest.mark.one_in(2)
@no_warnings
@pytest.mark.parametrize(
    ("cls", "is_weighted", "container"),
    [
        (MYHPORidge, False, np.asarray),
        (MYHPORidge, True, sparse.csr_array),
        (MYHPOLogisticRegression, True, np.asarray),
    ],
)
def test_nested_losses_are_those_of_rows_left_out(cls, is_weighted, container):
    """The choice would peek at the rows that judge it."""
    X, y = data_for(cls, n_samples=48, seed=2)
    X = np.where(np.abs(X) < 0.2, 0.0, X)
    n_rows = len(y)
    weight = np.ones(n_rows)
    if is_weighted:
        weight = np.random.default_rng(0).uniform(0.5, 2.0, n_rows)
    pairs = list(KFold(3, shuffle=True, random_state=0).split(X))
    model = cls(cv=pairs, feature_groups=FOUR, shrinkage="auto")
    model.fit(container(X), y, sample_weight=weight)
    path = model.shrinkage_path_
    np.testing.assert_array_equal(path["shrinkage"], SHRINKAGES)
    for shrinkage in (1000.0, 0.1):
        total = 0.0
        for train, left_out in pairs:
            inner = [
                (np.isin(train, np.intersect1d(train, other)), np.isin(train, part))
                for other, part in pairs
                if part is not left_out
            ]
            alone = cls(cv=inner, feature_groups=FOUR, shrinkage=shrinkage)
            alone.fit(X[train], y[train], sample_weight=weight[train])
            if cls is MYHPORidge:
                losses = 0.5 * (y[left_out] - alone.predict(X[left_out])) ** 2
            else:
                chances = alone.predict_proba(X[left_out])
                losses = -np.log(chances[np.arange(len(left_out)), y[left_out]])
            total += weight[left_out] @ losses / weight.sum()
        index = np.flatnonzero(shrinkage == SHRINKAGES)[0]
        assert path["nested_loss"][index] == pytest.approx(total, rel=1e-4)
    fixed = cls(cv=pairs, feature_groups=FOUR, shrinkage=model.shrinkage_)
    fixed.fit(container(X), y, sample_weight=weight)
    np.testing.assert_allclose(fixed.lambda_, model.lambda_)


@no_warnings
def test_auto_follows_the_data():
    """Groups with a meaning would lose their gain, or chance be taken for meaning."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 20))
    coef = np.concatenate([rng.standard_normal(5), np.zeros(15)])
    y = X @ coef + rng.standard_normal(80)
    labels = np.repeat(["signal", "noise"], [5, 15])
    model = MYHPORidge(feature_groups=labels, shrinkage="auto", random_state=0)
    assert model.fit(X, y).shrinkage_ <= 0.1
    assert model.lambda_[0] > model.lambda_[1] + 2.0  # in sorted order of the names
    even = X @ (0.4 * rng.choice([-1, 1], 20)) + 2 * rng.standard_normal(80)
    model.set_params(feature_groups="each").fit(X, even)
    assert model.shrinkage_ >= 1.0
    one = MYHPORidge(shrinkage="auto").fit(X, y)
    assert one.shrinkage_ == 0.0
    assert one.shrinkage_path_ is None


@pytest.mark.parametrize("cv", [0.3, 2, [(range(40), range(40, 60))] * 3])
def test_auto_needs_splits_within_splits(cv):
    """The user would not learn why an empty part failed deep inside."""
    X, y = data_for(MYHPORidge)
    model = MYHPORidge(cv=cv, feature_groups=FOUR, shrinkage="auto", random_state=0)
    with pytest.raises(ValueError, match=r"shrinkage='auto' .* three splits or more"):
        model.fit(X, y)
