"""`class_weight`, and labels that carry no weight."""

import re
import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.fixes import parse_version

from sklearn_myhpo import (
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
    MYHPORidgeClassifier,
)
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import (
    CLASSIFIERS,
    LOGISTICS,
    covering_pairs,
    data_for,
    folds,
    no_warnings,
)
from tests.linear_model.common import each_classifier

pytestmark = no_warnings
LABELS = np.array(["ant", "bee", "cat"])
WEIGHTS = ["balanced", {"ant": 0.2, "bee": 3.0}, {"ant": 5.0, "bee": 1.0, "cat": 0.5}]
each_weight = pytest.mark.parametrize("class_weight", WEIGHTS, ids=str)
#: A criterion of every classifier that holds no rows out.
CRITERIA = [(MYHPOLogisticRegression, "alo"), (MYHPORidgeClassifier, "loo")]
counts_weights = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"),
    reason="LogisticRegression counted rows without their sample weights",
)


def uneven(cls, n_classes=2, n_samples=60):
    """Return rows of string labels, the first of them the rarest, and weights."""
    X, y = data_for(cls, n_samples=3 * n_samples, n_classes=n_classes)
    kept = np.flatnonzero((y != 0) | (np.arange(len(y)) % 3 == 0))[:n_samples]
    weight = np.random.default_rng(0).uniform(0.2, 3.0, n_samples)
    weight[:3] = 0.0
    return X[kept], LABELS[y[kept]], weight


def row_weights(class_weight, y, weight):
    """Return the sample weights that say the same, class by class."""
    if class_weight == "balanced":
        labels = np.unique(y)
        total = {label: weight[y == label].sum() for label in labels}
        even = weight.sum() / len(labels)
        return weight * np.array([even / total[label] for label in y])
    return weight * np.array([class_weight.get(label, 1.0) for label in y])


def same_models(model, other, rtol=1e-7):
    """Compare everything that was learned."""
    np.testing.assert_array_equal(model.classes_, other.classes_)
    for name in ("lambda_", "coef_", "intercept_", "validation_loss_"):
        found, expected = getattr(model, name), getattr(other, name)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("cls", "class_weight", "n_classes", "container"),
    covering_pairs(CLASSIFIERS, WEIGHTS, [2, 3], [np.asarray, sparse.csr_array]),
)
def test_same_as_sample_weights(cls, class_weight, n_classes, container):
    """Training, validation, refit or C_ would know other weights than were given."""
    X, y, weight = uneven(cls, n_classes)
    X = container(X)
    options = {"cv": folds(len(y), 3), "random_state": 0, "max_iter": 50}
    model = cls(class_weight=class_weight, **options)
    model.fit(X, y, sample_weight=weight)
    own = row_weights(class_weight, y, weight)
    same_models(model, cls(**options).fit(X, y, sample_weight=own))
    plain = cls(**options).fit(X, y, sample_weight=weight)
    assert np.max(np.abs(plain.coef_ - model.coef_)) > 1e-3


@pytest.mark.parametrize(("cls", "criterion"), CRITERIA)
@each_weight
def test_same_as_sample_weights_in_criteria(cls, criterion, class_weight):
    """Rows that are left out one by one would weigh the same again."""
    X, y, weight = uneven(cls, 3)
    model = cls(class_weight=class_weight, criterion=criterion)
    model.fit(X, y, sample_weight=weight)
    own = row_weights(class_weight, y, weight)
    same_models(model, cls(criterion=criterion).fit(X, y, sample_weight=own))


@pytest.mark.one_in(3)
@each_classifier
def test_balanced_is_that_of_scikit_learn(cls):
    """Without sample weights there is one meaning of the word."""
    X, y, _ = uneven(cls, 3)
    options = {"cv": 3, "random_state": 0, "max_iter": 50}
    model = cls(class_weight="balanced", **options).fit(X, y)
    own = compute_sample_weight("balanced", y)
    same_models(model, cls(**options).fit(X, y, sample_weight=own))
    by_label = dict(zip(y, own, strict=True))
    expected = [by_label[label] for label in model.classes_]
    np.testing.assert_allclose(model.class_weight_, expected)


