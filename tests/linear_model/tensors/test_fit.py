"""Estimators on arrays of other libraries: everything follows X, which stays."""

import pickle
from copy import copy

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit
from sklearn.utils import estimator_checks

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
    SHORidge,
)
from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.tensors import arrays
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._tensors import rows as _tensors
from sklearn_myhpo.solvers import Stochastic
from tests import tensor_namespace as counted
from tests.helpers import start_from
from tests.tensor_spaces import (
    bring,
    close,
    data,
    dispatching,
    each_space,
    fit_both,
    load_space,
    put,
)

GROUPS = ["a", "a", "b", "b", "c"]


pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.FewRowsWarning"),
]


@pytest.fixture(autouse=True)
def _dispatch(monkeypatch):
    """Turn scikit-learn's dispatch of arrays on."""
    with dispatching(monkeypatch):
        yield


def targets_of(cls, y):
    """Return a target that an estimator takes."""
    rng = np.random.default_rng(1)
    small = 0.2 * y - 0.1
    if cls is MYHPOLogisticRegression or cls is MYHPORidgeClassifier:
        return (y > 0).astype(int)
    if cls is MYHPOGammaRegressor:
        return rng.gamma(2.0, np.exp(small))
    return rng.poisson(np.exp(small)).astype(float)


def resampled(n_samples, n_splits=3):
    """Return splits that train on rows drawn with replacement."""
    rng, rows = np.random.default_rng(2), np.arange(n_samples)
    drawn = [rng.integers(n_samples, size=n_samples) for _ in range(n_splits)]
    # Some held-out rows count twice too.
    left = [np.setdiff1d(rows, own) for own in drawn]
    return [
        (own, np.append(more, more[:5])) for own, more in zip(drawn, left, strict=True)
    ]


BOOTSTRAP = resampled(240)
OPTIONS = {
    "one lambda": {},
    "a lambda per group": {"feature_groups": GROUPS},
    "gcv": {"criterion": "gcv"},
    "sure": {"criterion": "sure"},
    "reml": {"criterion": "reml", "feature_groups": GROUPS},
    "loo": {"criterion": "loo"},
    "loo, standardized": {"criterion": "loo", "standardize": True},
    "loo, no intercept": {"criterion": "loo", "fit_intercept": False},
    "standardized": {"standardize": True},
    "no intercept": {"fit_intercept": False},
    "factors": {"penalty_factors": [1.0, 2.0, 0.0, 1.0, 0.5]},
    "shuffled folds": {"cv": KFold(4, shuffle=True, random_state=0)},
    "overlapping splits": {"cv": ShuffleSplit(4, random_state=0)},
    "repeated folds": {"cv": RepeatedKFold(n_repeats=4, random_state=0)},
    "rows named twice": {"cv": BOOTSTRAP},
    "repeated folds, one standard error": {
        "cv": RepeatedKFold(n_repeats=4, random_state=0),
        "selection": "one_se",
    },
    "hold-out": {"cv": 0.3, "random_state": 0},
    "one standard error": {"selection": "one_se"},
    "no refit": {"refit": False},
    "chosen shrinkage": {"shrinkage": "auto", "feature_groups": GROUPS, "cv": 3},
}


@each_space
@pytest.mark.parametrize("name", OPTIONS)
def test_ridge_is_that_of_numpy(name, space):
    """A user would get another model on a GPU."""
    X, y, weight = data()
    model = MYHPORidge(tol=1e-9, **OPTIONS[name])
    xp = load_space(space)
    plain, found = fit_both(model, X, y, weight, xp=xp)
    close(found.coef_, plain.coef_)
    close(found.intercept_, plain.intercept_)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, rtol=0, atol=1e-7)
    assert isinstance(found.history_["lambda"], np.ndarray)
    predicted = found.predict(put(xp, X))
    assert type(predicted) is type(found.coef_) is type(put(xp, X))
    close(predicted, plain.predict(X))
    for attribute in ("validation_loss_", "validation_loss_standard_error_"):
        value = getattr(plain, attribute)
        if value is not None:
            assert getattr(found, attribute) == pytest.approx(value, rel=1e-9)


