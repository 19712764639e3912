"""Estimators on collections of Dask: lazy predictions, and what is refused."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOAdditiveRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
)
from sklearn_myhpo.data import KeyFolds
from sklearn_myhpo.linear_model._streams import dask as _dask
from sklearn_myhpo.preprocessing import PenalizedSplineTransformer
from sklearn_myhpo.solvers import Stochastic

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")

N_ROWS = 240


def data():
    """Return X, a target of numbers and one of three labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, 4))
    y = X @ np.arange(1.0, 5.0) + 4.0 * rng.normal(size=N_ROWS)
    return X, y, np.array(["a", "b", "c"])[np.digitize(y, [-3.0, 3.0])]


ESTIMATORS = {
    "ridge": (MYHPORidge, lambda y, label: y),
    "ridge of two targets": (MYHPORidge, lambda y, label: np.c_[y, -2.0 * y]),
    "ridge classifier": (MYHPORidgeClassifier, lambda y, label: label),
    "two classes": (MYHPOLogisticRegression, lambda y, label: label == "a"),
    "three classes": (MYHPOLogisticRegression, lambda y, label: label),
    "counts": (MYHPOPoissonRegressor, lambda y, label: np.round(np.abs(y))),
}
METHODS = ("predict", "decision_function", "predict_proba", "predict_log_proba")


