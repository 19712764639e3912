"""How estimators split rows: scikit-learn's folds, groups, frames, rare classes."""

import warnings

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    StratifiedGroupKFold,
    TimeSeriesSplit,
    check_cv,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    IgnoredGroupsWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
    RareClassWarning,
    SHORidge,
    SortedRowsWarning,
)
from sklearn_myhpo.selection.nested import _inner_pairs
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import CLASSIFIERS, data_for, no_warnings
from tests.linear_model.common import each_classifier, each_estimator, each_minimizer

#: Splits decide from the first iteration on: equal results need no more than few.
FEW = {"random_state": 0, "max_iter": 10}
GROUPS = np.random.default_rng(0).integers(0, 8, 60)
SPLITTERS = [
    GroupKFold(3),
    LeaveOneGroupOut(),
    StratifiedGroupKFold(3),
    GroupShuffleSplit(2, random_state=0),
]
each_splitter = pytest.mark.parametrize("cv", SPLITTERS, ids=lambda s: type(s).__name__)


class FirstGroups:
    """A splitter of the user's own: holds out one half of the groups."""

    def split(self, X, y, groups=None):
        """Yield one pair."""
        held_out = np.asarray(groups) < 4
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def can_split(cv, cls):
    """Whether a splitter takes the targets of an estimator."""
    return cls in CLASSIFIERS or not isinstance(cv, StratifiedGroupKFold)


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.parametrize("cv", [None, 3])
@no_warnings
def test_ints_are_the_folds_of_scikit_learn(cls, cv):
    """A tuned model would differ from run to run, and from GridSearchCV's folds."""
    X, y = data_for(cls)
    # SHO draws noise, which random_state seeds.
    seeds = (0, 0) if "noise_scale" in cls().get_params() else (0, 1, None)
    options = {"cv": cv, "max_iter": 10}
    models = [cls(random_state=seed, **options).fit(X, y) for seed in seeds]
    splitter = check_cv(cv, y, classifier=cls in CLASSIFIERS)
    pairs = list(splitter.split(X, y))
    for other in (splitter, pairs):
        models.append(cls(**{**options, "cv": other}, random_state=0).fit(X, y))
    for model in models[1:]:
        assert model.lambda_ == models[0].lambda_
        np.testing.assert_array_equal(model.coef_, models[0].coef_)


def test_strength_is_that_of_a_fine_grid(diabetes):
    """The strength would be the best of folds that GridSearchCV does not have."""
    X, y = diabetes
    model = MYHPORidge().fit(X, y)
    # Far away, and nearby in steps of 2 %.
    near = model.alpha_ * 353.6 / 442 * np.geomspace(0.8, 1.25, 23)
    alphas = [*np.geomspace(1e-4, 1e-2, 20), *near]
    search = GridSearchCV(
        Ridge(), {"alpha": alphas}, cv=5, scoring="neg_mean_squared_error"
    )
    search.fit(X, y)
    # A grid has one alpha for 353 and for all 442 rows, where we have one lambda; and
    # it weighs folds of 89 and 88 rows alike, where we weigh rows alike.
    best = search.best_params_["alpha"] * 442 / 353.6
    assert model.alpha_ == pytest.approx(best, rel=0.05)
    assert model.validation_loss_ == pytest.approx(-search.best_score_ / 2, rel=1e-3)
    losses = []
    for train, held_out in KFold(5).split(X):
        plain = Ridge(model.alpha_ * len(train) / 442).fit(X[train], y[train])
        losses.append((y[held_out] - plain.predict(X[held_out])) ** 2 / 2)
    assert model.validation_loss_ == pytest.approx(np.concatenate(losses).mean())