@each_space
@pytest.mark.parametrize("criterion", ["validation", "loo"])
@pytest.mark.parametrize("per_target", [False, True])
def test_targets_are_those_of_numpy(per_target, criterion, space):
    """Columns of y would share what they should not, or get each other's weights."""
    X, y, weight = data()
    Y = np.column_stack([y, 1e35 * (X[:, 0] + y), -3.0 * y**2])
    if not per_target:
        Y[:, 1] = X[:, 0]
    model = MYHPORidge(alpha_per_target=per_target, criterion=criterion, tol=1e-9)
    plain, found = fit_both(model, X, Y, weight, xp=load_space(space))
    for own, other in zip(bring(found.coef_), plain.coef_, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, rtol=0, atol=1e-7)


@each_space
def test_single_precision_is_summed_in_double(space):
    """Moments of many rows in single precision would lose the digits of lambda."""
    X, y, _ = data(2000)
    X = (X + 100.0).astype(np.float32)
    xp = load_space(space)
    plain, found = fit_both(MYHPORidge(), X, y, xp=xp)
    assert found.coef_.dtype == xp.float32
    close(found.coef_, plain.coef_, 1e-5)
    close(found.predict(put(xp, X)), plain.predict(X), 1e-4)


@pytest.mark.one_in(4)
@each_space
@pytest.mark.parametrize(
    "options", [{}, {"criterion": "loo"}, {"fit_intercept": False}]
)
def test_wide_rows_are_fitted_in_their_own_space(options, space):
    """Matrices of all pairs of 3000 features would be formed, or other models found."""
    X, y, _ = data(50, 3000)
    model = MYHPORidge(**options)
    plain, found = fit_both(model, X, y, xp=load_space(space))
    close(found.coef_, plain.coef_, 1e-8)
    close(found.intercept_, plain.intercept_, 1e-8)
    assert found.n_features_in_ == len(found.penalty_factors_) == 3000
    assert found.summary().columns["coef"].shape == (3000,)


LIKELIHOODS = {
    "two classes": (MYHPOLogisticRegression, {}),
    "weights of classes": (MYHPOLogisticRegression, {"class_weight": "balanced"}),
    "groups, standardized": (
        MYHPOLogisticRegression,
        {"feature_groups": GROUPS, "standardize": True},
    ),
    "overlapping splits": (
        MYHPOLogisticRegression,
        {"cv": ShuffleSplit(4, random_state=0), "feature_groups": GROUPS},
    ),
    "rows named twice": (MYHPOPoissonRegressor, {"cv": resampled(2000)}),
    "repeated folds": (
        MYHPOPoissonRegressor,
        {
            "cv": RepeatedKFold(n_repeats=3, random_state=0),
            "selection": "one_se",
            "feature_groups": GROUPS,
        },
    ),
    "one split": (
        MYHPOLogisticRegression,
        {"cv": [(np.arange(500, 1900), np.arange(400))]},
    ),
    "shrinkage": (MYHPOLogisticRegression, {"shrinkage": 0.1}),
    "counts": (MYHPOPoissonRegressor, {}),
    "amounts": (MYHPOGammaRegressor, {"feature_groups": GROUPS}),
    "amounts and zeros": (MYHPOTweedieRegressor, {"fit_intercept": False}),
}


@pytest.mark.one_in(5, 2)
@pytest.mark.parametrize("space", ["tests.tensor_namespace", "torch"])
@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods_are_those_of_numpy_in_passes(name, space, monkeypatch):
    """A user would get other weights on a GPU than on the host."""
    start_from(monkeypatch, 64, per_weight=64)
    X, y, weight = data(2000)
    cls, options = LIKELIHOODS[name]
    y, xp = targets_of(cls, y), load_space(space)
    model = cls(tol=1e-10, **options)
    with sklearn.config_context(array_api_dispatch=False):
        batches = Batches.from_arrays(X, y, weight)
        plain = clone(model).fit(batches)
    found = model.fit(put(xp, X), put(xp, y), put(xp, weight))
    close(found.coef_, plain.coef_)
    close(found.intercept_, plain.intercept_)
    close(found.predict(put(xp, X)), plain.predict(X))
    if space == "tests.tensor_namespace":
        # It has not what the metrics of scikit-learn need.
        return
    score = found.score(put(xp, X), put(xp, y))
    assert score == pytest.approx(plain.score(X, y), abs=1e-6)


