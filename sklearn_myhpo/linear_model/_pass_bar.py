"""Printed progress of the passes over rows beyond memory."""

import sys
import time

#: Characters of the bar, and seconds between two looks of it.
_WIDTH, _INTERVAL = 30, 0.1


class PassBar:
    """Prints how many blocks of a pass are done; what `RowSource.watch` calls.

    On a terminal the line of a pass is written over as it goes on; elsewhere there is
    one line at its end. How many passes follow is not known, and not guessed.
    """

    def __init__(self):
        self._number, self._begun, self._shown = 0, 0.0, 0.0
        self._is_over = False

    def __call__(self, number, n_blocks, n_done):
        """Print the state of a pass.

        Parameters
        ----------
        number : int
            Of the pass, from 1.
        n_blocks : int or None
            Number of all blocks; None where it is not known.
        n_done : int
        """
        now, writes_over = time.perf_counter(), sys.stdout.isatty()
        if number != self._number:
            self._number, self._begun, self._shown = number, now, now
            self._is_over = False
        if self._is_over:
            return
        self._is_over = n_done == n_blocks
        if self._is_over or (writes_over and now - self._shown > _INTERVAL):
            self._shown = now
            line = self._line(n_blocks, n_done, now)
            start, end = "\r" * writes_over, "\n" * self._is_over
            print(start + line, end=end, flush=True)

    def _line(self, n_blocks, n_done, now):
        """Return the text of a pass."""
        seconds = f"{now - self._begun:.2g} s"
        if n_blocks is None:
            return f"pass {self._number}: {n_done} blocks, {seconds}"
        filled = _WIDTH * n_done // max(1, n_blocks)
        bar = "#" * filled + "." * (_WIDTH - filled)
        return f"pass {self._number}: [{bar}] {n_done} of {n_blocks} blocks, {seconds}"


def watch_of(model):
    """Return what watches the passes of an estimator, None unless it is verbose."""
    return PassBar() if model.verbose else None
