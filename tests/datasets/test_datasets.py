"""Loaders and splits of the paper's data, mostly on made-up files."""

import functools
import hashlib
import http.server
import os
import sys
import tarfile
import threading
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils import Bunch

from sklearn_myhpo.datasets import (
    _base,
    cookie,
    fetch_cookie,
    fetch_gtsrb_hog,
    fetch_mnist,
    mnist,
    paper_split,
)
from tests.helpers import REAL, needs_real_data

LOADERS = {
    "cookie.npz": fetch_cookie,
    "mnist_train15k.npz": fetch_mnist,
    "gtsrb_hog.npz": fetch_gtsrb_hog,
}


@pytest.fixture(autouse=True)
def no_data_anywhere(monkeypatch, tmp_path):
    """Hide the data of this machine from the tests."""
    monkeypatch.delenv(_base.VARIABLE, raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))


@functools.cache
def dough():
    """Return 72 made-up spectra, and percentages with the true means."""
    rng = np.random.default_rng(0)
    Y = rng.normal(size=(72, 4))
    return rng.random((72, 700)), Y - Y.mean(axis=0) + cookie.MEAN_PERCENTAGES


def arrays_of(name):
    """Return arrays that a loader takes for its file."""
    if name == "cookie.npz":
        X, Y = dough()
        outlier = np.isin(np.arange(72), [22, 60])
        return {"X": X, "Y": Y, "outlier": outlier, "wavelength_nm": cookie.WAVELENGTH}
    if name == "gtsrb_hog.npz":
        X = np.arange(8 * 1568, dtype=np.float32).reshape(8, -1)
        return {"X": X, "y": np.repeat([1, 5], 4), "track": [0, 0, 1, 1] * 2}
    y = (np.arange(15000) % 10).astype(np.uint8)
    return {"X": np.zeros((15000, 784), np.uint8), "y": y}


def write(folder, name, **changes):
    """Write such a file, with some arrays replaced, or left out if None."""
    arrays = {**arrays_of(name), **changes}
    folder.mkdir(exist_ok=True)
    kept = {key: value for key, value in arrays.items() if value is not None}
    np.savez(folder / name, **kept)
    return folder


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", LOADERS)
def test_forms_of_the_result(name, tmp_path):
    """Code written for scikit-learn's loaders would not work with these."""
    fetch = functools.partial(LOADERS[name], data_home=str(write(tmp_path, name)))
    bunch = fetch()
    X, y = fetch(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)
    assert len(bunch.feature_names) == X.shape[1]
    assert bunch.frame is None
    assert bunch.DESCR
    framed = fetch(as_frame=True)
    assert list(framed.data.columns) == bunch.feature_names
    assert list(framed.frame.columns) == bunch.feature_names + bunch.target_names
    kind = pd.DataFrame if y.ndim == 2 else pd.Series
    assert isinstance(framed.target, kind)
    np.testing.assert_array_equal(framed.target, y)
    X, y = fetch(as_frame=True, return_X_y=True)
    assert isinstance(X, pd.DataFrame)
    assert isinstance(y, kind)


def test_what_only_one_loader_has(tmp_path):
    """Wavelengths, outliers or tracks would be lost or wrong."""
    for name in LOADERS:
        write(tmp_path, name)
    dough = fetch_cookie(data_home=tmp_path)
    assert dough.wavelength[[0, -1]].tolist() == [1100, 2498]
    assert dough.feature_names[0] == "1100"
    assert np.flatnonzero(dough.outlier).tolist() == [22, 60]
    digits = fetch_mnist(data_home=tmp_path)
    assert digits.data.dtype == np.uint8
    assert np.issubdtype(digits.target.dtype, np.signedinteger)
    signs = fetch_gtsrb_hog(data_home=tmp_path)
    assert signs.data.dtype == np.float32
    assert set(signs.target) == {1, 5}
    # Track 0 of one class and track 0 of the other are different signs.
    assert signs.track.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    write(tmp_path, "gtsrb_hog.npz", track=None)
    assert fetch_gtsrb_hog(data_home=tmp_path).track is None


