"""The time limit that a user gives to a fit."""

from __future__ import annotations

import time
from collections.abc import Callable


class OutOfTimeError(Exception):
    """A deadline has passed in the middle of a step."""


class Deadline:
    """A limit of wall-clock time that starts when the object is created.

    Parameters
    ----------
    max_time : float or None, default=None
        Seconds; None for no limit.
    clock : callable or None, default=None
        Returns seconds; None for `time.monotonic`, which all processes share.
    """

    def __init__(
        self, max_time: float | None = None, clock: Callable[[], float] | None = None
    ):
        self.max_time = max_time
        self._clock = time.monotonic if clock is None else clock
        self._end = None if max_time is None else self._clock() + max_time

    @classmethod
    def of(cls, max_time: Deadline | float | None) -> Deadline:
        """Return a deadline as it is, or a new one."""
        return max_time if isinstance(max_time, Deadline) else cls(max_time)

    @property
    def is_over(self) -> bool:
        """Whether the time has passed."""
        return self._end is not None and self._clock() >= self._end
