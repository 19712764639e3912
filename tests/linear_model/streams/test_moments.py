"""Ridge of rows that are read once: the fit in memory is the right value."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_myhpo import BilevelRidge, MYHPOLogisticRegression, MYHPORidge, SHORidge
from sklearn_myhpo.data import Batches, KeyFolds, RowFolds
from sklearn_myhpo.data.folds.rules import HoldOut
from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.exceptions import IgnoredGroupsWarning, SortedRowsWarning

RNG = np.random.default_rng(0)
N, D = 500, 4
X = RNG.standard_normal((N, D))
Y = X @ np.array([1.0, -0.5, 0.2, 0.0]) + RNG.standard_normal(N)
TARGETS = np.column_stack([Y, 3.0 * Y[::-1] + X[:, 1]])
WEIGHT = RNG.integers(0, 3, N) / 2.0
#: A block has some 50 rows.
FEW = {"block_entries": 25}


def fit(model, X, y, weight=None, *, size=37, key=None, **arguments):
    """Return a model fitted to batches, and the passes."""
    batches = Batches.from_arrays(X, y, weight, key=key, batch_size=size)
    with use_limits(**FEW):
        model.fit(batches, **arguments)
    return model, batches.n_passes


def assert_same(found, expected, tol=1e-9):
    """Compare lambdas, weights and losses."""
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    size = np.abs(expected.coef_).max()
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=tol * size)
    np.testing.assert_allclose(found.predict(X), expected.predict(X), rtol=1e3 * tol)
    np.testing.assert_allclose(
        found.validation_loss_, expected.validation_loss_, rtol=1e-8
    )
    assert found.coef_.shape == expected.coef_.shape
    assert np.shape(found.intercept_) == np.shape(expected.intercept_)


@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=6),
    targets=st.sampled_from([Y, Y[:, None], TARGETS]),
    options=st.sampled_from(
        [{}, {"alpha_per_target": True}, {"criterion": "gcv"}, {"standardize": True}]
    ),
)
def test_result_does_not_depend_on_batches(sizes, targets, options):
    """The model would depend on how rows were written to files."""
    ends = np.unique(np.clip(np.cumsum([0, *sizes, N]), 0, N))
    batches = [(X[a:b], targets[a:b], WEIGHT[a:b]) for a, b in pairwise(ends)]
    with use_limits(**FEW):
        found = MYHPORidge(**options).fit(Batches(batches, n_samples=N))
    assert_same(found, MYHPORidge(**options).fit(X, targets, WEIGHT))
    assert found.oracle_counts_["n_passes"] == 1
    column = found.history_["n_passes"]
    np.testing.assert_array_equal(column, np.ones(len(found.history_["lambda"])))


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "model",
    [
        BilevelRidge(solver="hoag", tol=1e-10),
        MYHPORidge(response="mean", steps="gradient", metric="identity"),
        MYHPORidge(feature_groups=[0, 0, 1, 1], penalty_factors=[0, 1, 2, 1]),
        MYHPORidge(criterion="sure", penalty_factors=[0, 1, 2, 1]),
        MYHPORidge(criterion="reml", penalty_factors=[0, 1, 2, 1]),
        MYHPORidge(feature_groups="each", selection="one_se", shrinkage=0.2),
        MYHPORidge(lambda_bounds=(-3.0, -1.0), warm_start=True),
        MYHPORidge(standardize=True, fit_intercept=False),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore")
def test_methods_and_options(model):
    """Some options would look at rows that stand for others as at single ones."""
    expected = type(model)(**model.get_params()).fit(X, Y, WEIGHT)
    found, n_passes = fit(model, X, Y, WEIGHT)
    assert n_passes == 1
    assert_same(found, expected)


@pytest.mark.filterwarnings("ignore")
def test_method_of_small_random_steps():
    """SHO would look at single rows; its steps part slowly from other roundings."""
    expected = SHORidge(max_iter=20, random_state=0).fit(X, Y)
    found, n_passes = fit(SHORidge(max_iter=20, random_state=0), X, Y)
    assert n_passes == 1
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-4)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-4)


UNITS = {
    "far": (X + 1e6, Y + 1e7),
    "very far": (X + np.array([1e8, 0.0, -1e3, 0.0]), Y),
    "tiny y": (X, Y * 1e-120),
    "huge y": (X, Y * 1e120),
    "tiny X": (X * 1e-60, Y),
    "other units": (X * np.array([1e20, 1e-20, 1e3, 1.0]), Y),
    "constant": (X * np.array([1.0, 1.0, 0.0, 1.0]) + 7.1, Y),
    "dependent": (X[:, [0, 0, 1, 2]], Y),
    "single": (X.astype(np.float32), Y),
    "integers": (np.round(5 * X).astype(int), np.round(5 * Y).astype(int)),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("weight", [None, WEIGHT * 1e-200], ids=["plain", "weighted"])
@pytest.mark.parametrize("data", UNITS.values(), ids=UNITS)
def test_units_and_origins(data, weight):
    """Sums of squares would lose their digits, or leave the floats."""
    rows, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = MYHPORidge(tol=1e-9).fit(rows, y, weight)
        found, n_passes = fit(MYHPORidge(tol=1e-9), rows, y, weight)
    assert n_passes == 1
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    size = np.abs(expected.coef_).max(initial=1e-300)
    # Weights of features in other units are compared in their own.
    unit = np.ptp(rows, axis=0).astype(float)
    unit = np.where(unit > 0, unit, 1.0)
    size = np.abs(expected.coef_ * unit).max()
    np.testing.assert_allclose(
        found.coef_ * unit, expected.coef_ * unit, atol=1e-9 * size
    )
    np.testing.assert_allclose(
        found.predict(rows), expected.predict(rows), atol=1e-6 * np.ptp(y)
    )
    assert found.coef_.dtype == expected.coef_.dtype


@pytest.mark.one_in(2)
@pytest.mark.parametrize("options", [{}, {"feature_groups": "each"}])
@pytest.mark.filterwarnings("ignore")
def test_rows_at_risk_are_read_twice(options):
    """Weights of nearly dependent features, or of exact models, would be noise."""
    near = X.copy()
    near[:, 1] = near[:, 0] + 1e-5 * X[:, 1]
    found, n_passes = fit(MYHPORidge(lambda_bounds=(-30, 5)), near, Y)
    assert n_passes == 2
    plain = MYHPORidge(lambda_bounds=(-30, 5)).fit(near, Y)
    np.testing.assert_allclose(found.coef_, plain.coef_, rtol=1e-6)
    exact = X @ np.arange(1.0, 5.0) + 1e-7 * Y
    found, n_passes = fit(MYHPORidge(**options), X, exact)
    assert n_passes == 2
    plain = MYHPORidge(**options).fit(X, exact)
    np.testing.assert_allclose(found.coef_, plain.coef_, rtol=1e-12)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-6)


def labels_of(rule, key=None):
    """Return the fold of every row."""
    return rule.labels(Block(X, Y, None, 0, 0, key))


def pairs_of(labels):
    """Return the splits of folds."""
    folds = range(labels.max() + 1)
    return [(np.flatnonzero(labels != k), np.flatnonzero(labels == k)) for k in folds]


@pytest.mark.parametrize("y", [Y, TARGETS * [1.0, 1e-100]])
@pytest.mark.parametrize("options", [{}, {"selection": "one_se"}])
@pytest.mark.filterwarnings("ignore")
def test_hold_out(options, y):
    """Other rows would be held out, or the standard error be that of a few rows."""
    seed = np.random.RandomState(3).randint(np.iinfo(np.int32).max)
    cv = pairs_of(labels_of(HoldOut(0.3, seed)))
    expected = MYHPORidge(cv=cv, **options).fit(X, y, WEIGHT)
    model = MYHPORidge(cv=0.3, random_state=3, **options)
    found, n_passes = fit(model, X, y, WEIGHT)
    # One more for the spread of the losses of single rows.
    assert n_passes == found.oracle_counts_["n_passes"] == 2
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8)
    assert found.validation_loss_standard_error_ == pytest.approx(
        expected.validation_loss_standard_error_, rel=1e-9
    )


KEYS = np.array([f"user {number}" for number in RNG.integers(60, size=N)])


@pytest.mark.parametrize("where", ["batches", "column"])
def test_folds_by_key(where):
    """Rows of a user would be in both parts of a split, in batches or in memory."""
    rows, options, cv = X.copy(), {"key": KEYS}, KeyFolds(4)
    if where == "column":
        rows[:, 2], cv, options = RNG.integers(60, size=N), KeyFolds(4, 2), {}
    found, n_passes = fit(MYHPORidge(cv=cv), rows, Y, **options)
    assert n_passes == 1
    groups = {"groups": KEYS} if where == "batches" else {}
    expected = MYHPORidge(cv=cv).fit(rows, Y, **groups)
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8)


def test_row_folds_in_memory():
    """A splitter of streams would not do for arrays, or take no notice of groups."""
    found, n_passes = fit(MYHPORidge(cv=RowFolds(4)), X, Y)
    assert n_passes == 1
    assert_same(found, MYHPORidge(cv=RowFolds(4)).fit(X, Y))
    with pytest.warns(IgnoredGroupsWarning, match="ignores them"):
        MYHPORidge(cv=RowFolds(4)).fit(X, Y, groups=KEYS)


@pytest.mark.parametrize("move", [0.0, 1e4])
def test_validation_set_of_ones_own(move):
    """The rows of X_val would be about another origin, or not be read."""
    given = {"X_val": X[::3] + 0.1 + move, "y_val": Y[::3] + 10 * move}
    found, n_passes = fit(MYHPORidge(), X + move, Y + 10 * move, WEIGHT, **given)
    assert n_passes == 1
    expected = MYHPORidge().fit(X + move, Y + 10 * move, WEIGHT, **given)
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-9)
    assert found.intercept_ == pytest.approx(expected.intercept_, rel=1e-9)
    assert found.optimism_ == pytest.approx(expected.optimism_, rel=1e-6)


def test_what_else_a_fit_reports():
    """Reports would be about the few rows that stand for all."""
    options = {"feature_groups": [0, 0, 1, 1]}
    expected = MYHPORidge(**options).fit(X, Y, WEIGHT)
    found, _ = fit(MYHPORidge(**options), X, Y, WEIGHT)
    for name in ("optimism_", "validation_loss_standard_error_", "alpha_"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), rtol=1e-9
        )
    certificate = found.certificate_
    assert certificate.converged
    assert certificate.least_curvature == pytest.approx(
        expected.certificate_.least_curvature
    )
    summaries = [one.summary() for one in (found, expected)]
    tables = [str(one).splitlines() for one in summaries]
    assert len(tables[0]) == len(tables[1])
    assert f"{np.count_nonzero(WEIGHT)} rows" in str(found.plan_)
    np.testing.assert_array_equal(found.predict(X[:3]).shape, (3,))


def test_unknown_number_of_rows_takes_a_pass():
    """Folds of neighbours would be those of a wrong number of rows."""

    def read():
        for start in range(0, N, 50):
            yield X[start : start + 50], Y[start : start + 50]

    for cv, n_passes in ((5, 2), (RowFolds(5), 1)):
        batches = Batches(read)
        with use_limits(**FEW):
            found = MYHPORidge(cv=cv).fit(batches)
        assert batches.n_passes == n_passes
        assert_same(found, MYHPORidge(cv=cv).fit(X, Y))


def test_rows_that_are_sorted_by_y():
    """Lambda would be learned from unlike folds, and nobody say so."""
    order = np.argsort(Y)
    with pytest.warns(SortedRowsWarning, match="along which y is sorted"):
        fit(MYHPORidge(), X[order], Y[order])


class Chunked:
    """An array of a file format: a shape, a dtype and slices."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.largest = 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.largest = max(self.largest, rows.stop - rows.start)
        return self.values[rows]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("model", [MYHPORidge(), MYHPOLogisticRegression()], ids=repr)
