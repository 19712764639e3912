"""Groups from frames and from the transformers of a ColumnTransformer."""

import pickle
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    GroupedColumnTransformer,
    MYHPOLogisticRegression,
    MYHPORidge,
)
from sklearn_myhpo.penalties.labelled import (
    LabelledArray,
    labels_of,
    names_of,
    with_labels,
)
from sklearn_myhpo.solvers import Stochastic

WORDS = np.array([f"word{k}" for k in range(40)])
FORMS = {"sparse": 1.0, "dense": 0.0}


def make_rows(n=120):
    """Return columns of two numbers, a category and a text, and two classes."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n, 2))
    # Most words and categories are so rare that folds do not see the same ones.
    category = np.array([f"c{k}" for k in rng.geometric(0.2, n)])
    text = np.array(
        [" ".join(WORDS[np.minimum(rng.geometric(0.1, 4), 39)]) for _ in range(n)]
    )
    y = numbers[:, 0] + (category == "c1") + rng.logistic(size=n) > 0.3
    columns = {"a": numbers[:, 0], "b": numbers[:, 1], "category": category}
    return {**columns, "text": text}, y


def make_frame(module="pandas"):
    """Return a frame and two classes."""
    columns, y = make_rows()
    return pytest.importorskip(module).DataFrame(columns), y


TRANSFORMERS = [
    ("text", TfidfVectorizer(), "text"),
    ("number", StandardScaler(), ["a", "b"]),
    ("category", OneHotEncoder(handle_unknown="ignore"), ["category"]),
]


def classifier(**parameters):
    """Return an estimator that is quick and reproducible."""
    return MYHPOLogisticRegression(
        feature_groups="transformer", cv=3, random_state=0, **parameters
    )


@pytest.fixture(autouse=True)
def _no_bound_warnings():
    """The strength of a useless group ends at its bound, which is not at issue."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no minimum inside the bounds")
        yield


