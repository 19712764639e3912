"""Self-tuning networks of a user's own modules, as estimators."""

import pickle
import subprocess
import sys
import warnings
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_myhpo.neural_network import STNClassifier, STNRegressor
from sklearn_myhpo.neural_network._base import split_rows
from tests.helpers import Recorder

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402
from torch.utils.checkpoint import checkpoint  # noqa: E402
from torch.utils.data import (  # noqa: E402
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
)

from sklearn_myhpo.neural_network._fit import hyper_learning_rate  # noqa: E402
from sklearn_myhpo.neural_network._rows import Rows  # noqa: E402
from sklearn_myhpo.neural_network.network import ModuleNetwork  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
both = pytest.mark.parametrize("cls", [STNClassifier, STNRegressor])
forms = pytest.mark.parametrize("form", ["centred", "published"])
SMALL = {"max_iter": 4, "n_warmup_iter": 1, "batch_size": 32, "random_state": 0}


class Perceptron(nn.Module):
    """One hidden layer; the data give the numbers of features and outputs."""

    def __init__(self, n_features, n_outputs, hidden=8, rate=0.2):
        super().__init__()
        self.hidden = nn.Linear(n_features, hidden)
        self.dropout = nn.Dropout(rate)
        self.last = nn.Linear(hidden, n_outputs)

    def forward(self, x):
        return self.last(self.dropout(self.hidden(x).tanh()))


class Images(nn.Module):
    """A convolution, and a lazy layer."""

    def __init__(self, n_outputs, norm=False):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.last = nn.LazyLinear(n_outputs)

    def forward(self, x):
        return self.last(self.norm(self.conv(x)).relu().flatten(1))


class Text(nn.Module):
    """A language model."""

    def __init__(self, n_outputs, n_layers=1):
        super().__init__()
        self.embedding = nn.Embedding(n_outputs, 4)
        rate = 0.1 if n_layers > 1 else 0.0
        self.lstm = nn.LSTM(4, 6, n_layers, batch_first=True, dropout=rate)
        self.last = nn.Linear(6, n_outputs)

    def forward(self, x):
        return self.last(self.lstm(self.embedding(x))[0]).transpose(1, 2)


def digits(n_rows=200):
    X, y = load_digits(return_X_y=True)
    return X[:n_rows] / 16.0, y[:n_rows]


def images(n_rows=200):
    X, y = digits(n_rows)
    return X.reshape(-1, 1, 8, 8), y


def texts(n_rows=60):
    x = np.random.default_rng(0).integers(0, 3, (n_rows, 1)) + np.arange(10)
    return x % 5, (x + 1) % 5


def data_for(cls):
    if cls is STNClassifier:
        return digits()
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def outputs_of(model, X):
    if isinstance(model, STNClassifier):
        return model.predict_proba(X)
    return model.predict(X)


QUICK = {"max_iter": 10, "batch_size": 32, "learning_rate_init": 0.1}


#: The check takes the name of ``**arguments`` for a parameter.
EXPECTED = {"check_do_not_raise_errors_in_init_or_set_params": "takes **arguments"}


