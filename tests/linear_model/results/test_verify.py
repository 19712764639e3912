"""The reported loss is that of the held-out rows."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from sklearn_myhpo import BilevelRidge
from tests.helpers import (
    ESTIMATORS,
    LOGISTICS,
    RIDGES,
    covering_pairs,
    data_for,
    folds,
    raw_predictions,
)
from tests.linear_model.common import PAIRS, uneven_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.mark.parametrize(
    ("cls", "container", "weighted", "groups"),
    covering_pairs(
        ESTIMATORS,
        [np.asarray, sparse.csr_array, np.float32],
        [True, False],
        [None, "each"],
    ),
)
def test_reported_loss_is_that_of_the_rows(cls, container, weighted, groups):
    """A loss from sums that cancelled was off by a factor of 38."""
    X, y = data_for(cls)
    weight = uneven_weights() if weighted else np.ones(len(y))
    train, held = PAIRS[0]
    # One split and no refit: the weights are those that the loss was computed with.
    model = cls(cv=[(train, held)], refit=False, feature_groups=groups)
    model.fit(container(X), y, sample_weight=weight)
    raw = raw_predictions(model, X[held])
    if cls in LOGISTICS:
        classes = np.searchsorted(model.classes_, y[held])
        scores = (
            np.column_stack([0 * raw, raw])
            if raw.ndim == 1 or raw.shape[1] == 1
            else raw
        )
        losses = (
            np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(held)), classes]
        )
    else:
        target = y if cls in RIDGES else np.where(y == model.classes_[1], 1.0, -1.0)
        losses = 0.5 * (target[held] - raw.reshape(-1)) ** 2
    expected = weight[held] @ losses / weight[held].sum()
    rtol = 1e-5 if container is np.float32 else 1e-10
    assert model.validation_loss_ == pytest.approx(expected, rel=rtol)


@pytest.mark.parametrize("solver", ["myhpo", "implicit"])
@pytest.mark.parametrize("kind", ["plain", "heavy"])
def test_losses_of_targets_are_those_of_their_rows(solver, kind):
    """One lambda per target: the losses of all must be those of the rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 60))
    if kind == "heavy":
        X = X * np.abs(rng.standard_cauchy(X.shape)) ** 2
    Y = X[:, :3] / X[:, :3].std(axis=0) + rng.standard_normal((30, 3))
    pairs = folds(30, 3)
    make = {"solver": solver, "cv": pairs}
    model = BilevelRidge(alpha_per_target=True, **make).fit(X, Y)
    for number, lambda_ in enumerate(model.lambda_):
        total = 0.0
        for train, held in pairs:
            ridge = Ridge(alpha=2 * len(train) * np.exp(lambda_), solver="svd")
            found = ridge.fit(X[train], Y[train, number]).predict(X[held])
            total += 0.5 * np.sum((Y[held, number] - found) ** 2)
        assert model.validation_loss_[number] == pytest.approx(total / 30, rel=1e-6)
