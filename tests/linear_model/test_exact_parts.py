"""`partial_fit` and `merge` of ridge: the fit of all rows is the right value."""

import pickle
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

from sklearn_myhpo import BilevelRidge, MYHPORidge, SHORidge
from sklearn_myhpo.data import KeyFolds, RowFolds
from sklearn_myhpo.data.folds.rules import HoldOut
from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.solvers import Stochastic

RNG = np.random.default_rng(0)
N, D = 300, 4
X = RNG.standard_normal((N, D)) + np.array([0.0, 1.0, 9.0, -50.0])
Y = X[:, :3] @ np.array([1.0, -0.5, 0.2]) + RNG.standard_normal(N)
TARGETS = np.column_stack([Y, 3.0 * Y[::-1] + X[:, 1]])
WEIGHT = RNG.integers(0, 3, N) / 2.0
KEYS = RNG.integers(40, size=N)


def in_parts(model, sizes, y=Y, weight=None, order=None, groups=None, rows=X):
    """Return a model that gets parts of some sizes, in some order."""
    ends = np.unique(np.clip(np.cumsum([0, *sizes, N]), 0, N))
    parts = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    for number in range(len(parts)) if order is None else order(len(parts)):
        own = parts[number]
        more = {} if groups is None else {"groups": groups[own]}
        own_weight = None if weight is None else weight[own]
        model.partial_fit(rows[own], y[own], own_weight, **more)
    return model


def assert_same(found, expected, tol=1e-9):
    """Compare all that a fit learns."""
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    size = np.abs(expected.coef_).max()
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=tol * size)
    np.testing.assert_allclose(found.intercept_, expected.intercept_, rtol=1e3 * tol)
    np.testing.assert_allclose(
        found.validation_loss_, expected.validation_loss_, rtol=1e-8
    )
    np.testing.assert_allclose(found.alpha_, expected.alpha_, rtol=1e-7)
    assert found.coef_.shape == expected.coef_.shape
    assert np.shape(found.intercept_) == np.shape(expected.intercept_)


OPTIONS = [
    {},
    {"alpha_per_target": True},
    {"criterion": "gcv"},
    {"criterion": "reml"},
    {"criterion": "sure", "feature_groups": "each"},
    {"standardize": True, "feature_groups": [0, 0, 1, 1]},
    {"fit_intercept": False},
    {"selection": "one_se"},
    {"penalty_factors": [0, 1, 2, 1], "refit": False},
]


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 150), max_size=8),
    targets=st.sampled_from([Y, Y[:, None], TARGETS]),
    weight=st.sampled_from([None, WEIGHT]),
    options=st.sampled_from(OPTIONS),
)
@pytest.mark.filterwarnings("ignore")
def test_parts_are_the_whole(sizes, targets, weight, options):
    """The model would depend on the sizes of the parts, or forget the first ones."""
    if "selection" in options and targets is TARGETS:
        weight = None
    options = {"tol": 1e-10, **options}
    expected = MYHPORidge(cv=RowFolds(5), **options).fit(X, targets, weight)
    found = in_parts(MYHPORidge(**options), sizes, targets, weight)
    assert_same(found, expected)
    if expected.optimism_ is not None:
        assert found.optimism_ == pytest.approx(expected.optimism_, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 100), max_size=8),
    cut=st.integers(1, N - 1),
    data=st.data(),
)
def test_order_and_merge(sizes, cut, data):
    """Parts of several machines would have to come in one order."""
    model = MYHPORidge(cv=KeyFolds(4))
    expected = clone(model).fit(X, TARGETS, WEIGHT + 0.1, groups=KEYS)

    def order(n_parts):
        return data.draw(st.permutations(range(n_parts)))

    given = TARGETS, WEIGHT + 0.1
    found = in_parts(clone(model), sizes, *given, order=order, groups=KEYS)
    assert_same(found, expected)
    halves = []
    for rows in (slice(0, cut), slice(cut, N)):
        half = clone(model)
        for row in np.array_split(np.arange(N)[rows], 3):
            if len(row):
                own = X[row], TARGETS[row], WEIGHT[row] + 0.1
                half.partial_fit(*own, groups=KEYS[row])
        halves.append(half)
    first, second = halves
    other = deepcopy(second).merge(first)
    kept = second._parts
    assert_same(first.merge(second), expected)
    assert_same(other, expected)
    assert second._parts is kept


