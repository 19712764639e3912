"""Samples of rows, for estimates."""


def every_kth(n_rows, n_wanted):
    """Return the slice of every k-th row, about `n_wanted` of them or all."""
    return slice(None, None, max(1, n_rows // n_wanted))