@pytest.mark.one_in(3)
@pytest.mark.parametrize("module", ["pandas", "polars"])
@pytest.mark.parametrize("form", FORMS)
def test_one_lambda_per_transformer(form, module):
    """Columns of one transformer would be penalized as another's."""
    frame, y = make_frame(module)
    columns = GroupedColumnTransformer(TRANSFORMERS, sparse_threshold=FORMS[form])
    model = make_pipeline(columns, classifier()).fit(frame, y)
    plain = ColumnTransformer(TRANSFORMERS, sparse_threshold=FORMS[form])
    X = plain.fit_transform(frame)
    assert sparse.issparse(X) == (form == "sparse")
    labels = [name.split("__")[0] for name in plain.get_feature_names_out()]
    expected = clone(model[-1]).set_params(feature_groups=labels).fit(X, y)
    names = model[-1].feature_group_names_.tolist()
    assert names == ["text", "number", "category"]
    found = [names[k] for k in model[-1].feature_group_labels_]
    assert found == labels
    order = [expected.feature_group_names_.tolist().index(name) for name in names]
    np.testing.assert_allclose(model[-1].lambda_, expected.lambda_[order], rtol=1e-3)
    np.testing.assert_allclose(model[-1].coef_, expected.coef_, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(model.predict(frame), expected.predict(X))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("form", FORMS)
def test_search_and_cross_validation(form):
    """The number of words and categories differs from fold to fold."""
    frame, y = make_frame()
    columns = GroupedColumnTransformer(TRANSFORMERS, sparse_threshold=FORMS[form])
    model = make_pipeline(columns, classifier())
    widths = {clone(columns).fit_transform(frame[k::3]).shape[1] for k in range(3)} | {
        clone(columns).fit_transform(frame).shape[1]
    }
    assert len(widths) > 1
    assert np.all(np.isfinite(cross_val_score(model, frame, y, cv=3)))
    name = "groupedcolumntransformer__text__min_df"
    search = GridSearchCV(model, {name: [1, 3]}, cv=2, error_score="raise")
    best = search.fit(frame, y).best_estimator_
    assert best[-1].feature_group_names_.tolist() == ["text", "number", "category"]


def test_cached_steps_keep_their_groups(tmp_path):
    """The second fit of a pipeline with memory reads the output from a file."""
    frame, y = make_frame()
    for threshold in FORMS.values():
        columns = GroupedColumnTransformer(TRANSFORMERS, sparse_threshold=threshold)
        model = make_pipeline(columns, classifier(), memory=str(tmp_path))
        first = model.fit(frame, y)[-1].lambda_
        np.testing.assert_array_equal(model.fit(frame, y)[-1].lambda_, first)
        names = model[:-1].get_feature_names_out().tolist()
        assert model[-1].summary().columns["feature"].tolist() == names


def test_transformers_without_names():
    """Hashed words have no names, but they have a transformer."""
    frame, y = make_frame()
    columns = GroupedColumnTransformer(
        [
            ("hash", HashingVectorizer(n_features=16), "text"),
            ("none", "drop", ["category"]),
            ("nothing", StandardScaler(), []),
        ],
        remainder="passthrough",
    )
    model = make_pipeline(columns, classifier()).fit(frame, y)[-1]
    assert model.feature_group_names_.tolist() == ["hash", "remainder"]
    assert np.bincount(model.feature_group_labels_).tolist() == [16, 2]


def test_is_a_column_transformer():
    """Everything else must stay as it was when one name in a script changes."""
    frame, _ = make_frame()
    plain = ColumnTransformer(TRANSFORMERS, verbose_feature_names_out=False)
    grouped = GroupedColumnTransformer(
        plain.transformers, verbose_feature_names_out=False
    )
    X, expected = grouped.fit_transform(frame), plain.fit_transform(frame)
    assert type(X) is type(expected)
    assert grouped.get_params().keys() == plain.get_params().keys()
    np.testing.assert_array_equal(X.toarray(), expected.toarray())
    again = pickle.loads(pickle.dumps(grouped)).transform(frame)
    # transform and fit_transform of TfidfVectorizer differ by rounding.
    np.testing.assert_allclose(again.toarray(), expected.toarray(), rtol=1e-14)
    np.testing.assert_array_equal(labels_of(again), labels_of(X))


@pytest.mark.parametrize("transformer", [ColumnTransformer, GroupedColumnTransformer])
@pytest.mark.parametrize("module", ["pandas", "polars"])
def test_prefixes_of_frames(transformer, module):
    """Dense frames have the transformer in the names of their columns."""
    frame, y = make_frame(module)
    columns = transformer(
        [
            ("number", StandardScaler(), ["b"]),
            ("category", OneHotEncoder(sparse_output=False), ["category"]),
            ("rest", "passthrough", ["a"]),
        ]
    ).set_output(transform=module)
    model = make_pipeline(columns, SelectKBest(k=5), classifier())
    model[:-1].set_output(transform=module)
    model.fit(frame, y)
    names = [name.split("__")[0] for name in model[:-1].get_feature_names_out()]
    found = model[-1].feature_group_names_[model[-1].feature_group_labels_]
    assert found.tolist() == names
    assert len(set(names)) > 1


def test_union_of_features():
    """A FeatureUnion names its columns in the same way."""
    frame, y = make_frame()
    union = FeatureUnion([("z", StandardScaler()), ("unit", MinMaxScaler())])
    union.set_output(transform="pandas")
    model = make_pipeline(union, MYHPORidge(feature_groups="transformer"))
    model.fit(frame[["a", "b"]], y.astype(float))
    assert model[-1].feature_group_names_.tolist() == ["z", "unit"]
    assert model[-1].feature_group_labels_.tolist() == [0, 0, 1, 1]


def test_selectors_of_columns():
    """Groups by dtype follow the frame, not the array that is fitted."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"flag": rng.integers(2, size=60), "x": rng.normal(size=60), "z": 1.0}
    )
    frame["z"] += rng.normal(size=60)
    groups = [
        ("float", make_column_selector(dtype_include=float)),
        ("flag", make_column_selector(pattern="^flag$")),
    ]
    model = MYHPORidge(feature_groups=groups, random_state=0)
    model.fit(frame, frame["x"] + rng.normal(size=60))
    assert model.feature_group_labels_.tolist() == [1, 0, 0]


@pytest.mark.parametrize("module", ["pandas", "polars"])
def test_names_of_columns(module):
    """Groups by name must hold for columns in any order."""
    frame, y = make_frame(module)
    frame = frame[["b", "a"]]
    model = MYHPORidge(feature_groups=[("first", "a"), ("second", ["b"])])
    model.fit(frame, y.astype(float))
    assert model.feature_group_labels_.tolist() == [1, 0]


@pytest.mark.parametrize("form", FORMS)
def test_plain_column_transformer(form):
    """Tools that know only scikit-learn's class would not read ours."""
    frame, _ = make_frame()
    columns = GroupedColumnTransformer(TRANSFORMERS, sparse_threshold=FORMS[form])
    expected = columns.fit(frame).transform(frame)
    plain = columns.to_sklearn()
    assert type(plain) is ColumnTransformer
    assert plain.get_params() == columns.get_params()
    found = plain.transform(frame)
    assert labels_of(found) is None
    assert abs(found - expected).max() == 0


@pytest.mark.slow
def test_example_keeps_its_promise(monkeypatch, capsys):
    """The learned strengths must be no worse than the grid's."""
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib").use("agg")
    example = Path(__file__).parents[2] / "examples" / "plot_column_transformer.py"
    monkeypatch.setattr(sys, "argv", [str(example), "500", "1"])
    losses = runpy.run_path(str(example))["losses"]
    assert losses["MYHPOLogisticRegression"] <= losses["GridSearchCV"]
    assert "times as long" in capsys.readouterr().out


def test_partial_fit_knows_transformers():
    """Parts of the data come as the transformer returns them."""
    frame, y = make_frame()
    columns = GroupedColumnTransformer(TRANSFORMERS).fit(frame)
    model = BilevelLogisticRegression(
        solver=Stochastic("soba"), feature_groups="transformer", random_state=0
    )
    for part in (slice(0, 60), slice(60, 120)):
        X = columns.transform(frame[part])
        model.partial_fit(X, y[part], classes=[False, True])
    assert model.feature_group_names_.tolist() == ["text", "number", "category"]


def test_array_that_does_not_know():
    """The message must say which class to use, and where."""
    frame, y = make_frame()
    for columns in (
        [ColumnTransformer(TRANSFORMERS)],
        [GroupedColumnTransformer(TRANSFORMERS), SelectKBest(k=5)],
    ):
        with pytest.raises(ValueError, match=r'"transformer", but X is .*\.Grouped'):
            make_pipeline(*columns, classifier()).fit(frame, y)


def test_names_without_prefix():
    """Only some of the columns in groups would be a silent mistake."""
    frame, y = make_frame()
    frame = frame[["a", "b"]].rename(columns={"a": "number__a"})
    with pytest.raises(ValueError, match=r"like \"num__age\".* these have none: 'b'"):
        classifier().fit(frame, y)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csr_array])