def test_merge_of_three():
    """A tree of machines would give another model than a chain."""
    parts = [
        MYHPORidge(criterion="gcv").partial_fit(X[a : a + 100], Y[a : a + 100])
        for a in (0, 100, 200)
    ]
    one, two, three = (deepcopy(part) for part in parts)
    chain = one.merge(two).merge(three)
    one, two, three = (deepcopy(part) for part in parts)
    tree = one.merge(two.merge(three))
    expected = MYHPORidge(criterion="gcv").fit(X, Y)
    assert_same(chain, expected)
    assert_same(tree, expected)


def test_merge_numbers_the_rows_of_each():
    """Nobody would know which folds the rows of two halves are in."""
    one = MYHPORidge(cv=3).partial_fit(X[:100], Y[:100])
    one.merge(MYHPORidge(cv=3).partial_fit(X[100:], Y[100:]))
    fold = np.concatenate([np.arange(100), np.arange(200)]) % 3
    pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(3)]
    assert_same(one, MYHPORidge(cv=pairs).fit(X, Y))


def test_a_weight_is_a_repetition():
    """A row of weight two would not count as two rows."""
    whole = np.repeat(np.arange(N), (2 * WEIGHT).astype(int))
    once = MYHPORidge(cv=KeyFolds(3))
    for rows in np.array_split(whole, 4):
        once.partial_fit(X[rows], Y[rows], groups=KEYS[rows])
    weighted = in_parts(MYHPORidge(cv=KeyFolds(3)), [90], Y, 2 * WEIGHT, groups=KEYS)
    assert_same(weighted, once)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, "frame"])
def test_kinds_of_rows(make):
    """Names would get lost, or sparse rows be refused."""
    expected = MYHPORidge(cv=RowFolds(5)).fit(X, Y)
    rows = X
    if make == "frame":
        pd = pytest.importorskip("pandas")
        frame = pd.DataFrame(X, columns=list("abcd"))
        model = MYHPORidge(feature_groups=[("all", list("abcd"))])
        for part in np.array_split(np.arange(N), 3):
            model.partial_fit(frame.iloc[part], Y[part])
        assert list(model.feature_names_in_) == list("abcd")
        assert model.lambda_[0] == pytest.approx(expected.lambda_, abs=1e-8)
        with pytest.raises(ValueError, match="feature names"):
            model.partial_fit(frame[list("bacd")], Y)
        return
    rows = make(X)
    assert_same(in_parts(MYHPORidge(), [100, 50], rows=rows), expected)


def test_precision_is_that_of_the_parts():
    """Weights of single precision would take twice the memory, or double be cut."""
    model = MYHPORidge().partial_fit(X[:100].astype(np.float32), Y[:100])
    assert model.coef_.dtype == np.float32
    assert model.partial_fit(X[100:], Y[100:]).coef_.dtype == np.float64


