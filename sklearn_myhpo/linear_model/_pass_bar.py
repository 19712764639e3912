"""A line about the passes over rows beyond memory, while they are made."""

import sys
import time

#: Least seconds from one line to the next.
PATIENCE_OF_EYES = 0.1


class PassBar:
    """Tells on a terminal how far a pass is, and at the end how many there were.

    Parameters
    ----------
    source : RowSource
    stream : file, default=None
        Where to write; None for the standard output.
    """

    def __init__(self, source, stream=None):
        self.source, self.stream = source, sys.stdout if stream is None else stream
        self._begin = self._last = time.perf_counter()
        self._width = 0

    @classmethod
    def watch(cls, model, source):
        """Watch the passes of a fit, if the user wants to see them.

        Parameters
        ----------
        model : BilevelLinearModel
        source : RowSource
        """
        if model.verbose:
            source.watch = cls(source)

    def __call__(self, n_pass, n_rows):
        """Show how far a pass is, over the line before."""
        if not self.stream.isatty():
            return
        now = time.perf_counter()
        if n_rows is None:
            self._write("")
        elif now - self._last >= PATIENCE_OF_EYES:
            self._last, total = now, self.source.n_samples
            text = f"pass {n_pass}: {n_rows:,} rows"
            if total is not None:
                text = f"pass {n_pass}: {n_rows:,} of {total:,} rows, "
                text += f"{n_rows / total:.0%}"
            self._write(text)

    def _write(self, text):
        """Write over the last line."""
        end = "\r" if not text else ""
        self.stream.write(f"\r{text:<{self._width}}{end}")
        self.stream.flush()
        self._width = len(text)

    def end(self):
        """Say how often the rows were read."""
        n_passes, n_rows = self.source.n_passes, self.source.n_samples
        seconds = time.perf_counter() - self._begin
        word = "pass" if n_passes == 1 else "passes"
        print(
            f"{n_passes} {word} over {n_rows:,} rows, {seconds:.2g} s",
            file=self.stream,
        )
