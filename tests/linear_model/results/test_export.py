"""Fitted estimators as scikit-learn's own: to_sklearn."""

import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from tests.linear_model.common import HALVES, iris, scaled_diabetes

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def same_predictions(model, plain, X):
    """Compare everything that both can say of rows."""
    for method in METHODS:
        assert hasattr(plain, method) == hasattr(model, method)
        if hasattr(model, method):
            found, expected = getattr(plain, method)(X), getattr(model, method)(X)
            if method == "predict_log_proba":
                # Where the other class is certain, scikit-learn's log(1 - p) is coarse.
                found, expected = np.exp(found), np.exp(expected)
            if expected.dtype.kind == "f":
                rtol = 1e-4 if expected.dtype == np.float32 else 1e-10
                np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)
            else:
                np.testing.assert_array_equal(found, expected)
    assert plain.coef_.dtype == model.coef_.dtype
    assert plain.n_features_in_ == model.n_features_in_


RIDGES = {
    "one": MYHPORidge(random_state=0),
    "no intercept": MYHPORidge(random_state=0, fit_intercept=False),
    "groups": MYHPORidge(random_state=0, feature_groups=HALVES),
    "no refit": MYHPORidge(random_state=0, refit=False),
    "SHO": SHORidge(random_state=0, tol=1e-2),
}
LOGISTICS = {
    "one": MYHPOLogisticRegression(random_state=0),
    "no intercept": MYHPOLogisticRegression(random_state=0, fit_intercept=False),
    "groups": MYHPOLogisticRegression(random_state=0, feature_groups=[0, 1, 0, 1]),
    "SHO": SHOLogisticRegression(random_state=0, max_iter=20),
}


@pytest.mark.parametrize("form", ["float64", "float32", "sparse"])
@pytest.mark.parametrize("name", RIDGES)
def test_ridge_predicts_alike(name, form):
    """A registry would serve another model than the one that was validated."""
    X, y = scaled_diabetes()
    X = {"sparse": sparse.csr_array, "float64": np.array, "float32": np.float32}[form](
        X
    )
    model = clone(RIDGES[name]).fit(X, y[:, 0])
    plain = model.to_sklearn()
    assert type(plain) is Ridge
    same_predictions(model, plain, X)


