"""The benchmark of all solvers on the same problems."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from benchmarks import family as benchmark
from sklearn_myhpo.losses import SquaredLoss
from sklearn_myhpo.solvers import HOAG, Implicit, Stochastic

SOLVERS = {"implicit": Implicit(), "hoag": HOAG(), "stochastic": Stochastic()}


@pytest.fixture(name="data")
def diabetes():
    """X, y, loss and one pair of halves."""
    X, y = load_diabetes(return_X_y=True)
    rows = np.arange(len(y))
    return X, y[:, None] / y.std(), SquaredLoss(), [(rows[::2], rows[1::2])]


def test_table_has_every_run(data, capsys):
    """A solver would lack its row, or a run that was cut off count as ended."""
    traces, scale = benchmark.measure(data, "one", 0.2, SOLVERS)
    rows = benchmark.table(traces, scale).splitlines()[2:]
    assert [row.split(" | ")[0][2:] for row in rows] == [*SOLVERS]
    ends = [row.split(" | ")[1] for row in rows]
    assert ends[:2] == ["yes", "yes"]
    assert traces["stochastic"].is_over == (ends[2] == "yes")
    over = benchmark.excesses(traces, scale)
    assert min(excess.min() for excess in over.values()) == 0.0
    assert over["hoag"][-1] < 1e-8
    assert capsys.readouterr().out.count("exact losses") == len(SOLVERS)


def test_command_fills_the_page(data, monkeypatch, tmp_path):
    """Tables and pictures would come from different runs."""
    page = tmp_path / "family.md"
    page.write_text("before\n<!-- begin family -->\n<!-- end family -->\nafter\n")
    monkeypatch.setattr(benchmark, "PAGE", page)
    monkeypatch.setattr(benchmark, "methods", lambda: {"implicit": Implicit()})
    monkeypatch.setattr(benchmark, "data_sets", lambda: [("half", lambda: data)])
    benchmark.main(["--quick", "--write"])
    text = page.read_text()
    assert all(f"### half, {words}" in text for words in benchmark.KINDS.values())
    assert text.startswith("before")
    assert text.endswith("after\n")
    pictures = {file.name for file in (tmp_path / "family").iterdir()}
    assert pictures == {f"{against}.png" for against in benchmark.AGAINST}
