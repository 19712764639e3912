"""Callbacks, interruptions, and the lines that a fit prints."""

import copy
import re
import warnings
from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from tests.helpers import Recorder, data_for
from tests.linear_model.common import each_estimator

try:
    from sklearn.callback import ScoringMonitor
except ImportError:
    ScoringMonitor = None


needs_callbacks = pytest.mark.skipif(
    ScoringMonitor is None, reason="callbacks came with scikit-learn 1.9"
)


class Counter(Recorder):
    """A callback that does not look at models."""

    def on_fit_task_end(self, estimator, context):
        """Count."""
        self.tasks.append(context.task_name)


ERRORS = [KeyboardInterrupt, RuntimeError]
PLACES = [
    "sklearn_myhpo.solvers.myhpo.method.MYHPO.step",
    "sklearn_myhpo.bilevel.problem.Problem.minimize_full",
    "sklearn_myhpo.linear_model._results.reporting.certify",
]


@pytest.mark.one_in(2)
@needs_callbacks
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_callbacks_see_every_iteration(cls, diabetes, cancer):
    """Scores along the fit would be those of other weights, or not be there."""
    X, y = diabetes if cls is MYHPORidge else cancer
    recorder = Recorder()
    model = cls(lambda_init=0.0, cv=3, random_state=0)
    model.set_callbacks(recorder).fit(X, y)
    iterations = ["iteration"] * model.n_iter_
    assert recorder.tasks == [*iterations, "solve", "refit", "checks", "fit"]
    assert recorder.torn_down == 1
    last, at_end = recorder.fitted_models[-2:]
    # Before the refit the model is the mean of the splits', as with refit=False.
    other = clone(model).set_params(refit=False).fit(X, y)
    np.testing.assert_allclose(last.coef_, other.coef_)
    np.testing.assert_array_equal(last.predict(X), other.predict(X))
    np.testing.assert_array_equal(at_end.predict(X), model.predict(X))