@pytest.mark.parametrize("kind", ["far", "huge", "tiny", "dependent", "exact"])
@pytest.mark.filterwarnings("ignore")
def test_digits_are_kept(kind):
    """Sums of squares would have lost them, and rows cannot be read again."""
    rows, y = X, Y
    if kind == "far":
        rows, y = X + 1e6, Y + 1e8
    elif kind in ("huge", "tiny"):
        y = Y * (1e120 if kind == "huge" else 1e-120)
    elif kind == "dependent":
        rows = X - X.mean(axis=0)
        rows[:, 1] = rows[:, 0] + 1e-6 * rows[:, 1]
        y = rows[:, 2] + 1e3 * rows[:, 1] - 1e3 * rows[:, 0] + 0.1 * Y
    else:
        rows = X - X.mean(axis=0)
        y = rows.sum(axis=1) + 1e-8 * Y
    expected = MYHPORidge(cv=RowFolds(5), tol=1e-10).fit(rows, y)
    found = in_parts(MYHPORidge(tol=1e-10), [20, 100], y, rows=rows)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-7)
    loss = pytest.approx(expected.validation_loss_, rel=1e-5, abs=0.0)
    assert found.validation_loss_ == loss


@pytest.mark.parametrize("options", [{}, {"selection": "one_se"}])
def test_hold_out(options):
    """Other rows would be held out in other parts."""
    model = in_parts(MYHPORidge(cv=0.3, random_state=5, **options), [7, 70])
    seed = np.random.RandomState(5).randint(np.iinfo(np.int32).max)
    fold = HoldOut(0.3, seed).labels(Block(X, Y, None, 0, 0))
    pairs = [(np.flatnonzero(fold < 0), np.flatnonzero(fold == 0))]
    expected = MYHPORidge(cv=pairs, **options).fit(X, Y)
    assert_same(model, expected)
    assert model.validation_loss_standard_error_ == pytest.approx(
        expected.validation_loss_standard_error_, rel=1e-9
    )


def test_attributes_are_computed_when_they_are_asked_for():
    """Every part would cost a whole fit, or attributes be those of fewer rows."""
    model = MYHPORidge()
    with pytest.raises(NotFittedError):
        model.predict(X)
    for rows in np.array_split(np.arange(N), 10):
        model.partial_fit(X[rows], Y[rows])
        assert "coef_" not in vars(model)
    again = pickle.loads(pickle.dumps(model))
    check_is_fitted(model)
    first = model.coef_
    assert model.coef_ is first
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    model.partial_fit(X[:50], Y[:50])
    assert not np.array_equal(model.coef_, first)
    assert not hasattr(model, "no_such_attribute_")
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        _ = model.unknown
    assert "x" not in clone(model).__dict__
    assert len(str(model.summary())) > 50
    assert f"{N + 50} rows" in str(model.plan_)


def test_fit_starts_anew():
    """Rows of earlier calls would be mixed with those of fit."""
    model = in_parts(MYHPORidge(), [100])
    model.fit(X[:200], Y[:200])
    assert_same(model, MYHPORidge().fit(X[:200], Y[:200]))
    in_parts(model, [50])
    assert_same(model, MYHPORidge(cv=RowFolds(5)).fit(X, Y))


def test_solver_that_goes_on_with_new_rows():
    """Moments of earlier calls would take the place of what it has learned."""
    model = BilevelRidge(random_state=0).partial_fit(X, Y)
    model.set_params(solver=Stochastic("soba"), cv=3).partial_fit(X / 10, Y)
    coef = model.coef_.copy()
    assert model.n_iter_ == 1
    expected = BilevelRidge(solver=Stochastic("soba"), cv=3, random_state=0)
    expected.partial_fit(X / 10, Y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    np.testing.assert_array_equal(coef, expected.coef_)


def test_few_rows_are_kept_as_they_are():
    """With more features than rows the model would be that of other rows."""
    rows = RNG.standard_normal((30, 60))
    y = rows[:, 0] + RNG.standard_normal(30)
    model = MYHPORidge()
    for part in np.array_split(np.arange(30), 7):
        model.partial_fit(rows[part], y[part])
    expected = MYHPORidge(cv=RowFolds(5)).fit(rows, y)
    np.testing.assert_allclose(model.lambda_, expected.lambda_, atol=1e-8)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-10)


