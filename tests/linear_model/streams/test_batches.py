"""`fit` of rows in batches: the fit in memory is the right value."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import (
    GroupKFold,
    PredefinedSplit,
    ShuffleSplit,
)
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
)
from sklearn_myhpo.data import Batches, RowFolds
from sklearn_myhpo.data.folds.rules import is_rule
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._streams import batches as _batches
from sklearn_myhpo.solvers import Stochastic

RNG = np.random.default_rng(0)
N, D = 600, 6
X = RNG.standard_normal((N, D)) * np.arange(1, D + 1) + 2.0
RAW = (X - 2.0) @ np.array([1.0, -1.0, 0.5, 0.0, 0.2, 0.0])
Y = RAW + 3.0 * RNG.standard_normal(N)
LABEL = np.array(["no", "yes"])[(Y > 0).astype(int)]
COUNT = RNG.poisson(np.exp(RAW / 4))
WEIGHT = RNG.integers(0, 4, N) / 2.0
GROUPS = np.arange(D) % 2
#: So few entries that a pass has many blocks and nothing is kept.
FEW = {"block_entries": 100}


def compare(model, y, weight=None, *, source=None, atol, **arguments):
    """Fit a model to arrays and to batches, compare; return the second, and passes."""
    plain = type(model)(**model.get_params()).fit(X, y, weight, **arguments)
    if source is None:
        source = Batches.from_arrays(X, y, weight, batch_size=97)
    with use_limits(**FEW):
        model.fit(source, **arguments)
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-8)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=atol)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=10 * atol)
    np.testing.assert_allclose(
        model.validation_loss_, plain.validation_loss_, rtol=1e-9
    )
    return model, source.n_passes


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"feature_groups": GROUPS, "standardize": True},
        {"feature_groups": "each", "penalty_factors": [1, 1, 2, 0, 1, 1]},
        {"criterion": "gcv"},
        {"fit_intercept": False, "standardize": True},
        {"cv": RowFolds(3)},
        {"shrinkage": 0.1, "feature_groups": "each"},
        {"selection": "one_se", "cv": 3},
        {"cv": ShuffleSplit(4, random_state=1)},
        {"criterion": "sure", "feature_groups": GROUPS, "standardize": True},
        {"criterion": "reml", "feature_groups": GROUPS},
        {"refit": False},
    ],
    ids=lambda options: "-".join(options) or "default",
)
def test_ridge(options, weight):
    """Another lambda would be learned than from the same rows in memory."""
    _, n_passes = compare(MYHPORidge(**options), Y, weight, atol=1e-9)
    # A splitter sees which rows have weights.
    assert n_passes == 1 if is_rule(options.get("cv")) else n_passes <= 2


@pytest.mark.parametrize("per_target", [False, True])
def test_ridge_of_several_targets(per_target):
    """Targets would be mixed up, or one lambda be learned for all."""
    targets = np.column_stack([Y, RAW + Y[::-1], -2 * Y])
    model = MYHPORidge(alpha_per_target=per_target)
    _, n_passes = compare(model, targets, WEIGHT, atol=1e-9)
    assert n_passes == 1


@pytest.mark.one_in(5, 4)
@pytest.mark.parametrize(
    ("model", "y", "make"),
    [
        (
            MYHPOLogisticRegression(standardize=True, fit_intercept=False, cv=3),
            LABEL,
            np.asarray,
        ),
        (
            MYHPOLogisticRegression(feature_groups=GROUPS, n_starts=2, cv=3),
            LABEL,
            sparse.csr_array,
        ),
        (
            MYHPOPoissonRegressor(feature_groups=GROUPS, shrinkage="auto", cv=3),
            COUNT,
            sparse.csr_array,
        ),
        (
            BilevelLogisticRegression(solver="penalty", max_iter=2, cv=2),
            LABEL,
            np.asarray,
        ),
        (MYHPORidge(criterion="loo", feature_groups=GROUPS), Y, np.asarray),
    ],
    ids=["no-intercept", "starts", "shrinkage", "solver", "loo"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fits_that_keep_the_rows(model, y, make):
    """Options that need all rows would be refused for sources that fit into memory."""
    options = {**model.get_params(), "random_state": 0}
    source = Batches.from_arrays(make(X), y, WEIGHT, batch_size=97)
    with use_limits(**FEW):
        plain = type(model)(**options).fit(make(X), y, WEIGHT)
        found = type(model)(**options).fit(source)
    assert source.n_passes == 1
    assert found.oracle_counts_["n_passes"] == 1
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-10)
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-10)


@pytest.mark.parametrize("size", [50, 83, N])
@pytest.mark.parametrize("make", [np.float64, np.float32, sparse.csr_array])
def test_size_and_kind_of_batches(make, size):
    """The result would depend on how rows were written to files."""
    rows = X.astype(np.float32)
    found = []
    for own, each in ((size, make), (100, np.float64)):
        values = rows.astype(each) if each is not sparse.csr_array else each(rows)
        with use_limits(**FEW):
            batches = Batches.from_arrays(values, Y, batch_size=own)
            found.append(MYHPORidge().fit(batches))
    one, other = found
    assert one.lambda_ == pytest.approx(other.lambda_, abs=1e-12)
    assert one.coef_.dtype == (np.float64 if make is np.float64 else np.float32)
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "y", "n_passes"),
    [(MYHPOLogisticRegression(), LABEL, 1), (MYHPORidge(criterion="loo"), Y, 1)],
)
def test_few_rows_are_kept(model, y, n_passes):
    """A source of files would be opened dozens of times for a few rows."""
    batches = Batches.from_arrays(X, y, batch_size=50)
    model.fit(batches)
    assert batches.n_passes == n_passes


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_rows", [30, 90])
def test_more_features_than_pay_as_moments(n_rows):
    """Matrices of all pairs of features would take more memory than a few rows."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n_rows, 40))
    y = rows[:, 0] + rng.standard_normal(n_rows)
    source = Batches.from_arrays(rows, y, batch_size=8)
    with use_limits(**FEW, moments_size=39):
        found = MYHPORidge(tol=1e-10).fit(source)
    plain = MYHPORidge(tol=1e-10).fit(rows, y)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-9)
    # The second number of rows is found to be too large on the way.
    assert source.n_passes == (1 if n_rows == 30 else 2)


