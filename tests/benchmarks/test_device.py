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
    device.compare(SMALL, "cpu", device.Clock(0.0, 10.0))
    assert capsys.readouterr().out.count("no time left") == len(SMALL)


def test_what_is_not_there_is_skipped_by_name(monkeypatch):
    """A machine without a library would print its tracebacks."""
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: None)
    assert device.missing("himalaya, device", "cuda") == "himalaya is not installed"
    assert device.missing("ours, CuPy", "cuda") == "cupy is not installed"
    assert device.missing("ours, CuPy", "cpu") == "no CUDA device"
    assert device.missing("ours, device", "cpu") is None


def test_factorizations_are_timed_by_size(capsys):
    """`device_size` could not be chosen."""
    load_space("torch")
    found = device.factor_times("cpu", (8, 16))
    assert [size for size, _ in found] == [8, 16]
    assert all(
        0 < one < 10 for _, own in found for pair in own.values() for one in pair
    )
    slower = [(8, {"eigh": (2.0, 1.0), "cholesky": (1.0, 1.0)})]
    device.print_factors(slower)
    assert "at none of these sizes" in capsys.readouterr().out
    device.print_factors([*slower, (16, {"eigh": (1.0, 2.0), "cholesky": (1.0, 1.0)})])
    assert "faster on the device from 16 rows" in capsys.readouterr().out


def test_the_script_runs_from_end_to_end(monkeypatch, capsys):
    """Its first run would be on a rented machine."""
    load_space("torch")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    monkeypatch.setattr(device, "QUICK", {"ridge": device.Problem(60, 3)})
    monkeypatch.setattr(device, "QUICK_SIZES", (8,))
    device.main(["--quick", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("8 ") for line in lines)
    rows = [line for line in lines if line.startswith("ridge")]
    assert len(rows) == len(device.METHODS)
    # Ours, scikit-learn's and NumPy's; CuPy and himalaya may be missing.
    assert sum("e-" in line or "0.0e+00" in line for line in rows) >= 3
