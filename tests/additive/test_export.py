"""Pipelines of scikit-learn that predict as additive models do."""

import pickle
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.utils.validation import check_is_fitted

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor
from sklearn_myhpo.losses import PoissonLoss
from tests.additive.test_additive import HOURS, make_frame
from tests.additive.test_blocks import many_categories
from tests.linear_model.test_glm import PseudoHuberLoss

pandas = pytest.importorskip("pandas")

NUMBERS = ["age", "pay", "none"]


def with_missing():
    """Return a frame with missing numbers and texts, and with nothing else."""
    X, y = make_frame()
    X = X.assign(empty=np.nan, same=1.0, kind=X["kind"].astype(object))
    X.loc[::5, "age"] = np.nan
    X.loc[::7, "pay"] = np.nan
    X.loc[:9, "kind"] = None
    return X, y + 3.0 * (np.arange(300) % 5 == 0)


def fits():
    """Yield names, estimators, X, y, and the class of the last step."""
    X, y = make_frame()
    numbers = X[NUMBERS].to_numpy()
    everything = {"cyclic": HOURS, "pairs": [("age", "pay"), ("hour", "age")]}
    yield "all", MYHPOAdditiveRegressor(select=None, **everything), X, y, Ridge
    yield "some", MYHPOAdditiveRegressor(**everything), X, y, Ridge
    yield "array", MYHPOAdditiveRegressor(), numbers, y, Ridge
    columns = np.column_stack([numbers, np.arange(300) % 3])
    codes = MYHPOAdditiveRegressor(categorical=[3], select=None, n_splines=8)
    yield "codes", codes, columns, y, Ridge
    rough = MYHPOAdditiveRegressor(knots="uniform", n_splines=8, cyclic=True)
    yield "cyclic", rough, numbers, y, Ridge
    short = MYHPOAdditiveRegressor(cyclic=[0], select=None)
    yield "short cycle", short, (np.arange(300) % 3)[:, None], y, Ridge
    yield "sparse", MYHPOAdditiveRegressor(n_splines=5), *many_categories(), Ridge
    counts = np.exp(y / 3.0)
    for family, plain in (
        ("poisson", PoissonRegressor),
        ("gamma", GammaRegressor),
        ("tweedie", TweedieRegressor),
    ):
        model = MYHPOAdditiveRegressor(family=family, n_splines=8, power=1.3)
        yield family, model, X, counts, plain
    own = MYHPOAdditiveRegressor(family=PoissonLoss(), n_splines=8)
    yield "loss", own, X, counts, PoissonRegressor
    classifier = MYHPOAdditiveClassifier(n_splines=8)
    yield "classes", classifier, X, y > 1, LogisticRegression
    three = MYHPOAdditiveClassifier(n_splines=6, max_iter=20)
    yield "three classes", three, X, np.digitize(y, [0, 2]), LogisticRegression
    X, y = with_missing()
    missing = {"missing": "indicator", "n_splines": 8}
    yield "missing", MYHPOAdditiveRegressor(**missing), X, y, Ridge
    pairs = [("age", "pay"), ("age", "hour"), ("same", "pay")]
    model = MYHPOAdditiveRegressor(pairs=pairs, select=None, cyclic=HOURS, **missing)
    yield "missing pairs", model, X.drop(columns="kind"), y, Ridge


FITS = {name: rest for name, *rest in fits()}


def elsewhere(X):
    """Return rows beyond those of the fit: far away, of new categories, missing."""
    if isinstance(X, np.ndarray):
        return X + 0.0
    far = X.iloc[:40].copy()
    if "age" in far:
        far.loc[:4, "age"] = [-1e4, 1e4, 19.0, 81.0, 20.0]
    if "hour" in far:
        far["hour"] = far["hour"] + 24 * (np.arange(40) % 5 - 2)
    if "kind" in far:
        far["kind"] = far["kind"].astype(object)
        far.loc[:4, "kind"] = "never seen"
    return far


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", FITS)
def test_same_predictions(name):
    """A service that has scikit-learn alone would predict something else."""
    model, X, y, last = FITS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    rows = elsewhere(X)
    if model.missing == "indicator":
        # Missing now, never in the fit.
        rows.loc[5:9, "hour"] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pickle.loads(pickle.dumps(model.to_sklearn()))
        for method in ("predict", "predict_proba", "decision_function"):
            if not hasattr(model, method):
                continue
            for own in (X, rows):
                expected = getattr(model, method)(own)
                actual = getattr(found, method)(own)
                if expected.dtype == bool or expected.dtype.kind in "iu":
                    assert np.mean(actual == expected) == 1.0
                else:
                    scale = np.max(np.abs(expected))
                    assert_allclose(actual, expected, rtol=1e-8, atol=1e-9 * scale)
    assert type(found[-1]) is last
    check_is_fitted(found)
    assert b"sklearn_myhpo" not in pickle.dumps(found)


def test_features_are_checked_by_name():
    """Columns in another order would be taken for each other."""
    X, y = make_frame()
    found = MYHPOAdditiveRegressor(n_splines=6).fit(X, y).to_sklearn()
    shuffled = X[X.columns[::-1]]
    assert_allclose(found.predict(shuffled), found.predict(X))
    with pytest.raises(ValueError, match=r"columns are missing: \{'age'\}"):
        found.predict(X.drop(columns="age"))
    names = [name for name, *_ in found[0].transformers_]
    assert names[:2] == ["age", "pay"]


def test_names_that_scikit_learn_does_not_take():
    """A frame with a name like "a__b" could not be handed over."""
    X, y = make_frame()
    X = X[["age", "pay"]].rename(columns={"age": "age__now"})
    model = MYHPOAdditiveRegressor(n_splines=6).fit(X, y)
    assert_allclose(model.to_sklearn().predict(X), model.predict(X))


def test_frames_of_polars():
    """Only pandas' frames could be handed over."""
    polars = pytest.importorskip("polars")
    X, y = make_frame()
    frame = polars.DataFrame({name: X[name].tolist() for name in X})
    model = MYHPOAdditiveRegressor(n_splines=8).fit(frame, y)
    assert_allclose(model.to_sklearn().predict(frame), model.predict(frame))


def test_uneven_values():
    """Knots that are close to each other, or far from zero, would lose the digits."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.lognormal(0, 3, 300), 1.7e9 + rng.uniform(size=300)])
    y = np.sin(np.log(X[:, 0])) + (X[:, 1] - 1.7e9) ** 2 + 0.1 * rng.normal(size=300)
    model = MYHPOAdditiveRegressor().fit(X, y)
    assert_allclose(model.to_sklearn().predict(X), model.predict(X), atol=1e-6)


def test_what_cannot_be_handed_over():
    """The error would be about an attribute."""
    with pytest.raises(NotFittedError):
        MYHPOAdditiveRegressor().to_sklearn()
    X, y = make_frame(100)
    model = MYHPOAdditiveRegressor(family=PseudoHuberLoss(), n_splines=5).fit(
        X[["age"]], y
    )
    with pytest.raises(ValueError, match="scikit-learn does not have"):
        model.to_sklearn()