def test_frames_keep_their_names():
    """Columns could not be named, and predict would warn of unknown names."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcdef"))
    groups = [("first", ["a", "b"]), ("rest", ["c", "d", "e", "f"])]
    source = Batches.from_arrays(frame, pd.Series(Y), batch_size=90)
    model = MYHPORidge(feature_groups=groups).fit(source)
    assert list(model.feature_names_in_) == list("abcdef")
    plain = MYHPORidge(feature_groups=groups).fit(frame, Y)
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=1e-8)
    np.testing.assert_allclose(model.predict(frame), plain.predict(frame), rtol=1e-9)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("bacdef")])


def test_mapped_rows():
    """A transformer before the fit would see other rows than in a pipeline."""
    scaler = StandardScaler().fit(X)
    source = Batches.from_arrays(X, Y, batch_size=75).map(scaler)
    plain = MYHPORidge().fit(scaler.transform(X), Y)
    np.testing.assert_allclose(MYHPORidge().fit(source).coef_, plain.coef_, atol=1e-9)


def test_groups_for_a_splitter():
    """Rows of a group would be on both sides of a split."""
    labels = np.arange(N) // 7
    compare(MYHPORidge(cv=GroupKFold(4)), Y, atol=1e-9, groups=labels)
    compare(MYHPORidge(cv=PredefinedSplit(labels % 3)), Y, atol=1e-9)


def test_validation_set_in_memory():
    """The rows of X_val would be read from the batches, or not at all."""
    for X_val in (X[::5], sparse.csr_array(X[::5])):
        with use_limits(**FEW):
            source = Batches.from_arrays(X, Y, batch_size=97)
            model = MYHPORidge().fit(source, X_val=X_val, y_val=Y[::5])
        plain = MYHPORidge().fit(X, Y, X_val=X[::5], y_val=Y[::5])
        assert model.lambda_ == pytest.approx(plain.lambda_, abs=1e-8)
        np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9)


class FirstColumn:
    """A splitter that looks at X."""

    def split(self, X, y=None, groups=None):
        """Yield one split by the sign of a feature."""
        held_out = np.asarray(X)[:, 0] > 0
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return one."""
        return 1


