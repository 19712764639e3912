"""Callbacks, interruption, own validation sets, and what a fit warns of."""

import copy
import warnings
from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    FewRowsWarning,
    FlatObjectiveWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from tests.helpers import Recorder

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


@pytest.fixture(scope="module")
def diabetes():
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@needs_callbacks
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_callbacks_see_every_iteration(cls, diabetes, cancer):
    """Scores along the fit would be those of other weights, or not be there."""
    X, y = diabetes if cls is MYHPORidge else cancer
    recorder = Recorder()
    model = cls(lambda_init=0.0, cv=3, random_state=0)
    model.set_callbacks(recorder).fit(X, y)
    assert recorder.tasks == ["iteration"] * model.n_iter_ + ["fit"]
    assert recorder.torn_down == 1
    last, at_end = recorder.models[-2:]
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
    assert recorder.tasks == ["iteration"] * model.n_iter_ + ["fit"]
    for fitted in recorder.models:
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
    assert len(counter.tasks) == model.n_iter_ + 1
    # The fitted model itself, and none before it.
    assert function.call_count == 1


@needs_callbacks
def test_callback_stops_a_fit(diabetes):
    """A user who has seen enough could not end the fit and keep what it has."""
    model = SHORidge(max_iter=100, tol=0, random_state=0)
    model.set_callbacks(Recorder(stop_after=3))
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


ERRORS = [KeyboardInterrupt, RuntimeError]
PLACES = [
    "sklearn_myhpo.solvers.myhpo.method.MYHPO.step",
    "sklearn_myhpo.bilevel.problem.Problem.minimize_full",
    "sklearn_myhpo.linear_model._reporting.certify",
]


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


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_own_validation_set(cls, container, diabetes, cancer):
    """Lambda would be learned on other rows, or the weights on the validation set."""
    X, y = diabetes if cls is MYHPORidge else cancer
    train, held_out = slice(0, 300), slice(300, None)
    model = cls(cv=3).fit(
        container(X[train]), y[train], X_val=container(X[held_out]), y_val=y[held_out]
    )
    pair = PredefinedSplit(np.where(np.arange(len(y)) < 300, -1, 0))
    other = cls(cv=pair, refit=False).fit(X, y)
    assert model.lambda_ == pytest.approx(other.lambda_, rel=1e-6)
    assert model.validation_loss_ == pytest.approx(other.validation_loss_)
    if cls is MYHPORidge:
        plain = Ridge(alpha=model.alpha_)
    else:
        plain = LogisticRegression(C=model.C_, tol=1e-10, max_iter=10000)
    plain.fit(X[train], y[train])
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-4, atol=1e-5)


def test_own_validation_weights(diabetes):
    """A weight of k in the validation set would not be k rows."""
    X, y = diabetes
    repeats = np.arange(142) % 3
    by_weight, by_rows = (MYHPORidge() for _ in range(2))
    by_weight.fit(
        X[:300], y[:300], X_val=X[300:], y_val=y[300:], sample_weight_val=repeats
    )
    rows = np.repeat(np.arange(300, 442), repeats)
    by_rows.fit(X[:300], y[:300], X_val=X[rows], y_val=y[rows])
    assert by_weight.lambda_ == pytest.approx(by_rows.lambda_, rel=1e-6)
    np.testing.assert_allclose(by_weight.coef_, by_rows.coef_, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({}, {"X_val": 1}, "X_val needs y_val too"),
        ({}, {"y_val": 1}, "y_val needs X_val too"),
        ({}, {"sample_weight_val": 1}, "needs X_val and y_val"),
        ({"criterion": "loo"}, {"X_val": 1, "y_val": 1}, "holds no rows out"),
        ({"shrinkage": "auto"}, {"X_val": 1, "y_val": 1}, "three splits"),
        ({}, {"X_val": 2, "y_val": 1}, "X_val, y_val: .*9 features"),
    ],
)
def test_own_validation_set_that_does_not_fit(options, given, message, diabetes):
    """A set that is half there would be left out in silence."""
    X, y = diabetes
    values = {
        "X_val": X[:50] if given.get("X_val") == 1 else X[:50, :9],
        "y_val": y[:50],
        "sample_weight_val": np.ones(50),
    }
    given = {name: values[name] for name in given}
    with pytest.raises(ValueError, match=message):
        BilevelRidge(**options).fit(X, y, **given)


def test_few_held_out_rows_are_said(diabetes):
    """A lambda of chance would look like any other."""
    X, y = diabetes
    with pytest.warns(FewRowsWarning, match=r"4 held-out rows.*71%"):
        MYHPORidge(cv=4, random_state=0).fit(
            X[100:120], y[100:120], X_val=X[:4], y_val=y[:4]
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error", FewRowsWarning)
        MYHPORidge(cv=4, random_state=0).fit(X[:12], y[:12])


def test_flat_objective_is_said():
    """A lambda that means nothing would be reported with six digits."""
    y = np.random.default_rng(0).standard_normal(50)
    with pytest.warns(
        FlatObjectiveWarning, match="flat objective: the validation loss is"
    ):
        MYHPORidge(random_state=0).fit(np.ones((50, 2)), y)


@pytest.mark.parametrize("groups", [None, "each"])
def test_a_perfect_prediction_ends_the_fit(groups):
    """A fit would chase a loss of zero for hundreds of iterations."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = np.outer(2 * y - 1, [60.0, 40.0]) + rng.standard_normal((200, 2))
    X = np.column_stack([X, rng.standard_normal((200, 4))])
    model = MYHPOLogisticRegression(feature_groups=groups, random_state=0)
    with pytest.warns(
        FlatObjectiveWarning, match="held-out rows with certainty"
    ) as seen:
        model.fit(X, y)
    advice = "any weaker penalty" if groups is None else "shrinkage='auto'"
    assert advice in str(seen[0].message).lower()
    assert len(seen) == 1
    assert model.converged_
    assert model.validation_loss_ * len(y) < 0.01
    assert model.n_iter_ <= 3
    assert model.certificate_.certain
    assert "no held-out row is left in doubt" in str(model.certificate_)
    assert np.isfinite(model.coef_).all()


def test_squares_have_no_certainty():
    """A fit to small numbers would end early because of their unit."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    y = 1e-6 * (X.sum(axis=1) + rng.standard_normal(60))
    model = MYHPORidge(random_state=0).fit(X, y)
    assert not model.certificate_.certain
    assert model.certificate_.relative_hypergradient < 1e-6


def test_verbose_spells_few_lambdas_and_the_range_of_many(capsys, diabetes):
    """Sixty-four numbers a line could not be read."""
    MYHPORidge(verbose=1, feature_groups="each", random_state=0).fit(*diabetes)
    lines = capsys.readouterr().out.splitlines()
    assert all("10 from " in line for line in lines[2:])
    assert max(map(len, lines)) <= 100
