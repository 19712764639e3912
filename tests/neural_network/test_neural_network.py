"""Self-tuning perceptrons as estimators."""

import pickle
import sys
import warnings
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, r2_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_myhpo import _deadline
from sklearn_myhpo.neural_network import STNMLPClassifier, STNMLPRegressor
from sklearn_myhpo.neural_network.hyperparameters import make_plan
from tests.helpers import Recorder, Ticks

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
both = pytest.mark.parametrize("cls", [STNMLPClassifier, STNMLPRegressor])
#: A network that trains in a moment.
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 6, "n_warmup_iter": 2}


def digits(n_rows=400):
    """Return rows of the digits, pixels in [0, 1]."""
    X, y = load_digits(return_X_y=True)
    return X[:n_rows] / 16.0, y[:n_rows]


def data_for(cls):
    """Return a small data set."""
    if cls is STNMLPClassifier:
        return digits(200)
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def outputs_of(model, X):
    """Return what predictions are made of."""
    if isinstance(model, STNMLPClassifier):
        return model.predict_proba(X)
    return model.predict(X)


# Small batches and long steps learn the data of the checks in a few iterations.
QUICK = {"max_iter": 10, "batch_size": 32, "learning_rate_init": 0.1}


@needs_torch
@parametrize_with_checks(
    [STNMLPClassifier((10,), **QUICK), STNMLPRegressor((10,), **QUICK)]
)
def test_scikit_learn_checks(estimator, check):
    """Any of scikit-learn's own checks: there a tool would meet a surprise."""
    check(estimator)


@both
def test_missing_torch_says_how_to_get_it(cls, monkeypatch):
    """A ModuleNotFoundError for torch would not name the extra."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        ImportError, match=r"pip install torch, or pip install '\.\[nn\]' in the source"
    ):
        cls().fit(*data_for(cls))


@needs_torch
@both
def test_attributes(cls):
    """A script that plots schedule_ or reads coefs_ would break."""
    pandas = pytest.importorskip("pandas")
    X, y = data_for(cls)
    model = cls((7, 5), max_iter=4, n_warmup_iter=1, random_state=0).fit(X, y)
    names = [f"{kind}_{layer}" for kind in ("dropout", "lambda") for layer in range(3)]
    assert list(model.hyperparameters_) == names
    assert [coef.shape for coef in model.coefs_[:2]] == [(X.shape[1], 7), (7, 5)]
    assert model.n_layers_ == 4
    assert model.n_outputs_ == model.coefs_[-1].shape[1] == len(model.intercepts_[-1])
    np.testing.assert_array_equal(
        model.lambda_, list(model.hyperparameters_.values())[3:]
    )
    np.testing.assert_array_equal(
        model.dropout_, list(model.hyperparameters_.values())[:3]
    )
    schedule = model.schedule_
    assert {column.shape for column in schedule.values()} == {(4,)}
    assert {*names, *(f"sigma_{name}" for name in names)} <= set(schedule)
    assert pandas.DataFrame(schedule).shape == (4, len(schedule))
    # The first iteration is warm-up, then all of them move.
    for name in names:
        assert schedule[name][0] == pytest.approx(-7.0 if "lambda" in name else 0.05)
        assert schedule[name][1] != schedule[name][0]
    assert model.loss_curve_ == schedule["train_loss"].tolist()
    assert model.validation_scores_ == schedule["validation_score"].tolist()
    assert np.all(np.diff(schedule["n_gradients"]) > 0)
    assert not model.converged_


@needs_torch
def test_gradients_are_counted():
    """Comparisons at equal budgets would be unfair.

    320 training rows are 5 batches of 64: 5 gradients an iteration without tuning,
    twice as many in the centred form, and one more for every second batch.
    """
    X, y = digits(400)
    options = {"max_iter": 4, "n_warmup_iter": 2, "batch_size": 64, "random_state": 0}
    for extra, expected in (
        ({"tune": False}, [5, 10, 15, 20]),
        ({"form": "published"}, [5, 10, 17, 25]),
        ({"form": "centred"}, [10, 20, 32, 45]),
    ):
        model = STNMLPClassifier((5,), **options, **extra).fit(X, y)
        assert model.schedule_["n_gradients"].tolist() == expected


@needs_torch
@pytest.mark.parametrize("form", ["published", "centred"])
def test_the_best_checkpoint_is_kept(form):
    """A network of a later, overfitted iteration would predict."""
    X, y = digits(300)
    model = STNMLPClassifier(
        (30,), form=form, learning_rate_init=0.5, max_iter=12, random_state=3
    ).fit(X, y)
    losses = model.schedule_["validation_loss"]
    assert model.validation_loss_ == losses.min() < losses[-1]
    assert model.best_iter_ == losses.argmin() + 1
    for name, value in model.hyperparameters_.items():
        assert value == model.schedule_[name][model.best_iter_ - 1]
    assert model.best_validation_score_ == model.validation_scores_[losses.argmin()]


@needs_torch
@pytest.mark.parametrize("form", ["published", "centred"])
def test_predictions_are_those_of_the_training_network(form):
    """The network that predicts would be another one than was validated.

    With one pair of classes held out by the same seed, the validation loss can be
    computed from `predict_proba`.
    """
    from sklearn_myhpo.neural_network._base import split_rows

    X, y = digits(300)
    model = STNMLPClassifier((9,), form=form, max_iter=8, random_state=5).fit(X, y)
    held_out = split_rows(len(y), y, 0.2, np.random.RandomState(5))[1]
    loss = log_loss(y[held_out], model.predict_proba(X[held_out]))
    assert loss == pytest.approx(model.validation_loss_, rel=1e-9)
    score = model.score(X[held_out], y[held_out])
    assert score == pytest.approx(model.best_validation_score_)


@needs_torch
def test_regression_is_in_the_units_of_the_target():
    """Targets of any size would be predicted in others' units, or not learned."""
    X, y = data_for(STNMLPRegressor)
    options = {"max_iter": 30, "batch_size": 32, "random_state": 0}
    model = STNMLPRegressor((20,), **options).fit(X, y)
    assert model.score(X, y) > 0.4
    other = STNMLPRegressor((20,), **options).fit(X, 1e6 * y - 3e8)
    np.testing.assert_allclose(
        other.predict(X), 1e6 * model.predict(X) - 3e8, rtol=1e-6
    )
    assert other.validation_loss_ == pytest.approx(model.validation_loss_, rel=1e-6)
    two = STNMLPRegressor((20,), **options).fit(X, np.column_stack([y, -y]))
    assert two.predict(X).shape == (len(y), 2)
    assert r2_score(y, two.predict(X)[:, 0]) > 0.4