@parametrize_with_checks(
    [STNClassifier(Perceptron, **QUICK), STNRegressor(Perceptron, **QUICK)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learn_checks(estimator, check):
    """Any of scikit-learn's own checks: there a tool would meet a surprise."""
    check(estimator)


def test_torch_is_imported_only_when_used():
    """Users without PyTorch could not import the package, or would wait for it."""
    code = (
        "import sys\n"
        "from sklearn_myhpo.neural_network import STNClassifier, kinds\n"
        "STNClassifier(None).get_params()\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@both
def test_missing_torch_says_how_to_get_it(cls, monkeypatch):
    """A ModuleNotFoundError for torch would not name the extra."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="self-tuning module needs the package torch"):
        cls(Perceptron).fit(*data_for(cls))


@both
@forms
def test_predictions_are_those_of_the_validated_network(cls, form):
    """The module that predicts would be another one than was validated."""
    X, y = data_for(cls)
    model = cls(Perceptron, form=form, **SMALL).fit(X, y)
    strata = y if cls is STNClassifier else None
    train, rows = split_rows(len(y), strata, 0.2, np.random.RandomState(0))
    if cls is STNClassifier:
        loss = log_loss(y[rows], model.predict_proba(X[rows]))
    else:
        scale = y[train].std()
        loss = np.mean(((y - model.predict(X))[rows] / scale) ** 2) / 2
    assert loss == pytest.approx(model.validation_loss_, rel=1e-5)
    assert model.validation_loss_ == model.schedule_["validation_loss"].min()
    assert list(model.hyperparameters_) == [
        "dropout_dropout",
        "lambda_hidden",
        "lambda_last",
    ]
    assert type(model.module_) is Perceptron
    assert not model.module_.training
    assert model.module_.dropout.p == model.hyperparameters_["dropout_dropout"]


@pytest.mark.parametrize(
    ("module", "data", "options"),
    [
        (Images, images, {}),
        (Images, images, {"module__norm": True, "perturb": "batch"}),
        (Text, texts, {}),
        (
            Text,
            texts,
            {
                "module__n_layers": 2,
                "perturb": "example",
                "optimizer": torch.optim.Adam,
            },
        ),
        (Perceptron, digits, {"tune": False}),
        (Perceptron, digits, {"tune": ["lambda_last"], "perturb": "batch"}),
        (Perceptron, digits, {"optimizer": torch.optim.Adam}),
    ],
)
@forms
def test_modules_learn(module, data, options, form):
    """Networks would not learn, or not move their hyperparameters."""
    X, y = data()
    model = STNClassifier(module, form=form, **{**SMALL, "max_iter": 30, **options})
    model.set_params(learning_rate_init=0.02 if "optimizer" in options else 0.1)
    model.fit(X, y)
    assert model.predict(X).shape == y.shape
    losses = model.schedule_["validation_loss"]
    assert model.validation_loss_ < 0.8 * losses[0]
    for name in model.hyperparameters_:
        path = model.schedule_[name]
        tuned = options.get("tune", True)
        is_tuned = tuned if isinstance(tuned, bool) else name in tuned
        assert (path[0] != path[-1]) == is_tuned


@both
@forms
def test_reproducible_and_alone(cls, form):
    """Two runs would differ, or a fit would disturb the user's own random numbers."""
    X, y = data_for(cls)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    model = cls(Perceptron, form=form, **SMALL).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(outputs_of(again, X), outputs_of(model, X))
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert np.any(outputs_of(other, X) != outputs_of(model, X))


def test_arguments_of_the_module():
    """A search over the architecture would not reach the module."""
    X, y = digits()
    model = STNClassifier(Perceptron, module__hidden=5, **SMALL)
    assert model.get_params()["module__hidden"] == 5
    assert clone(model).get_params() == model.get_params()
    assert "module__hidden=5" in repr(model)
    model.set_params(module__hidden=6, module__rate=0.1).fit(X, y)
    assert model.module_.hidden.out_features == 6
    assert model.schedule_["dropout_dropout"][0] == pytest.approx(0.1)
    search = GridSearchCV(model, {"module__hidden": [2, 7]}, cv=2).fit(X, y)
    assert search.best_estimator_.module_.hidden.out_features in (2, 7)
    with pytest.raises(TypeError, match=r"no parameter 'hidden'.*module__<name>"):
        STNClassifier(Perceptron, hidden=3)


def test_a_module_is_copied_and_its_weights_are_the_start():
    """A pretrained network would be lost, or changed."""
    module = Perceptron(64, 10)
    before = [weight.clone() for weight in module.parameters()]
    X, y = digits()
    model = STNClassifier(module, learning_rate_init=1e-12, **SMALL).fit(X, y)
    for one, two, three in zip(
        before, module.parameters(), model.module_.parameters(), strict=True
    ):
        assert torch.equal(one, two)
        torch.testing.assert_close(one, three, rtol=1e-4, atol=1e-6)


class Items(Dataset):
    """A dataset that counts what is read."""

    def __init__(self, X, y):
        self.X, self.y, self.n_read = X, y, 0

    def __len__(self):
        return len(self.y)

    def __getitem__(self, row):
        self.n_read += 1
        return self.X[row].astype(np.float32), self.y[row]


@both
def test_a_dataset_is_its_arrays(cls):
    """Data that are read from disk would give another network."""
    X, y = data_for(cls)
    expected = cls(Perceptron, **SMALL).fit(X, y)
    items = Items(X, y)
    model = clone(expected).fit(items)
    assert items.n_read > 4 * 0.8 * len(y)
    np.testing.assert_allclose(
        outputs_of(model, X), outputs_of(expected, X), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_array_equal(outputs_of(model, items), outputs_of(model, X))
    features = TensorDataset(torch.from_numpy(X).float())
    np.testing.assert_allclose(outputs_of(model, features), outputs_of(model, X))
    with pytest.raises(ValueError, match="'y' parameter must be None"):
        clone(model).fit(items, y)
    with pytest.raises(ValueError, match="pairs of features and a target"):
        clone(model).fit(features)


class Ragged(Items):
    def __getitem__(self, row):
        x, y = super().__getitem__(row)
        return x[:5] if row == 7 else x, y


class Stream(IterableDataset):
    def __iter__(self):
        yield from ()


@pytest.mark.parametrize(
    ("data", "validation", "message"),
    [
        (Ragged, None, r"Dataset must have features of one shape.*\(5,\)"),
        (lambda X, y: Stream(), None, "read by number. Got Stream"),
        (
            lambda X, y: DataLoader(Items(X, y)),
            None,
            "Got DataLoader. Give the `dataset` of a DataLoader",
        ),
        (Items, lambda X, y: X, r"'validation' parameter must be a pair .*Got ndarray"),
        (Items, lambda X, y: (X,), "'validation' parameter must be a pair"),
    ],
)
def test_bad_data(data, validation, message):
    """The error would come from the inside of PyTorch."""
    X, y = digits(100)
    held = None if validation is None else validation(X, y)
    with pytest.raises(ValueError, match=message):
        STNClassifier(Perceptron, **SMALL).fit(data(X, y), validation=held)


@both
def test_rows_to_validate_on(cls):
    """Rows that belong together would be torn apart by a random split."""
    X, y = data_for(cls)
    train, held = slice(0, 150), slice(150, 200)
    model = cls(Perceptron, **SMALL)
    model.fit(X[train], y[train], validation=(X[held], y[held]))
    if cls is STNClassifier:
        loss = log_loss(y[held], model.predict_proba(X[held]), labels=range(10))
    else:
        error = y[held] - model.predict(X[held])
        loss = np.mean((error / y[train].std()) ** 2) / 2
    assert loss == pytest.approx(model.validation_loss_, rel=1e-5)
    again = clone(model).set_params(module__n_features=X.shape[1])
    again.fit(Items(X[train], y[train]), validation=Items(X[held], y[held]))
    assert again.validation_loss_ == pytest.approx(model.validation_loss_, rel=1e-5)


@both
def test_sparse_is_dense(cls):
    """Sparse features would give another network."""
    X, y = data_for(cls)
    X = np.where(X > 0.3, X, 0.0)
    dense = cls(Perceptron, **SMALL).fit(X, y)
    model = cls(Perceptron, **SMALL).fit(sparse.csc_array(X), y)
    np.testing.assert_array_equal(
        outputs_of(model, sparse.csr_array(X)), outputs_of(dense, X)
    )


def test_targets_of_regression():
    """Targets of several columns, or of any size, would not come back as given."""
    X, y = data_for(STNRegressor)
    options = {**SMALL, "max_iter": 30}
    model = STNRegressor(Perceptron, **options).fit(X, y)
    assert model.score(X, y) > 0.35
    other = STNRegressor(Perceptron, **options).fit(X, 1e4 * y - 3e6)
    np.testing.assert_allclose(
        other.predict(X), 1e4 * model.predict(X) - 3e6, rtol=1e-4
    )
    two = STNRegressor(Perceptron, **options).fit(X, np.column_stack([y, -y]))
    assert two.predict(X).shape == (len(y), 2)
    flat = nn.Sequential(nn.Linear(10, 1), nn.Flatten(0))
    assert STNRegressor(flat, **options).fit(X, y).predict(X).shape == (len(y),)


@pytest.mark.parametrize(
    ("criterion", "options", "loss"),
    [
        (nn.L1Loss, {}, lambda e: np.abs(e)),
        (
            nn.HuberLoss,
            {"criterion__delta": 0.5},
            lambda e: np.where(np.abs(e) < 0.5, e**2 / 2, 0.5 * (np.abs(e) - 0.25)),
        ),
    ],
)
def test_losses_by_class(criterion, options, loss):
    """Another loss than the chosen one would be trained and reported."""
    X, y = data_for(STNRegressor)
    model = STNRegressor(Perceptron, criterion=criterion, **options, **SMALL)
    model.fit(X, y)
    train, held_out = split_rows(len(y), None, 0.2, np.random.RandomState(0))
    error = (y - model.predict(X))[held_out] / y[train].std()
    assert np.mean(loss(error)) == pytest.approx(model.validation_loss_, rel=1e-5)


@both
def test_to_torch_has_the_same_outputs(cls):
    """The module would serve other predictions than were judged."""
    X, y = data_for(cls)
    model = cls(Perceptron, **SMALL).fit(X, y)
    module = model.to_torch()
    with torch.no_grad():
        found = module(torch.from_numpy(X).float())
    if cls is STNClassifier:
        found = found.softmax(dim=1)
    expected = outputs_of(model, X).reshape(len(X), -1)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)
    homes = {type(one).__module__.split(".")[0] for one in module.modules()}
    assert homes <= {"torch", "tests"}
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
    np.testing.assert_allclose(
        outputs_of(model, X).reshape(len(X), -1), expected
    )  # It is a copy.
    flat = nn.Sequential(nn.Linear(X.shape[1], 1), nn.Flatten(0))
    if cls is STNRegressor:
        model = cls(flat, **SMALL).fit(X, y)
        with torch.no_grad():
            found = model.to_torch()(torch.from_numpy(X).float())[:, 0]
        np.testing.assert_allclose(found, model.predict(X), rtol=1e-5)


@both
@pytest.mark.parametrize("how", ["pickle", "file"])
def test_stored_models_predict_the_same(cls, how, tmp_path):
    """A model would be lost with the process that trained it."""
    X, y = data_for(cls)
    y = np.array([f"class {one}" for one in y]) if cls is STNClassifier else y
    model = cls(Perceptron, module__hidden=5, **SMALL).fit(X, y)
    if how == "pickle":
        copied = pickle.loads(pickle.dumps(model))
    else:
        path = tmp_path / "model.pt"
        model.save(path)
        torch.load(path, weights_only=True)  # which refuses code
        copied = cls.load(path, Perceptron)
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))
    np.testing.assert_array_equal(outputs_of(copied, X), outputs_of(model, X))
    assert copied.get_params() == model.get_params()
    assert vars(copied).keys() == vars(model).keys()
    assert copied.hyperparameters_ == model.hyperparameters_
    assert copied.module_.dropout.p == model.module_.dropout.p
    for name, column in model.schedule_.items():
        np.testing.assert_array_equal(copied.schedule_[name], column)
    clone(copied).fit(X, y)


def test_wrong_files_are_refused(tmp_path):
    """Weights of one network would be loaded into another."""
    path = tmp_path / "model.pt"
    STNClassifier(Perceptron, **SMALL).fit(*digits()).save(path)
    with pytest.raises(ValueError, match=r"not one that STNRegressor\.save.*'STNClass"):
        STNRegressor.load(path, Perceptron)
    with pytest.raises(ValueError, match="has other weights than the file"):
        STNClassifier.load(path, Perceptron, module__hidden=3)
    other = tmp_path / "other.pt"
    other.write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"Classifier\.save wrote, or it is damag"):
        STNClassifier.load(other, Perceptron)
    torch.save([1], other)
    with pytest.raises(ValueError, match=r"not one that STNClassifier\.save"):
        STNClassifier.load(other, Perceptron)
    loaded = STNClassifier.load(path, Perceptron, max_iter=7)
    assert loaded.max_iter == 7