def test_sorted_rows_are_said(diabetes):
    """Every fold would be one end of y, and lambda learned from extrapolation."""
    X, y = diabetes
    order = np.argsort(y)
    match = r"^MYHPORidge takes the folds of cv=4 .* 9\d% .*KFold\(4, shuffle=True"
    with pytest.warns(SortedRowsWarning, match=match):
        MYHPORidge(cv=4).fit(X[order], y[order])
    with warnings.catch_warnings():
        warnings.simplefilter("error", SortedRowsWarning)
        MYHPORidge().fit(X, y)
        MYHPORidge(criterion="loo").fit(X[order], y[order])
        for cv in (0.2, KFold(5, shuffle=True), TimeSeriesSplit(3), KFold(5)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                warnings.simplefilter("error", SortedRowsWarning)
                MYHPORidge(cv=cv).fit(X[order], y[order])
        # Rows that play no part may be in any order.
        both = np.column_stack([y, y[order]]).ravel()
        MYHPORidge().fit(np.repeat(X, 2, axis=0), both, np.tile([1.0, 0.0], 442))


# Positions


@pytest.mark.parametrize(
    "splitter",
    [
        check_cv([(np.arange(30), np.arange(30, 52))]),
        PredefinedSplit(np.r_[np.full(30, -1), np.zeros(22), np.full(8, -1)]),
        TimeSeriesSplit(3),
        KFold(4),
        4,
    ],
    ids=lambda cv: type(cv).__name__,
)
@each_minimizer
@no_warnings
def test_splits_are_of_all_rows(cls, splitter):
    """Zero weights would move other rows into the validation part."""
    X, y = data_for(cls)
    weight = np.ones(60)
    weight[[0, 3, 7, 31, 35, 41, 50, 55]] = 0.0
    model = cls(cv=splitter).fit(X, y, sample_weight=weight)
    as_splitter = check_cv(splitter, y, classifier=cls in CLASSIFIERS)
    pairs = list(as_splitter.split(X, y))
    same = cls(cv=pairs).fit(X, y, sample_weight=weight)
    assert model.lambda_ == same.lambda_
    # The rows themselves left out, with the same pairs.
    kept = weight > 0
    place = np.cumsum(kept) - 1
    pairs = [tuple(place[part[kept[part]]] for part in pair) for pair in pairs]
    without = cls(cv=pairs).fit(X[kept], y[kept])
    assert model.lambda_ == pytest.approx(without.lambda_, rel=1e-6)


class ByMonth:
    """A splitter that looks for a column by its name."""

    def __init__(self):
        self.seen = []

    def split(self, X, y):
        """Hold out every month in turn."""
        self.seen.append((type(X), type(y)))
        month = np.asarray(X["month"])
        for one in np.unique(month):
            yield np.flatnonzero(month != one), np.flatnonzero(month == one)


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.parametrize("library", ["pandas", "polars"])
@no_warnings
def test_splitters_get_frames(cls, library):
    """X["month"] would be an IndexError, deep inside a fit."""
    frames = pytest.importorskip(library)
    X, y = data_for(cls)
    month = np.arange(60) // 20 + 1.0
    X[:, 3] = month
    labels = np.array(["no", "yes"])[y] if cls in CLASSIFIERS else y
    columns = dict(zip(["a", "b", "c", "month"], X.T, strict=True))
    cv = ByMonth()
    weight = np.r_[0.0, 0.0, np.ones(58)]
    model = cls(cv=cv, random_state=0)
    model.fit(frames.DataFrame(columns), frames.Series(labels), weight)
    assert cv.seen == [(frames.DataFrame, frames.Series)]
    pairs = [(month != one, month == one) for one in (1, 2, 3)]
    plain = cls(cv=pairs, random_state=0).fit(X, labels, weight)
    assert model.lambda_ == pytest.approx(plain.lambda_, rel=1e-6)


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_matrix, np.array, list])
def test_splitters_get_what_came(make):
    """A splitter would be given our copy of the user's rows."""

    class Keeper:
        def split(self, X, y):
            self.X, self.y = X, y
            yield from KFold(3).split(np.zeros(60))

    X, y = data_for(MYHPORidge)
    cv, given, target = Keeper(), make(X), list(y)
    MYHPORidge(cv=cv).fit(given, target)
    assert cv.X is given
    assert cv.y is target


# Groups


@pytest.mark.one_in(3, 1)
@each_estimator
@each_splitter
@no_warnings
def test_groups_in_fit(cls, cv):
    """Rows of one group would be in both parts."""
    if not can_split(cv, cls):
        pytest.skip("stratified splitters are for classes")
    X, y = data_for(cls)
    model = cls(cv=cv, **FEW).fit(X, y, groups=GROUPS)
    pairs = list(cv.split(X, y, GROUPS))
    same = cls(cv=pairs, **FEW).fit(X, y)
    assert model.lambda_ == same.lambda_
    for groups in (GROUPS.tolist(), GROUPS.astype(str)):
        again = cls(cv=cv, **FEW).fit(X, y, groups=groups)
        assert again.lambda_ == model.lambda_
    with pytest.raises(ValueError, match=r"needs the groups .*: fit\(X, y, groups="):
        cls(cv=cv).fit(X, y)
    with pytest.raises(ValueError, match=r"^groups must have one .*\[60, 59\]"):
        cls(cv=cv).fit(X, y, groups=GROUPS[:-1])