@pytest.mark.parametrize("kind", ["blocks", "blocks of columns", "sparse", "frame"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_predictions_are_lazy_and_those_of_rows_in_memory(name, kind):
    """All rows would come into memory to be predicted, or other ones."""
    make, target = ESTIMATORS[name]
    X, y, label = data()
    names = list("abcd")
    train = pd.DataFrame(X, columns=names) if kind == "frame" else X
    model = make().fit(train, target(y, label))
    given = {
        "blocks": lambda: da.from_array(X, chunks=((100, 0, 140), 4)),
        "blocks of columns": lambda: da.from_array(X, chunks=(100, 3)),
        "sparse": lambda: da.from_array(X, chunks=(100, 4)).map_blocks(
            sparse.csr_matrix
        ),
        "frame": lambda: dd.from_pandas(train, npartitions=3),
    }[kind]()
    found = 0
    for method in METHODS:
        if not hasattr(model, method):
            continue
        lazy, wanted = getattr(model, method)(given), getattr(model, method)(train)
        assert isinstance(lazy, da.Array)
        assert lazy.dtype == wanted.dtype
        assert lazy.ndim == wanted.ndim
        if kind != "frame":
            assert lazy.shape == wanted.shape
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(lazy.compute(), wanted, rtol=1e-12, atol=1e-12)
        else:
            np.testing.assert_array_equal(lazy.compute(), wanted)
        found += 1
    assert found


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", [one for one in ESTIMATORS if one != "counts"])
def test_scores_are_those_of_rows_in_memory(name):
    """Targets and predictions of all rows would come into memory, or others count."""
    make, target = ESTIMATORS[name]
    X, y, label = data()
    y = target(y + 1e6, label)
    weight = np.random.default_rng(1).uniform(size=N_ROWS)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = make().fit(frame, y)
    chunks = [da.from_array(one, chunks=(50, *one.shape[1:])) for one in (X, y, weight)]
    lazy = dd.from_dask_array(chunks[0], columns=list("abcd"))
    wanted = model.score(frame, y, weight)
    assert model.score(lazy, *chunks[1:]) == pytest.approx(wanted, rel=1e-9)
    wanted = model.score(frame, y)
    assert model.score(lazy, chunks[1]) == pytest.approx(wanted, rel=1e-9)


def test_score_of_counts_is_refused():
    """All rows would come into memory."""
    X, y, _ = data()
    model = MYHPOPoissonRegressor().fit(X, np.abs(y))
    with pytest.raises(ValueError, match="are accepted only as X of fit"):
        model.score(da.from_array(X), da.from_array(np.abs(y)))


def test_predictions_are_of_the_model_at_the_call():
    """Another fit before `compute` would change predictions that were asked for."""
    X, y, _ = data()
    model = MYHPORidge().fit(X, y)
    wanted = model.predict(X)
    lazy = model.predict(da.from_array(X, chunks=(50, 4)))
    model.fit(X, -y)
    np.testing.assert_allclose(lazy.compute(), wanted, rtol=1e-12)


def test_predictions_send_little_more_than_the_weights():
    """Splits and posteriors of a fit would travel with every block."""
    import pickle

    X, y, _ = data()
    rows = np.arange(N_ROWS)
    pairs = [(rows[rows % 2 == k], rows[rows % 2 != k]) for k in (0, 1)] * 50
    model = MYHPORidge(cv=pairs).fit(X, y)
    lazy = model.predict(da.from_array(X, chunks=(N_ROWS, 4)).map_blocks(np.zeros_like))
    sent = len(pickle.dumps(dict(lazy.__dask_graph__())))
    assert sent - X.nbytes < 20_000 < len(pickle.dumps(model))


def test_features_are_checked_in_predictions():
    """Frames with other columns would be predicted without a word."""
    X, y, _ = data()
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = MYHPORidge().fit(frame, y)
    lazy = dd.from_pandas(frame[list("dcba")], npartitions=2)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(lazy)
    with pytest.raises(ValueError, match="X has 3 features, but MYHPORidge is expect"):
        model.predict(da.from_array(X[:, :3], chunks=(50, 3)))


REFUSED = {
    "scoring": (MYHPORidge(scoring="r2"), {}, "scoring='r2' predicts held-out rows"),
    "groups": (
        MYHPORidge(),
        {"groups": lambda y: y},
        r"groups are for cv=KeyFolds\(5\) .* or a splitter",
    ),
    "leave one out": (MYHPORidge(criterion="loo"), {}, "criterion='loo' needs rows"),
    "solver of rows": (
        BilevelRidge(solver="stochastic"),
        {},
        "looks at some rows at a time.*partial_fit with one block",
    ),
    "solver of gradients": (
        BilevelLogisticRegression(solver="penalty"),
        {},
        "leaves the solutions",
    ),
    "shrinkage": (
        MYHPOLogisticRegression(shrinkage="auto", feature_groups="each"),
        {},
        "shrinkage='auto' needs splits within splits. Use a number for shrinkage",
    ),
    "scaling about zero": (
        MYHPOLogisticRegression(standardize=True, fit_intercept=False),
        {},
        "Use fit_intercept=True",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_fits_that_need_rows_are_refused_with_advice(name):
    """All rows would come into memory, silently."""
    model, more, message = REFUSED[name]
    X, y, _ = data()
    more = {key: one(y) if callable(one) else one for key, one in more.items()}
    X, y = da.from_array(X, chunks=(60, 4)), da.from_array((y > 0) * 1.0, chunks=60)
    with pytest.raises(ValueError, match=message) as error:
        model.fit(X, y, **more)
    assert "Or fit to a sample in memory" in str(error.value)


def test_collections_are_refused_outside_of_fits_and_predictions():
    """A validation set or a part of a stream would be made dense, silently."""
    X, y, _ = data()
    lazy = da.from_array(X, chunks=(60, 4))
    with pytest.raises(ValueError, match="are accepted only as X of fit"):
        MYHPORidge().fit(X, y, X_val=lazy, y_val=y)
    with pytest.raises(ValueError, match="are accepted only as X of fit"):
        BilevelRidge(solver=Stochastic(method="soba")).partial_fit(lazy, y)
    with pytest.raises(ValueError, match="y must be an array or a series of Dask"):
        MYHPORidge().fit(lazy)


def test_curves_are_made_block_by_block():
    """Additive models of a cluster would be impossible, or silently in memory."""
    X, y, _ = data()
    lazy, target = da.from_array(X, chunks=(60, 4)), da.from_array(y, chunks=60)
    with pytest.raises(ValueError, match="not a collection of Dask"):
        MYHPOAdditiveRegressor().fit(lazy, target)
    curves = PenalizedSplineTransformer().fit(X[::2])
    groups = curves.get_feature_groups_out()
    shape = {"chunks": (lazy.chunks[0], (len(groups),)), "dtype": float}
    columns = lazy.map_blocks(curves.transform, **shape, meta=np.empty((0, 0)))
    found = MYHPORidge(feature_groups=groups).fit(columns, target)
    wanted = MYHPORidge(feature_groups=groups).fit(curves.transform(X), y)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-6)
    np.testing.assert_allclose(
        found.predict(columns), wanted.predict(curves.transform(X))
    )
    assert list(found.feature_group_names_) == list(wanted.feature_group_names_)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"cv": 3}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_ridge_classifier_is_that_of_rows_in_memory(n_classes, options):
    """Classes would be others, or folds not stratified by them."""
    X, _, label = data()
    weight = np.random.default_rng(2).uniform(size=N_ROWS)
    if n_classes == 2:
        label = np.where(label == "c", "b", label)
    chunks = [da.from_array(one, chunks=(50, *one.shape[1:])) for one in (X, label)]
    lazy = da.from_array(weight, chunks=50)
    options = {"feature_groups": [("one", [0, 1]), ("two", [2, 3])], **options}
    found = MYHPORidgeClassifier(**options).fit(*chunks, lazy)
    wanted = MYHPORidgeClassifier(**options).fit(X, label, weight)
    np.testing.assert_array_equal(found.classes_, wanted.classes_)
    np.testing.assert_allclose(found.class_weight_, wanted.class_weight_, rtol=1e-12)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-8)
    np.testing.assert_allclose(found.intercept_, wanted.intercept_, rtol=1e-8)
    np.testing.assert_allclose(found.validation_loss_, wanted.validation_loss_)
    # Rows in memory come next as before.
    np.testing.assert_array_equal(found.fit(X, label, weight).coef_, wanted.coef_)


def test_class_without_weight_is_none():
    """A ridge classifier would learn a class that no row counts for."""
    X, _, label = data()
    weight = np.where(label == "b", 0.0, 1.0)
    chunks = [da.from_array(one, chunks=50) for one in (X, label, weight)]
    found = MYHPORidgeClassifier().fit(chunks[0].rechunk({1: -1}), *chunks[1:])
    wanted = MYHPORidgeClassifier().fit(X, label, weight)
    assert found.classes_.tolist() == ["a", "c"]
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-8)


