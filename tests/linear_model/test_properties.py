"""Results are independent of units, order and storage, and stay finite.

Comparisons solve to ``tol=1e-10``: lambda is then accurate to about 1e-8, as is
what follows from it, since the loss is smooth in lambda on these data.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import check_cv

from sklearn_myhpo import MYHPORidge, SHORidge
from tests.helpers import (
    CLASSIFIERS,
    RIDGES,
    data_for,
    raw_predictions,
)
from tests.linear_model.common import (
    ACCURACY,
    PAIRS,
    assert_same_predictions,
    each_estimator,
    each_minimizer,
    few,
    fit,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
scales = st.one_of(
    st.floats(-6.0, 6.0).map(lambda exponent: 10.0**exponent),
    st.integers(-20, 20).map(lambda exponent: 2.0**exponent),
)


@pytest.mark.one_in(5)
@each_minimizer
@pytest.mark.parametrize("groups", [None, ["a", "a", "b", "b"]])
@given(scale=scales)
@few
def test_units_of_x(cls, groups, scale):
    """Metres instead of millimetres would change the predictions."""
    X, y = data_for(cls)
    model = fit(cls, X, y, feature_groups=groups)
    scaled = fit(cls, X * scale, y, feature_groups=groups)
    assert_same_predictions(
        raw_predictions(scaled, X * scale), raw_predictions(model, X)
    )


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", RIDGES)
@given(scale=scales)
@few
def test_units_of_y(cls, scale):
    """Euros instead of cents would change the model."""
    X, y = data_for(cls)
    options = {"tol": 1e-4} if cls is SHORidge else {}
    model, scaled = (fit(cls, X, target, **options) for target in (y, y * scale))
    # SHO's noise is not scaled, so it agrees to its own tolerance only.
    accuracy = 1e-4 if cls is SHORidge else ACCURACY
    assert_same_predictions(scaled.predict(X) / scale, model.predict(X), accuracy)


@pytest.mark.one_in(3)
@each_minimizer
@given(shift=st.floats(-1e3, 1e3))
@few
def test_origin_of_x(cls, shift):
    """Kelvin instead of degrees would change the predictions."""
    X, y = data_for(cls)
    model, shifted = fit(cls, X, y), fit(cls, X + shift, y)
    assert_same_predictions(
        raw_predictions(shifted, X + shift), raw_predictions(model, X)
    )


@pytest.mark.one_in(2)
@each_minimizer
@given(order=st.permutations(range(4)))
@few
def test_order_of_columns(cls, order):
    """Sorting the columns would change the model."""
    X, y = data_for(cls)
    labels = np.array(["a", "a", "b", "b"])
    for groups, moved in ((None, None), (labels, labels[order])):
        model = fit(cls, X, y, feature_groups=groups)
        other = fit(cls, X[:, order], y, feature_groups=moved)
        assert_same_predictions(
            raw_predictions(other, X[:, order]), raw_predictions(model, X)
        )
        assert_same_predictions(other.coef_, model.coef_[..., order])


@pytest.mark.one_in(2)
@each_minimizer
@given(order=st.permutations(range(3)))
@few
def test_order_of_groups(cls, order):
    """Listing the groups in another order would change the model."""
    X, y = data_for(cls)
    groups = [("a", [0]), ("b", [1, 2]), ("c", [3])]
    model = fit(cls, X, y, feature_groups=groups)
    other = fit(cls, X, y, feature_groups=[groups[i] for i in order])
    np.testing.assert_array_equal(
        other.feature_group_names_, model.feature_group_names_[order]
    )
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@pytest.mark.one_in(3)
@each_minimizer
@given(order=st.permutations(range(12)))
@few
def test_order_of_rows(cls, order):
    """Shuffling the rows, and the splits with them, would change the model."""
    X, y = data_for(cls)
    rows = np.arange(60)
    rows[:12] = order
    place = np.argsort(rows)
    moved = [tuple(place[part] for part in pair) for pair in PAIRS]
    model, other = fit(cls, X, y), fit(cls, X[rows], y[rows], cv=moved)
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@pytest.mark.one_in(5)
@each_minimizer
@pytest.mark.parametrize("fit_intercept", [True, False])
@given(counts=st.lists(st.integers(1, 3), min_size=60, max_size=60))
@few
def test_integer_weights_are_repetitions(cls, fit_intercept, counts):
    """A weight of two would not be two equal rows."""
    X, y = data_for(cls)
    counts = np.array(counts)
    ends = np.cumsum(counts)
    copies = [
        np.arange(end - count, end) for end, count in zip(ends, counts, strict=True)
    ]
    repeated = [
        tuple(np.concatenate([copies[i] for i in part]) for part in pair)
        for pair in PAIRS
    ]
    options = {"fit_intercept": fit_intercept}
    model = fit(cls, X, y, sample_weight=counts, **options)
    rows = np.repeat(np.arange(60), counts)
    other = fit(cls, X[rows], y[rows], cv=repeated, **options)
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))
    assert other.validation_loss_ == pytest.approx(model.validation_loss_, rel=1e-8)


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.parametrize("cv", [3, 0.3])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_zero_weight_is_a_dropped_row(cls, cv, container):
    """Rows switched off by their weight would still count somewhere.

    Folds are scikit-learn's of all rows, and lose these afterwards.
    """
    X, y = data_for(cls)
    keep = np.random.default_rng(1).random(60) < 0.7
    # The values of the dropped rows must not matter, so they differ.
    X = np.where(keep[:, None], X, X + 100.0)
    weight = np.where(keep, np.linspace(0.5, 2.0, 60), 0.0)
    options = {"tol": cls().tol}
    model = fit(cls, container(X), y, sample_weight=weight, cv=cv, **options)
    if cv == 3:
        place = np.cumsum(keep) - 1
        folds = check_cv(cv, y, classifier=cls in CLASSIFIERS).split(X, y)
        cv = [tuple(place[part[keep[part]]] for part in pair) for pair in folds]
    options.update(cv=cv, sample_weight=weight[keep])
    other = fit(cls, container(X[keep]), y[keep], **options)
    # The same numbers in the same order, but for the sums over zeros.
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@pytest.mark.one_in(3)
@each_minimizer
@given(scale=st.floats(1e-6, 1e6))
@few
def test_scale_of_weights(cls, scale):
    """Only ratios of weights count; C and alpha carry their sum."""
    X, y = data_for(cls)
    weight = np.linspace(0.5, 2.0, 60)
    model = fit(cls, X, y, sample_weight=weight)
    other = fit(cls, X, y, sample_weight=scale * weight)
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@each_minimizer
@pytest.mark.parametrize(
    "container",
    [
        sparse.csr_array,
        sparse.csc_array,
        sparse.csr_matrix,
        sparse.csc_matrix,
        np.asfortranarray,
    ],
)
@pytest.mark.parametrize(
    ("fit_intercept", "groups"), [(True, None), (False, ["a", "a", "b", "b"])]
)
def test_storage(cls, container, fit_intercept, groups):
    """The storage of the same numbers would change the model."""
    X, y = data_for(cls)
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    options = {"fit_intercept": fit_intercept, "feature_groups": groups}
    model = fit(cls, X, y, **options)
    other = fit(cls, container(X), y, **options)
    assert_same_predictions(
        raw_predictions(other, container(X)), raw_predictions(model, X)
    )


@pytest.mark.parametrize(
    "groups", [None, [0] * 4 + [1] * 3], ids=["one lambda", "two groups"]
)
def test_redundant_categories_in_any_storage(groups):
    """Ridge of one-hot columns would have other digits where they are sparse."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, 400)
    X = np.hstack([np.eye(4)[codes], rng.normal([0.0, 50.0, 3.0], size=(400, 3))])
    y = X @ rng.normal(size=7) + 3.0 * rng.normal(size=400)
    plain, rare = (MYHPORidge(feature_groups=groups) for _ in range(2))
    plain.fit(X, y)
    rare.fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(rare.lambda_, plain.lambda_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(rare.coef_, plain.coef_, rtol=0, atol=1e-9)
