"""Times of factorizations on a device."""

from benchmarks import device_factors
from tests.tensor_spaces import load_space


def test_factorizations_are_timed_by_size(capsys):
    """`device_size` could not be chosen."""
    load_space("torch")
    found = device_factors.factor_times("cpu", (8, 16))
    assert [size for size, _ in found] == [8, 16]
    assert all(
        0 < one < 10 for _, own in found for pair in own.values() for one in pair
    )
    slower = [(8, {"eigh": (2.0, 1.0), "cholesky": (1.0, 1.0)})]
    device_factors.print_factors(slower)
    assert "at none of these sizes" in capsys.readouterr().out
    device_factors.print_factors(
        [*slower, (16, {"eigh": (1.0, 2.0), "cholesky": (1.0, 1.0)})]
    )
    assert "faster on the device from 16 rows" in capsys.readouterr().out