@needs_torch
@both
def test_sparse_is_dense(cls):
    """Sparse features would give another network."""
    X, y = data_for(cls)
    X = np.where(X > 0.3, X, 0.0)
    dense = cls(**SMALL, random_state=0).fit(X, y)
    model = cls(**SMALL, random_state=0).fit(sparse.csc_array(X), y)
    for one, two in zip(dense.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(
        outputs_of(model, sparse.csr_array(X)), outputs_of(dense, X), rtol=1e-10
    )


@needs_torch
@both
@pytest.mark.parametrize("form", ["published", "centred"])
def test_reproducible_and_alone(cls, form):
    """Two runs would differ, or a fit would disturb the user's own random numbers."""
    X, y = data_for(cls)
    torch.manual_seed(0)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = cls(**SMALL, form=form, random_state=7).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before[0])
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(after, before[1])
    second = clone(first).fit(X, y)
    for name in first.hyperparameters_:
        np.testing.assert_array_equal(first.schedule_[name], second.schedule_[name])
    np.testing.assert_array_equal(outputs_of(first, X), outputs_of(second, X))
    third = clone(first).set_params(random_state=8).fit(X, y)
    assert np.any(outputs_of(third, X) != outputs_of(first, X))


@needs_torch
@both
def test_pickle_predicts_without_torch(cls, monkeypatch):
    """A stored model would need PyTorch where it serves."""
    X, y = data_for(cls)
    model = cls(**SMALL, random_state=0).fit(X, y)
    stored, expected = pickle.dumps(model), outputs_of(model, X)
    monkeypatch.setitem(sys.modules, "torch", None)
    np.testing.assert_array_equal(outputs_of(pickle.loads(stored), X), expected)