def test_features_of_a_cluster_may_be_more_than_pay_in_memory(set_limits):
    """Fits of many features would be refused, for a way that Dask does not have."""
    X, y, _ = data()
    set_limits(moments_size=3)
    found = MYHPORidge().fit(da.from_array(X, chunks=(50, 4)), da.from_array(y))
    wanted = MYHPORidge().fit(X, y)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-9)


def test_hessians_that_are_too_large_are_refused_with_numbers(monkeypatch):
    """The machine of the caller would run out of memory, after a long pass."""
    X = da.ones((20_000, 4), chunks=(5_000, 4)) + da.arange(4)
    y = da.arange(20_000, chunks=5_000) % 2
    monkeypatch.setattr(_dask, "DASK_ROOM", _dask.DASK_ROOM._replace(n_bytes=2))
    with pytest.raises(
        ValueError, match="4 weights, whose Hessians in all splits take"
    ):
        MYHPOLogisticRegression().fit(X, y)


def test_groups_of_a_collection_are_kept_together():
    """Rows of one user would be trained on and held out."""
    X, y, _ = data()
    user = np.repeat(np.arange(N_ROWS // 4), 4)
    cv = KeyFolds(4)
    chunks = da.from_array(X, chunks=(50, 4)), da.from_array(y, chunks=50)
    groups = da.from_array(user, chunks=50)
    found = MYHPORidge(cv=cv).fit(*chunks, groups=groups)
    wanted = MYHPORidge(cv=cv).fit(X, y, groups=user)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-9)
    found = MYHPOLogisticRegression(cv=cv).fit(chunks[0], chunks[1] > 0, groups=groups)
    wanted = MYHPOLogisticRegression(cv=cv).fit(X, y > 0, groups=user)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)