@pytest.mark.one_in(5)
@each_space
@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_weights_solve_scikit_learns_problem(n_classes, space):
    """`C_` would not be the strength of the fitted penalty."""
    X, y, _ = data()
    y = np.digitize(y, [0.0] if n_classes == 2 else [-2.0, 2.0])
    xp = load_space(space)
    model = MYHPOLogisticRegression().fit(put(xp, X), put(xp, y))
    with sklearn.config_context(array_api_dispatch=False):
        plain = LogisticRegression(C=model.C_, tol=1e-10, max_iter=10_000).fit(X, y)
    close(model.coef_, plain.coef_, 1e-5)
    for method in (
        "predict_proba",
        "predict_log_proba",
        "decision_function",
        "predict",
    ):
        found = getattr(model, method)(put(xp, X))
        assert type(found) is type(model.coef_)
        close(found, getattr(plain, method)(X), 1e-4)


@each_space
def test_ridge_classifier_is_that_of_numpy(space):
    """Labels would be coded otherwise."""
    X, y, weight = data()
    y = np.digitize(y, [-2.0, 2.0]) + 5
    xp = load_space(space)
    plain, found = fit_both(MYHPORidgeClassifier(), X, y, weight, xp=xp)
    close(found.coef_, plain.coef_)
    np.testing.assert_array_equal(bring(found.predict(put(xp, X))), plain.predict(X))


def test_labels_of_text_are_numpys():
    """There are no tensors of texts."""
    X, y, _ = data()
    label = np.where(y > 0, "yes", "no")
    model = MYHPOLogisticRegression().fit(counted.asarray(X), label)
    predicted = model.predict(counted.asarray(X))
    assert isinstance(predicted, np.ndarray)
    assert set(predicted) == {"yes", "no"}


@each_space
def test_groups_reach_the_splitter(space):
    """Rows of one patient would be in both parts of a split."""
    X, y, _ = data()
    groups = np.arange(len(y)) % 20
    model = MYHPORidge(cv=GroupKFold(5))
    plain, found = fit_both(model, X, y, groups=groups, xp=load_space(space))
    close(found.coef_, plain.coef_)


def copies_of(model, n_samples, target=lambda y: y):
    """Return the sizes of all arrays that a fit brings to the host, and its passes."""
    X, y, weight = data(n_samples)
    X = counted.asarray(X)
    counted.COPIES.clear()
    model.fit(X, target(y), weight)
    return list(counted.COPIES), model.oracle_counts_["n_passes"]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_nothing_of_the_size_of_the_rows_comes_to_the_host(
    cls, monkeypatch, set_limits
):
    """A GPU would wait for X to be copied, in every iteration."""
    start_from(monkeypatch, 10, per_weight=10)
    set_limits(optimism_rows=50)
    is_ridge = cls is MYHPORidge
    target = (lambda y: y) if is_ridge else (lambda y: y > 0)
    found = {}
    for n_samples in (4000, 8000):
        sizes, n_passes = copies_of(cls(), n_samples, target)
        # Beside sums these are a sample, and a few rows for the units.
        assert max(sizes) <= 5 * 1000
        # A pass brings one array per kind of sum.
        assert len(sizes) <= 10 + 16 * n_passes
        found[n_samples] = len(sizes) / n_passes
    assert found[4000] == pytest.approx(found[8000], rel=0.5)


def test_blocks_of_rows_are_added_where_they_are():
    """Every block of a large X would send its sums to the host."""
    n_copies = []
    for entries in (2**22, 2**11):
        with use_limits(tensor_entries=entries):
            given = MYHPOLogisticRegression(), 3000, lambda y: y > 0
            sizes, n_passes = copies_of(*given)
        n_copies.append((len(sizes), n_passes))
    assert n_copies[0] == n_copies[1]


CHECKED = (
    MYHPORidge(),
    SHORidge(max_iter=5, random_state=0),
    BilevelRidge(),
    MYHPORidgeClassifier(),
    MYHPOLogisticRegression(),
    pytest.param(BilevelLogisticRegression(), marks=pytest.mark.slow),
    pytest.param(MYHPOPoissonRegressor(), marks=pytest.mark.slow),
)


