"""Curves as columns: the penalty, the orthogonality and the ends that they promise."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.interpolate import BSpline, make_interp_spline
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_myhpo import GroupedColumnTransformer, MYHPORidge
from sklearn_myhpo.preprocessing import PenalizedSplineTransformer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")


def make_rows(n=200, seed=0):
    """Even values, and values with a heavy tail."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(-3, 5, n), rng.lognormal(1.0, 1.5, n)])


def groups_of(transformer):
    """The groups as an array."""
    return np.array(transformer.get_feature_groups_out())


def integral(function, knots, points=8):
    """The integral of a matrix-valued function of an array, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    width = np.diff(knots)[:, None]
    at = (knots[:-1, None] + width * (nodes + 1) / 2).ravel()
    return function(at, (width * weights / 2).ravel())


def derivative_products(transformer, columns, knots, order):
    """The weighted integrals of products of derivatives of columns of one feature.

    Every column is a cubic between knots, which four of its values determine.
    """
    total, mean_width = 0.0, (knots[-1] - knots[0]) / (len(knots) - 1)
    for low, high in pairwise(knots):
        unit = 0.5 - 0.5 * np.cos(np.pi * (np.arange(4) + 0.5) / 4)
        values = transformer.transform((low + (high - low) * unit)[:, None])[:, columns]
        coefs = np.polynomial.polynomial.polyfit(unit, values, 3)
        slopes = np.polynomial.polynomial.polyder(coefs, order) / (high - low) ** order

        def products(at, weight, slopes=slopes):
            found = np.atleast_2d(np.polynomial.polynomial.polyval(at, slopes)).T
            return (found * weight[:, None]).T @ found

        weight = ((high - low) / mean_width) ** (order - 0.5)
        own = (high - low) * integral(products, np.array([0.0, 1.0]))
        total = total + weight * own
    return total


@parametrize_with_checks(
    [
        PenalizedSplineTransformer(),
        PenalizedSplineTransformer(
            n_splines=7, degree=2, knots="uniform", penalty_order=1, missing="indicator"
        ),
        PenalizedSplineTransformer(cyclic=True),
    ]
)
def test_scikit_learn_checks(estimator, check):
    """Any of scikit-learn's own checks: there a tool would meet a surprise."""
    check(estimator)