#: Options that need more than a number of folds, by name.
OPTIONS = {
    "splitter": {"cv": KFold(3, shuffle=True, random_state=0)},
    "repeated": {"cv": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)},
    "pairs": {"cv": [(np.arange(0, 150), np.arange(150, 240))]},
    "held together": {"feature_groups": [0, 0, 1, 1], "shrinkage": 0.1},
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", ["ridge", "ridge classifier", "counts"])
def test_options_of_all_rows_are_those_of_rows_in_memory(name, option):
    """Splits of a cluster would be others than those of the same rows in memory."""
    make, target = ESTIMATORS[name]
    X, y, label = data()
    y, weight = target(y, label), np.random.default_rng(3).uniform(size=N_ROWS)
    given = [da.from_array(one, chunks=(70, *one.shape[1:])) for one in (X, y, weight)]
    found = make(**OPTIONS[option], tol=1e-10).fit(*given)
    wanted = make(**OPTIONS[option], tol=1e-10).fit(X, y, weight)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, rtol=1e-5)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-5, atol=1e-7)
    loss = pytest.approx(wanted.validation_loss_, rel=1e-8)
    assert found.validation_loss_ == loss


def test_groups_of_a_splitter_are_those_of_the_collection():
    """A splitter of groups would ask for labels that are on the cluster."""
    X, y, _ = data()
    user = np.arange(N_ROWS) // 7
    given = [da.from_array(one, chunks=(70, *one.shape[1:])) for one in (X, y, user)]
    found = MYHPORidge(cv=GroupKFold(3)).fit(*given[:2], groups=given[2])
    wanted = MYHPORidge(cv=GroupKFold(3)).fit(X, y, groups=user)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-9)


def test_lists_of_too_many_rows_are_refused(monkeypatch):
    """The machine of the caller would hold a list as long as the rows."""
    X, y, _ = data()
    given = da.from_array(X, chunks=(70, 4)), da.from_array(y, chunks=70)
    monkeypatch.setattr(_dask, "DASK_ROOM", _dask.DASK_ROOM._replace(n_listed=100))
    with pytest.raises(ValueError, match="would make a list of 240 rows on the mach"):
        MYHPORidge(cv=KFold(3, shuffle=True)).fit(*given)
    wanted = MYHPORidge(cv=3).fit(X, y)
    np.testing.assert_allclose(
        MYHPORidge(cv=KFold(3)).fit(*given).coef_, wanted.coef_, rtol=1e-9
    )


@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize("name", [*ESTIMATORS])
def test_validation_set_beside_a_collection(name, is_lazy):
    """Rows of X_val would train, or lambda be learned from others."""
    make, target = ESTIMATORS[name]
    X, y, label = data()
    y, own = target(y, label), np.arange(N_ROWS) % 3 == 0
    parts = X[~own], y[~own], X[own], y[own]
    lazy = [da.from_array(one, chunks=(50, *one.shape[1:])) for one in parts]
    X_val, y_val = lazy[2:] if is_lazy else parts[2:]
    found = make(tol=1e-10).fit(*lazy[:2], X_val=X_val, y_val=y_val)
    wanted = make(tol=1e-10).fit(*parts[:2], X_val=parts[2], y_val=parts[3])
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, rtol=1e-5)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-5, atol=1e-7)
    loss = pytest.approx(wanted.validation_loss_, rel=1e-8)
    assert found.validation_loss_ == loss


def test_several_labels_per_row():
    """A column per label would be refused, or taken for one label per row."""
    X, y, _ = data()
    labels = np.column_stack([y > 0, y > 4, y < -2]).astype(int)
    given = da.from_array(X, chunks=(70, 4)), da.from_array(labels, chunks=(70, 3))
    found, wanted = (MYHPORidgeClassifier().fit(*each) for each in (given, (X, labels)))
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-8)