@pytest.mark.parametrize("space", ["torch", "array_api_strict"])
@pytest.mark.parametrize("model", CHECKED, ids=lambda model: type(model).__name__)
def test_checks_of_scikit_learn_pass(model, space):
    """scikit-learn's own rules of arrays would be broken."""
    load_space(space)
    name = type(model).__name__
    assert model.__sklearn_tags__().array_api_support
    if not hasattr(estimator_checks, "check_array_api_mixed_inputs"):
        pytest.skip("the checks are those of scikit-learn 1.9")
    from sklearn.utils._array_api import NamespaceAndDevice

    device = "cpu" if space == "torch" else "CPU_DEVICE"
    with sklearn.config_context(array_api_dispatch=False):
        for dtype in ("float64", "float32"):
            check = estimator_checks.check_array_api_input
            options = {"device_name": device, "check_sample_weight": True}
            check(name, model, space, dtype_name=dtype, **options)
        here, there = (
            NamespaceAndDevice(space, device),
            NamespaceAndDevice("numpy", None),
        )
        check = estimator_checks.check_array_api_mixed_inputs
        check(name, model, here, there)
        check(name, model, there, here)
        check = estimator_checks.check_array_api_same_namespace
        check(name, model, space, device)


@each_space
def test_pickles_load_without_the_library(space):
    """A model of a GPU could not be served elsewhere."""
    X, y, _ = data()
    xp = load_space(space)
    model = MYHPORidge(feature_groups=GROUPS).fit(put(xp, X), put(xp, y))
    host = model.move_to("numpy")
    assert isinstance(host.coef_, np.ndarray)
    assert type(model.coef_) is type(put(xp, X))
    for one in (host, model.to_sklearn()):
        assert space.rpartition(".")[2].encode() not in pickle.dumps(one)
    predicted = model.predict(put(xp, X))
    close(predicted, host.predict(X))
    close(predicted, model.to_sklearn().predict(X))
    back = host.move_to(put(xp, X))
    close(predicted, back.predict(put(xp, X)))
    close(predicted, pickle.loads(pickle.dumps(back)).predict(put(xp, X)))


def test_reports_are_those_of_the_host():
    """Summaries and frames would need the library, or fail."""
    pytest.importorskip("pandas")
    X, y, _ = data()
    model = MYHPORidge(feature_groups=GROUPS)
    plain, found = fit_both(model, X, y, xp=counted)
    assert str(found.summary()) == str(plain.summary())
    first, second = found.penalties_frame(), plain.penalties_frame()
    np.testing.assert_allclose(first.iloc[:, 1:], second.iloc[:, 1:], rtol=1e-6)
    assert found._repr_html_() is not None


def test_numpy_rows_are_not_looked_at_as_tensors(monkeypatch):
    """Fits of NumPy arrays would pay for arrays of others."""
    X, y, _ = data()

    def fail():
        raise AssertionError("NumPy arrays are asked for their namespace.")

    monkeypatch.setattr(arrays, "_compat", fail)
    for is_on in (False, True):
        with sklearn.config_context(array_api_dispatch=is_on):
            MYHPORidge().fit(X, y).predict(X)


@each_space
def test_everything_follows_numpy_rows(space):
    """y of a GPU beside X of the host would be an obscure error."""
    X, y, weight = data()
    xp = load_space(space)
    found = MYHPORidge().fit(X, put(xp, y), put(xp, weight))
    with sklearn.config_context(array_api_dispatch=False):
        plain = MYHPORidge().fit(X, y, weight)
    assert isinstance(found.coef_, np.ndarray)
    close(found.coef_, plain.coef_)


def test_tensors_are_numpys_without_dispatch():
    """scikit-learn converts tensors unless it is told to dispatch."""
    torch = load_space("torch")
    X, y, _ = data()
    with sklearn.config_context(array_api_dispatch=False):
        model = MYHPORidge().fit(torch.asarray(X), torch.asarray(y))
        assert isinstance(model.coef_, np.ndarray)
        assert isinstance(model.predict(torch.asarray(X)), np.ndarray)


# Refused options.