BATCHES = Batches.from_arrays(X, Y, batch_size=100)


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (MYHPORidge(), {"y": Y}, "y must be None where X is Batches"),
        (MYHPORidge(), {"sample_weight": WEIGHT}, "sample_weight must be None where X"),
        (MYHPORidge(cv=FirstColumn()), {}, "FirstColumn cannot split .* read in block"),
        (MYHPORidge(criterion="loo"), {}, "criterion='loo' needs rows one by one"),
        (MYHPORidge(criterion="mlr"), {}, "criterion='mlr' needs rows one by one"),
        (MYHPORidge(scoring="r2"), {}, "scoring='r2' predicts single rows"),
        (MYHPORidge(store_cv_results=True), {}, "store_cv_results=True predicts sin"),
        (BilevelRidge(solver=Stochastic()), {}, r"The solver Stochastic\(.*partial_fi"),
        (
            MYHPORidge(),
            {"X_val": BATCHES, "y_val": Y},
            "y_val and sample_weight_val must be None where X_val is Batches",
        ),
    ],
)
def test_what_does_not_go_with_batches(model, arguments, message, monkeypatch):
    """Rows would be gathered in memory, or read thousands of times."""
    monkeypatch.setattr(
        _batches, "BATCHES_ROOM", _batches.BATCHES_ROOM._replace(n_kept=1000)
    )
    with use_limits(**FEW), pytest.raises(ValueError, match=message):
        model.fit(BATCHES, **arguments)


def test_criteria_of_single_rows_take_few_rows():
    """A small source would be refused for nothing."""
    model = MYHPORidge(criterion="loo").fit(BATCHES)
    assert model.lambda_ == pytest.approx(
        MYHPORidge(criterion="loo").fit(X, Y).lambda_, abs=1e-8
    )


def test_partial_fit_names_what_takes_batches():
    """The error would be scikit-learn's of a scalar array."""
    model = BilevelRidge(solver=Stochastic(method="soba"))
    with pytest.raises(ValueError, match="Batches are accepted only as X of fit"):
        model.partial_fit(BATCHES, Y)


def test_predictions_name_what_takes_batches():
    """The error would be NumPy's of a float."""
    model = MYHPORidge().fit(BATCHES)
    with pytest.raises(ValueError, match="Batches are accepted only as X of fit"):
        model.predict(BATCHES)


def test_y_is_needed_with_arrays():
    """The default None would be read as a target."""
    with pytest.raises(ValueError, match="requires y to be passed"):
        MYHPORidge().fit(X)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_passes", [1, 2])
def test_failed_fit_leaves_the_estimator(n_passes):
    """An error in a late pass would leave half of a new fit."""
    passes = []

    def read():
        passes.append(None)
        for start in range(0, N, 100):
            rows = X[start : start + 100]
            if len(passes) > n_passes and start == 300:
                rows = rows + 1.0
            yield rows, LABEL[start : start + 100]

    model = MYHPOLogisticRegression().fit(X, LABEL)
    coef = model.coef_.copy()
    with use_limits(**FEW), pytest.raises(ValueError, match=r"other rows .* batch 3"):
        model.fit(Batches(read))
    np.testing.assert_array_equal(model.coef_, coef)


def generated(n_batches):
    """Return batches of 500 rows that are made when they are read."""

    def read():
        rng = np.random.default_rng(0)
        for _ in range(n_batches):
            rows = rng.standard_normal((500, 100))
            yield rows, rows[:, 0] + rng.standard_normal(500)

    return Batches(read)


def peak(n_batches):
    """Return the peak memory of a fit, in bytes."""
    tracemalloc.start()
    try:
        with use_limits(block_entries=5_000, optimism_rows=50):
            MYHPORidge(cv=RowFolds(5)).fit(generated(n_batches))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows():
    """Rows, y or folds would be in memory after all."""
    peak(2)  # What imports and caches take.
    few, many = peak(20), peak(200)
    # Less than y of the 90 000 rows more takes; a block more or less is read ahead.
    assert many - few < 600_000
