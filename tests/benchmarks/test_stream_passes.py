"""Passes of random problems: what is drawn, and what is printed."""

import numpy as np

from benchmarks import stream_passes as benchmark


def test_table(monkeypatch, capsys):
    """The page would cite a command that fails."""
    monkeypatch.setattr(benchmark, "ROWS", (200, 300))
    benchmark.main(["--problems", "3", "--memory"])
    printed = capsys.readouterr().out
    assert printed.splitlines()[-3].split()[:2] == ["all", "3"]
    assert float(printed.split()[-1]) < 1e-3


def test_problems_are_drawn_again():
    """The passes before and after a change would be of other problems."""
    (kind, *one, make, _), (other, *two, again, _) = (
        benchmark.draw(3) for _ in range(2)
    )
    assert kind == other
    assert make is again
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
