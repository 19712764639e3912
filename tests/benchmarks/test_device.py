"""The comparison of devices ends in time."""

import time

import pytest

from benchmarks import device
from benchmarks.device_fits import Problem
from tests.tensor_spaces import load_space

SMALL = {"ridge": Problem(300, 4), "targets": Problem(60, 60, 3)}


def test_no_fit_begins_after_the_end(capsys):
    """A run on a rented machine would not end."""
    device.compare(SMALL, "cpu", device.Clock(0.0, 10.0))
    assert capsys.readouterr().out.count("no time left") == len(SMALL)


def test_a_process_that_takes_longer_is_ended():
    """One slow method would take the time of all others."""
    begin = time.perf_counter()
    found = device.ask(["factors"], "cpu", False, 1.0)
    assert found == {"skipped": "ended after 1 s", "ended": 1}
    assert time.perf_counter() - begin < 10.0


def test_problems_share_the_time_that_is_left():
    """The first problem would leave none for the others."""
    clock = device.Clock(100.0, 60.0)
    assert clock.left == 60.0
    assert clock.share(4).left == pytest.approx(25.0, abs=1.0)


def test_the_script_runs_from_end_to_end(monkeypatch, capsys):
    """Its first run would be on a rented machine."""
    load_space("torch")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    monkeypatch.setattr(device, "QUICK", {"ridge": Problem(60, 3)})
    monkeypatch.setattr(device.device_factors, "QUICK_SIZES", (8,))
    device.main(["--quick", "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("8 ") for line in lines)
    rows = [line for line in lines if line.startswith("ridge")]
    assert len(rows) == len(device.METHODS)
    assert lines[-1].endswith("0 measurements given up for want of time")
    # Ours, scikit-learn's and NumPy's; CuPy and himalaya may be missing.
    assert sum("e-" in line or "0.0e+00" in line for line in rows) >= 3