@pytest.mark.parametrize("knots", ["quantile", "uniform"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("feature", [0, 1])
def test_penalty_is_the_identity(feature, order, knots):
    """A lambda would not be the smoothing parameter of a curve."""
    rows = make_rows()[:, [feature]]
    splines = PenalizedSplineTransformer(
        n_splines=12, knots=knots, penalty_order=order
    ).fit(rows)
    smooth = groups_of(splines) == "x0_smooth"
    assert smooth.sum() == 12 - order
    found = derivative_products(splines, smooth, splines.knots_[0], order)
    expected = splines.roughness_[0] * np.eye(12 - order)
    assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * splines.roughness_[0])


@pytest.mark.filterwarnings("ignore:MYHPORidge found no minimum")
@pytest.mark.parametrize(("tail", "most"), [(3.0, 1.2), (6.0, 1.6)])
def test_a_curve_may_turn_where_values_are_dense(tail, most):
    """A feature with a long tail would have a curve that is too smooth, or too wild."""
    errors = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        unit = rng.uniform(size=800)
        signal, noise = np.sin(9.0 * unit), 0.5 * rng.normal(size=800)
        for x in (unit, np.exp(tail * unit)):
            splines = PenalizedSplineTransformer()
            columns = splines.fit_transform(x[:, None])
            model = MYHPORidge(criterion="reml", feature_groups=groups_of(splines))
            model.fit(columns, signal + noise)
            errors.append(np.mean((model.predict(columns) - signal) ** 2))
    ratio = np.array(errors[1::2]) / errors[::2]
    assert np.mean(ratio) < most


def test_cyclic_penalty_is_the_identity():
    """The ends of a period would be penalized in another way than its middle."""
    rng = np.random.default_rng(0)
    hours = rng.integers(0, 24, 300)[:, None].astype(float)
    splines = PenalizedSplineTransformer(n_splines=9, cyclic={0: (0, 24)}).fit(hours)
    assert set(splines.get_feature_groups_out()) == {"x0_smooth"}
    found = derivative_products(splines, slice(None), splines.knots_[0], 2)
    expected = splines.roughness_[0] * np.eye(8)
    assert_allclose(found, expected, rtol=1e-7, atol=1e-7 * splines.roughness_[0])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_columns_are_orthogonal_over_rows(order, weighted):
    """The curve could replace the line, so that neither strength had a meaning."""
    rows = make_rows()
    weight = None
    if weighted:
        weight = np.random.default_rng(1).exponential(size=len(rows))
    splines = PenalizedSplineTransformer(penalty_order=order, pairs=[(0, 1)])
    columns = np.asarray(splines.fit(rows, sample_weight=weight).transform(rows))
    assert_allclose(np.average(columns, axis=0, weights=weight), 0.0, atol=1e-10)
    share = (np.ones(len(rows)) if weight is None else weight)[:, None]
    moments = (columns * share).T @ columns / share.sum()
    groups = groups_of(splines)
    for term in ("x0", "x1", "x0:x1"):
        line, smooth = groups == f"{term}_linear", groups == f"{term}_smooth"
        n_lines = (order - 1) ** (2 if ":" in term else 1)
        assert line.sum() == n_lines
        assert_allclose(moments[np.ix_(line, line)], np.eye(n_lines), atol=1e-7)
        assert_allclose(moments[np.ix_(line, smooth)], 0.0, atol=1e-7)
        assert_allclose(np.trace(moments[np.ix_(smooth, smooth)]), 1.0, rtol=1e-7)


def test_line_is_the_standardized_feature():
    """The linear part would have units of its own."""
    rows = make_rows()
    splines = PenalizedSplineTransformer().fit(rows)
    columns = splines.transform(rows)[:, groups_of(splines) == "x1_linear"]
    expected = (rows[:, 1] - rows[:, 1].mean()) / rows[:, 1].std()
    assert_allclose(columns[:, 0], expected, rtol=1e-9, atol=1e-12)


def test_columns_span_the_splines_of_scikit_learn():
    """A curve that other software fits could not be fitted."""
    rows = make_rows()[:, :1]
    splines = PenalizedSplineTransformer(n_splines=10, knots="uniform").fit(rows)
    theirs = SplineTransformer(
        n_knots=8, knots=splines.knots_[0][:, None], extrapolation="linear"
    )
    wide = np.linspace(-6, 9, 50)[:, None]
    ours = np.c_[np.ones(200), splines.transform(rows)]
    weights, *_ = np.linalg.lstsq(ours, theirs.fit_transform(rows), rcond=None)
    assert ours.shape[1] == theirs.n_features_out_ == 10
    # Beyond the range too.
    found = np.c_[np.ones(50), splines.transform(wide)] @ weights
    assert_allclose(found, theirs.transform(wide), atol=1e-7)


def test_smoothing_spline():
    """The fit at a given strength would not be the penalized least-squares spline."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 2, 60))
    y = np.sin(4 * x) + 0.2 * rng.normal(size=60)
    splines = PenalizedSplineTransformer(n_splines=12, knots="uniform")
    columns = np.asarray(splines.fit_transform(x[:, None]))
    # The line is free: a column of its own with a strength near zero.
    scale = np.r_[1e6, np.ones(10)]
    ridge = Ridge(alpha=0.3).fit(columns * scale, y)
    knots = np.r_[[x[0]] * 3, splines.knots_[0], [x[-1]] * 3]
    basis = BSpline(knots, np.eye(12), 3)

    def products(at, weight):
        bend = basis.derivative(2)(at)
        return (bend * weight[:, None]).T @ bend

    penalty = integral(products, splines.knots_[0])
    rows = basis(x)
    strength = 0.3 / splines.roughness_[0]
    weights = np.linalg.solve(rows.T @ rows + strength * penalty, rows.T @ y)
    assert_allclose(ridge.predict(columns * scale), rows @ weights, atol=1e-6)


def test_straight_beyond_the_range():
    """Predictions far outside would be the values of a wild cubic."""
    rows = make_rows()
    splines = PenalizedSplineTransformer(pairs=[(0, 1)]).fit(rows)
    for index in (0, 1):
        low, high = rows[:, index].min(), rows[:, index].max()
        for end, sign in ((low, -1.0), (high, 1.0)):
            steps = sign * np.array([-1e-6, 0.0, 1e-6, 1.0, 2.0, 100.0])
            at = np.tile(rows[:1], (6, 1))
            at[:, index] = end + steps
            inside, edge, near, one, two, far = splines.transform(at)
            assert_allclose(two - one, one - edge, atol=1e-9)
            assert_allclose(far - edge, 100.0 * (one - edge), atol=1e-7)
            # Value and slope do not jump.
            assert_allclose(near - edge, edge - inside, atol=1e-9)


def test_cyclic_values_and_slopes_meet():
    """A curve over the hours would jump at midnight."""
    rng = np.random.default_rng(0)
    hours = rng.integers(0, 24, 200)[:, None].astype(float)
    splines = PenalizedSplineTransformer(cyclic={0: (0, 24)}).fit(hours)
    assert splines.knots_[0][[0, -1]].tolist() == [0.0, 24.0]
    at = np.array([[-1e-4], [0.0], [1e-4], [3.0], [27.0], [-21.0]])
    before, edge, after, three, later, earlier = splines.transform(at)
    assert_allclose(after - edge, edge - before, atol=1e-7)
    assert_allclose(later, three, atol=1e-12)
    assert_allclose(earlier, three, atol=1e-12)
    everywhere = PenalizedSplineTransformer(cyclic=True).fit(hours)
    assert everywhere.knots_[0][[0, -1]].tolist() == [0.0, 23.0]


def test_pair_spans_products_of_curves():
    """An interaction that is there could not be fitted."""
    rng = np.random.default_rng(0)
    rows = rng.uniform(-1, 1, size=(400, 2))
    splines = PenalizedSplineTransformer(
        pairs=[(0, 1)], n_splines_pairs=5, knots="uniform"
    )
    columns = np.c_[np.ones(400), splines.fit_transform(rows)]
    assert groups_of(splines).tolist().count("x0:x1_linear") == 1
    assert groups_of(splines).tolist().count("x0:x1_smooth") == 4 * 4 - 1
    for target in (
        rows[:, 0] * rows[:, 1],
        rows[:, 0] ** 3 * rows[:, 1] ** 2,
        rows[:, 0] ** 2 * rows[:, 1],
    ):
        _, residual, *_ = np.linalg.lstsq(columns, target, rcond=None)
        assert residual.sum() < 1e-16


def test_pair_does_not_depend_on_the_order_of_its_features():
    """Two users would get two models from the same interaction."""
    rows = make_rows()
    y = np.random.default_rng(1).normal(size=200)
    predictions = []
    for pair in ((0, 1), (1, 0)):
        splines = PenalizedSplineTransformer(pairs=[pair])
        columns = splines.fit_transform(rows)
        predictions.append(Ridge(alpha=1.0).fit(columns, y).predict(columns))
    assert_allclose(*predictions, atol=1e-8)


def test_few_values():
    """A constant, a flag or an empty column would end in an error or in NaN."""
    n = 60
    rng = np.random.default_rng(0)
    rows = np.column_stack(
        [
            np.full(n, 7.0),
            rng.integers(0, 2, n),
            rng.integers(0, 3, n),
            rng.integers(0, 5, n),
            np.full(n, np.nan),
        ]
    )
    splines = PenalizedSplineTransformer(missing="indicator", pairs=[(0, 1), (1, 3)])
    columns = splines.fit_transform(rows)
    groups = groups_of(splines).tolist()
    count = {name: groups.count(name) for name in dict.fromkeys(groups)}
    assert count == {
        "x0_linear": 1,
        "x1_linear": 1,
        "x2_linear": 1,
        "x3_linear": 1,
        "x3_smooth": 3,
        "x4_linear": 1,
        "x0:x1_linear": 1,
        "x1:x3_linear": 1,
        "x1:x3_smooth": 3,
    }
    assert np.all(np.isfinite(columns))
    for empty in ("x0_linear", "x4_linear", "x0:x1_linear"):
        assert not columns[:, groups.index(empty)].any()
    flag = rows[:, 1]
    assert_allclose(columns[:, 1], (flag - flag.mean()) / flag.std())
    assert np.all(np.isfinite(splines.transform(rows + 1e6)))


def test_five_values_are_interpolated():
    """A feature with fewer values than splines could not have any five effects."""
    values = np.repeat([0.0, 1.0, 2.0, 5.0, 7.0], 4)
    effects = np.repeat([3.0, -1.0, 4.0, 1.0, -5.0], 4)
    splines = PenalizedSplineTransformer().fit(values[:, None])
    columns = np.c_[np.ones(20), splines.transform(values[:, None])]
    assert columns.shape[1] == 5
    weights, *_ = np.linalg.lstsq(columns, effects, rcond=None)
    assert_allclose(columns @ weights, effects, atol=1e-9)


def test_many_equal_values():
    """Quantiles of rows would all be zero, and the curve have no knots."""
    rng = np.random.default_rng(0)
    values = np.where(rng.uniform(size=2000) < 0.9, 0.0, rng.exponential(size=2000))
    splines = PenalizedSplineTransformer().fit(values[:, None])
    assert len(splines.knots_[0]) == 18


@pytest.mark.parametrize("offset", [0.0, 1e9])
@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
def test_units_do_not_matter(unit, offset):
    """Metres and millimetres would give two curves."""
    rows = make_rows()[:, :1]
    expected = PenalizedSplineTransformer().fit_transform(rows)
    shifted = unit * (rows + offset)
    found = PenalizedSplineTransformer().fit_transform(shifted)
    moments = [np.asarray(z @ z.T) for z in (found, expected)]
    assert_allclose(*moments, atol=1e-5 if offset else 1e-9)


def test_weights_count_rows():
    """A row of weight two would differ from two rows, or zero from none."""
    rows = make_rows()
    weight = np.random.default_rng(0).integers(0, 3, len(rows))
    weighted = PenalizedSplineTransformer(pairs=[(0, 1)])
    found = weighted.fit(rows, sample_weight=weight).transform(rows)
    expected = PenalizedSplineTransformer(pairs=[(0, 1)])
    expected = expected.fit(np.repeat(rows, weight, axis=0)).transform(rows)
    is_pair = groups_of(weighted) == "x0:x1_smooth"
    assert_allclose(found[:, ~is_pair], expected[:, ~is_pair], atol=1e-8)
    # Columns of a pair are determined up to a rotation, which no ridge penalty sees.
    products = [np.asarray(z[:, is_pair] @ z[:, is_pair].T) for z in (found, expected)]
    assert_allclose(*products, atol=1e-8)


def test_missing_values():
    """A missing value would be an error although an indicator was asked for."""
    rows = make_rows()
    whole = PenalizedSplineTransformer().fit(rows[5:, :1])
    rows[:5, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        PenalizedSplineTransformer().fit(rows)
    splines = PenalizedSplineTransformer(missing="indicator", pairs=[(0, 1)])
    columns = splines.fit_transform(rows)
    names = splines.get_feature_names_out().tolist()
    assert [name for name in names if "missing" in name] == ["x0_missing"]
    own = slice(0, names.index("x0_missing"))
    assert not columns[:5, own].any()
    assert_allclose(columns[5:, own], whole.transform(rows[5:, :1]), atol=1e-12)
    assert_array_equal(columns[:, own.stop], np.r_[np.ones(5), np.zeros(195)])
    pair = groups_of(splines) == "x0:x1_smooth"
    assert not columns[:5, pair].any()
    # Missing in new rows only: all columns are zero, their mean.
    new = np.array([[0.5, np.nan]])
    second = np.char.startswith(names, "x1_")
    assert not splines.transform(new)[0, second].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    """float32 would double its memory."""
    rows = make_rows()
    found = PenalizedSplineTransformer().fit_transform(rows.astype(dtype))
    assert found.dtype == dtype
    expected = PenalizedSplineTransformer().fit_transform(rows)
    assert_allclose(found, expected, atol=1e-4)
    both = PenalizedSplineTransformer(pairs=[(0, 1)])
    assert both.fit_transform(rows.astype(dtype)).dtype == dtype


@pytest.mark.one_in(2)
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames_give_names(container):
    """A column of the output could not be traced to its feature."""
    library = pytest.importorskip(container)
    frame = library.DataFrame(dict(zip(["age", "pay"], make_rows().T, strict=True)))
    splines = PenalizedSplineTransformer(
        n_splines=4, n_splines_pairs=4, pairs=[("pay", "age")], cyclic=["age"]
    )
    splines.set_output(transform=container)
    found = list(splines.fit_transform(frame).columns)
    assert found[:6] == [
        *("age_smooth0", "age_smooth1", "age_smooth2"),
        *("pay_linear", "pay_smooth0", "pay_smooth1"),
    ]
    assert found[6] == "pay:age_smooth0"
    assert splines.pairs_ == [(1, 0)]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("transformer", ["alone", "columns", "pipeline"])
def test_every_part_is_a_group(transformer):
    """One lambda would hold lines and curves of all features."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(make_rows(), columns=["age", "pay"])
    y = np.sin(frame["age"]) + 0.1 * rng.normal(size=200)
    splines = PenalizedSplineTransformer(n_splines=6)
    parts = ["age_linear", "age_smooth", "pay_linear", "pay_smooth"]
    if transformer != "alone":
        frame["kind"] = rng.choice(list("abc"), 200)
        inner = splines
        if transformer == "pipeline":
            inner = make_pipeline(SimpleImputer(), splines)
        splines = GroupedColumnTransformer(
            [("number", inner, ["age", "pay"]), ("kind", OneHotEncoder(), ["kind"])]
        )
        parts = [*(f"number__{part}" for part in parts), "kind"]
    model = make_pipeline(splines, MYHPORidge(feature_groups="transformer"))
    model.fit(frame, y)
    assert model[-1].feature_group_names_.tolist() == parts
    labels = model[-1].feature_group_labels_
    sizes = [1, 4, 1, 4, 3] if "kind" in parts else [1, 4, 1, 4]
    assert np.bincount(labels).tolist() == sizes
    assert model.predict(frame).shape == (200,)
    free = make_pipeline(
        splines,
        MYHPORidge(feature_groups="transformer", penalty_factors=[([0], 0.0)]),
    )
    assert free.fit(frame, y)[-1].feature_group_names_.tolist() == parts[1:]


def test_plain_column_transformer_still_works():
    """A labelled array would trouble scikit-learn's own transformers."""
    rows = make_rows()
    columns = ColumnTransformer([("number", PenalizedSplineTransformer(), [0, 1])])
    expected = PenalizedSplineTransformer().fit_transform(rows)
    assert_array_equal(columns.fit_transform(rows), expected)


def test_wrong_number_of_groups():
    """Columns would silently get the groups of others."""

    class Wrong(PenalizedSplineTransformer):
        def get_feature_groups_out(self, input_features=None):
            return ["one"]

    columns = GroupedColumnTransformer([("curve", Wrong(n_splines=5), [0])])
    columns.transformers[0][1].transform = lambda X: np.ones((len(X), 2))
    with pytest.raises(ValueError, match=r"'curve' made .* one per column"):
        columns.fit_transform(make_rows())


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_splines": 3}, r"n_splines must be at least degree \+ 1 = 4. Got 3"),
        ({"n_splines_pairs": 2}, r"n_splines_pairs must be at least degree \+ 1 = 4"),
        ({"degree": 1}, r"penalty_order must be at most degree=1. Got 2"),
        ({"cyclic": {0: (3, 3)}}, r"low < high for every column. Got \(3, 3\) for 0"),
        ({"cyclic": [7]}, r"cyclic has the column indices 7, but X has 2 features"),
        ({"cyclic": ["age"]}, "cyclic names the columns 'age', but X has no feature"),
        ({"pairs": [(0, 0)]}, r"item 0 .* is \(0, 0\), but .* two different columns"),
        ({"pairs": [0]}, "item 0 .* is 0, but every item must be two different"),
        ({"pairs": [(0, 1), (1, 0)]}, r"item 1 .*, \(1, 0\), is in pairs already"),
        ({"knots": "even"}, "'knots' parameter"),
    ],
)
def test_bad_parameters(parameters, words):
    """The message would not say what is allowed."""
    with pytest.raises(ValueError, match=words):
        PenalizedSplineTransformer(**parameters).fit(make_rows())