@pytest.mark.parametrize("kind", [list, np.asarray, Chunked])
def test_arrays_of_file_formats(model, kind):
    """A user of HDF5 or Zarr would have to know of Batches, or read it all."""
    y = (Y > 0).astype(int) if isinstance(model, MYHPOLogisticRegression) else Y
    given = Chunked(X), kind(y), kind(WEIGHT)
    with use_limits(block_entries=200):
        model.fit(*given)
    assert given[0].largest == 50
    expected = type(model)().fit(X, y, WEIGHT)
    # The fit of classes in memory ends before it knows lambda better.
    rtol = 1e-6 if isinstance(model, MYHPORidge) else 1e-3
    np.testing.assert_allclose(model.lambda_, expected.lambda_, rtol=rtol)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=10 * rtol)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_mapped_rows_are_read_once(dtype, tmp_path):
    """The file would be copied, or read again and again."""
    np.save(tmp_path / "X.npy", X.astype(dtype))
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    with use_limits(**FEW):
        found = MYHPORidge().fit(rows, Y, WEIGHT)
        part = MYHPORidge().fit(rows[::2], Y[::2])
    assert found.oracle_counts_["n_passes"] == part.oracle_counts_["n_passes"] == 1
    assert_same(found, MYHPORidge().fit(X.astype(dtype), Y, WEIGHT))
    assert found.coef_.dtype == dtype
    # A few rows are simply read.
    assert "n_passes" not in MYHPORidge().fit(rows, Y).oracle_counts_


