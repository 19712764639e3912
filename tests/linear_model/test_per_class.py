"""Logistic regression with one lambda per class, alone and in groups of features."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from sklearn_myhpo import (
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
    SHOLogisticRegression,
    report,
)
from sklearn_myhpo.data import Batches, RowFolds
from sklearn_myhpo.exceptions import FlatObjectiveWarning, LambdaBoundWarning
from sklearn_myhpo.solvers import SOLVERS, Penalty, Stochastic
from sklearn_myhpo.solvers.stochastic.rules import RULES
from tests.helpers import start_from
from tests.per_class import make_classes, softmax_weights

X, Y = make_classes(200)
NAMES = np.array(["d", "b", "c", "a"])[Y]
GROUPS = [0, 0, 1, 1, 1]
WEIGHT = np.random.default_rng(3).uniform(0.2, 2.0, 200)
WIDE = make_classes(60, 80, 3, seed=5)


def fit(X=X, y=Y, cls=MYHPOLogisticRegression, fit_options=None, **options):
    """Fit with a lambda per class, without warnings of bounds and of the end."""
    model = cls(**{"alpha_per_target": True, "random_state": 0, **options})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y, **(fit_options or {}))


def penalties_of(model):
    """Return the penalty of every weight, shape (n_features, n_classes)."""
    labels = model.feature_group_labels_
    lambda_ = np.reshape(model.lambda_, (-1, len(model.classes_)))
    strength = np.where(labels[:, None] < 0, 0.0, np.exp(lambda_)[labels])
    return strength * model.penalty_factors_[:, None]


#: Data, options, weights of the rows in the refit, and units of the features.
CASES = {
    "folds": ((X, Y), {}, None, None),
    "names": ((X, NAMES), {}, None, None),
    "groups": ((X, Y), {"feature_groups": GROUPS}, None, None),
    "each": ((X, Y), {"feature_groups": "each"}, None, None),
    "hold-out": ((X, Y), {"cv": 0.3}, None, None),
    "no intercept": ((X, Y), {"fit_intercept": False}, None, None),
    "factors": ((X, Y), {"penalty_factors": [1, 2, 0, 1, 0.5]}, None, None),
    "standardize": ((X, Y), {"standardize": True}, None, X.std(axis=0)),
    "sparse": ((sparse.csr_array(X), Y), {}, None, None),
    "class weight": (
        (X, Y),
        {"class_weight": {0: 2.0, 2: 0.5}},
        np.array([2.0, 1.0, 0.5, 1.0])[Y],
        None,
    ),
    "alo": ((X, Y), {"criterion": "alo"}, None, None),
    "alo of groups": (
        (X, Y),
        {"criterion": "alo", "feature_groups": GROUPS},
        None,
        None,
    ),
    "one standard error": ((X, Y), {"selection": "one_se"}, None, None),
    "shrinkage": ((X, Y), {"shrinkage": 0.1}, None, None),
    "starts": ((X, Y), {"n_starts": 2, "cv": 3}, None, None),
    "wide": (WIDE, {"feature_groups": np.arange(80) % 2}, None, None),
    "wide, standardized": (WIDE, {"standardize": True}, None, WIDE[0].std(axis=0)),
    "as published": ((X, Y), {"response": "mean", "max_iter": 5}, None, None),
    "gradient steps": ((X, Y), {"steps": "gradient", "max_iter": 5}, None, None),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", CASES)
def test_weights_are_those_of_the_penalties(name):
    """`coef_` would be of other penalties than `lambda_` says."""
    data, options, weight, unit = CASES[name]
    model = fit(*data, **options)
    classes, y = np.unique(data[1], return_inverse=True)
    n_groups, n_classes = len(model.feature_group_names_), len(classes)
    is_one = options.get("feature_groups") is None
    shape = (n_classes,) if is_one else (n_groups, n_classes)
    assert model.lambda_.shape == model.C_.shape == shape
    assert model.history_["lambda"].shape == (model.n_iter_, *shape)
    np.testing.assert_allclose(
        model.C_, 0.5 * np.exp(-model.lambda_) / _rows(weight, y)
    )
    penalty = penalties_of(model)
    if unit is not None:
        penalty = penalty * unit[:, None] ** 2
    rows = data[0].toarray() if sparse.issparse(data[0]) else data[0]
    given = rows, y, penalty, model.fit_intercept, weight
    coef, intercept = softmax_weights(*given)
    free = model.feature_group_labels_ < 0
    coef[free] -= coef[free].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(model.coef_, coef.T, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, intercept, atol=1e-6)


def _rows(weight, y):
    return len(y) if weight is None else weight.sum()


def test_sample_weights_count():
    """Weights would count in the search for lambda alone."""
    model = fit(fit_options={"sample_weight": WEIGHT})
    given = X, Y, penalties_of(model), True, WEIGHT
    np.testing.assert_allclose(model.coef_, softmax_weights(*given)[0].T, atol=1e-6)


def test_a_validation_set_of_ones_own():
    """`X_val` would be a part of the training rows."""
    own = {"X_val": X[150:], "y_val": Y[150:]}
    model = fit(X[:150], Y[:150], fit_options=own)
    given = X[:150], Y[:150], penalties_of(model)
    np.testing.assert_allclose(model.coef_, softmax_weights(*given)[0].T, atol=1e-6)


@pytest.mark.parametrize("feature_groups", [None, GROUPS])
@pytest.mark.parametrize("criterion", ["validation", "alo"])
def test_equal_lambdas_are_one_lambda(feature_groups, criterion):
    """A lambda per class would be another model, not a wider family."""
    options = {
        "lambda_bounds": (-4.0, -4.0 + 1e-9),
        "feature_groups": feature_groups,
        "criterion": criterion,
    }
    own, shared = fit(**options), fit(alpha_per_target=False, **options)
    np.testing.assert_allclose(own.validation_loss_, shared.validation_loss_)
    np.testing.assert_allclose(own.coef_, shared.coef_, atol=1e-7)
    np.testing.assert_allclose(own.intercept_, shared.intercept_, atol=1e-7)
    if criterion == "validation":
        dof = own.summary().effective_dof, shared.summary().effective_dof
        np.testing.assert_allclose(*dof, rtol=1e-6)
    plain = LogisticRegression(C=np.ravel(own.C_)[0], tol=1e-10, max_iter=10_000)
    np.testing.assert_allclose(own.coef_, plain.fit(X, Y).coef_, atol=1e-5)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("feature_groups", [None, GROUPS, "each"])
def test_no_worse_than_lambdas_that_classes_share(feature_groups):
    """The wider family would end above the narrower one."""
    own = fit(feature_groups=feature_groups)
    shared = fit(alpha_per_target=False, feature_groups=feature_groups)
    assert own.converged_
    assert own.validation_loss_ < shared.validation_loss_


@pytest.mark.one_in(2)
@pytest.mark.parametrize("criterion", ["validation", "alo"])
def test_classes_in_another_order(criterion):
    """The class that sorts last, which holds the intercepts, would be special."""
    options = {"criterion": criterion, "feature_groups": GROUPS, "cv": 4}
    order = np.array([2, 0, 3, 1])
    own = fit(**options)
    other = fit(y=order[Y], **options)
    assert own.lambda_.shape == (2, 4)
    np.testing.assert_allclose(other.validation_loss_, own.validation_loss_, rtol=1e-7)
    # Beyond the range in which a penalty is felt lambda is not determined.
    felt = own.lambda_ < 3.0
    ours = np.where(felt, own.lambda_, 3.0)
    theirs = np.minimum(other.lambda_[:, order], 3.0)
    np.testing.assert_allclose(theirs, ours, atol=2e-3)
    np.testing.assert_allclose(other.coef_[order], own.coef_, atol=1e-4)


def test_classes_without_signal_have_strong_penalties():
    """The penalties would tell nothing of the classes."""
    rows, y = make_classes(1500, 6, 5, seed=1, flat=2)
    lambda_ = fit(rows, y).lambda_
    assert lambda_[3:].min() > lambda_[:3].max() + 1.0


def test_two_classes_have_one_lambda():
    """Two lambdas of one weight vector would not be determined."""
    y = Y > 1
    own, shared = fit(y=y), fit(y=y, alpha_per_target=False)
    assert own.lambda_ == shared.lambda_
    np.testing.assert_array_equal(own.coef_, shared.coef_)
    assert fit(y=y, feature_groups=GROUPS).lambda_.shape == (2,)


#: Options that keep the tests short.
SHORT = {
    "penalty": (Penalty(n_steps=3), 2),
    "sho": ("sho", 30),
    "sho_global": ("sho_global", 2),
    "stochastic": ("stochastic", 10),
    "hoag": ("hoag", 20),
    "unrolled": ("unrolled", 3),
    "stn": ("stn", 10),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", SOLVERS)
def test_solvers(name):
    """A solver would give all classes one lambda, or fail on a shape."""
    solver, max_iter = SHORT.get(name, (name, 50))
    options = {"lambda_bounds": (-8.0, 3.0), "feature_groups": GROUPS}
    model = fit(
        cls=BilevelLogisticRegression, solver=solver, max_iter=max_iter, **options
    )
    assert model.lambda_.shape == (2, 4)
    if name != "sho_global":  # It learns the responses of the weights first.
        assert np.all(np.ptp(model.lambda_, axis=1) > 1e-6)
    if name not in SHORT:
        shared = fit(alpha_per_target=False, **options)
        assert model.validation_loss_ < shared.validation_loss_
    coef, _ = softmax_weights(X, Y, penalties_of(model))
    np.testing.assert_allclose(model.coef_, coef.T, atol=1e-5)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("method", RULES)
def test_stochastic_methods(method):
    """Batches would move the lambdas of one class alone."""
    solver = Stochastic(method)
    model = fit(cls=BilevelLogisticRegression, solver=solver, max_iter=8)
    assert np.unique(model.lambda_).shape == (4,)
    coef, _ = softmax_weights(X, Y, penalties_of(model))
    np.testing.assert_allclose(model.coef_, coef.T, atol=1e-5)


def test_sho():
    """SHO would learn one lambda."""
    model = fit(cls=SHOLogisticRegression, max_iter=100)
    assert np.ptp(model.lambda_) > 0.01
    assert model.validation_loss_ < fit(alpha_per_target=False).validation_loss_


def test_to_sklearn_predicts_alike():
    """Tools for scikit-learn would see another model."""
    for options in ({}, {"feature_groups": GROUPS}):
        model = fit(**options)
        plain = model.to_sklearn()
        np.testing.assert_array_equal(plain.coef_, model.coef_)
        np.testing.assert_allclose(plain.predict_proba(X), model.predict_proba(X))
        logs = np.log(model.C_).reshape(-1, 4)[model.feature_group_labels_]
        np.testing.assert_allclose(np.log(plain.C), logs.mean())


def test_a_warm_start_goes_on():
    """A second fit would start from the scan."""
    model = fit(warm_start=True, feature_groups=GROUPS)
    before, loss = model.n_iter_, model.validation_loss_
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, Y)
    assert model.n_iter_ < before
    np.testing.assert_allclose(model.validation_loss_, loss, rtol=1e-6)
    model.set_params(alpha_per_target=False).fit(X, Y)
    assert model.lambda_.shape == (2,)


def test_starts_and_bounds():
    """A start or a bound of a class would be that of another."""
    start = np.array([-3.0, -4.0, -2.0, -5.0])
    first = fit(lambda_init=start, max_iter=1, tol=0.0, rho=1e12)
    np.testing.assert_allclose(first.lambda_, start, atol=1e-3)
    given = {"lambda_init": {0: -3.0, 1: -4.0}, "lambda_bounds": {0: (-6.0, -2.5)}}
    model = fit(feature_groups=GROUPS, **given)
    assert np.all((model.lambda_[0] >= -6.0) & (model.lambda_[0] <= -2.5))
    assert model.lambda_[1].max() > -2.5
    assert fit(lambda_init=[start]).lambda_.shape == (4,)


def test_results_of_folds_and_pickles():
    """Predictions of held-out rows would be contrasts, not classes."""
    model = fit(store_cv_results=True, scoring="accuracy")
    assert model.cv_predictions_.shape == (200, 4)
    own = model.cv_predictions_[np.arange(200), Y]
    np.testing.assert_allclose(-np.log(own).mean(), model.validation_loss_, rtol=1e-6)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_rows_in_parts_are_refused():
    """A stream would be fitted with one lambda, without a word."""
    solver = Stochastic("soba")
    model = BilevelLogisticRegression(solver=solver, alpha_per_target=True)
    with pytest.raises(ValueError, match="is not possible with partial_fit"):
        model.partial_fit(X, Y, classes=range(4))
    assert not hasattr(model, "coef_")
    model.partial_fit(X, Y > 1, classes=[False, True])


IN_PASSES = {
    "folds": {},
    "groups, standardized": {"feature_groups": GROUPS, "standardize": True},
    "factors, one zero": {"penalty_factors": [1, 2, 0, 1, 0.5]},
    "no intercept": {"fit_intercept": False},
    "alo": {"criterion": "alo"},
    "shrinkage": {"shrinkage": 0.1},
}


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", IN_PASSES)
def test_batches_are_learned_in_passes(name, monkeypatch):
    """Rows beyond memory would be refused, or share one lambda."""
    start_from(monkeypatch, 8, per_weight=8)
    X, Y = make_classes(400)
    weight, fold = np.resize(WEIGHT, 400), np.arange(400) % 4
    rows = Batches.from_arrays(X, Y, weight)
    found = fit(rows, None, tol=1e-8, cv=RowFolds(4), **IN_PASSES[name])
    pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(4)]
    # There are several minima, of which this is to be the same.
    start = {"lambda_init": found.lambda_}
    options = {"tol": 1e-8, "cv": pairs, **start, **IN_PASSES[name]}
    plain = fit(X, Y, fit_options={"sample_weight": weight}, **options)
    assert found.lambda_.shape == plain.lambda_.shape
    assert f", {found.lambda_.size} lambdas" in str(found.plan_)
    assert found.oracle_counts_["n_passes"] > 3
    # The unit of shrinkage is a loss that is found to 1e-4.
    rtol = 1e-5 if name == "shrinkage" else 1e-9
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=rtol)
    atol = 1e-3 if name == "shrinkage" else 1e-5
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=atol)
    np.testing.assert_allclose(found.intercept_, plain.intercept_, atol=atol)


def test_batches_that_fit_into_memory_are_the_same():
    """Their folds would be others than those of an array."""
    rows = Batches.from_arrays(X, Y, batch_size=50)
    np.testing.assert_allclose(fit(rows, None).lambda_, fit().lambda_, atol=1e-6)


def test_a_class_at_its_bound_is_named():
    """A user with many classes would not know which of them is meant."""
    model = MYHPOLogisticRegression(alpha_per_target=True, lambda_bounds=(-6.0, 0.0))
    with pytest.warns(LambdaBoundWarning, match="bound for the class b, so these wei"):
        model.fit(X, NAMES)
    model.set_params(feature_groups=GROUPS)
    with pytest.warns(LambdaBoundWarning, match="upper bound for 0 in class b, so"):
        model.fit(X, NAMES)
    assert model.certificate_.at_upper_bound == ((0, "b"),)


def test_frames():
    """A table would not say which class a penalty belongs to."""
    pytest.importorskip("pandas")
    model = fit(y=NAMES)
    frame = model.penalties_frame()
    assert frame["class"].tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(frame["lambda"], model.lambda_)
    norms = np.linalg.norm(model.coef_, axis=1)
    np.testing.assert_allclose(frame["coef_norm"], norms)
    assert list(model.history_frame())[:2] == ["lambda[a]", "lambda[b]"]
    model = fit(y=NAMES, feature_groups=GROUPS)
    frame = model.penalties_frame()
    assert list(frame)[:2] == ["group", "class"]
    own = frame[(frame["group"] == 1) & (frame["class"] == "b")]
    assert own["lambda"].item() == model.lambda_[1, 1]
    np.testing.assert_allclose(
        own["coef_norm"].item(), np.linalg.norm(model.coef_[1, 2:])
    )
    assert own["n_features"].item() == 3
    history = model.history_frame()
    np.testing.assert_array_equal(
        history["lambda[1, b]"], model.history_["lambda"][:, 1, 1]
    )


def test_pages_and_lines(capsys):
    """Notebooks, summaries and printed lines would show classes as features."""
    model = fit(y=NAMES, feature_groups=GROUPS, verbose=1)
    assert "8 from" in capsys.readouterr().out
    _, heads, rows = model._learned()
    assert heads == ["group", "class", "features", "C", "lambda"]
    assert [row[:3] for row in rows[3:5]] == [["0", "d", "2"], ["1", "a", "3"]]
    assert model._learned_in_short().startswith("8 values of C")
    columns = model.summary().columns
    np.testing.assert_array_equal(columns["C[c]"], model.C_[GROUPS, 2])
    assert fit(y=NAMES)._learned_in_short().startswith("C: a ")


def test_displays():
    """Bars and lines would have no names of classes."""
    plt = pytest.importorskip("matplotlib.pyplot")
    from sklearn_myhpo.plotting import ConvergenceDisplay, GroupPenaltyDisplay

    model = fit(y=NAMES)
    bars = GroupPenaltyDisplay.from_estimator(model)
    assert [text.get_text() for text in bars.ax_.get_yticklabels()] == list("abcd")
    model = fit(y=NAMES, feature_groups=GROUPS)
    bars = GroupPenaltyDisplay.from_estimator(model)
    assert bars.ax_.get_yticklabels()[5].get_text() == "1, b"
    options = {"positions": range(5), "strength": "lambda"}
    lines = GroupPenaltyDisplay.from_estimator(model, **options).artist_
    np.testing.assert_array_equal(lines[1].get_ydata(), model.lambda_[GROUPS, 1])
    drawn = ConvergenceDisplay.from_estimator(model, quantity="lambda").lines_
    assert drawn[5].get_label().endswith("1, b")
    np.testing.assert_array_equal(
        drawn[5].get_ydata(), model.history_["lambda"][:, 1, 1]
    )
    plt.close("all")


def test_a_report_shows_the_classes(tmp_path):
    """A page for colleagues would leave out what was learned."""
    pytest.importorskip("matplotlib.pyplot")
    page = report(fit(y=NAMES), tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The penalty strength of every group and class" in page
    assert "C[b]" in page


def test_certainty_advises_what_would_help():
    """A user without groups would be told to leave out groups."""
    rows = np.repeat(np.eye(3), 30, axis=0)
    model = MYHPOLogisticRegression(alpha_per_target=True)
    with pytest.warns(FlatObjectiveWarning, match="with alpha_per_target=False on new"):
        model.fit(rows, np.repeat([0, 1, 2], 30))
