"""The benchmark of fits of batches."""

import numpy as np

from benchmarks import streams as benchmark


def test_rows_are_the_same_in_every_pass():
    """The fit would be refused, or be of other rows than X'X."""
    one, other = (
        list(benchmark.batches_of(benchmark.BATCH + 7, True)) for _ in range(2)
    )
    assert [len(y) for _, y in one] == [benchmark.BATCH, 7]
    for batch, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(batch[0], again[0])
        np.testing.assert_array_equal(batch[1], again[1])


def test_table_of_one_fit(capsys):
    """A rate would be of other passes than the fit's own."""
    found = benchmark.measure("logistic", 20_000)
    assert found["converged"]
    assert 1 <= found["passes"] <= 12
    cells = benchmark.line("logistic", 20_000, found)
    assert len(cells) == len(benchmark.HEAD)
    rate = found["passes"] * found["products"] / found["seconds"]
    assert cells[6] == f"{rate:.0%}"
    assert found["before"] <= found["peak"]