@pytest.mark.one_in(5)
@counts_weights
@pytest.mark.parametrize("cls", LOGISTICS)
@each_weight
@pytest.mark.parametrize("n_classes", [2, 3])
def test_logistic_regression_has_the_same_coef(cls, class_weight, n_classes):
    """`C_` and the same class_weight would give another model in scikit-learn."""
    X, y, weight = uneven(cls, n_classes)
    # LogisticRegression divides by the weight of a class that has none.
    model = cls(class_weight=class_weight, cv=3, random_state=0)
    model.fit(X, y, sample_weight=weight)
    options = {"class_weight": class_weight, "solver": "newton-cholesky"}
    plain = LogisticRegression(C=model.C_, tol=1e-10, max_iter=1000, **options)
    plain.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=1e-6)
    handed = model.to_sklearn()
    assert handed.class_weight == class_weight
    again = clone(handed).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(again.coef_, model.coef_, atol=1e-4)


@each_weight
@pytest.mark.parametrize("n_classes", [2, 3])
def test_ridge_classifier_has_the_same_coef(class_weight, n_classes):
    """`alpha_` and what is handed over would give another model in scikit-learn."""
    X, y, weight = uneven(MYHPORidgeClassifier, n_classes)
    model = MYHPORidgeClassifier(class_weight=class_weight, random_state=0)
    model.fit(X, y, sample_weight=weight)
    own = row_weights(class_weight, y, weight)
    plain = RidgeClassifier(alpha=model.alpha_).fit(X, y, sample_weight=own)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-8, atol=1e-12)
    handed = model.to_sklearn()
    again = clone(handed).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(again.intercept_, model.intercept_, atol=1e-12)
    unweighted = model.fit(X, y).to_sklearn().set_params(class_weight=class_weight)
    again = clone(unweighted).fit(X, y)
    np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-8, atol=1e-12)


@each_classifier
@each_weight
def test_a_validation_set_weighs_its_classes_alike(cls, class_weight):
    """Lambda would be learned for other rows than those the weights are trained for."""
    X, y, weight = uneven(cls, 3, n_samples=90)
    train, val = slice(0, 60), slice(60, 90)
    own = row_weights(class_weight, y[train], weight[train])
    # The training rows say how much a class weighs, in the validation set too.
    positive = np.flatnonzero(weight[train])
    by_label = {y[i]: own[i] / weight[i] for i in positive}
    own_val = weight[val] * np.array([by_label[label] for label in y[val]])
    pair = {"X_val": X[val], "y_val": y[val]}
    options = {"random_state": 0, "max_iter": 50}
    model = cls(class_weight=class_weight, **options)
    given = {"sample_weight": weight[train], "sample_weight_val": weight[val]}
    model.fit(X[train], y[train], **pair, **given)
    given = {"sample_weight": own, "sample_weight_val": own_val}
    same_models(model, cls(**options).fit(X[train], y[train], **pair, **given))


@pytest.mark.one_in(3)
@each_classifier
@pytest.mark.parametrize("y_type", [int, float, bool, object])
def test_labels_of_any_type(cls, y_type):
    """A key of the dict would not be found, and the class keep weight one."""
    X, y = data_for(cls)
    labels = y.astype(y_type) if y_type is not object else LABELS[y].astype(object)
    zero, one = np.unique(labels)
    options = {"cv": 3, "random_state": 0, "max_iter": 50}
    model = cls(class_weight={one: 3.0}, **options).fit(X, labels)
    weight = np.where(labels == one, 3.0, 1.0)
    same_models(model, cls(**options).fit(X, labels, sample_weight=weight))
    np.testing.assert_array_equal(model.class_weight_, [1.0, 3.0])
    assert set(model.predict(X)) <= {zero, one}


@each_classifier
def test_a_class_of_weight_zero_is_left_out(cls):
    """Its rows count nothing, as rows without sample weight."""
    X, y, weight = uneven(cls, 3)
    options = {"cv": folds(len(y), 3), "random_state": 0, "max_iter": 50}
    model = cls(class_weight={"cat": 0, "ant": 2.0}, **options)
    model.fit(X, y, sample_weight=weight)
    assert model.classes_.tolist() == ["ant", "bee"]
    np.testing.assert_array_equal(model.class_weight_, [2.0, 1.0])
    own = row_weights({"cat": 0.0, "ant": 2.0}, y, weight)
    same_models(model, cls(**options).fit(X, y, sample_weight=own))


