"""Collections of Dask as users have them: divided, typed and wrapped in many ways."""

import threading

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge, MYHPORidgeClassifier
from sklearn_myhpo.data import KeyFolds
from sklearn_myhpo.data.dask.blocks import is_dask

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")
distributed = pytest.importorskip("distributed")

RNG = np.random.default_rng(0)
N, NAMES = 200, list("abc")
X = RNG.normal(size=(N, 3)) + 1.0
Y = X @ np.arange(1.0, 4.0) + 3.0 * RNG.normal(size=N)
LABEL = (np.median(Y) < Y).astype(int)
FRAME = pd.DataFrame(X, columns=NAMES)


def chunked(values, size=50):
    """Return rows in blocks of a size."""
    values = np.asarray(values)
    return da.from_array(values, chunks=(size, *values.shape[1:]))


def of_unknown_size(values, sizes=50):
    """Return rows in blocks of which Dask does not know the sizes."""
    values = da.from_array(values, chunks=(sizes, *values.shape[1:]))
    return values[da.ones(N, dtype=bool, chunks=sizes)]


def framed(frame):
    """Return a frame or a series in four blocks."""
    return dd.from_pandas(frame, npartitions=4)


def assert_same(model, expected):
    """Raise unless two fits are the same."""
    np.testing.assert_allclose(model.lambda_, expected.lambda_, rtol=0, atol=1e-8)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-9)


#: Types of columns, and X of these types.
TYPES = {
    "whole numbers": (3 * X).astype(np.int64),
    "small whole numbers": np.abs(3 * X).astype(np.uint8),
    "flags": X > 0,
    "half precision": X.astype(np.float16),
    "objects": X.astype(object),
    "nullable": FRAME.astype("Float64"),
    "nullable whole numbers and flags": pd.DataFrame(
        {
            "a": pd.array(np.arange(N) % 7, "Int64"),
            "b": pd.array(X[:, 1] > 0, "boolean"),
            "c": X[:, 2],
        }
    ),
}


@pytest.mark.parametrize("kind", TYPES)
def test_numbers_of_any_type_are_numbers(kind):
    """Integers would be cut off, or nullable columns be refused."""
    rows = TYPES[kind]
    given = framed(rows) if hasattr(rows, "iloc") else chunked(rows)
    target = framed(pd.Series(Y)) if hasattr(rows, "iloc") else chunked(Y)
    plain = np.asarray(rows).astype(float)
    assert_same(MYHPORidge().fit(given, target), MYHPORidge().fit(plain, Y))


def test_arrow_types():
    """Frames read from Parquet would be refused, or their labels be unknown."""
    pytest.importorskip("pyarrow")
    rows = framed(FRAME.convert_dtypes(dtype_backend="pyarrow"))
    target = framed(pd.Series(Y).convert_dtypes(dtype_backend="pyarrow"))
    assert_same(MYHPORidge().fit(rows, target), MYHPORidge().fit(X, Y))
    text = np.array(["no", "yes"])[LABEL]
    labels = framed(pd.Series(text).astype("string[pyarrow]"))
    found = MYHPOLogisticRegression().fit(rows, labels)
    assert found.classes_.tolist() == ["no", "yes"]
    expected = MYHPOLogisticRegression().fit(X, LABEL)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-6)


@pytest.mark.parametrize("kind", [MYHPOLogisticRegression, MYHPORidgeClassifier])
def test_labels_in_one_column(kind):
    """A frame with one column of labels would be refused, or scored in n^2 pairs."""
    expected = kind().fit(X, LABEL)
    series = framed(pd.Series(LABEL, name="y"))
    for rows, labels in (
        (chunked(X), chunked(LABEL[:, None])),
        (framed(FRAME), series.to_frame()),
    ):
        model = kind().fit(rows, labels)
        np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-6)
        assert model.score(rows, labels) == expected.score(X, LABEL)


def test_score_of_labels_of_another_type_is_refused():
    """The accuracy would be zero, and nobody would look for the reason in the types."""
    model = MYHPOLogisticRegression().fit(X, LABEL)
    text = np.array(["no", "yes"])[LABEL]
    with pytest.raises(ValueError, match=r"type of the classes, \[0, 1\]. Got '"):
        model.score(chunked(X), chunked(text))


class Foreign(np.ndarray):
    """A stand-in for an array of CuPy."""


Foreign.__module__ = "cupy"


def foreign(values):
    """Return a collection whose blocks are said to be of CuPy."""
    values = chunked(values)
    values._meta = np.empty((0,) * values.ndim).view(Foreign)
    return values


def masked(values):
    """Return a collection with masks over the entries of some rows."""
    values = chunked(values)
    mask = np.zeros(values.shape, dtype=bool)
    mask[70] = True
    return da.ma.masked_array(values, mask=chunked(mask))


