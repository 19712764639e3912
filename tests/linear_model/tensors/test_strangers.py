"""Tensors as users have them: in pipelines, with lists beside them, odd, or broken."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
)
from tests import tensor_namespace as counted
from tests.tensor_spaces import bring, close, data, dispatching, load_space

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.FewRowsWarning"),
]


@pytest.fixture(autouse=True)
def _dispatch(monkeypatch):
    """Turn scikit-learn's dispatch of arrays on."""
    with dispatching(monkeypatch):
        yield


@pytest.fixture
def torch():
    """Return PyTorch, or skip the test."""
    return load_space("torch")


def test_pipelines_keep_tensors(torch):
    """Scaled rows would leave the device before the fit."""
    X, y, _ = data(90)
    given = torch.asarray(X), torch.asarray(y)
    model = make_pipeline(StandardScaler(), MYHPORidge()).fit(*given)
    predicted = model.predict(given[0])
    assert isinstance(predicted, torch.Tensor)
    plain = make_pipeline(StandardScaler(), MYHPORidge()).fit(X, y)
    close(predicted, plain.predict(X))
    back = pickle.loads(pickle.dumps(clone(model).fit(*given)))
    close(back.predict(given[0]), predicted)


@pytest.mark.parametrize("model", [MYHPORidge(), MYHPOLogisticRegression()])
def test_cross_validation_takes_tensors(model, torch):
    """Scores would be missing, or those of other rows."""
    X, y, _ = data(90)
    y = y if isinstance(model, MYHPORidge) else (y > 0).astype(int)
    found = cross_val_score(
        model, torch.asarray(X), torch.asarray(y), cv=2, error_score="raise"
    )
    plain = cross_val_score(model, X, y, cv=2)
    np.testing.assert_allclose(found, plain, atol=1e-4)


def test_arrays_in_any_order_are_the_same(torch):
    """Tensors that are not contiguous would be read in another order."""
    X, y, _ = data(60)
    given = torch.asarray(X)
    first = MYHPORidge().fit(given, y)
    turned = torch.asarray(np.ascontiguousarray(X.T)).T
    wide = given.repeat_interleave(2, dim=1)[:, ::2]
    for other in (turned, wide, given.flip(0).flip(0)):
        close(MYHPORidge().fit(other, y).coef_, first.coef_, 1e-13)


def test_everything_beside_x_may_be_a_list_or_of_numpy(torch):
    """A user would have to convert every argument by hand."""
    X, y, weight = data(60)
    groups = np.arange(60) % 7
    given = torch.asarray(X)
    first = MYHPORidge(cv=GroupKFold(4)).fit(given, y, weight, groups=groups)
    kinds = {
        "lists": [y.tolist(), weight.tolist(), groups.tolist()],
        "tensors": [torch.asarray(one) for one in (y, weight, groups)],
        "half precision": [
            torch.asarray(y),
            torch.asarray(weight),
            torch.asarray(groups).to(torch.int16),
        ],
    }
    for y_, weight_, groups_ in kinds.values():
        model = MYHPORidge(cv=GroupKFold(4)).fit(given, y_, weight_, groups=groups_)
        np.testing.assert_array_equal(bring(model.coef_), bring(first.coef_))
    scores = [
        first.score(given, torch.asarray(y), one)
        for one in (weight, weight.tolist(), torch.asarray(weight))
    ]
    np.testing.assert_allclose(scores, scores[0])


def test_targets_of_brain_floats_are_numbers(torch):
    """NumPy has no such type, and would fail to convert them."""
    X, y, _ = data(60)
    y = torch.asarray(y).to(torch.bfloat16)
    model = MYHPORidge().fit(torch.asarray(X), y)
    close(model.coef_, MYHPORidge().fit(torch.asarray(X), y.double()).coef_, 1e-13)


@pytest.mark.parametrize("kind", ["text", "bool", "float", "list"])
def test_labels_of_any_kind_come_back(kind, torch):
    """Predictions would be indices in the place of labels."""
    X, y, _ = data(90)
    labels = {
        "text": np.where(y > 0, "yes", "no"),
        "bool": torch.asarray(y > 0),
        "float": torch.asarray(np.where(y > 0, 2.0, 1.0)),
        "list": np.where(y > 0, 7, 3).tolist(),
    }[kind]
    model = MYHPOLogisticRegression().fit(torch.asarray(X), labels)
    predicted = model.predict(torch.asarray(X))
    known = set(np.unique(bring(labels) if kind != "list" else labels).tolist())
    assert set(np.unique(bring(predicted)).tolist()) == known
    assert model.score(torch.asarray(X), labels) > 0.6
    assert model.to_sklearn().score(X, bring(labels) if kind != "list" else labels)


def test_models_go_from_tensors_to_numpy_and_back(torch):
    """A warm start would take the weights of another library for its own."""
    X, y, _ = data(60)
    model = MYHPORidge(warm_start=True).fit(X, y)
    model.fit(torch.asarray(X), torch.asarray(y))
    assert isinstance(model.coef_, torch.Tensor)
    moved = model.move_to("numpy")
    assert isinstance(model.fit(X, y).coef_, np.ndarray)
    close(moved.coef_, model.coef_, 1e-6)


