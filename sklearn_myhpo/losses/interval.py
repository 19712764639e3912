"""Ranges of numbers that a target may have."""

from typing import NamedTuple


class Interval(NamedTuple):
    """A range of numbers. An end, also an infinite one, is included if it is closed.

    Parameters
    ----------
    low, high : float
        The ends.
    low_closed, high_closed : bool, default=False
        Whether the end is in the range.
    """

    low: float
    high: float
    low_closed: bool = False
    high_closed: bool = False

    def contains(self, values):
        """Return whether values are in the range, false for NaN.

        Parameters
        ----------
        values : ndarray
            Numbers.

        Returns
        -------
        ndarray of bool
            One per value, in the shape of `values`.
        """
        above = values >= self.low if self.low_closed else values > self.low
        below = values <= self.high if self.high_closed else values < self.high
        return above & below

    def __str__(self):
        left, right = "[" if self.low_closed else "(", "]" if self.high_closed else ")"
        return f"{left}{self.low:g}, {self.high:g}{right}"
