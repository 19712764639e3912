"""A progress line for passes over rows beyond memory."""

import sys
import time

#: Minimum number of seconds between two lines.
PATIENCE_OF_EYES = 0.1


class PassBar:
    """Prints the progress of a pass and, at the end, the number of passes.

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
        """Show the passes of a fit if `verbose` is set.

        Parameters
        ----------
        model : BilevelLinearModel
        source : RowSource
        """
        if model.verbose:
            source.watch = cls(source)

    def __call__(self, n_pass, n_rows):
        """Print the progress of a pass over the last line."""
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
        """Overwrite the last line."""
        end = "\r" if not text else ""
        self.stream.write(f"\r{text:<{self._width}}{end}")
        self.stream.flush()
        self._width = len(text)

    def end(self):
        """Print the number of passes."""
        n_passes, n_rows = self.source.n_passes, self.source.n_samples
        seconds = time.perf_counter() - self._begin
        word = "pass" if n_passes == 1 else "passes"
        print(
            f"{n_passes} {word} over {n_rows:,} rows, {seconds:.2g} s",
            file=self.stream,
        )