_ELSE = "Or fit NumPy arrays, for which single rows can be looked at."
REFUSED = {
    "integers": (
        lambda X, y: MYHPORidge().fit(counted.asarray(X.astype(np.int64)), y),
        "X of tests.tensor_namespace must have the dtype float32 or float64. Got "
        "int64. Convert it: tests.tensor_namespace.asarray(X, "
        "dtype=tests.tensor_namespace.float32).",
    ),
    "complex numbers": (
        lambda X, y: MYHPORidge().fit(counted.asarray(X + 0j), y),
        "X of tests.tensor_namespace must have the dtype float32 or float64. Got "
        "complex128. Give its real and imaginary parts as columns.",
    ),
    "parts": (
        lambda X, y: MYHPORidge().partial_fit(counted.asarray(X), y),
        "Arrays of tests.tensor_namespace are accepted only as X of fit and of "
        "predictions. X must be a NumPy array, a sparse matrix or a frame here.",
    ),
    "one axis": (
        lambda X, y: MYHPORidge().fit(counted.asarray(y), y),
        "X must have two axes. Got the shape (240,).",
    ),
    "not numbers": (
        lambda X, y: MYHPORidge().fit(counted.asarray(np.where(X > 4, np.nan, X)), y),
        "Input X contains NaN.",
    ),
    "infinity": (
        lambda X, y: MYHPORidge().fit(counted.asarray(np.where(X > 4, np.inf, X)), y),
        "Input X contains infinity.",
    ),
    "no target": (
        lambda X, y: MYHPORidge().fit(counted.asarray(X)),
        "y must be an array with a number for each row. Got None.",
    ),
    "splits within splits": (
        lambda X, y: MYHPOLogisticRegression(shrinkage="auto").fit(
            counted.asarray(X), y > 0
        ),
        "X is not a NumPy array: shrinkage='auto' needs splits within splits, which "
        "sums over rows give for ridge alone; give a number. " + _ELSE,
    ),
    "a solver of rows": (
        lambda X, y: BilevelRidge(solver=Stochastic()).fit(counted.asarray(X), y),
        "looks at some rows at a time; use MYHPORidge, "
        "MYHPOLogisticRegression or another solver. " + _ELSE,
    ),
    "alo with shrinkage": (
        lambda X, y: MYHPOLogisticRegression(criterion="alo", shrinkage=0.1).fit(
            counted.asarray(X), y > 0
        ),
        "X is not a NumPy array: criterion='alo' with shrinkage needs rows one by one; "
        "use shrinkage=0.0 or criterion='validation'. " + _ELSE,
    ),
    "starts of a likelihood": (
        lambda X, y: MYHPOLogisticRegression(n_starts=2).fit(counted.asarray(X), y > 0),
        "X is not a NumPy array: n_starts=2 needs rows one by one; use n_starts=1. "
        + _ELSE,
    ),
    "standardized without an intercept": (
        lambda X, y: MYHPOLogisticRegression(standardize=True, fit_intercept=False).fit(
            counted.asarray(X), y > 0
        ),
        "X is not a NumPy array: standardize=True without an intercept makes other "
        "rows for every split; use fit_intercept=True. " + _ELSE,
    ),
    "other solutions": (
        lambda X, y: BilevelLogisticRegression(solver="unrolled").fit(
            counted.asarray(X), y > 0
        ),
        "leaves the solutions that sums over rows give; use MYHPOLogisticRegression or "
        "its kin with their own options. " + _ELSE,
    ),
    "many wide features": (
        lambda X, y: MYHPORidge(standardize=True).fit(
            counted.asarray(np.tile(X[:50], (1, 600))), y[:50]
        ),
        "X has 3000 features and 50 rows, so that a fit works with products of rows, "
        "which know no standardize. Got standardize=True. Use standardize=False, at "
        "most 2500 features, or NumPy arrays.",
    ),
    "another namespace": (
        lambda X, y: MYHPORidge().fit(counted.asarray(X), y).predict(X),
        "Inputs passed to MYHPORidge.predict() must use the same namespace and the "
        "same device as those passed to fit(). They are tests.tensor_namespace and "
        'numpy. Move the estimator to where X is: move_to(X), or move_to("numpy") '
        "for NumPy arrays.",
    ),
    "another device": (
        lambda X, y: (
            MYHPORidge()
            .fit(counted.asarray(X), y)
            .predict(counted.asarray(X, device=counted.Device("other")))
        ),
        "tests.tensor_namespace on device and tests.tensor_namespace on other.",
    ),
    "other features": (
        lambda X, y: (
            MYHPORidge().fit(counted.asarray(X), y).predict(counted.asarray(X[:, :3]))
        ),
        "X has 3 features, but MYHPORidge is expecting 5 features as input.",
    ),
    "another place": (
        lambda X, y: MYHPORidge().fit(counted.asarray(X), y).move_to("cuda"),
        'place must be "numpy", or an array that is where the weights shall be. Got '
        "'cuda'.",
    ),
}