def test_order_of_the_folders(tmp_path, monkeypatch):
    """A user's own file would be shadowed by another, or not found at all."""
    first, second, third = (tmp_path / name for name in ("a", "b", "c"))
    for value, folder in enumerate((first, second, third)):
        write(folder, "cookie.npz", X=np.full((72, 700), float(value)))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(third))
    assert fetch_cookie().data[0, 0] == 2
    monkeypatch.setenv(_base.VARIABLE, str(second))
    assert fetch_cookie().data[0, 0] == 1
    assert fetch_cookie(data_home=first).data[0, 0] == 0
    assert fetch_cookie(data_home=tmp_path / "none").data[0, 0] == 1
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("name", LOADERS)
def test_no_file_and_no_download(name, named, tmp_path, monkeypatch):
    """The message would not say which file, where it was sought and what to do."""
    if named:
        monkeypatch.setenv(_base.VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(OSError, match=rf"^{name} is in none of") as caught:
        LOADERS[name](data_home=tmp_path / "home", download_if_missing=False)
    message = str(caught.value)
    assert str(tmp_path / "home") in message
    assert (str(tmp_path / "elsewhere") in message) == named
    assert f"{_base.VARIABLE} {'is' if named else 'is not'} set" in message
    assert "Either put" in message
    assert "or call the function once with network access" in message
    assert not (tmp_path / "home").exists()


def fail(*args, **kwargs):
    raise URLError("Name or service not known")


@pytest.mark.parametrize("name", LOADERS)
def test_offline(name, tmp_path, monkeypatch):
    """A user without network would see a traceback of some library, or debris."""
    monkeypatch.setattr(_base, "fetch_openml", fail)
    monkeypatch.setattr("pooch.retrieve", fail)
    with pytest.raises(OSError, match=f"{name} is in none of.*Name or service"):
        LOADERS[name](data_home=tmp_path, delay=1e-3)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Y": None}, "has no array 'Y'"),
        ({"X": None}, "has no array 'X'"),
        ({"Y": np.zeros((72, 3))}, r"'Y' of shape \(72, 3\) instead of \(72, 4\)"),
        ({"X": np.full((72, 700), np.nan)}, "'X' that are not finite"),
        ({"X": np.full((72, 700), "a")}, "'X' that are not finite numbers"),
        ({"X": np.full((72, 700), None)}, "cannot be read .* without pickles"),
    ],
)
def test_damaged_arrays(changes, words, tmp_path):
    """A wrong file would be used, run code, or fail without being named."""
    write(tmp_path, "cookie.npz", **changes)
    with pytest.raises(ValueError, match=words) as caught:
        fetch_cookie(data_home=tmp_path)
    assert str(tmp_path / "cookie.npz") in str(caught.value)
    assert "X (72, 700), Y (72, 4), outlier (72,)" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 10, 2000, -30])
def test_cut_off_file(keep, tmp_path):
    """A file that was copied only in part would give an error of a zip library."""
    path = write(tmp_path, "cookie.npz") / "cookie.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"cannot be read as an npz file.*Delete it"):
        fetch_cookie(data_home=tmp_path)


@pytest.mark.parametrize(
    ("fetch", "option", "value"),
    [
        (fetch_mnist, "subset", "train"),
        (fetch_mnist, "as_frame", "yes"),
        (fetch_cookie, "n_retries", 0),
        (fetch_gtsrb_hog, "delay", 0.0),
        (fetch_cookie, "data_home", 3),
    ],
)
def test_bad_options(fetch, option, value):
    """A typing mistake would start a download or fail far from its place."""
    with pytest.raises(
        ValueError, match=f"The '{option}' parameter of {fetch.__name__}"
    ):
        fetch(**{option: value})


@pytest.fixture
def openml(monkeypatch):
    """Replace the download from OpenML; returns what it serves and its calls."""
    served = Bunch(data=None, target=None, calls=[])

    def fetch_openml(**options):
        served.calls.append(options)
        return Bunch(data=served.data, target=served.target)

    monkeypatch.setattr(_base, "fetch_openml", fetch_openml)
    return served