@needs_torch
@both
def test_float32_stays(cls):
    """Memory and time of single precision would be lost."""
    X, y = data_for(cls)
    model = cls(**SMALL, random_state=0).fit(X.astype(np.float32), y)
    assert {part.dtype for part in model.coefs_ + model.intercepts_} == {
        np.dtype(np.float32)
    }


@needs_torch
@both
@pytest.mark.parametrize("form", ["published", "centred"])
@pytest.mark.parametrize("scale", [1e-8, 1e6, 1e150])
def test_any_scale_gives_finite_predictions(cls, form, scale):
    """NaN would come out where features were not standardized."""
    X, y = data_for(cls)
    model = cls(**SMALL, form=form, random_state=0).fit(scale * X, y)
    assert all(np.isfinite(coef).all() for coef in model.coefs_)
    assert np.isfinite(outputs_of(model, scale * X)).all()
    for column in model.schedule_.values():
        assert np.isfinite(column).all()


@needs_torch
def test_divergence_is_said():
    """A network from before training would pass for a trained one."""
    X, y = data_for(STNMLPRegressor)
    model = STNMLPRegressor(**SMALL, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged in iteration 1.*Scale"):
        model.fit(X * 1e300, y)
    assert model.best_iter_ == 0
    assert not model.converged_


@needs_torch
def test_warnings_of_convergence():
    """A fit that ran out of iterations would pass for a finished one."""
    X, y = digits(120)
    with pytest.warns(ConvergenceWarning, match=r"reached max_iter=3 before"):
        STNMLPClassifier((5,), max_iter=3, random_state=0).fit(X, y)
    model = STNMLPClassifier(
        (5,), learning_rate_init=1.0, n_iter_no_change=2, n_warmup_iter=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(random_state=0).fit(X, y)
    assert model.converged_
    assert model.n_iter_ < model.max_iter
    rates = model.schedule_["learning_rate"]
    np.testing.assert_allclose(np.unique(rates), [0.01, 0.1, 1.0])
    # Two drops and the end are six iterations without a better one, or more.
    assert model.n_iter_ >= model.best_iter_ + 2


@needs_torch
@both
@pytest.mark.parametrize("max_time", [0.5, 2.5, 9.5, 14.5])
def test_training_ends_in_time(cls, max_time, monkeypatch):
    """Iterations over many rows would take as long as they take."""
    clock = Ticks()
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=clock))
    X, y = data_for(cls)
    model = cls((5,), batch_size=32, max_time=max_time, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"reached max_time=.* Raise max_time"):
        model.fit(X, y)
    assert clock.n_read < max_time + 4
    assert not model.converged_
    assert model.n_iter_ == len(model.loss_curve_) >= 1
    assert model.best_iter_ <= model.n_iter_
    losses = model.schedule_["validation_loss"]
    if model.best_iter_:
        assert model.validation_loss_ == losses.min() == losses[model.best_iter_ - 1]
    assert np.all(np.isfinite(outputs_of(model, X)))