@pytest.mark.parametrize("form", ["float64", "float32", "sparse"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", LOGISTICS)
def test_logistic_predicts_alike(name, n_classes, form):
    """Probabilities of scikit-learn's softmax must be those of ours."""
    X, y = iris(n_classes)
    X = {"sparse": sparse.csr_array, "float64": np.array, "float32": np.float32}[form](
        X
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that a line separates; SHO's steps
        model = clone(LOGISTICS[name]).fit(X, y)
    plain = model.to_sklearn()
    assert type(plain) is LogisticRegression
    same_predictions(model, plain, X)
    np.testing.assert_array_equal(plain.classes_, model.classes_)


@pytest.mark.parametrize("per_target", [False, True])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_ridge_can_be_fitted_again(n_targets, per_target):
    """The exported estimator would not show the parameters of its fit."""
    X, y = scaled_diabetes(n_targets)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = MYHPORidge(random_state=0, alpha_per_target=per_target)
    model.fit(X, y, sample_weight=weights)
    plain = model.to_sklearn()
    same_predictions(model, plain, X)
    again = clone(plain).fit(X, y, sample_weight=weights)
    found, expected = again.coef_.ravel(), plain.coef_.ravel()  # (d,) for (n, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(again.intercept_, plain.intercept_, rtol=1e-8)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_can_be_fitted_again(n_classes):
    """scikit-learn's usual tolerance would end at other weights."""
    X, y = iris(n_classes)
    plain = MYHPOLogisticRegression(random_state=0).fit(X, y).to_sklearn()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = clone(plain).fit(X, y)
    scale = np.abs(plain.coef_).max()
    np.testing.assert_allclose(again.coef_, plain.coef_, atol=1e-3 * scale)


def test_alpha_of_groups_is_the_geometric_mean_of_features():
    """The one number that a plain estimator has would be an arbitrary group's."""
    X, y = scaled_diabetes()
    model = MYHPORidge(feature_groups=["a"] * 2 + ["b"] * 8, random_state=0)
    model.fit(X, y[:, 0])
    expected = np.prod(np.repeat(model.alpha_, [2, 8])) ** (1 / 10)
    assert model.to_sklearn().alpha == pytest.approx(expected, rel=1e-10)
    X, y = iris(2)
    logistic = MYHPOLogisticRegression(feature_groups=[0, 0, 0, 1], random_state=0)
    logistic.fit(X, y)
    expected = np.prod(np.repeat(logistic.C_, [3, 1])) ** (1 / 4)
    found = logistic.to_sklearn().get_params()["C"]
    assert found == pytest.approx(expected, rel=1e-10)


def test_scaled_columns_carry_the_penalties_of_groups():
    """The user guide's way to fit groups again with a plain estimator."""
    X, y = scaled_diabetes()
    model = MYHPORidge(feature_groups=HALVES, random_state=0).fit(X, y[:, 0])
    scale = np.sqrt(model.alpha_[model.feature_group_labels_])
    again = Ridge(alpha=1.0).fit(X / scale, y[:, 0])
    np.testing.assert_allclose(again.coef_ / scale, model.coef_, rtol=1e-8)
    X, y = iris(3)
    logistic = clone(LOGISTICS["groups"]).fit(X, y)
    scale = np.sqrt(logistic.C_[logistic.feature_group_labels_])
    plain = logistic.to_sklearn().set_params(C=1.0)
    again = clone(plain).fit(X * scale, y).coef_ * scale
    atol = 1e-3 * np.abs(again).max()
    np.testing.assert_allclose(again, logistic.coef_, atol=atol)


def test_names_are_handed_over():
    """A frame with columns in another order must be refused as before."""
    pd = pytest.importorskip("pandas")
    X, y = iris(3)
    frame = pd.DataFrame(X, columns=["p", "q", "r", "s"])
    plain = MYHPOLogisticRegression(random_state=0).fit(frame, y).to_sklearn()
    np.testing.assert_array_equal(plain.feature_names_in_, list("pqrs"))
    with pytest.raises(ValueError, match="feature names"):
        plain.predict(frame[["q", "p", "r", "s"]])


def test_copy_is_its_own():
    """A change to the one would change the other."""
    X, y = scaled_diabetes(2)
    model = MYHPORidge(random_state=0, alpha_per_target=True).fit(X, y)
    plain = model.to_sklearn()
    for name in ("coef_", "intercept_"):
        assert not np.shares_memory(getattr(plain, name), getattr(model, name))
    assert not np.shares_memory(plain.alpha, model.alpha_)


@pytest.mark.parametrize("method", ["to_sklearn", "penalties_frame", "history_frame"])
@pytest.mark.parametrize("estimator", [MYHPORidge(), MYHPOLogisticRegression()])
def test_unfitted(estimator, method):
    """The message must say to fit first."""
    with pytest.raises(NotFittedError):
        getattr(estimator, method)()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("model", [RIDGES["groups"], LOGISTICS["groups"]])
def test_skops_trusts_what_is_handed_over(model):
    """A user who loads the file would have to trust types of this package."""
    io = pytest.importorskip("skops.io")
    X, y = iris(3)
    ridge = isinstance(model, MYHPORidge)
    if ridge:
        X, y = scaled_diabetes()
    plain = clone(model).fit(X, y).to_sklearn()
    stored = io.dumps(plain)
    assert io.get_untrusted_types(data=stored) == []
    np.testing.assert_array_equal(io.loads(stored).predict(X), plain.predict(X))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_onnx_predicts_alike(n_classes):
    """A converter that reads attributes which are not there would fail."""
    convert = pytest.importorskip("skl2onnx").to_onnx
    runtime = pytest.importorskip("onnxruntime")
    X, y = iris(n_classes)
    model = clone(LOGISTICS["groups"]).fit(X, y)
    graph = convert(model.to_sklearn(), X[:1], options={"zipmap": False})
    session = runtime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    labels, probabilities = session.run(None, {"X": X})
    np.testing.assert_array_equal(labels, model.predict(X))
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-8)


def test_example_runs(capsys):
    """The page would show an error, or a claim that does not hold."""
    for name in ("pandas", "skops", "skl2onnx", "onnxruntime"):
        pytest.importorskip(name)
    example = Path(__file__).parents[3] / "examples" / "plot_hand_over.py"
    names = runpy.run_path(str(example))
    np.testing.assert_allclose(names["found"], names["probabilities"], atol=1e-8)
    loaded = names["loaded"].predict_proba(names["X"])
    np.testing.assert_allclose(loaded, names["probabilities"], atol=1e-12)
    assert "untrusted types: []" in capsys.readouterr().out
