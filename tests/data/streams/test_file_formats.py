"""Arrays of HDF5 and Zarr files: the fit of the rows in memory is the right value."""

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import start_from

RNG = np.random.default_rng(0)
N, D = 431, 5
X = RNG.standard_normal((N, D)).astype(np.float32)
Y = X @ np.array([1.0, -1.0, 0.5, 0.0, 0.0]) + 2.0 * RNG.standard_normal(N)
LABEL = (Y > 0).astype(np.int8)
#: A pass has many blocks, and nothing is kept.
FEW = {"block_entries": 200}


@pytest.fixture(params=["h5py", "zarr"])
def store(request, tmp_path):
    """Return a function that stores an array in compressed chunks, under a name."""
    package = pytest.importorskip(request.param)
    if request.param == "h5py":
        with package.File(tmp_path / "rows.h5", "w") as file:

            def write(name, values, chunks):
                options = {"chunks": chunks, "compression": "gzip"}
                return file.create_dataset(name, data=values, **options)

            yield write
        return
    group = package.open_group(str(tmp_path / "rows.zarr"), mode="w")

    def write(name, values, chunks):
        made = {"shape": values.shape, "dtype": values.dtype, "chunks": chunks}
        array = group.create_array(name, **made)
        array[:] = values
        return array

    yield write


@pytest.mark.one_in(5)
@pytest.mark.parametrize("chunks", [(7, D), (33, 2), (N, 1)], ids=str)
@pytest.mark.parametrize(
    ("model", "y", "atol"),
    [
        (MYHPORidge(), Y, 1e-9),
        (MYHPORidge(feature_groups="each", standardize=True), Y, 1e-9),
        (MYHPOLogisticRegression(cv=3, tol=1e-8), LABEL, 1e-6),
    ],
    ids=["ridge", "each", "logistic"],
)
def test_fit_is_that_of_rows_in_memory(store, model, y, atol, chunks, monkeypatch):
    """Chunks unlike the blocks of a pass would mix up rows, or y with other rows."""
    start_from(monkeypatch, 160)
    rows, target = store("X", X, chunks), store("y", y, (50,))
    plain = type(model)(**model.get_params()).fit(X.astype(np.float64), y)
    with use_limits(**FEW):
        model.fit(rows, target)
    assert (model.oracle_counts_["n_passes"] > 1) == hasattr(model, "classes_")
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.lambda_, plain.lambda_, atol=10 * atol)
    # The weights are rounded to the precision of the rows.
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6, atol=atol)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, rtol=1e-6, atol=atol)
    np.testing.assert_allclose(
        model.validation_loss_, plain.validation_loss_, rtol=1e-9
    )


@pytest.mark.parametrize("kind", ["S", "O"])
def test_texts_of_hdf5(kind, tmp_path):
    """Labels would be refused as bytes, and keys would be other keys than in memory."""
    package = pytest.importorskip("h5py")
    names = np.where(LABEL, "yes", "no")
    with package.File(tmp_path / "rows.h5", "w") as file:
        rows = file.create_dataset("X", data=X)
        texts = names.astype("S3" if kind == "S" else object)
        y = file.create_dataset("y", data=texts)
        assert y.dtype.kind == kind
        read = [MYHPOLogisticRegression().fit(rows, y)]
        batches = Batches.from_arrays(rows, y, key=y, batch_size=100)
        read.append(MYHPOLogisticRegression().fit(batches))
        keys = {key for batch in batches for key in batch[3]}
    plain = MYHPOLogisticRegression().fit(X, names)
    assert keys == {"yes", "no"}
    for model in read:
        np.testing.assert_array_equal(model.classes_, ["no", "yes"])
        np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)


class Watched:
    """An array of a file that notes which rows are read."""

    def __init__(self, array):
        self.array, self.read = array, []
        self.shape, self.dtype, self.chunks = array.shape, array.dtype, array.chunks

    def __getitem__(self, rows):
        self.read.append(rows)
        return self.array[rows]


@pytest.mark.parametrize("chunk", [7, 40, 120])
def test_chunks_are_unpacked_once(store, chunk):
    """A compressed file would be unpacked again for every few rows of a chunk."""
    rows = Watched(store("X", X, (chunk, D)))
    with use_limits(**FEW):
        model = MYHPORidge().fit(rows, Y)
    assert model.oracle_counts_["n_passes"] == 1
    wanted = max(1, FEW["block_entries"] // D // chunk) * chunk
    assert {one.start % chunk for one in rows.read} == {0}
    assert {one.stop - one.start for one in rows.read[:-1]} == {wanted}
    assert sum(one.stop - one.start for one in rows.read) == N


def test_size_of_batches_is_the_users_own(store):
    """A user who knows the disk better could not say so."""
    rows = Watched(store("X", X, (40, D)))
    assert [len(y) for _, y in Batches.from_arrays(rows, Y, batch_size=300)] == [
        300,
        131,
    ]
