"""Splits of batches and of Dask that need lists, X_val, and classes, in few passes."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
)
from sklearn_myhpo.data import Batches, KeyFolds, RowFolds
from sklearn_myhpo.exceptions import IgnoredGroupsWarning
from tests.helpers import start_from
from tests.linear_model.streams.cases import (
    GROUPS,
    RAW,
    WEIGHT,
    N,
    X,
    batches,
    fit,
    minimum,
    pairs_of,
    problem_of,
    raw_of,
)

# So much noise that penalties are wanted.
# The minima of all cases lie inside the bounds.
RNG = np.random.default_rng(5)
Y = RAW / 3 + 3.0 * RNG.standard_normal(N)
LABEL = np.array(["no", "yes"])[(Y > 0).astype(int)]
THREE = np.digitize(Y, [-1.5, 1.5])
COUNT = RNG.poisson(np.exp(RAW / 12))
OWNERS = np.arange(N) // 11
#: Rows that both parts of a split may name several times.
BOOTSTRAP = [
    (RNG.integers(0, 900, 1200), np.arange(900, N, step)) for step in (1, 2, 3)
]
SPLITTERS = {
    "shuffled": KFold(4, shuffle=True, random_state=0),
    "neighbours": KFold(4),
    "repeated": RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    "overlapping": ShuffleSplit(7, test_size=0.3, random_state=0),
    "named": PredefinedSplit(np.arange(N) % 5 - 1),
    "in time": TimeSeriesSplit(4),
    "pairs": BOOTSTRAP,
}
OF_CLASSES = {
    "shuffled": StratifiedKFold(4, shuffle=True, random_state=0),
    "neighbours": StratifiedKFold(4),
    "overlapping": StratifiedShuffleSplit(4, test_size=0.3, random_state=1),
}


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    """Let the fit start from some 200 rows."""
    start_from(monkeypatch, 200)


def check_ridge(model, y, weight=None, *, plain_of=None, **given):
    """Compare a fit to batches with that to the same rows in memory; return passes."""
    plain = type(model)(**model.get_params()).fit(X, y, weight, **given)
    sources = [batches(y, weight, size=size) for size in (97, 500)]
    for source in sources:
        fit(model, source, **given)
        np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-8)
        np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)
        np.testing.assert_allclose(
            model.validation_loss_, plain.validation_loss_, rtol=1e-9
        )
        assert model.validation_loss_standard_error_ == pytest.approx(
            plain.validation_loss_standard_error_, rel=1e-6
        )
        np.testing.assert_allclose(model.alpha_, plain.alpha_, rtol=1e-7)
    return sources[0].n_passes


@pytest.mark.one_in(3)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", SPLITTERS)
def test_ridge_with_splitters(name, weight):
    """Lambda would be that of other splits, or rows be read once per split."""
    options = {"feature_groups": GROUPS, "standardize": True} if weight is None else {}
    model = MYHPORidge(cv=SPLITTERS[name], **options)
    # One more where the splitter must know which rows have weights.
    assert check_ridge(model, Y, weight) <= 1 + (weight is not None)


def check_minimum(model, y, weight=None, pairs=None, size=97, **given):
    """Compare a fit to batches with the minimum of the same rows; return passes."""
    source = batches(y, weight, size=size)
    fit(model, source, **given)
    assert model.converged_
    problem = problem_of(model, y, weight, pairs=pairs)
    assert model.certificate_.n_free == 1
    lambda_, weights = minimum(problem, np.atleast_1d(model.lambda_))
    np.testing.assert_allclose(model.lambda_, lambda_, atol=1e-8)
    loss = problem.validation_loss(weights)
    np.testing.assert_allclose(model.validation_loss_, loss, rtol=1e-10)
    coef, _ = problem.full.to_features(
        problem.minimize_full(lambda_, problem.full.start())
    )
    np.testing.assert_allclose(raw_of(model.coef_, model), coef, atol=1e-6)
    assert source.n_passes <= 12
    assert model.history_["n_passes"][-1] == source.n_passes
    return source.n_passes


@pytest.mark.one_in(6)
@pytest.mark.parametrize("name", [*SPLITTERS])
def test_counts_with_splitters(name):
    """A likelihood would be that of other rows, or take a pass per split."""
    check_minimum(MYHPOPoissonRegressor(cv=SPLITTERS[name]), COUNT, WEIGHT)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("name", [*OF_CLASSES])
@pytest.mark.parametrize("y", [LABEL, THREE], ids=["two", "three"])
def test_classes_with_splitters(name, y):
    """Classes would be divided by row numbers, without a look at y."""
    check_minimum(MYHPOLogisticRegression(cv=OF_CLASSES[name]), y)


def test_splits_do_not_depend_on_the_batches():
    """Results of two runs could not be compared."""
    found = []
    for size in (61, 500):
        model = MYHPOLogisticRegression(cv=SPLITTERS["overlapping"], max_iter=2)
        found.append(fit(model, batches(LABEL, size=size)))
    np.testing.assert_array_equal(found[0].coef_, found[1].coef_)


@pytest.mark.slow
def test_optimism_of_repeated_folds():
    """Rows that every repetition holds out would count as other rows each time."""
    model = MYHPOPoissonRegressor(cv=SPLITTERS["repeated"])
    fit(model, batches(COUNT))
    plain = MYHPOPoissonRegressor(cv=SPLITTERS["repeated"], tol=1e-10).fit(X, COUNT)
    assert model.optimism_ == pytest.approx(plain.optimism_, rel=0.2)
    model = fit(MYHPORidge(cv=SPLITTERS["repeated"]), batches(Y))
    plain = MYHPORidge(cv=SPLITTERS["repeated"]).fit(X, Y)
    assert model.optimism_ == pytest.approx(plain.optimism_, rel=0.2)


def test_groups_are_kept_together():
    """Rows of an owner would be on both sides of a split."""
    for cv in (GroupKFold(4), KeyFolds(4)):
        check_ridge(MYHPORidge(cv=cv), Y, groups=OWNERS)
        pairs = pairs_of(MYHPORidge(cv=cv), Y, groups=OWNERS)
        model = MYHPOLogisticRegression(cv=cv)
        check_minimum(model, LABEL, pairs=pairs, groups=OWNERS)


def test_keys_of_batches_are_groups():
    """A splitter of groups would ask for labels that the batches hold."""
    model = MYHPORidge(cv=GroupKFold(4))
    fit(model, batches(Y, key=OWNERS))
    plain = MYHPORidge(cv=GroupKFold(4)).fit(X, Y, groups=OWNERS)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)


def test_groups_that_nothing_takes():
    """The user would believe that rows of a group are kept together."""
    source = batches(Y)
    with pytest.warns(IgnoredGroupsWarning, match="got groups, but cv=5 ignores them"):
        MYHPORidge().fit(source, groups=OWNERS)
    with pytest.warns(IgnoredGroupsWarning, match="X_val is the only validation set"):
        MYHPORidge().fit(source, groups=OWNERS, X_val=X[::3], y_val=Y[::3])


#: Rows of validation sets, elsewhere than the training rows.
SOME = slice(None, None, 3)
X_VAL = X[SOME] + 0.1


def own_sets(y, weight=None):
    """Return the same validation set as arguments of `fit`, in all forms."""
    own = None if weight is None else weight[SOME]
    arrays = {"X_val": X_VAL, "y_val": y[SOME], "sample_weight_val": own}
    return {
        "arrays": arrays,
        "sparse": {**arrays, "X_val": sparse.csr_array(X_VAL)},
        "batches": {"X_val": Batches.from_arrays(X_VAL, y[SOME], own, batch_size=40)},
    }


@pytest.mark.parametrize("kind", ["arrays", "sparse", "batches"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_own_validation_of_ridge(kind, weight):
    """The validation rows would train, or be about another origin."""
    given = own_sets(Y, weight)
    plain = MYHPORidge().fit(X, Y, weight, **given["arrays"])
    source = batches(Y, weight)
    model = fit(MYHPORidge(), source, **given[kind])
    assert source.n_passes == 1
    for name in ("lambda_", "alpha_", "validation_loss_", "intercept_"):
        np.testing.assert_allclose(
            getattr(model, name), getattr(plain, name), rtol=1e-8
        )
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)
    assert model.validation_loss_standard_error_ == pytest.approx(
        plain.validation_loss_standard_error_, rel=1e-9
    )


@pytest.mark.one_in(4)
@pytest.mark.parametrize("kind", ["arrays", "sparse", "batches"])
@pytest.mark.parametrize(
    ("model", "y"),
    [
        (MYHPOLogisticRegression(class_weight="balanced"), THREE),
        (MYHPOLogisticRegression(standardize=True), LABEL),
        (MYHPOPoissonRegressor(), COUNT),
    ],
    ids=["three", "two", "counts"],
)
def test_own_validation_of_likelihoods(kind, model, y):
    """The validation rows would train, or be weighed by other classes."""
    model = type(model)(**model.get_params())
    given = own_sets(y, WEIGHT)
    source = batches(y, WEIGHT)
    fit(model, source, **given[kind])
    assert source.n_passes <= 12
    plain = type(model)(**{**model.get_params(), "tol": 1e-10})
    plain.fit(X, y, WEIGHT, **given["arrays"])
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-4)
    assert model.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)
    assert model.validation_loss_standard_error_ == pytest.approx(
        plain.validation_loss_standard_error_, rel=1e-4
    )


@pytest.mark.parametrize("kind", ["arrays", "batches"])
def test_own_validation_of_few_rows(kind):
    """Rows that are kept would not know which of them validate."""
    source = Batches.from_arrays(X, LABEL, batch_size=100)
    model = MYHPOLogisticRegression(criterion="validation")
    with pytest.MonkeyPatch.context() as patch:
        start_from(patch, 10**5)
        model.fit(source, **own_sets(LABEL)[kind])
    plain = MYHPOLogisticRegression().fit(X, LABEL, **own_sets(LABEL)["arrays"])
    assert model.lambda_ == pytest.approx(plain.lambda_, abs=1e-9)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (
            MYHPOLogisticRegression(),
            {"X_val": X_VAL, "y_val": np.full(len(X_VAL), "maybe")},
            "y_val has the label 'maybe', which no row of y",
        ),
        (
            MYHPORidgeClassifier(),
            {"X_val": X_VAL, "y_val": np.full(len(X_VAL), "maybe")},
            "y_val has the label 'maybe', which no row of y",
        ),
        (
            MYHPOLogisticRegression(),
            {"X_val": Batches.from_arrays(X_VAL[:, :3], LABEL[SOME])},
            "X_val, y_val: X has 3 features, but",
        ),
        (
            MYHPOLogisticRegression(),
            {"X_val": X_VAL},
            "X_val needs y_val too",
        ),
        (
            MYHPOLogisticRegression(criterion="alo"),
            {"X_val": Batches.from_arrays(X_VAL, LABEL[SOME])},
            "criterion='alo' holds no rows out and has no use for X_val",
        ),
    ],
)
def test_validation_sets_that_do_not_fit(model, given, message):
    """Labels of nobody would be left out silently, or columns be taken for others."""
    with pytest.raises(ValueError, match=message):
        fit(model, batches(LABEL), **given)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_weight": "balanced", "cv": RowFolds(3)},
        {"feature_groups": GROUPS, "cv": StratifiedKFold(3)},
        {"criterion": "gcv"},
    ],
    ids=lambda options: "-".join(options) or "default",
)
@pytest.mark.parametrize("y", [LABEL, THREE], ids=["two", "three"])
def test_ridge_classifier(y, options, weight):
    """Classes would be others, or the rows be kept or read dozens of times."""
    plain = MYHPORidgeClassifier(**options).fit(X, y, weight)
    source = batches(y, weight)
    model = fit(MYHPORidgeClassifier(**options), source)
    np.testing.assert_array_equal(model.classes_, plain.classes_)
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-8)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=1e-8)
    # One to find the classes.
    assert source.n_passes <= 3


def test_ridge_classifier_with_several_labels():
    """A column per label would be taken for one label per row."""
    y = np.column_stack([LABEL == "yes", THREE == 1, Y > 2]).astype(int)
    plain = MYHPORidgeClassifier().fit(X, y, WEIGHT)
    source = batches(y, WEIGHT)
    model = fit(MYHPORidgeClassifier(), source)
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-8)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)
    np.testing.assert_array_equal(model.predict(X[:9]), plain.predict(X[:9]))
    with pytest.raises(ValueError, match="a column of zeros and ones per label"):
        fit(MYHPORidgeClassifier(), batches(2 * y))


def test_own_validation_of_the_ridge_classifier():
    """Labels of the validation rows would be numbers to the loss."""
    for y in (LABEL, THREE):
        for given in own_sets(y, WEIGHT).values():
            model = fit(MYHPORidgeClassifier(), batches(y, WEIGHT), **given)
            arrays = own_sets(y, WEIGHT)["arrays"]
            plain = MYHPORidgeClassifier().fit(X, y, WEIGHT, **arrays)
            np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-8)
            np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)


def test_fold_without_weight_is_left_out():
    """A fold of rows without weight would end the fit, unlike of rows in memory."""
    weight = np.where(np.arange(len(X)) % 5 == 2, 0.0, 1.0)
    model = MYHPOLogisticRegression(cv=RowFolds(5), tol=1e-9)
    plain = MYHPOLogisticRegression(cv=RowFolds(5), tol=1e-9).fit(X, LABEL, weight)
    source = batches(LABEL, weight, size=97)
    fit(model, source)
    assert source.n_passes > 1
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-4)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-4)


@pytest.mark.parametrize("make", [MYHPORidge, MYHPOLogisticRegression])
def test_folds_without_keys_are_left_out(make, monkeypatch):
    """Rows in memory would be refused, and the same rows in batches fitted."""
    start_from(monkeypatch, 50, per_weight=1)
    key = np.arange(N) % 3
    y = (Y > 0).astype(int)
    sizes = [len(held) for _, held in KeyFolds(9).split(X, groups=key)]
    assert 2 <= len(sizes) < 9
    assert sum(sizes) == N
    plain = make(cv=KeyFolds(9), tol=1e-10).fit(X, y, groups=key)
    source = Batches.from_arrays(X, y, key=key, batch_size=100)
    streamed = make(cv=KeyFolds(9)).fit(source)
    np.testing.assert_allclose(streamed.coef_, plain.coef_, atol=1e-6)


@pytest.mark.parametrize("make", [MYHPORidge, MYHPOLogisticRegression])
def test_one_fold_with_all_keys_is_refused(make, monkeypatch):
    """No row would be left to train on."""
    start_from(monkeypatch, 50, per_weight=1)
    y, key = (Y > 0).astype(int), np.zeros(N)
    source = Batches.from_arrays(X, y, key=key, batch_size=100)
    model = make(cv=KeyFolds(3))
    for given in ((X, y), (source,)):
        more = {"groups": key} if len(given) > 1 else {}
        with pytest.raises(ValueError, match=r"training part (has no|without a) row"):
            model.fit(*given, **more)