@pytest.mark.one_in(2)
@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)])
def test_rows_in_memory_stay_as_they_are(rows):
    """Every fit would go another way than before."""
    with use_limits(**FEW):
        assert "n_passes" not in MYHPORidge().fit(rows, Y).oracle_counts_


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({}, (X * 1e160, Y, None), r"X has entries up to .*e\+160 in size, whose squa"),
        ({}, (X * 1e-200, Y, None), "X has entries up to .*e-200 in size, whose squar"),
        ({}, (X, Y, 0.0 * WEIGHT), "sample_weight is zero for all rows"),
        ({}, (X, Y.astype(str), None), "y must be numeric for a regressor. Got str"),
        ({}, (X, np.full(N, None), None), "y .*NaN"),
        ({"cv": 501}, (X, Y, None), "cv=501 asks for more folds than there are rows"),
        ({"cv": RowFolds(2)}, (X, Y, np.arange(N) % 2), "cv=RowFolds.* leaves a train"),
        ({"cv": 1e-9}, (X, Y, None), "cv=1e-09 leaves the validation part without a"),
        ({"cv": 1.5}, (X, Y, None), "cv=1.5 is not allowed"),
        ({"cv": KeyFolds(3)}, (X, Y, None), "but there are none"),
    ],
)
def test_what_cannot_be_fitted(options, data, message):
    """A fit would return NaN, or fail with the name of an inner class."""
    rows, y, weight = data
    with pytest.raises(ValueError, match=message):
        fit(MYHPORidge(**options), rows, y, weight)


def test_failed_fit_leaves_the_estimator():
    """An error in a late batch would leave half of a new fit."""
    model = MYHPORidge().fit(X, Y)
    before = dict(vars(model))
    rows = X.copy()
    rows[400, 1] = np.nan
    with pytest.raises(ValueError, match="X of batch 10 contains NaN, first in row 30"):
        fit(model, rows, Y)
    assert vars(model) == before
