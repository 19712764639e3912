"""Mapped pages that were read are given back."""

import mmap
import os

import numpy as np
import pytest

from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.streams.pages import Pages


def mapped_bytes():
    """Return how much of files is mapped into this process."""
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(one for one in file if one.startswith("RssFile"))
    return int(line.split()[1]) * 1024


@pytest.mark.one_in(2)
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
@pytest.mark.parametrize("view", [slice(None), slice(100, None)])
def test_files_do_not_fill_the_memory(tmp_path, view):
    """A fit would seem to take as much memory as the file, and be killed for it."""
    values = np.arange(8_000_000, dtype=float).reshape(-1, 10)
    np.save(tmp_path / "X.npy", values)
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")[view]
    before, most, found = mapped_bytes(), 0, []
    for X, _ in Batches.from_arrays(rows, values[view, 0], batch_size=20_000):
        found.append(X.sum())
        most = max(most, mapped_bytes() - before)
    assert most < rows.nbytes / 4
    # The second time they are read as well.
    again = [
        X.sum() for X, _ in Batches.from_arrays(rows, rows[:, 0], batch_size=20_000)
    ]
    assert again == found
    assert sum(found) == values[view].sum()


@pytest.mark.parametrize("mode", ["c", "r+", None])
def test_what_may_be_written_is_kept(tmp_path, mode):
    """Changes of a private copy would be lost with its pages."""
    np.save(tmp_path / "X.npy", np.zeros((5000, 10)))
    rows = np.load(tmp_path / "X.npy", mmap_mode=mode)
    rows[:] = 1.0
    pages = Pages(rows)
    pages.release(5000, 10)
    assert rows.sum() == 50_000
    batches = Batches.from_arrays(rows, rows[:, 0], batch_size=100)
    assert sum(X.sum() for X, _ in batches) == rows.sum() == 50_000


@pytest.mark.parametrize("values", [[1.0], "text", np.zeros((3, 2))[:, ::-1]])
def test_other_arrays_have_no_pages(values):
    """Lists and arrays in memory would be asked for their files."""
    Pages(values).release(3 * mmap.PAGESIZE, 1)
