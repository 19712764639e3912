"""Lines about passes over batches."""

import io

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._streams import pass_bar as _pass_bar
from sklearn_myhpo.linear_model._streams.pass_bar import PassBar
from tests.helpers import start_from

RNG = np.random.default_rng(0)
X = RNG.standard_normal((400, 3))
Y = X[:, 0] + RNG.standard_normal(400)


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self):
        """Return True."""
        return True


class Source:
    """The attributes of a source that a bar reads."""

    n_samples, n_passes = None, 2


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Let every line be written."""
    monkeypatch.setattr(_pass_bar, "PATIENCE_OF_EYES", 0.0)


def test_total_is_told_only_where_it_is_known():
    """A share of an unknown number of rows would be made up."""
    source, stream = Source(), Terminal()
    bar = PassBar(source, stream)
    bar(1, 1000)
    assert stream.getvalue().endswith("\rpass 1: 1,000 rows")
    bar(1, None)
    source.n_samples = 4000
    bar(2, 1000)
    assert stream.getvalue().endswith("\rpass 2: 1,000 of 4,000 rows, 25%")
    bar(2, None)
    # The line is gone, so that others take its place.
    last = stream.getvalue().split("\r")
    assert last[-2].isspace()
    assert last[-1] == ""
    bar.end()
    assert "2 passes over 4,000 rows" in stream.getvalue()


def test_nothing_is_written_over_in_a_file():
    """A log file would have thousands of lines."""
    stream = io.StringIO()
    PassBar(Source(), stream)(1, 1000)
    assert stream.getvalue() == ""


@pytest.mark.one_in(3)
@pytest.mark.parametrize("make", [MYHPORidge, MYHPOLogisticRegression])
@pytest.mark.parametrize("verbose", [0, 1])
def test_fit_tells_its_passes(make, verbose, capsys, monkeypatch):
    """The user would not know how often files were read."""
    start_from(monkeypatch, 100)
    y = Y if make is MYHPORidge else (Y > 0).astype(int)
    source = Batches.from_arrays(X, y, batch_size=50)
    with use_limits(block_entries=300):
        make(verbose=verbose).fit(source)
    found = capsys.readouterr().out
    word = "pass" if source.n_passes == 1 else "passes"
    assert (f"{source.n_passes} {word} over 400 rows, " in found) == bool(verbose)
    assert verbose or not found