def test_moments_of_too_many_parts_are_refused(monkeypatch):
    """A device would be full of matrices before the first of them was complete."""
    X, y, _ = data()
    monkeypatch.setattr(_tensors, "MOST_MOMENT_BYTES", 5 * 8 * 5**2)
    MYHPORidge(cv=5).fit(counted.asarray(X), y)
    model = MYHPORidge(cv=RepeatedKFold(n_repeats=2, random_state=0))
    with pytest.raises(ValueError, match="divides the rows of X in 25 parts, whose"):
        model.fit(counted.asarray(X), y)


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_to_do(name):
    """A user would see an error of an inner function, or a wrong model."""
    provoke, text = REFUSED[name]
    X, y, _ = data()
    with pytest.raises((TypeError, ValueError)) as raised:
        provoke(X, y)
    assert text in str(raised.value)


def test_models_of_tensors_say_when_dispatch_is_off():
    """NumPy would fail with a type that it does not know."""
    X, y, _ = data()
    model = MYHPORidge().fit(counted.asarray(X), y)
    with (
        sklearn.config_context(array_api_dispatch=False),
        pytest.raises(ValueError, match=r"sklearn.set_config\(array_api_dispatch=True"),
    ):
        model.predict(X)


def test_gradients_are_refused():
    """PyTorch would record a whole fit, or the conversion fail."""
    torch = load_space("torch")
    X, y, _ = data()
    y = torch.asarray(y)
    X = torch.asarray(X).requires_grad_()
    text = r"X requires gradients \(requires_grad=True\).*Use X.detach\(\)"
    with pytest.raises(ValueError, match=text):
        MYHPORidge().fit(X, y)
    model = MYHPORidge().fit(X.detach(), y)
    with pytest.raises(ValueError, match=text):
        model.predict(X)
    with pytest.raises(ValueError, match="y requires gradients"):
        MYHPORidge().fit(X.detach(), y.requires_grad_())


class OutOfMemoryError(RuntimeError):
    """As PyTorch's."""


def test_full_devices_say_what_to_do(monkeypatch):
    """CUDA's message advises settings of its allocator."""
    X, y, _ = data()

    def fail(*args, **options):
        raise OutOfMemoryError("tried to allocate 80 GiB")

    monkeypatch.setattr(counted, "concat", fail)
    with pytest.raises(MemoryError, match=r"80 GiB.*float32.*Batches"):
        MYHPORidge().fit(counted.asarray(X), y)


def test_namespaces_without_factorizations_say_so(monkeypatch):
    """A missing function would be an AttributeError of the namespace."""
    X, y, _ = data()
    X[:, 1] = X[:, 0] + 1e-6 * np.sin(np.arange(len(y)))
    monkeypatch.setattr(counted, "linalg", None)
    with pytest.raises(ValueError, match=r"has no linalg.qr of the array API"):
        MYHPORidge().fit(counted.asarray(X), y)


def test_errors_leave_the_model_as_it_was():
    """A failed fit on a device would spoil the last one."""
    X, y, _ = data()
    model = MYHPORidge().fit(counted.asarray(X), y)
    before = copy(vars(model))
    with pytest.raises(ValueError, match="NaN"):
        model.fit(counted.asarray(X * np.nan), y)
    assert vars(model) == before


def test_nearly_dependent_features_take_a_second_pass():
    """Sums of products would lose the digits of the small direction."""
    X, y, _ = data(2000)
    X[:, 1] = X[:, 0] + 1e-6 * np.sin(np.arange(len(y)))
    plain, found = fit_both(MYHPORidge(), X, y, xp=counted)
    assert found.oracle_counts_["n_passes"] >= 2
    with sklearn.config_context(array_api_dispatch=False):
        exact = Ridge(alpha=found.alpha_, solver="svd").fit(X, y).predict(X)
    close(found.predict(counted.asarray(X)), exact, 1e-6)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-8)
