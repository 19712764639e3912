"""The fits of the comparison of devices: the same rows for everybody."""

import numpy as np
import pytest
import sklearn

from benchmarks import device_fits
from benchmarks.device import Clock
from tests.tensor_spaces import load_space

SMALL = {
    "ridge": device_fits.Problem(300, 4),
    "targets": device_fits.Problem(60, 60, 3),
    "logistic": device_fits.Problem(400, 3, is_class=True),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning")
def test_methods_fit_the_same_rows(name, tmp_path, monkeypatch):
    """The times would be those of different problems."""
    load_space("torch")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    device_fits.make_rows(SMALL[name], tmp_path)
    found = {}
    for method in ("ours, device", "scikit-learn, device", "ours, NumPy"):
        with sklearn.config_context():
            found[method] = device_fits.run(method, SMALL[name], tmp_path, "cpu")
        assert found[method]["seconds"] > 0
    ours, numpys = (found[one]["strength"] for one in ("ours, device", "ours, NumPy"))
    assert ours == pytest.approx(numpys, rel=1e-2)
    assert device_fits.difference(tmp_path, "ours, NumPy") < 1e-3
    assert device_fits.difference(tmp_path, "scikit-learn, device") < 1.0


def test_rows_are_written_whole(tmp_path):
    """Chunks of rows would leave gaps."""
    device_fits.make_rows(device_fits.Problem(device_fits.CHUNK + 5, 2), tmp_path)
    X, y = np.load(tmp_path / "X.npy"), np.load(tmp_path / "y.npy")
    assert X.shape == (device_fits.CHUNK + 5, 2)
    assert y.shape == (device_fits.CHUNK + 5,)
    assert np.all(np.any(X != 0, axis=1))


def test_what_is_not_there_is_skipped_by_name(monkeypatch):
    """A machine without a library would print its tracebacks."""
    monkeypatch.setattr(device_fits.importlib.util, "find_spec", lambda name: None)
    assert (
        device_fits.missing("himalaya, device", "cuda") == "himalaya is not installed"
    )
    assert device_fits.missing("ours, CuPy", "cuda") == "cupy is not installed"
    assert device_fits.missing("ours, CuPy", "cpu") == "no CUDA device"
    assert device_fits.missing("ours, device", "cpu") is None


def test_rows_are_not_made_after_the_end(tmp_path):
    """A slow disk would let the script run on."""
    clock = Clock(0.0, 10.0)
    assert not device_fits.make_rows(device_fits.Problem(30, 2), tmp_path, clock)