@both
@pytest.mark.parametrize("max_time", [0, -1, "1s"])
def test_bad_max_time(cls, max_time):
    """A training without an end would follow a wrong word."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=r"'max_time' parameter .* must be a float"):
        cls(max_time=max_time).fit(X, y)


@needs_torch
def test_schedules_are_followed():
    """The schedule of another fit could not be compared with its final value."""
    X, y = digits(150)
    path = np.array([0.0, 0.5, 0.2])
    model = STNMLPClassifier(
        (5,),
        tune=["lambda_0"],
        hyperparameters={"dropout": path, "dropout_1": 0.3, "lambda": -5.0},
        max_iter=5,
        n_warmup_iter=2,
        batch_size=32,
        random_state=0,
    ).fit(X, y)
    schedule = model.schedule_
    np.testing.assert_allclose(schedule["dropout_0"], [0.0, 0.5, 0.2, 0.2, 0.2])
    np.testing.assert_allclose(schedule["dropout_1"], 0.3)
    np.testing.assert_allclose(schedule["lambda_1"], -5.0)
    assert schedule["lambda_0"][2] != -5.0
    assert "sigma_lambda_0" in schedule
    assert "sigma_lambda_1" not in schedule


@needs_torch
def test_a_fixed_network_trains_with_what_it_is_given():
    """Fixed dropout and penalties would have no effect."""
    X, y = digits(300)
    options = {
        "tune": False,
        "max_iter": 12,
        "batch_size": 32,
        "learning_rate_init": 0.05,
        "random_state": 0,
    }

    def norm_and_loss(**hyperparameters):
        model = STNMLPClassifier((20,), hyperparameters=hyperparameters, **options)
        model.fit(X, y)
        return np.square(model.coefs_[0]).sum(), model.loss_curve_[-1]

    plain, plain_loss = norm_and_loss(dropout=0.0, **{"lambda": -np.inf})
    shrunk, _ = norm_and_loss(dropout=0.0, **{"lambda": -4.0})
    _, dropped_loss = norm_and_loss(dropout=0.6, **{"lambda": -np.inf})
    assert shrunk < 0.5 * plain
    assert dropped_loss > 1.5 * plain_loss


@needs_torch
@pytest.mark.parametrize("form", ["published", "centred"])
def test_tuning_mends_bad_initial_values(form):
    """Tuning would be for nothing.

    Far too much dropout and penalty; the fixed network gets the same start, splits
    and iterations. Averaged over seeds.
    """
    X, y = digits(400)
    tuned, fixed = [], []
    for seed in range(2):
        options = {
            "hyperparameters": {"dropout": 0.6, "lambda": -3.0},
            "batch_size": 32,
            "learning_rate_init": 0.05,
            "hyper_learning_rate": 0.1,
            "max_iter": 15,
            "n_warmup_iter": 1,
            "random_state": seed,
        }
        model = STNMLPClassifier((20,), form=form, **options).fit(X, y)
        tuned.append(model.validation_loss_)
        model = STNMLPClassifier((20,), tune=False, **options).fit(X, y)
        fixed.append(model.validation_loss_)
    assert np.mean(tuned) < 0.7 * np.mean(fixed)


@needs_torch
@both
def test_verbose_prints_a_line_per_iteration(cls, capsys):
    """A long fit could not be watched."""
    model = cls(**SMALL, random_state=0, verbose=True).fit(*data_for(cls))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    assert "dropout_0=" in lines[0]
    assert "lambda_1=" in lines[0]


@needs_torch
@both
def test_callbacks_see_every_iteration(cls):
    """Scores along the fit would be those of other weights, or in other units."""
    callback = pytest.importorskip("sklearn.callback")
    assert callback
    X, y = data_for(cls)
    recorder = Recorder()
    model = cls(**SMALL, random_state=0).set_callbacks(recorder).fit(X, y)
    assert recorder.tasks == ["iteration"] * model.n_iter_ + ["fit"]
    kept = recorder.models[model.best_iter_ - 1]
    np.testing.assert_array_equal(kept.predict(X), model.predict(X))
    assert kept.hyperparameters_ == model.hyperparameters_
    recorder = Recorder(stop_after=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cls(**SMALL, random_state=0).set_callbacks(recorder).fit(X, y)
    assert model.n_iter_ == 2
    assert not model.converged_


@needs_torch
@both
@pytest.mark.parametrize("n_iter_no_change", [5, np.inf])
def test_progress_bar_has_a_true_number_of_iterations(cls, n_iter_no_change):
    """A bar would jump from a third to its end where training stops early."""
    callback = pytest.importorskip("sklearn.callback")
    assert callback
    totals = []

    class First(Recorder):
        def on_fit_task_begin(self, estimator, context):
            if context.parent is None:
                totals.append(context.max_subtasks)

    model = cls(**{**SMALL, "n_iter_no_change": n_iter_no_change}, random_state=0)
    model.set_callbacks(First()).fit(*data_for(cls))
    assert totals == [model.n_iter_ if n_iter_no_change == np.inf else None]


@needs_torch
@both
def test_interruption_leaves_no_half_fitted_model(cls):
    """A network would predict with the weights of one fit and the units of another."""
    X, y = data_for(cls)
    old = cls(**SMALL, random_state=0).fit(X, y)
    before = outputs_of(old, X)
    place = "sklearn_myhpo.neural_network._training.Training.run"
    for model in (old, cls(**SMALL)):
        stop = mock.patch(place, side_effect=KeyboardInterrupt)
        with stop, pytest.raises(KeyboardInterrupt):
            model.fit(X[:, :3] * 2, y)
    np.testing.assert_array_equal(outputs_of(old, X), before)
    assert not hasattr(model, "n_features_in_")


@needs_torch
@both
def test_notebooks_show_what_was_learned(cls):
    """A user of a notebook would have to ask for the hyperparameters by name."""
    model = cls(**SMALL, random_state=0)
    assert "sklearn-myhpo-learned" not in model._repr_html_()
    html = model.fit(*data_for(cls))._repr_html_()
    html = html[html.find("sklearn-myhpo-learned") :]
    for name, value in model.hyperparameters_.items():
        assert name in html
        assert f"{value:.4g}" in html


@needs_torch
def test_one_row_classes():
    """Rare classes would stop a fit that can do without stratification."""
    X, y = digits(60)
    y = np.where(np.arange(60) == 0, 99, y)
    model = STNMLPClassifier(**SMALL, random_state=0).fit(X, y)
    assert model.predict_proba(X).shape == (60, len(np.unique(y)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "centered"}, "The 'form' parameter of STNMLPClassifier must be"),
        ({"hidden_layer_sizes": (3, 0)}, "must hold positive integers. Got .3, 0."),
        ({"hidden_layer_sizes": (3, 2.5)}, "must hold positive integers"),
        ({"tune": "dropout"}, "did you mean .'dropout'."),
        ({"tune": ["dropuot_0"]}, "'tune' parameter names 'dropuot_0'. Allowed"),
        ({"tune": ["lambda_2"]}, r"names 'lambda_2'.*'lambda_1'"),
        ({"hyperparameters": [1]}, "must be None or a dict"),
        (
            {"hyperparameters": {"alpha": 1}},
            "'hyperparameters' parameter names 'alpha'",
        ),
        ({"hyperparameters": {"dropout": "much"}}, "must be a number"),
        ({"hyperparameters": {"dropout": []}}, "must be a number"),
        (
            {"hyperparameters": {"dropout": 1.0}, "tune": False},
            "dropout_0 = 1.0; it must be from 0.0 to 0.99",
        ),
        (
            {"hyperparameters": {"lambda_1": np.nan}},
            "lambda_1 = nan; it must be from -inf to 10.0, a natural log",
        ),
        ({"hyperparameters": {"dropout_0": 0.0}}, "dropout_0 = 0.0, but it is tuned"),
        ({"hyperparameters": {"lambda": -np.inf}}, "lambda_0 = -inf, but it is tuned"),
        ({"hyperparameters": {"lambda": [-3, -4]}}, "a schedule of 2 values, but"),
        ({"validation_fraction": 0.0}, "'validation_fraction' parameter"),
        ({"sigma_init": 2.0}, "'sigma_init' parameter"),
    ],
)
def test_bad_parameters(options, message):
    """A typo would be ignored, or the error would not say what is allowed."""
    with pytest.raises(ValueError, match=message):
        STNMLPClassifier(**options).fit(*digits(50))


@needs_torch
def test_bad_data():
    """The message would not say what is wrong with the rows."""
    X, y = digits(50)
    with pytest.raises(ValueError, match=r"at least 2 classes\. Got only the class"):
        STNMLPClassifier().fit(X, np.ones(50))
    with pytest.raises(ValueError, match=r"validation_fraction=0\.9 leaves no"):
        STNMLPRegressor(validation_fraction=0.9).fit(X[:5], y[:5])
    with pytest.raises(ValueError, match=r"entries up to .* Scale y down"):
        STNMLPRegressor().fit(X, 1e200 * y)


def test_names_say_more_than_kinds():
    """{"lambda": .., "lambda_1": ..} would depend on the order of the dict."""
    for given in (
        {"lambda": -4.0, "lambda_1": -2.0},
        {"lambda_1": -2.0, "lambda": -4.0},
    ):
        plan = make_plan(3, ["lambda_2"], given)
        assert plan.at(0)[3:].tolist() == [-4.0, -2.0, -4.0]
        assert plan.is_tuned.tolist() == [False] * 5 + [True]