def test_bad_values():
    """Infinity and huge values would become NaN."""
    rows = make_rows()
    for value, words in ((np.inf, "infinity"), (1e305, "beyond 1e.300 in .*x1")):
        rows[3, 1] = value
        with pytest.raises(ValueError, match=words):
            PenalizedSplineTransformer().fit(rows)
    with pytest.raises(ValueError, match=r"zero for all|at least one non-zero"):
        PenalizedSplineTransformer().fit(make_rows(), sample_weight=np.zeros(200))


def test_curve_follows_an_interpolation():
    """A steep but smooth function would be out of reach of the splines."""
    x = np.linspace(0, 1, 400)[:, None]
    wave = make_interp_spline(np.linspace(0, 1, 9), np.tile([0, 1, -1], 3))(x[:, 0])
    columns = PenalizedSplineTransformer(n_splines=30).fit_transform(x)
    fitted = Ridge(alpha=1e-10).fit(columns, wave).predict(columns)
    assert np.abs(fitted - wave).max() < 1e-2


def test_tiny_features_give_no_warning_of_rounding():
    """A feature in tiny units would give a RuntimeWarning from inside."""
    X = 1e-300 * np.random.default_rng(0).normal(size=(50, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        columns = PenalizedSplineTransformer().fit_transform(X)
    assert_allclose(np.asarray(columns).mean(axis=0), 0.0, atol=1e-12)


def test_a_lost_group_is_explained():
    """After set_output the advice would be for another transformer only."""
    pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(50, 2))
    splines = PenalizedSplineTransformer(n_splines=5).set_output(transform="pandas")
    model = make_pipeline(splines, MYHPORidge(feature_groups="transformer"))
    with pytest.raises(ValueError, match="leave set_output at"):
        model.fit(X, X[:, 0])
