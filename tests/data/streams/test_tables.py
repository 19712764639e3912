"""Batches from tables: datasets of pyarrow, CSV files, and other file formats."""

import sys

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import Batches, KeyFolds
from sklearn_myhpo.engine.limits import use_limits

RNG = np.random.default_rng(0)
N = 60
X = RNG.standard_normal((N, 3))
Y = X[:, 0] + 0.5 * RNG.standard_normal(N)
TOWN = np.array(["Basel", "Chur", "Genf"])[RNG.integers(0, 3, N)]
WEIGHT = RNG.uniform(1.0, 2.0, N)


def frame():
    """Return a table of numbers, texts, a target and weights."""
    pd = pytest.importorskip("pandas")
    numbers = pd.DataFrame(X, columns=list("abc"))
    return numbers.assign(town=TOWN, y=Y, weight=WEIGHT)


def joined(batches):
    """Return the columns of all batches, each joined."""
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def write_csv(folder):
    """Write two files, one compressed."""
    table, paths = frame(), [folder / "0.csv", folder / "1.csv.gz"]
    table.iloc[:25].to_csv(paths[0], index=False)
    table.iloc[25:].to_csv(paths[1], index=False)
    return paths


def write_dataset(folder):
    """Write a folder of Parquet files and return its dataset."""
    arrow = pytest.importorskip("pyarrow.dataset")
    frame().iloc[:25].to_parquet(folder / "0.parquet", row_group_size=7)
    frame().iloc[25:].to_parquet(folder / "1.parquet", row_group_size=7)
    return arrow.dataset(folder)


@pytest.fixture(params=["csv", "dataset"])
def make(request, tmp_path):
    """Return a function that makes batches of one table in two files."""
    if request.param == "csv":
        paths = write_csv(tmp_path)
        return lambda **options: Batches.from_csv(paths, batch_size=8, **options)
    dataset = write_dataset(tmp_path)
    return lambda **options: Batches.from_dataset(dataset, batch_size=8, **options)


def test_columns_of_tables(make):
    """Columns of y or weights would be among the features, or rows out of order."""
    batches = list(make(target="y", sample_weight="weight", columns=["c", "a"]))
    assert max(len(part) for part, *_ in batches) <= 8
    assert all(list(part.columns) == ["c", "a"] for part, *_ in batches)
    rows, y, weight = joined(batches)
    np.testing.assert_allclose(rows, X[:, [2, 0]])
    np.testing.assert_allclose(y, Y)
    np.testing.assert_allclose(weight, WEIGHT)
    part, *_ = next(iter(make(target="y", sample_weight="weight")))
    assert list(part.columns) == ["a", "b", "c", "town"]


@pytest.mark.one_in(2)
def test_keys_and_targets_of_tables(make):
    """A key would be a feature, and rows of a town on both sides of a split."""
    options = {"target": ["y", "b"], "key": "town"}
    part, targets, weight, key = next(iter(make(**options)))
    assert list(part.columns) == ["a", "c", "weight"]
    assert list(targets.columns) == ["y", "b"]
    assert weight is None
    assert list(key) == list(TOWN[: len(key)])
    model = MYHPORidge(cv=KeyFolds(2)).fit(make(target="y", columns=["a"], key="town"))
    pairs = list(KeyFolds(2).split(X, groups=TOWN))
    plain = MYHPORidge(cv=pairs).fit(X[:, :1], Y)
    assert model.coef_[0] == pytest.approx(plain.coef_[0], abs=1e-8)


def test_column_that_is_missing(make):
    """The error would be that of another package, or an empty column."""
    with pytest.raises(ValueError, match=r"has no 'q'; it has \['a', 'b', 'c', 'tow"):
        list(make(target="y", columns=["a", "q"]))


@pytest.mark.one_in(2)
def test_categories_before_a_fit(make):
    """Texts would have to be numbers in the files."""
    columns = ColumnTransformer(
        [("town", OneHotEncoder(sparse_output=False), ["town"])],
        remainder="passthrough",
    ).set_output(transform="pandas")
    columns.fit(frame()[["a", "b", "c", "town"]])
    batches = make(target="y", columns=["a", "b", "c", "town"]).map(columns)
    model = MYHPORidge(cv=3).fit(batches)
    plain = MYHPORidge(cv=3).fit(columns.transform(frame().iloc[:, :4]), Y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-8)
    assert list(model.feature_names_in_) == list(plain.feature_names_in_)


def test_numbers_of_rows(tmp_path):
    """A pass would be made to count rows that the source knows."""
    assert Batches.from_dataset(write_dataset(tmp_path), target="y").n_samples == N
    paths = write_csv(tmp_path)
    assert Batches.from_csv(paths, target="y").n_samples is None
    assert Batches.from_csv(paths, target="y", n_samples=N).n_samples == N


