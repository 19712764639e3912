"""Learned penalties and the history as pandas frames."""

import sys

import numpy as np
import pytest

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPORidge,
)
from tests.linear_model.common import HALVES, iris, scaled_diabetes


def test_penalties_of_groups():
    """A row of the table must belong to its group."""
    pytest.importorskip("pandas")
    X, y = scaled_diabetes()
    groups = [("b", [0, 3, 9]), ("a", [1, 2, 4, 5, 6, 7, 8])]
    model = MYHPORidge(feature_groups=groups, random_state=0).fit(X, y[:, 0])
    frame = model.penalties_frame()
    assert list(frame) == ["group", "lambda", "alpha", "n_features", "coef_norm"]
    assert list(frame["group"]) == ["b", "a"]
    assert list(frame["n_features"]) == [3, 7]
    np.testing.assert_array_equal(frame["lambda"], model.lambda_)
    np.testing.assert_array_equal(frame["alpha"], model.alpha_)
    norms = [np.linalg.norm(model.coef_[columns]) for _, columns in groups]
    np.testing.assert_allclose(frame["coef_norm"], norms, rtol=1e-12)


def test_penalties_of_classes_and_of_one_lambda():
    """The norm is over all classes, and one lambda is one row."""
    pytest.importorskip("pandas")
    X, y = iris(3)
    model = MYHPOLogisticRegression(random_state=0).fit(X, y)
    frame = model.penalties_frame()
    assert list(frame) == ["group", "lambda", "C", "n_features", "coef_norm"]
    row = frame.iloc[0]
    assert (len(frame), row["group"], row["n_features"]) == (1, "all", 4)
    assert row["C"] == model.C_
    assert row["coef_norm"] == pytest.approx(np.linalg.norm(model.coef_), rel=1e-12)


def test_penalties_of_targets():
    """Every target has its own row, whatever its column is called."""
    pytest.importorskip("pandas")
    X, y = scaled_diabetes(2)
    model = MYHPORidge(random_state=0, alpha_per_target=True).fit(X, y)
    frame = model.penalties_frame()
    assert list(frame["target"]) == [0, 1]
    np.testing.assert_array_equal(frame["alpha"], model.alpha_)
    norms = np.linalg.norm(model.coef_, axis=1)
    np.testing.assert_allclose(frame["coef_norm"], norms, rtol=1e-12)


def test_history_as_frame():
    """pandas refuses a column of several lambdas."""
    pd = pytest.importorskip("pandas")
    X, y = scaled_diabetes(2)
    one = MYHPORidge(random_state=0).fit(X, y)
    plain = pd.DataFrame(one.history_)
    assert plain.equals(one.history_frame().reset_index(drop=True))
    groups = MYHPORidge(random_state=0, feature_groups=HALVES).fit(X, y)
    frame = groups.history_frame()
    assert frame.index.tolist() == list(range(1, groups.n_iter_ + 1))
    last = frame[["lambda[first]", "lambda[second]"]].iloc[-1]
    np.testing.assert_array_equal(last, groups.lambda_)
    assert {"time", "n_gradients"} <= set(frame)
    targets = MYHPORidge(random_state=0, alpha_per_target=True).fit(X, y)
    last = targets.history_frame()[["lambda[0]", "lambda[1]"]].iloc[-1]
    np.testing.assert_allclose(last, targets.lambda_)


@pytest.mark.parametrize("method", ["penalties_frame", "history_frame"])
def test_frames_without_pandas(monkeypatch, method):
    """A user without pandas must learn what to install."""
    model = MYHPORidge(random_state=0).fit(*scaled_diabetes())
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=rf"^{method}\(\) .* pip install pandas\.$"):
        getattr(model, method)()
