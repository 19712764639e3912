"""Batches from functions, arrays and files, and what may come between."""

import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.limits import use_limits

RNG = np.random.default_rng(0)
X = RNG.standard_normal((23, 3))
Y, WEIGHT = RNG.standard_normal(23), RNG.uniform(size=23)


def joined(batches):
    """Return the columns of all batches, each joined."""
    return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def test_function_is_called_for_every_pass():
    """The second pass would be empty, or not be counted."""
    batches = Batches(lambda: iter([(X[:5], Y[:5]), (X[5:], Y[5:])]))
    for n_passes in (1, 2):
        found = joined(batches)
        np.testing.assert_array_equal(found[0], X)
        np.testing.assert_array_equal(found[1], Y)
        assert batches.n_passes == n_passes


def test_list_is_iterated_again():
    """Batches that are in memory already would need a function around them."""
    batches = Batches([(X, Y)])
    assert len(list(batches)) == len(list(batches)) == 1


@pytest.mark.parametrize("source", [iter([(X, Y)]), ((X, Y) for _ in range(2))])
def test_iterators_are_refused(source):
    """The fit would find no rows in its second pass, and not say why."""
    with pytest.raises(TypeError, match=r"Batches\(read\) instead of Batches\(read\("):
        Batches(source)


def test_same_iterator_twice_is_refused():
    """The second pass would be empty."""
    iterator = iter([(X, Y)])
    batches = Batches(lambda: iterator)
    list(batches)
    with pytest.raises(ValueError, match="returned the same iterator twice"):
        list(batches)


def test_function_must_return_an_iterator():
    """The error would be Python's, without the name of what returned None."""
    with pytest.raises(TypeError, match=r"must return an iterator of batches\. Got N"):
        list(Batches(lambda: None))


def test_other_objects_are_refused():
    """The error would come from the middle of a fit."""
    with pytest.raises(TypeError, match="a function that returns an iterator"):
        Batches(3)


@pytest.mark.parametrize("size", [1, 5, 23, 100])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_slices_of_arrays(make, size):
    """Rows would be left out at the end, or read twice."""
    batches = list(Batches.from_arrays(make(X), Y, WEIGHT, batch_size=size))
    assert len(batches) == -(-23 // size)
    rows = [sparse.csr_array(part).toarray() for part, *_ in batches]
    np.testing.assert_array_equal(np.concatenate(rows), X)
    for column, expected in ((1, Y), (2, WEIGHT)):
        found = np.concatenate([batch[column] for batch in batches])
        np.testing.assert_array_equal(found, expected)


def test_frames_stay_frames():
    """A fitted ColumnTransformer would not find its columns."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abc"))
    batches = list(Batches.from_arrays(frame, pd.Series(Y), batch_size=9))
    pd.testing.assert_frame_equal(pd.concat(part for part, _ in batches), frame)


class Chunked:
    """An array of a file format: a shape, a dtype and slices."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.largest = 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.largest = max(self.largest, rows.stop - rows.start)
        return self.values[rows]


def test_sliceable_objects_are_read_by_slices_of_bounded_size():
    """HDF5 or Zarr arrays would be read into memory as a whole."""
    source = Chunked(X)
    with use_limits(block_entries=12):
        batches = Batches.from_arrays(source, Chunked(Y))
    np.testing.assert_array_equal(joined(batches)[0], X)
    assert source.largest == 4


def test_memory_mapped_array(tmp_path):
    """A file that NumPy maps would not be taken."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    found = joined(Batches.from_arrays(mapped, Y, batch_size=4))
    np.testing.assert_array_equal(found[0], X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X.tolist(), Y), "X must have a shape and be sliceable"),
        ((X, Y[:-1]), "y must have as many rows as X, 23. Got 22"),
        ((X, Y, WEIGHT[:3]), "sample_weight must have as many rows as X, 23. Got 3"),
        ((Y, Y), "X must have two axes"),
    ],
)
def test_arrays_that_do_not_fit(arguments, message):
    """The error would come from the middle of a fit."""
    with pytest.raises((TypeError, ValueError), match=message):
        Batches.from_arrays(*arguments)


@pytest.mark.parametrize("size", [0, -1, 2.5, True])
def test_batch_size_is_checked(size):
    """No rows would be read, or rows for ever."""
    with pytest.raises(ValueError, match="batch_size must be an int >= 1"):
        Batches.from_arrays(X, Y, batch_size=size)


@pytest.mark.parametrize("has_weights", [False, True])
def test_npz_files(tmp_path, has_weights):
    """Shards would come in another order, or without their weights."""
    paths = []
    for number, rows in enumerate((slice(0, 9), slice(9, 23))):
        paths.append(tmp_path / f"{number}.npz")
        weights = {"sample_weight": WEIGHT[rows]} if has_weights else {}
        np.savez(paths[-1], X=X[rows], y=Y[rows], **weights)
    found = joined(Batches.from_npz(paths))
    expected = [X, Y, WEIGHT][: 2 + has_weights]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    one_file = list(Batches.from_npz(str(paths[0])))
    np.testing.assert_array_equal(one_file[0][0], X[:9])


def test_npz_file_without_y(tmp_path):
    """The error would be NumPy's, without the name of the file."""
    np.savez(tmp_path / "a.npz", X=X)
    with pytest.raises(ValueError, match=r"a\.npz has no 'y'; it has \['X'\]"):
        list(Batches.from_npz(tmp_path / "a.npz"))


@pytest.mark.parametrize("name", ["from_npz", "from_parquet"])
def test_no_paths(name):
    """A pattern that matches no file would look like an empty source."""
    if name == "from_parquet":
        pytest.importorskip("pyarrow")
    options = {"target": "y"} if name == "from_parquet" else {}
    with pytest.raises(ValueError, match="paths must name at least one file"):
        getattr(Batches, name)([], **options)


def test_parquet_without_pyarrow(monkeypatch):
    """The message would name a module and not what to install."""
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    message = "Batches.from_parquet needs the package pyarrow.*pip install pyarrow"
    with pytest.raises(ImportError, match=message):
        Batches.from_parquet("a.parquet", target="y")


def write_parquet(folder):
    """Write two files with three features, y, other targets and weights."""
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=Y, z=2 * Y, weight=WEIGHT)
    paths = [folder / "0.parquet", folder / "1.parquet"]
    for path, rows in zip(paths, (slice(0, 9), slice(9, 23)), strict=True):
        frame.iloc[rows].to_parquet(path, row_group_size=4)
    return paths, frame