def test_mnist_subsets_from_openml(openml, tmp_path, monkeypatch):
    """The downloaded subsets would not be those of the files, or come twice."""
    monkeypatch.setattr(mnist, "N_TRAIN", 60)
    monkeypatch.setattr(mnist, "PER_DIGIT", 3)
    sizes = {"train15k": 30, "test10k": 20, "all": 80}
    files = {key: mnist._file(f"{key}.npz", size) for key, size in sizes.items()}
    monkeypatch.setattr(mnist, "FILES", files)
    digits = np.random.default_rng(0).permutation(np.arange(80) % 10)
    digits[:60] = np.random.default_rng(1).permutation(np.arange(60) % 10)
    openml.data = np.tile(np.arange(80)[:, None], 784)
    openml.target = digits.astype(str).astype(object)
    for subset, size in sizes.items():
        for _ in range(2):
            found = fetch_mnist(subset=subset, data_home=tmp_path, n_retries=7)
        rows = found.data[:, 0]
        assert len(rows) == size
        assert (np.diff(rows.astype(int)) > 0).all()
        np.testing.assert_array_equal(found.target, digits[rows])
        if subset == "train15k":
            for digit in range(10):
                own = np.flatnonzero(digits[:60] == digit)[:3]
                assert rows[found.target == digit].tolist() == own.tolist()
    assert len(openml.calls) == 3
    assert openml.calls[0]["data_id"] == 554
    assert openml.calls[0]["n_retries"] == 7
    assert files_in(tmp_path) == ["all.npz", "test10k.npz", "train15k.npz"]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("lowest", [0, 1])
def test_gtsrb_from_openml(openml, lowest, tmp_path):
    """Other signs than 1 and 5 would be taken if the source counts from 1."""
    sign = np.concatenate([np.arange(43), np.repeat([1, 5], [2940, 2490])])
    openml.data = np.tile(sign[:, None].astype(float), 1568)
    openml.target = (sign + lowest).astype(str)
    for _ in range(2):
        found = fetch_gtsrb_hog(data_home=tmp_path)
        np.testing.assert_array_equal(found.data[:, 0], found.target)
        assert np.unique(found.target, return_counts=True)[1].tolist() == [2941, 2491]
        assert found.track is None
    assert len(openml.calls) == 1


def test_gtsrb_with_other_classes(openml, tmp_path):
    """A changed source would silently give other data."""
    openml.data, openml.target = np.zeros((43, 1568)), np.arange(43)
    with pytest.raises(ValueError, match="41986 does not have the 43 classes"):
        fetch_gtsrb_hog(data_home=tmp_path)
    assert files_in(tmp_path) == []