@needs_callbacks
@pytest.mark.parametrize(
    "model",
    [
        BilevelRidge(solver="hoag", max_iter=5),
        BilevelLogisticRegression(solver="stochastic", max_iter=5),
        MYHPORidge(feature_groups="each", max_iter=5),
        MYHPORidge(alpha_per_target=True, lambda_init=0.0),
        MYHPORidge(criterion="loo"),
        SHORidge(max_iter=5),
        SHOLogisticRegression(max_iter=5),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_callbacks_of_every_estimator(model, diabetes, cancer):
    """A progress bar would stand still, or pass its end, with some estimators."""
    X, y = cancer if is_classifier(model) else diabetes
    if getattr(model, "alpha_per_target", False):
        y = np.column_stack([y, y[::-1]])
    recorder = Recorder()
    model = clone(model).set_params(random_state=0).set_callbacks(recorder).fit(X, y)
    assert recorder.tasks.count("iteration") == model.n_iter_
    assert recorder.tasks[-1] == "fit"
    for fitted in recorder.fitted_models:
        assert fitted.predict(X).shape == y.shape


@needs_callbacks
def test_models_of_iterations_are_made_when_asked_for(diabetes):
    """A progress bar would cost a model per iteration."""
    model = MYHPORidge(lambda_init=0.0, random_state=0)
    made = mock.patch.object(
        model, "_weight_attributes", wraps=model._weight_attributes
    )
    with made as function:
        model.set_callbacks(counter := Counter()).fit(*diabetes)
    assert len(counter.tasks) == model.n_iter_ + 4
    # The fitted model itself, and none before it.
    assert function.call_count == 1


@needs_callbacks
def test_callback_stops_a_fit(diabetes):
    """A user who has seen enough could not end the fit and keep what it has."""
    model = SHORidge(max_iter=100, tol=0, random_state=0)
    # The scan comes before the iterations.
    model.set_callbacks(Recorder(stop_after=1 + 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(*diabetes)
    assert model.n_iter_ == 3
    assert not model.converged_
    assert model.predict(diabetes[0]).shape == diabetes[1].shape


@needs_callbacks
def test_callbacks_inside_searches(diabetes):
    """Scoring along the iterations would fail in a pipeline or a search."""
    monitor = ScoringMonitor(scoring="r2")
    model = MYHPORidge(lambda_init=0.0, random_state=0).set_callbacks(monitor)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model), {"myhporidge__cv": [3, 5]}, cv=2
    ).fit(*diabetes)
    assert search.best_estimator_[-1].converged_
    model.fit(*diabetes)
    assert clone(model).fit(*diabetes).lambda_ == model.lambda_


@pytest.mark.one_in(5)
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("place", PLACES)
def test_interruption_leaves_no_half_fitted_model(place, error, cancer):
    """A model would predict with the weights of one fit and the classes of another."""
    X, y = cancer
    new = MYHPOLogisticRegression(random_state=0)
    old = MYHPOLogisticRegression(random_state=0).fit(X[:, :5], 1 - y)
    before = {name: copy.copy(value) for name, value in vars(old).items()}
    for model in (new, old):
        with mock.patch(place, side_effect=error), pytest.raises(error):
            model.fit(X, y + 1)
    with pytest.raises(NotFittedError):
        check_is_fitted(new)
    assert vars(old).keys() == before.keys()
    np.testing.assert_array_equal(old.coef_, before["coef_"])
    assert old.n_features_in_ == 5
    assert set(old.predict(X[:, :5])) == {0, 1}


@needs_callbacks
def test_interruption_from_a_callback(diabetes):
    """Ctrl-C while a callback draws would leave its resources open."""
    recorder = Recorder(error=KeyboardInterrupt())
    model = MYHPORidge(random_state=0).set_callbacks(recorder)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*diabetes)
    assert recorder.torn_down == 1
    with pytest.raises(NotFittedError):
        check_is_fitted(model)


def test_verbose_spells_few_lambdas_and_the_range_of_many(capsys, diabetes):
    """Sixty-four numbers a line could not be read."""
    MYHPORidge(verbose=1, feature_groups="each", random_state=0).fit(*diabetes)
    lines = capsys.readouterr().out.splitlines()
    assert all("10 from " in line for line in lines[3:])
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("names", [["age", "blood pressure, mean"], [0, 1]])
def test_verbose_names_the_groups(capsys, diabetes, names):
    """Of two lambdas nobody would know which features they penalize."""
    X, y = diabetes
    groups = [(names[0], [0, 1]), (names[1], list(range(2, X.shape[1])))]
    model = MYHPORidge(verbose=1, feature_groups=groups).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    start = next(n for n, line in enumerate(lines) if "iteration" in line.split())
    head, *rows, last = lines[start:]
    first, second = (str(name)[:16] for name in names)
    assert len({len(line) for line in [head, *rows]}) == 1
    for row, lambdas in zip(rows, model.history_["lambda"], strict=True):
        assert f" {first}={lambdas[0]:.3f} {second}={lambdas[1]:.3f} " in row
    assert f"lambda {first}={model.lambda_[0]:.3f} {second}=" in last


def test_verbose_tells_of_the_scan(capsys, cancer):
    """A long scan would look like a fit that hangs."""
    MYHPOLogisticRegression(verbose=1, random_state=0).fit(*cancer)
    name, scan, head, *_ = capsys.readouterr().out.splitlines()
    assert name == "MYHPOLogisticRegression"
    assert re.fullmatch(r"scan: \d+ values of one lambda, \S+ s", scan)
    assert head.split()[0] == "iteration"


class Bars:
    """The bars that scikit-learn's `ProgressBar` would draw, by name of the task."""

    def __init__(self):
        self.totals, self.done, self.after = {}, {}, []

    def setup(self, estimator, context):
        """Begin."""

    def teardown(self, estimator, context):
        """End."""

    def on_fit_task_begin(self, estimator, context):
        """Add a bar."""
        if context.max_subtasks != 0 or context.parent is None:
            assert context.task_name not in self.totals or "target" in context.task_name
            self.totals[context.task_name] = context.max_subtasks

    def on_fit_task_end(self, estimator, context):
        """Count below the parent."""
        if context.parent is not None:
            name = context.parent.task_name
            self.done[name] = self.done.get(name, 0) + 1
            if context.parent.parent is None:
                self.after.append(context.task_name)


HALF = ["first"] * 5 + ["second"] * 5
FITS = {
    "one lambda": (MYHPORidge(), ["scan", "solve", "refit", "checks"]),
    "groups": (
        MYHPORidge(feature_groups=HALF),
        ["scan", "solve", "refit", "checks"],
    ),
    "shrinkage": (
        MYHPORidge(feature_groups=HALF, shrinkage="auto"),
        ["shrinkage", "scan", "solve", "refit", "checks"],
    ),
    "no shrinkage to learn": (
        MYHPORidge(shrinkage="auto"),
        ["shrinkage", "scan", "solve", "refit", "checks"],
    ),
    "given shrinkage": (
        MYHPORidge(feature_groups=HALF, shrinkage=0.1, lambda_init=0.0),
        ["scan", "solve", "refit", "checks"],
    ),
    "no scan, no refit": (
        MYHPORidge(lambda_init=0.0, refit=False),
        ["solve", "checks"],
    ),
    "criterion": (MYHPORidge(criterion="gcv"), ["scan", "solve", "refit", "checks"]),
    "targets together": (
        MYHPORidge(alpha_per_target=True),
        ["scan", "solve", "refit", "checks"],
    ),
    "targets apart": (
        BilevelRidge(solver="hoag", alpha_per_target=True, max_iter=3),
        ["scan", "solve", "refit", "checks"],
    ),
    "logistic": (MYHPOLogisticRegression(), ["scan", "solve", "refit", "checks"]),
    "unsuccessful": (SHORidge(max_iter=3), ["scan", "solve", "refit", "checks"]),
}


@needs_callbacks
@pytest.mark.parametrize("name", FITS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
def test_progress_bars_end(name, diabetes, cancer):
    """A bar would stop at one percent of `max_iter`, or jump from there to its end."""
    model, phases = FITS[name]
    X, y = cancer if is_classifier(model) else diabetes
    if getattr(model, "alpha_per_target", False):
        y = np.column_stack([y, y[::-1], y**2])
    bars = Bars()
    clone(model).set_params(random_state=0).set_callbacks(bars).fit(X, y)
    assert bars.after == phases
    assert bars.totals.pop("fit") == len(phases)
    for task, total in bars.totals.items():
        # The number of iterations is not known, and no bar pretends to know it.
        if task == "target" or (task == "solve" and name != "targets apart"):
            assert total is None
        elif total is not None:
            assert bars.done[task] == total > 0


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_progress_bars_of_a_warm_start_and_of_own_validation(diabetes):
    """Without a scan or a refit the whole fit's bar would end before its end."""
    X, y = diabetes
    model = MYHPORidge(warm_start=True, random_state=0).fit(X, y)
    for given in ({}, {"X_val": X, "y_val": y}):
        model.set_callbacks(bars := Bars()).fit(X, y, **given)
        assert bars.after == ["scan", "solve", "refit", "checks"]


@pytest.mark.one_in(3, 1)
@each_estimator
def test_verbose_prints_a_line_per_iteration(cls, capsys):
    """Progress could not be followed, or would clutter a notebook unasked."""
    X, y = data_for(cls)
    model = cls(lambda_init=-2.0, cv=0.3, random_state=0, verbose=1).fit(X, y)
    name, head, *lines, last = capsys.readouterr().out.splitlines()
    assert name == cls.__name__
    assert head.split() == ["iteration", "lambda", "loss", "hypergradient"]
    assert [int(line.split()[0]) for line in lines] == [*range(1, model.n_iter_ + 1)]
    shown = [float(line.split()[1]) for line in lines]
    np.testing.assert_allclose(shown, model.history_["lambda"], atol=1e-3)
    assert f"{model.n_iter_} iterations" in last
    assert f"{model.lambda_:.3f}" in last
    cls(cv=3).fit(X, y)
    assert capsys.readouterr().out == ""