@no_warnings
def test_groups_and_weights():
    """A group without weight would have a mean loss of 0 / 0."""
    X, y = data_for(MYHPORidge)
    weight = np.where((GROUPS == 2) | (np.arange(60) % 7 == 0), 0.0, 1.5)
    cv, kept = LeaveOneGroupOut(), weight > 0
    model = MYHPORidge(cv=cv).fit(X, y, weight, groups=GROUPS)
    without = MYHPORidge(cv=cv).fit(X[kept], y[kept], groups=GROUPS[kept])
    assert model.lambda_ == pytest.approx(without.lambda_, rel=1e-6)
    np.testing.assert_allclose(model.coef_, without.coef_, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "has_own", "reason"),
    [
        ({}, False, "cv=5 ignores them"),
        ({"cv": 0.2}, False, "cv=0.2 ignores them"),
        ({"cv": KFold(3)}, False, "cv=KFold ignores them"),
        ({"criterion": "loo", "cv": GroupKFold(3)}, False, "criterion='loo' makes no"),
        ({"cv": GroupKFold(3)}, True, "X_val is the only validation set"),
    ],
)
def test_groups_without_effect_are_said(options, has_own, reason):
    """The user would believe that groups are kept together."""
    X, y = data_for(MYHPORidge)
    own = {"X_val": X, "y_val": y} if has_own else {}
    with pytest.warns(
        IgnoredGroupsWarning, match=f"MYHPORidge got groups, but {reason}"
    ):
        MYHPORidge(**options).fit(X, y, groups=GROUPS, **own)
    with pytest.raises(ValueError, match="groups must have one label for each row"):
        MYHPORidge(**options).fit(X, y, groups=GROUPS[:4], **own)


def test_own_validation_set_with_an_unknown_class():
    """The message would speak of cv, which the user did not set."""
    X, y = data_for(MYHPOLogisticRegression)
    labels = np.where(y == 1, "yes", "no")
    with pytest.raises(ValueError, match=r"y_val has the label 'new'.*\['no', 'yes'\]"):
        MYHPOLogisticRegression().fit(X, labels, X_val=X[:2], y_val=["yes", "new"])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cv", [GroupKFold(4), GroupShuffleSplit(4, random_state=1)])
@no_warnings
def test_nested_splits_keep_groups_together(cv):
    """shrinkage="auto" would be judged on groups that it has seen."""
    X, y = data_for(MYHPORidge)
    pairs = list(cv.split(X, y, GROUPS))
    for (train, _), inner in zip(pairs, _inner_pairs(pairs, 60), strict=True):
        for part, other in inner:
            assert not set(GROUPS[train[part]]) & set(GROUPS[train[other]])
    options = {"feature_groups": "each", "shrinkage": "auto"}
    model = MYHPORidge(cv=cv, **options).fit(X, y, groups=GROUPS)
    same = MYHPORidge(cv=pairs, **options).fit(X, y)
    np.testing.assert_array_equal(
        model.shrinkage_path_["nested_loss"], same.shrinkage_path_["nested_loss"]
    )


@pytest.mark.one_in(3, 1)
@each_estimator
@no_warnings
def test_groups_in_a_pipeline(cls):
    """Most models are the last step of one."""
    X, y = data_for(cls)
    for cv in (GroupKFold(3), FirstGroups()):
        model = cls(cv=cv, **FEW)
        alone = clone(model).fit(StandardScaler().fit_transform(X), y, groups=GROUPS)
        pipeline = make_pipeline(StandardScaler(), clone(model))
        by_name = {f"{pipeline.steps[-1][0]}__groups": GROUPS}
        pipeline.fit(X, y, **by_name)
        assert pipeline[-1].lambda_ == alone.lambda_
        with sklearn.config_context(enable_metadata_routing=True):
            if isinstance(cv, FirstGroups):
                model.set_fit_request(groups=True)
            routed = make_pipeline(StandardScaler(), model).fit(X, y, groups=GROUPS)
        assert routed[-1].lambda_ == alone.lambda_