def r_objects():
    """Return `cookie` in the ways in which R can hold it."""
    X, Y = dough()
    X = pd.DataFrame(X, columns=[f"X{index}" for index in range(700)])
    Y = pd.DataFrame(Y, columns=cookie.TARGETS)
    return {
        "list of two data frames": {"NIR": X, "constituents": Y},
        "data frame": pd.concat([X, Y], axis=1),
        "matrix": np.hstack([X, Y]),
        "list of two matrices": {"NIR": X.to_numpy(), "constituents": Y.to_numpy()},
    }


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serve a folder on this machine in place of the public source."""
    folder = tmp_path / "served"
    folder.mkdir()
    log = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            log.append(self.path)

    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,)).start()
        address = f"http://127.0.0.1:{running.server_port}"
        addresses = (f"{address}/new.tar.gz", f"{address}/old.tar.gz")
        monkeypatch.setattr(cookie, "ADDRESSES", addresses)
        yield Bunch(folder=folder, log=log)
        running.shutdown()


def serve(server, monkeypatch, value, name="new.tar.gz", **objects):
    """Put an archive like that of the R package where the loader finds it."""
    rdata = pytest.importorskip("rdata")
    path = server.folder / "cookie.rda"
    rdata.write_rda(path, {"cookie": value, **objects})
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(cookie, "MEMBER_MD5", digest)
    with tarfile.open(server.folder / name, "w:gz") as archive:
        archive.add(path, arcname=cookie.MEMBER)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("form", r_objects())
def test_cookie_download(form, server, tmp_path, monkeypatch):
    """The spectra would not arrive, or with columns in the wrong place."""
    serve(server, monkeypatch, r_objects()[form])
    home = tmp_path / "new" / "home"
    for _ in range(2):
        found = fetch_cookie(data_home=home)
        np.testing.assert_array_equal(found.data, dough()[0])
        np.testing.assert_array_equal(found.target, dough()[1])
        assert np.flatnonzero(found.outlier).tolist() == [22, 60]
    assert files_in(home) == ["cookie.npz"]
    assert len(server.log) == 1


def test_cookie_from_the_second_address(server, tmp_path, monkeypatch):
    """The download would end with the next release of the R package."""
    serve(server, monkeypatch, r_objects()["matrix"], name="old.tar.gz")
    assert fetch_cookie(data_home=tmp_path).data.shape == (72, 700)


def test_cookie_retries(server, tmp_path, monkeypatch):
    """One dropped connection would end the download."""
    waits = []

    def sleep(delay):
        waits.append(delay)
        if len(waits) == 2:
            serve(server, monkeypatch, r_objects()["matrix"])

    monkeypatch.setattr(cookie.time, "sleep", sleep)
    fetch_cookie(data_home=tmp_path, delay=0.25)
    assert waits == [0.25, 0.25]
    (tmp_path / "cookie.npz").unlink()
    (server.folder / "new.tar.gz").unlink()
    with pytest.raises(OSError, match=r"the download failed.*404"):
        fetch_cookie(data_home=tmp_path, n_retries=1)
    assert len(waits) == 3


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((72, 703)), r"shape \(72, 703\) instead of \(72, 704\)"),
        (np.zeros((72, 704)), "are not fat, sucrose, flour, water"),
        ({"NIR": ["a", "b"]}, "does not hold a table of numbers"),
    ],
)
def test_cookie_of_another_content(value, words, server, tmp_path, monkeypatch):
    """A changed package would silently give other data."""
    serve(server, monkeypatch, value)
    with pytest.raises(ValueError, match=words):
        fetch_cookie(data_home=tmp_path / "home")
    assert files_in(tmp_path / "home") == []


def test_cookie_of_another_sum(server, tmp_path, monkeypatch):
    """Data that were tampered with would be accepted."""
    serve(server, monkeypatch, r_objects()["matrix"])
    monkeypatch.setattr(cookie, "MEMBER_MD5", "0" * 32)
    with pytest.raises(ValueError, match=r"MD5 sum .* instead of 0000"):
        fetch_cookie(data_home=tmp_path)
    (server.folder / "new.tar.gz").write_text("<html>Please log in</html>")
    with pytest.raises(ValueError, match="is not an archive with ppls/data/cookie"):
        fetch_cookie(data_home=tmp_path)


def test_interrupted_write(openml, tmp_path, monkeypatch):
    """Half a file would be taken for a whole one the next time."""
    sign = np.repeat(np.arange(43), 2300)
    openml.data = np.zeros((len(sign), 1568), np.uint8)
    openml.target = sign

    def interrupted(path, **arrays):
        path.write_bytes(b"PK half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch_gtsrb_hog(data_home=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("pooch", lambda home: fetch_cookie(data_home=home)),
        ("rdata", lambda home: fetch_cookie(data_home=home)),
        ("pandas", lambda home: fetch_mnist(data_home=home)),
        (
            "pandas",
            lambda home: fetch_cookie(
                data_home=write(home, "cookie.npz"), as_frame=True
            ),
        ),
    ],
)
def test_missing_package(module, call, tmp_path, monkeypatch):
    """The user would not learn what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    words = (
        rf"needs the package {module}, .*pip install {module}, or "
        r"pip install '\.\[datasets\]' in the source directory"
    )
    with pytest.raises(ImportError, match=words):
        call(tmp_path)


