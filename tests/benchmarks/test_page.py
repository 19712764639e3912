"""The generated parts of pages."""

import pytest

from benchmarks.page import rounded


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.497731, "loss", "0.4977"),
        (0.004196094, "loss", "0.004196"),
        (0.0003848, "seconds", "0.000385"),
        (13.649, "seconds", "13.6"),
        (0.9996, "seconds", "1.00"),
        (121.38, "ratio", "120"),
        (0.07, "ratio", "0.070"),
        (9.96, "ratio", "10"),
        (-2.345, "ratio", "-2.3"),
        (1.262e-6, "strength", "1.26e-06"),
        (4.61e8, "strength", "4.61e+08"),
        (0.0, "ratio", "0"),
    ],
)
def test_rounded(value, kind, text):
    """A table would show digits that mean nothing, or exponents of plain numbers."""
    assert rounded(value, kind) == text
