"""The benchmark of devices: the same rows for everybody, and an end in time."""

import numpy as np
import pytest
import sklearn

from benchmarks import device
from tests.tensor_spaces import load_space

SMALL = {
    "ridge": device.Problem(300, 4),
    "targets": device.Problem(60, 60, 3),
    "logistic": device.Problem(400, 3, is_class=True),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning")
def test_methods_fit_the_same_rows(name, tmp_path, monkeypatch):
    """The times would be those of different problems."""
    load_space("torch")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    device.make_rows(SMALL[name], tmp_path)
    found = {}
    for method in ("ours, device", "scikit-learn, device", "ours, NumPy"):
        with sklearn.config_context():
            found[method] = device.run(method, SMALL[name], tmp_path, "cpu")
        assert found[method]["seconds"] > 0
    ours, numpys = (found[one]["strength"] for one in ("ours, device", "ours, NumPy"))
    assert ours == pytest.approx(numpys, rel=1e-2)
    assert device.difference(tmp_path, "ours, NumPy") < 1e-3
    assert device.difference(tmp_path, "scikit-learn, device") < 1.0


def test_rows_are_written_whole(tmp_path):
    """Chunks of rows would leave gaps."""
    device.make_rows(device.Problem(device.CHUNK + 5, 2), tmp_path)
    X, y = np.load(tmp_path / "X.npy"), np.load(tmp_path / "y.npy")
    assert X.shape == (device.CHUNK + 5, 2)
    assert y.shape == (device.CHUNK + 5,)
    assert np.all(np.any(X != 0, axis=1))


def test_no_fit_begins_after_the_end(capsys):
    """A run on a rented machine would not end."""
    device.compare(SMALL, "cpu", 0.0)
    assert capsys.readouterr().out.count("no time left") == len(SMALL)