def test_lazy_modules_and_batch_norm_come_back(tmp_path):
    """Running means, or weights whose shape is not known before, would be lost."""
    X, y = images()
    options = {"module__norm": True, "perturb": "batch", **SMALL}
    model = STNClassifier(Images, **options).fit(X, y)
    assert model.module_.norm.num_batches_tracked > 0
    model.save(tmp_path / "model.pt")
    copied = STNClassifier.load(tmp_path / "model.pt", Images)
    np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))


def test_lazy_batch_norm_comes_back(tmp_path):
    """A module that PyTorch does not copy could not be used."""
    X, y = digits()
    module = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.LazyLinear(10))
    model = STNClassifier(module, perturb="batch", **SMALL).fit(X, y)
    model.save(tmp_path / "model.pt")
    copied = STNClassifier.load(tmp_path / "model.pt", module)
    np.testing.assert_array_equal(copied.predict_proba(X), model.predict_proba(X))


def test_a_compiled_module_is_the_one_before():
    """Names of layers would change, and every step would compile again."""
    X, y = digits()
    found = []
    for wrap in (lambda module: module, partial(torch.compile, backend="eager")):
        torch.manual_seed(0)
        model = STNClassifier(wrap(nn.Sequential(nn.Linear(64, 10))), **SMALL)
        found.append(model.fit(X, y))
    assert found[0].hyperparameters_ == found[1].hyperparameters_
    np.testing.assert_array_equal(*(model.predict_proba(X) for model in found))