def test_parquet_files(tmp_path):
    """Columns of y or weights would be among the features, or rows out of order."""
    paths, frame = write_parquet(tmp_path)
    given = {"target": "y", "sample_weight": "weight"}
    batches = list(Batches.from_parquet(paths, **given, batch_size=5))
    assert max(len(part) for part, *_ in batches) <= 5
    assert all(list(part.columns) == ["a", "b", "c", "z"] for part, *_ in batches)
    found = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    np.testing.assert_array_equal(found[0], frame[["a", "b", "c", "z"]])
    np.testing.assert_array_equal(found[1], Y)
    np.testing.assert_array_equal(found[2], WEIGHT)


def test_parquet_columns_and_targets(tmp_path):
    """The order that the user wants, and several targets."""
    paths, frame = write_parquet(tmp_path)
    batches = Batches.from_parquet(paths, columns=["c", "a"], target=["z", "y"])
    for part, target in batches:
        assert list(part.columns) == ["c", "a"]
        assert list(target.columns) == ["z", "y"]
    rows, targets = joined(batches)
    np.testing.assert_array_equal(rows, frame[["c", "a"]])
    np.testing.assert_array_equal(targets, frame[["z", "y"]])


def test_parquet_column_that_is_missing(tmp_path):
    """The error would be that of pyarrow, or an empty column."""
    paths, _ = write_parquet(tmp_path)
    with pytest.raises(ValueError, match=r"0\.parquet has no 'q'; it has \['a'"):
        list(Batches.from_parquet(paths, columns=["a", "q"], target="y"))


def test_map_transforms_batch_by_batch():
    """Transformed rows would differ from those of the whole, or lose y."""
    scaler = StandardScaler().fit(X)
    source = Batches.from_arrays(X, Y, WEIGHT, batch_size=6)
    found = joined(source.map(scaler).map(scaler))
    expected = scaler.transform(scaler.transform(X))
    np.testing.assert_allclose(found[0], expected, rtol=1e-14)
    np.testing.assert_array_equal(found[1], Y)
    np.testing.assert_array_equal(found[2], WEIGHT)
    assert source.n_passes == 1


def test_map_needs_a_transformer():
    """The error would come from the middle of a fit."""
    with pytest.raises(TypeError, match=r"Batches\.map needs a fitted transformer"):
        Batches([(X, Y)]).map(np.log)