REFUSED = {
    "CuPy": (foreign(X), chunked(Y), "blocks of cupy.Foreign.*cupy.asnumpy"),
    "y of CuPy": (chunked(X), foreign(Y), "^y must have blocks of NumPy"),
    "masks": (
        masked(X),
        chunked(Y),
        "X of block 1 has masked entries, first in row 20",
    ),
    "masks of y": (chunked(X), masked(Y), "y of block 1 has masked entries"),
    "complex numbers": (
        chunked(X + 1j),
        chunked(Y),
        "X of block 0 has complex",
    ),
    "complex target": (chunked(X), chunked(Y + 1j), "y of block 0 has complex"),
    "unknown sizes that differ": (
        of_unknown_size(X),
        of_unknown_size(Y, (70, 30, 50, 50)),
        r"y of block 0 must have .* rows as its X, 50. Got 70.*compute_chunk_sizes",
    ),
    "sizes that differ later": (
        of_unknown_size(X),
        of_unknown_size(Y, (50, 70, 30, 50)),
        r"of block \d must have .* rows.*compute_chunk_sizes",
    ),
    "a missing number": (
        framed(FRAME.mask(FRAME["a"] == X[120, 0]).astype("Float64")),
        framed(pd.Series(Y)),
        "X of block 2 contains NaN, first in row 20",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_entries_that_no_fit_can_use_are_refused(kind):
    """A fit would use values under a mask, or fail in another library."""
    rows, target, message = REFUSED[kind]
    with pytest.raises((TypeError, ValueError), match=message):
        MYHPORidge().fit(rows, target)


def test_collections_in_xarray_are_refused_with_advice():
    """All rows would come to the machine that calls the fit."""
    xarray = pytest.importorskip("xarray")
    assert not is_dask(xarray.DataArray(X))
    with pytest.raises(TypeError, match=r"Got DataArray. X.data is the array of Dask"):
        MYHPORidge().fit(xarray.DataArray(chunked(X)), chunked(Y))


def test_keys_that_are_missing():
    """The message would speak of batches that the user does not have."""
    with pytest.raises(ValueError, match="the groups of fit, or keys to Batches"):
        MYHPORidge(cv=KeyFolds(3)).fit(chunked(X), chunked(Y))


def test_error_of_a_task_is_that_of_the_user():
    """A user would look for the fault in the fit."""

    def read(block, block_info=None):
        if block_info and block_info[0]["chunk-location"][0] == 2:
            raise KeyError("no column price")
        return block

    rows = chunked(X).map_blocks(read, dtype=float, meta=np.empty((0, 3)))
    model = MYHPORidge()
    with pytest.raises(KeyError, match="no column price"):
        model.fit(rows, chunked(Y))
    assert not hasattr(model, "coef_")


def test_single_rows_and_empty_blocks():
    """Sums would miss the rows of tiny blocks, or an empty first block end the fit."""
    expected = MYHPORidge().fit(X, Y)
    empty = da.from_array(X, chunks=((0, 0, 120, 0, 80, 0), 3))
    for rows in (chunked(X, 1), empty):
        model = MYHPORidge().fit(rows, chunked(Y, 70))
        assert_same(model, expected)
        np.testing.assert_allclose(model.predict(rows), expected.predict(X))


def test_pipelines_predict_lazily():
    """A pipeline would compute what its last step leaves lazy."""
    model = make_pipeline("passthrough", MYHPORidge()).fit(chunked(X), chunked(Y))
    found = model.predict(of_unknown_size(X))
    assert isinstance(found, da.Array)
    np.testing.assert_allclose(found, MYHPORidge().fit(X, Y).predict(X))


@pytest.fixture
def cluster():
    """A cluster without workers, in this process."""
    with distributed.LocalCluster(
        n_workers=0, processes=False, dashboard_address=None
    ) as cluster:
        yield cluster


def test_cluster_without_workers_is_named(cluster):
    """A fit would wait for ever, and nobody would know for what."""
    with distributed.Client(cluster):
        later = threading.Timer(0.3, cluster.scale, [1])
        later.start()
        with pytest.warns(UserWarning, match="no worker.*no-workers-timeout"):
            model = MYHPORidge().fit(chunked(X), chunked(Y))
        later.join()
    assert_same(model, MYHPORidge().fit(X, Y))


def test_closed_client_is_named(cluster):
    """The message would be about a missing dependency or an attribute of None."""
    cluster.scale(1)
    with distributed.Client(cluster) as client:
        kept = dask.persist(chunked(X), chunked(Y))
        distributed.wait(kept)
    with pytest.raises(ValueError, match="persisted in a cluster, but its"):
        MYHPORidge().fit(*kept)
    with (
        dask.config.set(scheduler=client),
        pytest.raises(ValueError, match=r"Client .* fit is closed"),
    ):
        MYHPORidge().fit(chunked(X), chunked(Y))