@forms
def test_batch_norm_has_the_statistics_of_one_pass(form):
    """Predictions would use running means that count rows twice, or held-out rows."""
    X, y = images()
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    module.append(nn.Linear(144, 10))
    model = STNClassifier(
        module, form=form, perturb="batch", validation_fraction=0.36, **SMALL
    ).fit(X, y)
    kept = model.module_[1].num_batches_tracked
    assert kept == 4 * model.best_iter_  # 128 training rows, 32 in a batch


def test_batch_norm_is_named():
    """Why rows share a perturbation would stay unknown."""
    X, y = images()
    model = STNClassifier(Images, module__norm=True, **SMALL)
    with pytest.warns(UserWarning, match=r"'norm' \(BatchNorm2d\): it normal"):
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"'example' with the layer 'norm'"):
        model.set_params(perturb="example").fit(X, y)


def test_examples_on_another_axis_share_a_perturbation():
    """Words would be taken for sentences, or a fit fail that is possible."""

    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.last = nn.Embedding(5, 4), nn.Linear(4, 5)

        def forward(self, x):
            words = self.last(self.embedding(x).flatten(0, 1))
            return words.reshape(*x.shape, 5).transpose(1, 2)

    with pytest.warns(UserWarning, match=r"the layer 'last' \(STNLinear\): its axis 0"):
        STNClassifier(Flat, **SMALL).fit(*texts())


