"""The one-standard-error rule, and the curve that a fit keeps."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelRidge, MYHPOLogisticRegression, MYHPORidge

DATA = {MYHPORidge: load_diabetes, MYHPOLogisticRegression: load_breast_cancer}
each = pytest.mark.parametrize("cls", DATA)


def data_for(cls):
    X, y = DATA[cls](return_X_y=True)
    return StandardScaler().fit_transform(X), y


def fold_losses(cls, X, y, lambda_, pairs):
    """Return the losses of scikit-learn's estimators on the held-out rows of folds."""
    losses = []
    for train, held_out in pairs:
        alpha = 2 * len(train) * np.exp(lambda_)
        if cls is MYHPORidge:
            model = Ridge(alpha=alpha).fit(X[train], y[train])
            error = y[held_out] - model.predict(X[held_out])
            losses.append(0.5 * np.mean(error**2))
        else:
            model = LogisticRegression(C=1 / alpha, tol=1e-10, max_iter=10000)
            model.fit(X[train], y[train])
            losses.append(log_loss(y[held_out], model.predict_proba(X[held_out])))
    return np.array(losses)


@pytest.mark.one_in(2)
@each
def test_one_se_is_where_the_loss_has_risen_by_it(cls):
    """The rule would take another penalty than the textbook's."""
    X, y = data_for(cls)
    # Five folds of equal size: the standard error is that of their plain mean.
    rows = len(y) // 5 * 5
    X, y = X[:rows], y[:rows]
    pairs = list(KFold(5, shuffle=True, random_state=0).split(X))
    best = cls(cv=pairs).fit(X, y)
    model = cls(cv=pairs, selection="one_se").fit(X, y)
    losses = fold_losses(cls, X, y, best.lambda_, pairs)
    error = losses.std(ddof=1) / np.sqrt(5)
    assert model.validation_loss_standard_error_ == pytest.approx(error, rel=1e-3)
    assert best.validation_loss_standard_error_ == pytest.approx(error, rel=1e-3)

    limit = losses.mean() + error
    expected = brentq(
        lambda lambda_: fold_losses(cls, X, y, lambda_, pairs).mean() - limit,
        best.lambda_,
        best.lambda_ + 8,
        xtol=1e-5,
    )
    assert model.lambda_ == pytest.approx(expected, abs=1e-3)
    assert model.lambda_ > best.lambda_
    assert model.lambda_min_ == best.lambda_
    assert model.validation_loss_min_ == best.validation_loss_
    assert best.validation_loss_ < model.validation_loss_ <= limit * (1 + 1e-6)
    # The weights are those of the stronger penalty.
    assert np.linalg.norm(model.coef_) < np.linalg.norm(best.coef_)
    assert model.certificate_.is_minimum


@each
def test_one_se_of_one_split_is_that_of_its_rows(cls):
    """One hold-out split has no spread over splits, and the rule would do nothing."""
    X, y = data_for(cls)
    pairs = [(np.arange(0, 250), np.arange(250, 400))]
    model = cls(cv=pairs).fit(X, y)
    train, held_out = pairs[0]
    if cls is MYHPORidge:
        plain = Ridge(alpha=2 * 250 * np.exp(model.lambda_)).fit(X[train], y[train])
        losses = 0.5 * (y[held_out] - plain.predict(X[held_out])) ** 2
    else:
        C = 1 / (2 * 250 * np.exp(model.lambda_))
        plain = LogisticRegression(C=C, tol=1e-10, max_iter=10000)
        plain.fit(X[train], y[train])
        log_p = plain.predict_log_proba(X[held_out])
        losses = -log_p[np.arange(150), y[held_out]]
    expected = losses.std(ddof=1) / np.sqrt(150)
    assert model.validation_loss_standard_error_ == pytest.approx(expected, rel=1e-3)


@pytest.mark.one_in(2)
@each
def test_one_se_raises_all_lambdas_alike(cls):
    """Groups would lose what was learned about them."""
    X, y = data_for(cls)
    labels = np.arange(X.shape[1]) % 2
    options = {"cv": 5, "random_state": 0, "feature_groups": labels}
    best = cls(**options).fit(X, y)
    model = cls(selection="one_se", **options).fit(X, y)
    rise = model.lambda_ - best.lambda_
    assert rise[0] == pytest.approx(rise[1], abs=1e-6)
    assert rise[0] > 0
    limit = best.validation_loss_ + best.validation_loss_standard_error_
    assert model.validation_loss_ == pytest.approx(limit, rel=1e-4)


def test_one_se_has_no_units():
    """Kilometres in place of metres would choose another model."""
    X, y = data_for(MYHPORidge)
    first, second = (
        MYHPORidge(selection="one_se", random_state=0).fit(scale * X, 1000 * y)
        for scale in (1.0, 1e-3)
    )
    np.testing.assert_allclose(first.coef_, 1e-3 * second.coef_, rtol=1e-5)


def test_one_se_where_nothing_is_learned():
    """With features of pure noise the loss never rises by a standard error."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((100, 3)), rng.standard_normal(100)
    model = MYHPORidge(selection="one_se", random_state=0).fit(X, y)
    assert np.abs(model.coef_).max() < 1e-3
    assert np.isfinite(model.validation_loss_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "loo"}, "needs the standard error.*criterion='loo'"),
        ({"alpha_per_target": True}, "one lambda for all targets"),
        ({"selection": "largest"}, "'selection' parameter .* must be a str among"),
    ],
)
def test_one_se_that_is_not_possible(options, message):
    """The minimum would be taken in silence."""
    X, y = data_for(MYHPORidge)
    target = np.column_stack([y, y]) if "alpha_per_target" in options else y
    with pytest.raises(ValueError, match=message):
        BilevelRidge(**{"selection": "one_se", **options}).fit(X, target)


@pytest.mark.one_in(2)
@each
def test_curve_is_the_validation_loss(cls):
    """A picture of the curve would show another function than was minimized."""
    X, y = data_for(cls)
    pairs = list(KFold(3, shuffle=True, random_state=0).split(X))
    model = cls(cv=pairs).fit(X, y)
    places, values = model.validation_curve_.values()
    assert list(model.validation_curve_) == ["lambda", "validation_loss"]
    assert np.all(np.diff(places) > 0)
    assert values.min() == model.validation_loss_
    assert places[values.argmin()] == model.lambda_
    inner = np.flatnonzero(np.abs(places - model.lambda_) < 4)
    for index in inner[:: max(1, len(inner) // 4)]:
        losses = fold_losses(cls, X, y, places[index], pairs)
        mean = np.average(losses, weights=[len(held_out) for _, held_out in pairs])
        # Points of a scan by iterations are as accurate as ranking needs.
        assert values[index] == pytest.approx(mean, rel=1e-2)


def test_curve_of_a_start_elsewhere():
    """A curve that nobody computed would be drawn."""
    X, y = data_for(MYHPORidge)
    assert MYHPORidge(lambda_init=0.0).fit(X, y).validation_curve_ is None