def made_up(name):
    """Return a Bunch as a loader does, with few features."""
    if name == "cookie":
        outlier = np.isin(np.arange(72), [22, 60])
        return Bunch(name=name, data=np.zeros((72, 2)), outlier=outlier)
    if name == "mnist":
        return Bunch(name=name, target=np.repeat(np.arange(10), 720))
    if name == "two digits":
        return Bunch(name="mnist", target=np.repeat([0, 1], 1020))
    target = np.repeat([1, 5], [2220, 1860])
    return Bunch(name=name, target=target, track=np.arange(4080) // 30)


SPLITS = [("cookie", "random"), ("mnist", "random"), ("two digits", "random")]
SPLITS += [("gtsrb_hog", "random"), ("gtsrb_hog", "track")]


@pytest.mark.parametrize(("name", "by"), SPLITS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_splits(name, by, seed):
    """Parts would overlap, have other sizes than documented, or not come again."""
    bunch = made_up(name)
    parts = paper_split(bunch, random_state=seed, by=by)
    again = paper_split(bunch, random_state=seed, by=by)
    assert all(np.array_equal(*pair) for pair in zip(parts, again, strict=True))
    rows = np.concatenate(parts)
    assert len(np.unique(rows)) == len(rows)
    sizes = [len(part) for part in parts]
    if name == "cookie":
        assert sizes == [34, 17, 19]
        assert not bunch.outlier[rows].any()
        return
    counts = [np.bincount(bunch.target[part])[bunch.target[0] :] for part in parts]
    per_class = {"mnist": [100, 100, 500], "two digits": [250, 250, 500]}
    if name in per_class:
        assert [set(count) for count in counts] == [{size} for size in per_class[name]]
    elif by == "track":
        assert len(rows) == 4080
        # 17 tracks of 30 frames
        assert [count[[0, -1]].tolist() for count in counts[:2]] == [[510] * 2] * 2
    else:
        assert [count[[0, -1]].tolist() for count in counts] == [[500] * 2] * 3


def test_seeds_differ():
    """The ten runs would all be the same one."""
    for name, by in SPLITS:
        runs = {
            tuple(paper_split(made_up(name), random_state=seed, by=by)[0])
            for seed in range(10)
        }
        assert len(runs) == 10


@given(st.lists(st.integers(1, 60), min_size=80, max_size=120), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_uneven_tracks(lengths, seed):
    """Frames of one sign would leak into another part, or sizes be far off."""
    lengths = lengths + [40] * 60
    track = np.repeat(np.arange(len(lengths)), lengths)
    target = np.where(track % 2, 1, 5)
    bunch = Bunch(name="gtsrb_hog", target=target, track=track)
    parts = paper_split(bunch, random_state=seed, by="track")
    tracks = [set(track[part]) for part in parts]
    assert sum(map(len, tracks)) == len(set.union(*tracks)) == len(lengths)
    for part in parts[:2]:
        for sign in (1, 5):
            assert abs(np.sum(target[part] == sign) - 500) <= 30


def test_bad_splits():
    """Data that cannot be split so would give an empty or a wrong part."""
    with pytest.raises(ValueError, match=r"bunch\.name='iris' is not allowed"):
        paper_split(Bunch(name="iris"), random_state=0)
    for bunch in (made_up("cookie"), Bunch(name="gtsrb_hog", track=None)):
        with pytest.raises(ValueError, match="by='track' is not possible"):
            paper_split(bunch, random_state=0, by="track")
    few = Bunch(name="gtsrb_hog", target=np.ones(1000), track=np.arange(1000) // 300)
    with pytest.raises(ValueError, match=r"has 1000 rows.* at least 1500"):
        paper_split(few, random_state=0)
    few.track = np.arange(1000) // 500
    with pytest.raises(ValueError, match=r"has 2 tracks.* at least 3"):
        paper_split(few, random_state=0, by="track")
    with pytest.raises(ValueError, match="'random_state' parameter of paper_split"):
        paper_split(few, random_state=None)


@needs_real_data
def test_real_files():
    """The loaders would not read the files that they describe."""
    options = {"data_home": REAL, "download_if_missing": False}
    spectra = fetch_cookie(**options)
    means = spectra.target.mean(axis=0)
    np.testing.assert_allclose(means, cookie.MEAN_PERCENTAGES, atol=0.01)
    assert np.flatnonzero(spectra.outlier).tolist() == cookie.OUTLIERS
    digits = fetch_mnist(**options)
    assert np.bincount(digits.target).tolist() == [1500] * 10
    assert digits.target[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    test = fetch_mnist(subset="test10k", **options)
    assert test.target[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    signs = fetch_gtsrb_hog(**options)
    assert [np.sum(signs.target == label) for label in (1, 5)] == [2220, 1860]
    assert np.bincount(signs.track).tolist() == [30] * 136
    for bunch in (spectra, digits, signs):
        assert len(paper_split(bunch, random_state=0)) == 3


@needs_real_data
def test_real_order_of_mnist():
    """The file and the download would be different rows under one name."""
    with np.load(os.path.join(REAL, "mnist_train15k.npz"), allow_pickle=False) as file:
        if "train_index" not in file:
            pytest.skip("the file does not tell the original rows")
        index, y = file["train_index"], file["y"]
    assert (np.diff(index) > 0).all()
    assert index[-1] < mnist.N_TRAIN
    np.testing.assert_array_equal(mnist._first_of_every_digit(y), np.arange(15000))