class Broken(nn.Module):
    """A module that goes wrong in a layer."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.body = nn.Sequential(nn.Linear(64, 12), nn.ReLU())
        self.last = nn.GRU(12, 10) if how == "GRU" else nn.Linear(12, 10)
        if how == "shape":
            self.last = nn.Linear(13, 10)
        if how == "tied":
            self.other = nn.Linear(12, 10)
            self.other.weight = self.last.weight

    def forward(self, x):
        x = self.last(self.body(x))
        if self.how == "GRU":
            x = x[0]
        if self.how == "too few":
            x = x[:, :9]
        if self.how == "not a number":
            x = x * float("nan")
        return (x, x) if self.how == "tuple" else x


class Mixed(nn.Module):
    """A module with weights of two types."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 12), nn.Linear(12, 10).double()

    def forward(self, x):
        return self.last(self.first(x).double())


SCRIPTED = ValueError, "compiled by torch.jit.*before that"


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (
            lambda: Broken("GRU"),
            ValueError,
            r"'last' \(GRU\) cannot be converted",
        ),
        (lambda: Broken("tied"), ValueError, "'last.weight' and 'other.weight'"),
        (lambda: Broken("shape"), ValueError, r"\(2, 64\) in the layer 'last' \(Lin"),
        (lambda: Broken("tuple"), ValueError, "return one tensor. It returned tuple"),
        (lambda: Broken("too few"), ValueError, r"\(2, 10\) for 2 rows.*\(2, 9\)"),
        (lambda: torch.jit.trace(nn.Linear(64, 10), torch.ones(2, 64)), *SCRIPTED),
        (lambda: Mixed(), ValueError, "'first' has torch.float32, 'last' has .*64"),
        (lambda: Broken("not a number"), ValueError, "NaN or infinity before it is"),
        (lambda: nn.Linear(64, 10), TypeError, "arguments for a class"),
        (lambda: Perceptron, TypeError, "unexpected keyword argument 'bad'"),
        (lambda: 3, TypeError, "'module' parameter must be a torch.nn.Module.*3"),
        (lambda: dict, TypeError, "It returned dict"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
def test_bad_modules(module, error, message):
    """The layer or argument to change would have to be guessed."""
    options = {"module__bad": 1} if "argument" in message or "bad" in message else {}
    module = module()
    module = (lambda module=module: module) if isinstance(module, Broken) else module
    with pytest.raises(error, match=message):
        STNClassifier(module, **options, **SMALL).fit(*digits())


class Encoded(nn.Module):
    """An encoder, which reads the weights of its layers in evaluation."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(12, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 8, 0.0, batch_first=True)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        return self.last(self.layer(self.embedding(x)).mean(dim=1))


class Tied(nn.Module):
    """The weight of a layer, used once more."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.last(torch.tanh(self.first(x.float())) @ self.first.weight)


@forms
@pytest.mark.parametrize(
    ("module", "keep"), [(Encoded, ["layer.self_attn"]), (Tied, ())]
)
def test_losses_of_modules_that_read_weights(module, keep, form):
    """The module of the lowest loss would not be the one that is kept."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    X = rng.integers(0, 4, (60, 4)) + 4 * y[:, None]
    model = STNClassifier(
        module, form=form, keep=keep, max_iter=6, learning_rate_init=0.1, random_state=0
    )
    model.fit(X[:40], y[:40], validation=(X[40:], y[40:]))
    loss = log_loss(y[40:], model.predict_proba(X[40:]), labels=[0, 1, 2])
    assert model.validation_loss_ == pytest.approx(loss, rel=1e-4)


class Shapes(torch.optim.SGD):
    """Gradient descent that knows of which shapes its weights are."""

    seen: ClassVar = []

    def step(self):
        """Take a step."""
        self.seen += [
            (one.shape, one.grad.shape)
            for one in self.param_groups[0]["params"]
            if one.grad is not None
        ]
        super().step()


@forms
def test_optimizers_see_weights_by_their_shapes(form):
    """Optimizers with factors by row, or norms by layer, would be other ones."""
    X, y = digits(60)
    options = {"form": form, "max_iter": 2, "tune": ["lambda"], "random_state": 0}
    fits = [
        STNClassifier(Perceptron, **options, **more).fit(X, y)
        for more in (
            {},
            {"optimizer": Shapes, "optimizer__momentum": 0.9},
        )
    ]
    plain, own = (outputs_of(model, X) for model in fits)
    np.testing.assert_allclose(own, plain, rtol=1e-4, atol=1e-6)
    shapes = {weight.shape for weight in fits[0].module_.parameters()}
    assert shapes < {shape for shape, _ in Shapes.seen}
    assert all(shape == gradient for shape, gradient in Shapes.seen)


class NoForwardDerivative(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Opaque(nn.Module):
    def forward(self, x):
        return NoForwardDerivative.apply(x)


def test_layers_without_forward_derivative_are_named():
    """The error would come from inside of PyTorch, in the middle of training."""
    X, y = digits()
    module = nn.Sequential(nn.Linear(64, 10), Opaque())
    with pytest.raises(ValueError, match=r"form='published' does not.*'1' \(Opaque\)"):
        STNClassifier(module, **SMALL).fit(X, y)
    model = STNClassifier(module, form="published", **SMALL).fit(X, y)
    assert model.predict(X).shape == y.shape


@both
def test_callbacks_see_every_iteration(cls):
    """Scores along the fit would be those of other weights, or in other units."""
    callback = pytest.importorskip("sklearn.callback")
    assert callback
    X, y = data_for(cls)
    recorder = Recorder()
    model = cls(Perceptron, **SMALL).set_callbacks(recorder).fit(X, y)
    assert recorder.tasks == ["iteration"] * model.n_iter_ + ["fit"]
    kept = recorder.models[model.best_iter_ - 1]
    np.testing.assert_array_equal(kept.predict(X), model.predict(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cls(Perceptron, **SMALL).set_callbacks(Recorder(stop_after=2))
        assert model.fit(X, y).n_iter_ == 2


@both
def test_an_error_leaves_the_estimator_as_it_was(cls):
    """A network would predict with the weights of one fit and the units of another."""
    X, y = data_for(cls)
    model = cls(Perceptron, **SMALL).fit(X, y)
    before = outputs_of(model, X)
    with pytest.raises(ValueError, match="failed"):
        model.set_params(module__n_features=3).fit(X * 2, y)
    np.testing.assert_array_equal(outputs_of(model, X), before)


@both
def test_notebooks_show_what_was_learned(cls):
    """A user of a notebook would have to ask for the hyperparameters by name."""
    html = cls(Perceptron, **SMALL).fit(*data_for(cls))._repr_html_()
    assert "lambda_hidden" in html[html.find("sklearn-myhpo-learned") :]


def test_the_response_may_train_on_a_part_of_the_rows():
    """response_share would cost or save nothing, or stop the response."""
    X, y = digits()
    ends = []
    for share in (1.0, 0.25):
        model = STNClassifier(
            Perceptron, response_share=share, hyper_learning_rate=0.1, **SMALL
        ).fit(X, y)
        ends.append(model.hyperparameters_["lambda_hidden"])
        assert model.hyperparameters_["lambda_hidden"] != -7.0
    assert ends[0] != ends[1]


@pytest.mark.parametrize(
    ("share", "train_steps", "rows"),
    [
        (0.25, 2, [0, 16, 0, 16]),
        (0.25, 4, [0, 0, 0, 32]),
        (0.25, 9, [0, 0, 0, 32]),
        (1.0, 2, [32, 32, 32, 32]),
        (0.6, 3, [20, 20, 20, 20]),
    ],
)
def test_the_response_trains_once_per_phase(share, train_steps, rows, monkeypatch):
    """Steps would cost what two plain ones do, or responses see too few rows."""
    seen = []

    def record(network, x, r, values, noise):
        seen.append(len(x))
        return outputs(network, x, r, values, noise)

    outputs = ModuleNetwork.linearized_outputs
    monkeypatch.setattr(ModuleNetwork, "linearized_outputs", record)
    options = {"max_iter": 1, "response_share": share, "train_steps": train_steps}
    X, y = digits(160)
    model = STNClassifier(Perceptron, **{**SMALL, **options}).fit(X, y)
    assert seen[1:] == [n for n in rows if n]  # The first is a trial.
    assert model.schedule_["n_gradients"][-1] == 4 + len(seen[1:])


@pytest.mark.parametrize(
    ("options", "n_rows", "expected"),
    [
        ({}, 45000, 0.5 / 176),
        ({"batch_size": 64}, 500, 0.1),
        ({"train_steps": 4, "validation_steps": 2}, 12800, 0.01),
        ({"hyper_learning_rate": 0.02}, 500, 0.02),
    ],
)
def test_step_of_hyperparameters(options, n_rows, expected):
    """On few rows hyperparameters would stay where they are, until training ends."""
    model = STNClassifier(Perceptron, **options)
    assert hyper_learning_rate(model, n_rows) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("n_rows", "sizes"), [(65, [32, 33]), (64, [32, 32]), (66, [32, 32, 2]), (1, [1])]
)
def test_no_batch_of_one_row(n_rows, sizes):
    """Batch normalization would fail in the last batch of an iteration."""
    rows = Rows(np.arange(n_rows, dtype=np.float64)[:, None])
    batches = [x for x, _ in rows.batches(32, torch.Generator())]
    assert list(map(len, batches)) == sizes
    assert sorted(torch.cat(batches)[:, 0].tolist()) == list(range(n_rows))


def half_frozen():
    module = nn.Linear(64, 10)
    module.bias.requires_grad_(False)
    return module


def test_nothing_to_tune_is_said():
    """A user would believe that a network was tuned."""
    X, y = digits()
    model = STNClassifier(half_frozen, **SMALL)
    with pytest.warns(UserWarning, match="Nothing is tuned: .* tune=False"):
        model.fit(X, y)
    assert model.hyperparameters_ == {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.set_params(tune=False).fit(X, y)
    assert not any("Nothing" in str(each.message) for each in caught)


def test_weights_of_few_bits():
    """Types that NumPy does not have would fail at the end of a training."""
    X, y = digits()
    model = STNClassifier(lambda: nn.Linear(64, 10).bfloat16(), **SMALL).fit(X, y)
    assert np.all(np.isfinite(model.predict_proba(X)))


class Checkpointed(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(64, 8), nn.Linear(8, 10)

    def forward(self, x):
        x = checkpoint(self.first, x, use_reentrant=False)
        return self.last(x.tanh())


class BadLoss(nn.CrossEntropyLoss):
    """A loss that is a mean, whatever it is asked for."""

    def forward(self, outputs, y):
        return super().forward(outputs, y).mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tune": ["lambda_0"]}, r"names 'lambda_0'.*'lambda_hidden'"),
        ({"hyperparameters": {"nothing": 1.0}}, "names 'nothing'.*'label_smoothing'"),
        (
            {"tune": ["random_shift"]},
            "'random_shift' is for images",
        ),
        ({"perturb": "row"}, "'perturb' parameter"),
        ({"response_share": 0.0}, "'response_share' parameter"),
        ({"keep": ["x"]}, "'keep' parameter names 'x'"),
        ({"criterion": BadLoss}, r"must give a loss per row.*BadLoss gave the shape"),
        ({"criterion": nn.MSELoss}, r"MSELoss.*outputs of shape \(32, 10\) and targ"),
        (
            {"criterion": nn.functional.cross_entropy},
            "'criterion' parameter, cross_entropy, must be a class of losses",
        ),
        ({"optimizer": torch.optim.LBFGS}, "'optimizer' parameter.*LBFGS.*closure"),
        (
            {"optimizer": torch.optim.Adam, "optimizer__foo": 1},
            r"'optimizer' parameter.*Adam.*\['lr', 'foo'\]",
        ),
        ({"device": "gpu"}, "'device' parameter is 'gpu', which PyTorch cannot use"),
        ({"hyper_learning_rate": "fast"}, "'hyper_learning_rate' parameter"),
        ({"module": lambda: nn.Linear(64, 10, device="meta")}, "'weight'.*'meta'"),
        *(
            (
                {"module": Checkpointed, "form": form, "perturb": perturb},
                "backward pass.*checkpoint, are not.*layer 'first'",
            )
            for form in ("centred", "published")
            for perturb in ("batch", "example")
        ),
    ],
)
def test_bad_parameters(options, message):
    """A typo would be ignored, or the error would not say what is allowed."""
    with pytest.raises((ValueError, TypeError), match=message):
        STNClassifier(**{"module": Perceptron, **options, **SMALL}).fit(*digits())


def test_label_smoothing_is_of_classes():
    """A regression would have a hyperparameter without effect."""
    with pytest.raises(ValueError, match="names 'label_smoothing'"):
        STNRegressor(Perceptron, tune=["label_smoothing"], **SMALL).fit(
            *data_for(STNRegressor)
        )