def expected_lambdas(model, X, y, outer):
    """Return the lambdas of fits to the training rows of outer splits."""
    return [
        clone(model).fit(X[train], y[train], groups=GROUPS[train]).lambda_
        for train, _ in outer.split(X, y, GROUPS)
    ]


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.parametrize("has_request", [False, True])
@no_warnings
def test_groups_through_cross_validate(cls, has_request):
    """Nested evaluation of grouped data would leak, or fail."""
    X, y = data_for(cls)
    model, outer = cls(cv=GroupKFold(2), **FEW), GroupKFold(3)
    expected = expected_lambdas(model, X, y, outer)
    options = {"params": {"groups": GROUPS}, "return_estimator": True}
    # Without routing the outer splitter has its own argument.
    pairs = list(outer.split(X, y, GROUPS))
    found = cross_validate(model, X, y, cv=pairs, error_score="raise", **options)
    assert [one.lambda_ for one in found["estimator"]] == expected
    with sklearn.config_context(enable_metadata_routing=True):
        if has_request:
            model.set_fit_request(groups=True)
        found = cross_validate(model, X, y, cv=outer, error_score="raise", **options)
    assert [one.lambda_ for one in found["estimator"]] == expected


@pytest.mark.one_in(2, 1)
@pytest.mark.parametrize("cls", [RidgeCV, MYHPORidge])
@no_warnings
def test_routing_as_ridge_cv_has_it(cls):
    """Metadata routing as with RidgeCV would not work here."""
    X, y = data_for(MYHPORidge)
    with sklearn.config_context(enable_metadata_routing=True):
        for cv in (5, GroupKFold(3), GroupKFold(3).set_split_request(groups="subject")):
            params = {"groups": GROUPS}
            if (
                not isinstance(cv, int)
                and cv.get_metadata_routing().split.requests["groups"] == "subject"
            ):
                params["subject"] = GROUPS // 2
            # Groups may be for the outer splitter alone.
            scores = cross_val_score(
                cls(cv=cv), X, y, cv=GroupKFold(4), params=params, error_score="raise"
            )
            assert scores.shape == (4,)
            search = GridSearchCV(
                cls(cv=cv),
                {"fit_intercept": [True, False]},
                cv=GroupKFold(4),
                error_score="raise",
            ).fit(X, y, **params)
            assert np.isfinite(search.best_score_)


@no_warnings
def test_alias_of_a_splitter():
    """Inner groups that differ from the outer ones would be taken for them."""
    X, y = data_for(MYHPORidge)
    inner = GROUPS // 2
    expected = MYHPORidge(cv=GroupKFold(3)).fit(X, y, groups=inner).lambda_
    with sklearn.config_context(enable_metadata_routing=True):
        cv = GroupKFold(3).set_split_request(groups="subject")
        assert MYHPORidge(cv=cv).fit(X, y, subject=inner).lambda_ == expected
        assert MYHPORidge(cv=cv).fit(X, y, groups=inner).lambda_ == expected
        with pytest.raises(TypeError, match=r"unexpected argument.*patient"):
            MYHPORidge(cv=cv).fit(X, y, patient=inner)
    with pytest.raises(
        TypeError, match=r"MYHPORidge\.fit\(\) got an .* 'subject'.*rout"
    ):
        MYHPORidge(cv=cv).fit(X, y, subject=inner)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["groups", "metadata"])
@no_warnings
def test_any_metadata_of_a_splitter(name):
    """A splitter could ask for groups only, and must then be given some."""
    X, y = data_for(MYHPORidge)

    class Asking(GroupKFold):
        __metadata_request__split = {name: True}

        def split(self, X, y, groups=None, metadata=None):
            self.seen = {"groups": groups, "metadata": metadata}
            yield from KFold(3).split(X)

    cv = Asking()
    with sklearn.config_context(enable_metadata_routing=True):
        MYHPORidge(cv=cv).fit(X, y, **{name: GROUPS})
        assert cv.seen[name] is GROUPS
        assert cv.seen[{"groups": "metadata", "metadata": "groups"}[name]] is None
        found = cross_validate(
            MYHPORidge(cv=cv), X, y, params={name: GROUPS}, return_estimator=True
        )
    for model in found["estimator"]:
        assert len(model.cv.seen[name]) == 48


