"""Weights of rows where some rows have gross errors."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.FewRowsWarning"),
]


def rows_of(n_clean=40, n_rows=80):
    """Return training, clean and test rows of a linear model."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n_rows + n_clean + 1000, 4))
    y = X @ np.array([1.0, -1.0, 0.5, 0.0]) + 1.0 + 0.5 * rng.standard_normal(len(X))
    ends = n_rows, n_rows + n_clean
    parts = zip(np.split(X, ends), np.split(y, ends), strict=True)
    return [(own.copy(), target.copy()) for own, target in parts]


def spoil(kind, X, y):
    """Spoil some rows in place, and return which."""
    bad = np.zeros(len(y), dtype=bool)
    bad[: {"one y": 1, "some X": 4, "many y": 30}.get(kind, 5)] = True
    y[0] = 2.0
    if kind == "some X":
        X[bad] *= 1000.0
    elif kind == "many y":
        y[bad] += 100.0
    else:
        y[bad] *= 1e6 if kind == "huge y" else 1e3
    return bad


@pytest.mark.parametrize("n_clean", [10, 40])
@pytest.mark.parametrize("kind", ["one y", "huge y", "some X", "many y", "sparse"])
def test_gross_rows_get_no_weight(kind, n_clean):
    """A single y that is far off would shrink the model to nothing."""
    (X, y), (X_val, y_val), (X_test, y_test) = rows_of(n_clean)
    bad = spoil(kind, X, y)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    if kind == "sparse":
        X, X_val = sparse.csr_array(X), sparse.csr_array(X_val)
    given = {"X_val": X_val, "y_val": y_val}
    model = MYHPORidge().fit(X, y, weight, row_groups="each", **given)
    right = MYHPORidge().fit(X[~bad], y[~bad], weight[~bad], **given)
    assert np.all(model.row_weights_[bad] == 0.0)
    assert model.row_weights_.max() == 1.0
    groups = np.arange(len(y))[~bad]
    without = MYHPORidge()
    without.fit(X[~bad], y[~bad], weight[~bad], row_groups=groups, **given)
    models = model, without, right
    errors = [np.mean((one.predict(X_test) - y_test) ** 2) for one in models]
    # As if they had been left out.
    assert errors[0] <= 1.01 * errors[1]
    if n_clean == 10:
        # Eighty weights follow ten clean rows too closely, gross errors or not.
        return
    assert errors[0] <= 1.3 * errors[2]
    np.testing.assert_allclose(model.coef_, without.coef_, atol=1e-3)
    # Forty clean rows determine five coefficients, not eighty weights of rows.
    assert model.validation_loss_ == pytest.approx(without.validation_loss_, rel=1e-7)
    plain = Ridge(alpha=model.alpha_)
    plain.fit(X[~bad], y[~bad], (weight * model.row_weights_)[~bad])
    np.testing.assert_allclose(plain.coef_, model.coef_, atol=1e-6)


def test_a_group_with_gross_rows():
    """A bad source, or a group of one bad row, would decide lambda for the others."""
    (X, y), (X_val, y_val), (X_test, y_test) = rows_of()
    source = np.array(["a", "b", "c", "d"], dtype=object)[np.arange(len(y)) % 4]
    source[0], y[0] = "alone", 2000.0
    y[source == "c"] *= -50.0
    model = MYHPORidge().fit(X, y, X_val=X_val, y_val=y_val, row_groups=source)
    weights = dict(zip(model.row_groups_, model.row_weights_, strict=True))
    assert weights["c"] == weights["alone"] == 0.0
    assert max(weights.values()) == 1.0
    assert np.mean((model.predict(X_test) - y_test) ** 2) < 0.35


def test_ordinary_errors_are_left_to_the_weights():
    """A flipped label, or a tail, would be dropped without a look at what it does."""
    (X, y), (X_val, y_val), (X_test, y_test) = rows_of()
    labels, annotator = (y > 1.0).astype(int), np.arange(len(y)) % 4
    labels[annotator == 1] = 1 - labels[annotator == 1]
    clean = {"X_val": X_val, "y_val": (y_val > 1.0).astype(int)}
    model = MYHPOLogisticRegression().fit(X, labels, **clean, row_groups=annotator)
    assert 0.0 < model.row_weights_[1] < 0.1
    assert model.score(X_test, y_test > 1.0) > 0.8
    y[0] += 4.0
    model = MYHPORidge().fit(X, y, X_val=X_val, y_val=y_val, row_groups="each")
    assert np.all(model.row_weights_ > 0.0)


def test_where_most_rows_are_gross_nothing_is_dropped():
    """A fit of other units than those of the clean rows would have no rows left."""
    (X, y), (X_val, y_val), _ = rows_of()
    y[:60] += 1000.0
    model = MYHPORidge().fit(X, y, X_val=X_val, y_val=y_val, row_groups="each")
    assert np.all(model.row_weights_ > 0.0)
    assert np.all(np.isfinite(model.coef_))