def test_rows_of_weight_zero():
    """A part without weights would end the stream."""
    model = MYHPORidge().partial_fit(X[:5], Y[:5], np.zeros(5))
    model.partial_fit(X[5:], Y[5:])
    weight = (np.arange(N) >= 5).astype(float)
    assert_same(model, MYHPORidge(cv=RowFolds(5)).fit(X, Y, weight))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("model", [BilevelRidge(solver="hoag"), SHORidge()], ids=repr)
@pytest.mark.filterwarnings("ignore")
def test_other_solvers(model):
    """Only one estimator would learn from parts."""
    model = clone(model).set_params(random_state=0)
    expected = clone(model).set_params(cv=RowFolds(5)).fit(X - X.mean(axis=0), Y)
    found = in_parts(model, [100, 100], rows=X - X.mean(axis=0))
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-4)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-4)


def test_who_has_partial_fit():
    """hasattr is how others ask; the reason is in the error."""
    assert hasattr(MYHPORidge(criterion="gcv"), "partial_fit")
    assert hasattr(BilevelRidge(solver=Stochastic("soba")), "partial_fit")
    assert not hasattr(BilevelRidge(solver="stochastic"), "partial_fit")
    for criterion in ("loo", "mlr"):
        model = MYHPORidge(criterion=criterion)
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError) as error:
            model.partial_fit(X, Y)
        assert "needs single ones" in str(error.value.__cause__)


def fitted(**options):
    """Return a model of one part."""
    return MYHPORidge(**options).partial_fit(X[:50], Y[:50])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fitted(cv=KFold(3)), "KFold.* is not possible with partial_fit, whic"),
        (lambda: fitted(cv=1), "n_splits must be an int >= 2|cv=1 is not"),
        (lambda: fitted(cv=2.5), "cv=2.5 is not"),
        (lambda: fitted(shrinkage="auto"), "shrinkage='auto' is not possible with pa"),
        (lambda: fitted(scoring="r2"), "scoring='r2' is not possible with partial_fit"),
        (lambda: fitted(cv=KeyFolds(3)), "needs the groups of the rows"),
        (
            lambda: MYHPORidge().partial_fit(X, Y, groups=KEYS),
            "groups are not possible with this cv",
        ),
        (
            lambda: fitted().partial_fit(X, TARGETS),
            "shape of the first part except for the number of rows",
        ),
        (lambda: fitted().partial_fit(X[:, :2], Y), "X has 2 features, but"),
        (lambda: fitted().partial_fit(X * np.nan, Y), "X contains NaN"),
        (
            lambda: fitted().set_params(cv=3).partial_fit(X, Y),
            "cv=3 makes different folds from those of the first part",
        ),
        (
            lambda: MYHPORidge().partial_fit(X[:1], Y[:1]).coef_,
            "needs two rows or more",
        ),
        (
            lambda: MYHPORidge(cv=1e-9).partial_fit(X[:3], Y[:3]).coef_,
            "leaves the validation part without",
        ),
        (lambda: MYHPORidge().merge(fitted()), "fitted by partial_fit"),
        (lambda: fitted().merge(MYHPORidge().fit(X, Y)), "fitted by partial_fit"),
        (lambda: fitted().merge(fitted(cv=3)), "merge needs the same folds"),
        (
            lambda: fitted().merge(MYHPORidge().partial_fit(X[:, :2], Y)),
            "merge needs the same features: 4 is not 2",
        ),
        (
            lambda: fitted().merge(MYHPORidge().partial_fit(X, TARGETS)),
            "merge needs the same targets",
        ),
    ],
)
def test_what_does_not_fit(call, message):
    """Moments of other rows would be added, or the user not know why not."""
    with pytest.raises(ValueError, match=message):
        call()


def test_failed_part_leaves_the_estimator():
    """A bad part would spoil all before."""
    model = in_parts(MYHPORidge(), [100])
    coef = model.coef_.copy()
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(X * np.nan, Y)
    np.testing.assert_array_equal(model.coef_, coef)