def test_filtered_dataset(tmp_path):
    """Rows that the user leaves out would be counted or fitted."""
    arrow = pytest.importorskip("pyarrow.dataset")
    some = write_dataset(tmp_path).filter(arrow.field("town") == "Chur")
    batches = Batches.from_dataset(some, target="y", columns=["a"])
    assert batches.n_samples == np.sum(TOWN == "Chur")
    np.testing.assert_allclose(joined(batches)[1], Y[TOWN == "Chur"])


def test_options_of_read_csv(tmp_path):
    """Files with another separator or without a header could not be read."""
    path = tmp_path / "a.txt"
    frame().to_csv(path, index=False, sep=";", header=False)
    batches = Batches.from_csv(
        path, target="y", sep=";", names=[*"abc", "town", "y", "weight"], columns=["b"]
    )
    np.testing.assert_allclose(joined(batches)[0], X[:, [1]])
    with pytest.raises(TypeError, match=r"sets chunksize of .* Use batch_size="):
        Batches.from_csv(path, target="y", chunksize=4)


@pytest.mark.parametrize(
    ("make_batches", "error", "message"),
    [
        (lambda: Batches.from_csv([], target="y"), ValueError, "paths must name"),
        (
            lambda: Batches.from_csv("a", target="y", batch_size=0),
            ValueError,
            "batch_size must be an int >= 1",
        ),
        (
            lambda: Batches.from_csv("a", target="y", n_samples=1),
            ValueError,
            "n_samples must be an int >= 2",
        ),
    ],
)
def test_arguments_of_csv(make_batches, error, message):
    """The error would come from a pass in the middle of a fit."""
    pytest.importorskip("pandas")
    with pytest.raises(error, match=message):
        make_batches()


def test_other_objects_than_datasets(tmp_path):
    """A path would be taken for a dataset, and fail in the first pass."""
    pytest.importorskip("pyarrow.dataset")
    with pytest.raises(TypeError, match=r"must be a pyarrow\.dataset\.Dataset"):
        Batches.from_dataset(tmp_path, target="y")


@pytest.mark.parametrize("name", ["pyarrow.dataset", "pandas"])
def test_packages_that_are_missing(monkeypatch, name):
    """The message would name a module and not what to install."""
    monkeypatch.setitem(sys.modules, name, None)
    make_batches = Batches.from_csv if name == "pandas" else Batches.from_dataset
    package = name.split(".")[0]
    with pytest.raises(ImportError, match=f"needs the package {package}"):
        make_batches("a", target="y")


class Sliced:
    """An array of a file, as of HDF5 and Zarr: a shape, a dtype and slices of rows."""

    def __init__(self, values):
        self._values = values
        self.shape, self.dtype = values.shape, values.dtype

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        return self._values[rows].copy()


@pytest.fixture(params=["fake", "h5py", "zarr"])
def in_a_file(request, tmp_path):
    """Return a function that stores an array under a name."""
    if request.param == "fake":
        yield lambda name, values: Sliced(values)
        return
    package = pytest.importorskip(request.param)
    if request.param == "h5py":
        with package.File(tmp_path / "rows.h5", "w") as file:
            yield lambda name, values: file.create_dataset(name, data=values)
        return
    group = package.open_group(str(tmp_path / "rows.zarr"), mode="w")

    def store(name, values):
        group[name] = values
        return group[name]

    yield store


@pytest.mark.one_in(2)
def test_arrays_of_files(in_a_file):
    """Rows of HDF5 or Zarr files would be read one by one, or all at once."""
    label = (Y > 0).astype(int)
    stored = in_a_file("X", X), in_a_file("y", label)
    batches = Batches.from_arrays(*stored, batch_size=9)
    assert batches.n_samples == N
    with use_limits(block_entries=50):
        model = MYHPOLogisticRegression(cv=3).fit(batches)
    plain = MYHPOLogisticRegression(cv=3, tol=1e-10).fit(X, label)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)


@pytest.mark.parametrize("name", ["from_csv", "from_parquet"])
def test_folder_stands_for_its_files(name, tmp_path):
    """A folder of shards would be no file, or its files come in another order."""
    if name == "from_csv":
        write_csv(tmp_path)
    else:
        write_dataset(tmp_path)
    found = joined(getattr(Batches, name)(tmp_path, target="y", columns=list("abc")))
    # Older versions of pandas round the last digit of numbers in texts.
    np.testing.assert_allclose(found[0], X, rtol=1e-13)
    np.testing.assert_allclose(found[1], Y, rtol=1e-13)


def test_folder_without_files(tmp_path):
    """A wrong folder would look like one without rows."""
    with pytest.raises(ValueError, match="has no file"):
        Batches.from_npz(tmp_path)