@each_classifier
@pytest.mark.parametrize(
    ("class_weight", "match"),
    [
        ({"ant": 0}, "class_weight={'ant': 0} leaves .* only one class .* 'bee'.*two"),
        ({"ant": 0.0, "bee": 0.0}, "class_weight=.* gives all rows weight zero"),
        ({"ant": -1}, "class_weight must have .* >= 0. Got -1 for the label 'ant'"),
        ({"ant": np.nan}, "class_weight must have .* Got nan for the label 'ant'"),
        ({"ant": "much"}, "class_weight must have .* Got 'much' for the label 'ant'"),
        ({"ant": 1e308, "bee": 1e308}, "class_weight=.* Rescale it"),
        ("even", "'class_weight' parameter .*'balanced'.* Got 'even' instead"),
        (3.0, "'class_weight' parameter .*'balanced'.* Got 3.0 instead"),
    ],
)
def test_bad_class_weights(cls, class_weight, match):
    """Weights that leave no problem, or are none."""
    X, y, _ = uneven(cls)
    with pytest.raises(ValueError, match=match):
        cls(class_weight=class_weight).fit(X, y)


@each_classifier
def test_labels_that_y_has_not(cls):
    """A misspelt label is an error where scikit-learn has one, and only there."""
    X, y, _ = uneven(cls)
    options = {"cv": 3, "random_state": 0, "max_iter": 20}
    for class_weight in ({"dog": 2.0}, {"ant": 2.0, "dog": 1.0}):
        with pytest.raises(ValueError, match="not in class_weight") as ours:
            cls(class_weight=class_weight).fit(X, y)
        with pytest.raises(ValueError, match="not in class_weight") as theirs:
            LogisticRegression(class_weight=class_weight).fit(X, y)
        assert str(ours.value) == str(theirs.value)
    more = {"ant": 2.0, "bee": 1.0, "dog": 9.0}
    model = cls(class_weight=more, **options).fit(X, y)
    same_models(model, cls(class_weight={"ant": 2.0}, **options).fit(X, y))


@each_classifier
def test_parts_are_weighed(cls):
    """partial_fit would forget the weights, or guess those of classes to come."""
    if cls is not BilevelLogisticRegression:
        assert not hasattr(cls(), "partial_fit")
        return
    X, y, weight = uneven(cls, 3)
    solver = Stochastic(method="soba", batch_size=20)
    options = {"solver": solver, "cv": 0.3, "random_state": 0, "lambda_init": -3.0}
    given = {"ant": 0.3, "cat": 4.0}
    weighed, other = cls(class_weight=given, **options), cls(**options)
    for part in (slice(0, 30), slice(30, 60)):
        classes = LABELS if part.start == 0 else None
        arguments = X[part], y[part], classes
        weighed.partial_fit(*arguments, sample_weight=weight[part])
        own = row_weights(given, y[part], weight[part])
        other.partial_fit(*arguments, sample_weight=own)
    same_models(weighed, other)
    np.testing.assert_array_equal(weighed.class_weight_, [0.3, 1.0, 4.0])
    assert other.class_weight_.tolist() == [1.0, 1.0, 1.0]
    match = "class_weight='balanced' is not possible with partial_fit.*dict"
    with pytest.raises(ValueError, match=match):
        cls(class_weight="balanced", **options).partial_fit(X, y, LABELS)
    nothing = cls(class_weight={"ant": 0.0, "bee": 0.0}, **options)
    rows = np.flatnonzero(y != "cat")
    with pytest.raises(ValueError, match="gives all rows weight zero"):
        nothing.partial_fit(X[rows], y[rows], LABELS)


@each_classifier
def test_a_class_without_sample_weight_does_not_count(cls):
    """ "balanced" would share the weight among classes that are not there."""
    X, y, weight = uneven(cls, 3)
    weight = np.where(y == "cat", 0.0, weight)
    kept = weight > 0
    options = {"cv": folds(len(y), 3), "random_state": 0, "max_iter": 50}
    options["class_weight"] = "balanced"
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        model = cls(**options).fit(X, y, sample_weight=weight)
    number = np.cumsum(kept) - 1
    options["cv"] = [
        tuple(number[part[kept[part]]] for part in pair) for pair in options["cv"]
    ]
    other = cls(**options).fit(X[kept], y[kept], sample_weight=weight[kept])
    same_models(model, other)


def test_one_list_of_classifiers():
    """A new classifier would not be tested for class_weight."""
    assert all("class_weight" in cls().get_params() for cls in CLASSIFIERS)


@pytest.mark.parametrize("cls", [MYHPOLogisticRegression, MYHPORidgeClassifier])
def test_names_in_messages_are_the_users(cls):
    """The only label that is left would come as NumPy spells it."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=re.escape("the class 1.0.")):
        cls().fit(X, np.ones(len(y)))