def test_a_number_may_be_the_weight_of_all_rows(torch):
    """A tensor without axes would be refused, and a number not."""
    X, y, _ = data(60)
    given = torch.asarray(X), y
    first = MYHPORidge().fit(*given, 2.0)
    close(MYHPORidge().fit(*given, torch.tensor(2.0)).coef_, first.coef_, 1e-13)


def test_validation_sets_without_values_are_refused(torch):
    """PyTorch would say that it cannot copy, and not what."""
    X, y, _ = data(60)
    X = torch.asarray(X)
    with pytest.raises(ValueError, match="X_val is on the device meta of PyTorch"):
        MYHPORidge().fit(X, y, X_val=X.to("meta"), y_val=y)


# Refused options.

REFUSED = {
    "rows of different lengths": (
        lambda torch, X, y: (torch.nested.nested_tensor([X[:30], X[:30]]), y),
        "X is a nested tensor, whose rows may have different lengths. Use "
        "X.to_padded_tensor(0.0).",
    ),
    "half precision": (
        lambda torch, X, y: (X.to(torch.float16), y),
        "X of torch must have the dtype float32 or float64. Got torch.float16. Convert "
        "it: torch.asarray(X, dtype=torch.float32).",
    ),
    "truth values": (
        lambda torch, X, y: (X > 0, y),
        "X of torch must have the dtype float32 or float64. Got torch.bool.",
    ),
    "a number": (
        lambda torch, X, y: (X[0, 0], y),
        "X must have two axes. Got the shape ().",
    ),
    "three axes": (
        lambda torch, X, y: (X[:, :, None], y),
        "X must have two axes. Got the shape (60, 5, 1).",
    ),
    "no values": (
        lambda torch, X, y: (X.to("meta"), y),
        "X is on the device meta of PyTorch, where tensors have a shape and no values. "
        "Make it on a device such as cpu or cuda.",
    ),
    "no values of y": (
        lambda torch, X, y: (X, y.to("meta")),
        "y is on the device meta of PyTorch",
    ),
    "sparse": (
        lambda torch, X, y: (X.to_sparse(), y),
        "X is a sparse tensor, of the layout torch.sparse_coo. Use X.to_dense(), or a "
        "sparse matrix of SciPy.",
    ),
    "no rows": (lambda torch, X, y: (X[:0], y[:0]), "minimum of 1 is required"),
    "no features": (
        lambda torch, X, y: (X[:, :0], y),
        "X must have two rows or more, and features. Got the shape (60, 0).",
    ),
    "fewer targets": (
        lambda torch, X, y: (X, y[:-1]),
        "Found input variables with inconsistent numbers of samples: [59, 60]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_odd_tensors_are_refused(name, torch):
    """A user would see an error of PyTorch, or a model of wrong numbers."""
    X, y, _ = data(60)
    change, text = REFUSED[name]
    with pytest.raises((TypeError, ValueError)) as raised:
        MYHPORidge().fit(*change(torch, torch.asarray(X), torch.asarray(y)))
    assert text in str(raised.value)


FULL = {
    "CUDA": ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 80 GiB"),
    "Apple": ("RuntimeError", "MPS backend out of memory (MPS allocated: 9 GB)"),
    "host": ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: 9 bytes"),
}


@pytest.mark.parametrize("where", ["sum", "min", "exp"])
@pytest.mark.parametrize("name", FULL)
def test_full_devices_say_what_to_do(name, where, monkeypatch):
    """An allocator's message would advise its own settings."""
    X, y, _ = data(60)
    kind, text = FULL[name]
    error = type(kind, (RuntimeError,), {})(text)

    def fail(*args, **options):
        raise error

    monkeypatch.setattr(counted, where, fail)
    with pytest.raises(MemoryError, match=r"memory.*float32.*Batches"):
        MYHPOPoissonRegressor().fit(counted.asarray(X), np.floor(np.exp(0.3 * y)))


def test_other_errors_of_a_device_stay_what_they_are(monkeypatch):
    """An error in the package would be taken for a full device."""
    X, y, _ = data(60)

    def fail(*args, **options):
        raise RuntimeError("invalid device ordinal")

    monkeypatch.setattr(counted, "concat", fail)
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        MYHPORidge().fit(counted.asarray(X), y)


def test_small_matrices_need_an_inverse(monkeypatch):
    """A missing function would be an AttributeError of the namespace."""
    X, y, _ = data(90)
    monkeypatch.setattr(counted, "linalg", None)
    labels = np.digitize(y, [-2.0, 2.0])
    text = r"has no linalg.inv of the array API, which this fit needs for leaving out"
    with pytest.raises(ValueError, match=text):
        MYHPOLogisticRegression(criterion="alo").fit(counted.asarray(X), labels)
    # Two classes need none.
    MYHPOLogisticRegression(criterion="alo").fit(counted.asarray(X), y > 0)


def test_wide_rows_need_no_factorization_of_the_namespace(monkeypatch):
    """Eigenvectors are found on the host as well."""
    X, y, _ = data(30, 60)
    first = MYHPORidge().fit(counted.asarray(X), y)
    monkeypatch.setattr(counted, "linalg", None)
    close(MYHPORidge().fit(counted.asarray(X), y).coef_, first.coef_, 1e-12)