@no_warnings
def test_splitter_of_ones_own_in_a_search():
    """It has no say in routing, so the estimator must ask for it."""
    X, y = data_for(SHORidge)
    model = MYHPORidge(cv=FirstGroups())
    expected = clone(model).fit(X, y, groups=GROUPS).lambda_
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            model.set_fit_request(groups=True), {"refit": [True]}, cv=GroupKFold(4)
        )
        search.fit(X, y, groups=GROUPS)
        assert search.best_estimator_.lambda_ == expected
        with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
            cross_validate(model, X, y, params={"sample_weight": np.ones(60)})


# Rare classes


@no_warnings
def test_rare_classes_are_fitted():
    """Three classes of 30, 30 and 3 rows would be refused, though folds exist."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(["a", "b", "c"], [30, 30, 3]))
    X = rng.standard_normal((63, 3)) + 0.8 * (y == "a")[:, None]
    for cls in CLASSIFIERS:
        with pytest.warns(RareClassWarning, match=r"cv=5: 'c' \(3\)"):
            model = cls(random_state=0).fit(X, y)
        assert list(model.classes_) == ["a", "b", "c"]
    with pytest.warns(RareClassWarning):
        model = MYHPOLogisticRegression().fit(X, y)
    losses = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = list(check_cv(5, y, classifier=True).split(X, y))
    for train, held_out in pairs:
        strength = 0.5 / len(train) / np.exp(model.lambda_)
        plain = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000)
        chances = plain.fit(X[train], y[train]).predict_proba(X[held_out])
        column = np.searchsorted(plain.classes_, y[held_out])
        losses.append(-np.log(chances[np.arange(len(held_out)), column]))
    assert model.validation_loss_ == pytest.approx(
        np.concatenate(losses).mean(), rel=1e-5
    )


@each_classifier
def test_folds_that_lose_a_class_are_refused(cls):
    """The loss of held-out rows of an unknown class is infinite, whatever lambda is."""
    X, y = data_for(cls, n_samples=63)
    y = np.repeat(["a", "b", "c"], 21)
    match = r"cv=KFold: split 0 \(counted .* no row of class 'a'; .*StratifiedKFold\(5"
    with pytest.raises(ValueError, match=match):
        cls(cv=KFold(3)).fit(X, y)
    y = np.repeat(["a", "b", "c"], [31, 31, 1])
    match = r"cv=5: fold \d \(counted .* no row of class 'c'; .* drop .* merge it"
    with (
        pytest.raises(ValueError, match=match),
        pytest.warns(RareClassWarning),
    ):
        cls().fit(X, y)


# Parts of the data


@no_warnings
def test_partial_fit_keeps_groups_together():
    """Groups of a part would be in both of its parts."""
    X, y = data_for(BilevelRidge)
    make = {"solver": Stochastic("soba"), "random_state": 0}
    model = BilevelRidge(cv=GroupKFold(3), **make)
    pairs = list(GroupKFold(3).split(X, y, GROUPS))
    same = BilevelRidge(cv=pairs, **make)
    for _ in range(2):
        model.partial_fit(X, y, groups=GROUPS)
        same.partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, same.coef_)
    with pytest.raises(ValueError, match="needs the groups of the rows"):
        model.partial_fit(X, y)


@no_warnings
def test_partial_fit_of_rows_sorted_by_class():
    """Folds of neighbours would train on one class and hold out the other."""
    X, y = data_for(BilevelLogisticRegression)
    order = np.argsort(y, kind="stable")
    make = {"solver": Stochastic("soba"), "cv": 3, "random_state": 0}
    model = BilevelLogisticRegression(**make)
    model.partial_fit(X[order], y[order], classes=[0, 1])
    pairs = list(check_cv(3, y[order], classifier=True).split(X, y[order]))
    same = BilevelLogisticRegression(**{**make, "cv": pairs})
    same.partial_fit(X[order], y[order], classes=[0, 1])
    np.testing.assert_array_equal(model.coef_, same.coef_)
    # A part may have a class with few rows, or none.
    few = np.r_[np.flatnonzero(y == 0)[:9], np.flatnonzero(y == 1)[:1]]
    assert np.isfinite(model.partial_fit(X[few], y[few]).coef_).all()
    assert np.isfinite(model.partial_fit(X[few[:9]], y[few[:9]]).coef_).all()