def test_what_is_taken_out_has_no_labels(kind):
    """Labels of other columns would pass for its own."""
    X = with_labels(kind(np.eye(4)), list("abcd"), list("wxyz"))
    assert labels_of(X) == list("abcd")
    assert names_of(X) == list("wxyz")
    for other in (X[:, :2], X[:, [3, 2, 1, 0]], X * 2, X.T, X.copy()):
        assert labels_of(other) is None
        assert names_of(other) is None
    again = pickle.loads(pickle.dumps(X))
    assert labels_of(again) == list("abcd")
    assert names_of(again) == list("wxyz")
    assert type(again) is type(X)
    assert (again != X).sum() == 0


def test_frame_with_a_column_of_that_name():
    """Its values would pass for labels."""
    frame, y = make_frame()
    frame = frame[["a", "b"]].set_axis(["z__a", "column_labels_"], axis="columns")
    assert labels_of(frame) is None
    model = MYHPORidge(feature_groups=["p", "q"]).fit(frame, y.astype(float))
    assert model.feature_group_names_.tolist() == ["p", "q"]


def test_array_is_an_array():
    """scikit-learn and NumPy must see the numbers that were there."""
    values = np.arange(6.0).reshape(3, 2)
    X = with_labels(values, ["a", "b"])
    assert isinstance(X, LabelledArray)
    assert np.shares_memory(X, values)
    assert type(values) is np.ndarray
