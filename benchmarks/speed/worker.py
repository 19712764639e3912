"""One tool on one task in a process of its own, which a time limit can end."""

import time
import tracemalloc

from scipy import sparse

from benchmarks.processes import LOAD_LIMIT, Process

from .judge import cv_loss, loss

#: Seconds for the losses after the fits.
JUDGE_LIMIT = 180.0


class Bench:
    """A tool with its data, in a process of its own."""

    def __init__(self, kind, load, tool):
        self.kind, self.tool = kind, tool
        self.data = load()

    def make(self):
        """Make the unfitted tool."""
        self.model = self.tool.make(self.data)

    def time(self, n_fits):
        """Return the mean time of some fits in a row."""
        start = time.perf_counter()
        for _ in range(n_fits):
            self.model.fit(self.data.X, self.data.y)
        return (time.perf_counter() - start) / n_fits

    def memory(self):
        """Return the peak of what a fit allocates, in sizes of X."""
        tracemalloc.start()
        self.model.fit(self.data.X, self.data.y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        X = self.data.X
        parts = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
        return peak / sum(part.nbytes for part in parts)

    def strength(self):
        """Return what the last fit chose."""
        return self.tool.strength(self.model, self.data)

    def test_loss(self):
        """Return the loss of the fitted tool on the rows it has not seen."""
        X, y = self.data.X_test, self.data.y_test
        return loss(self.kind, self.model, X, y, self.data)

    def cv_loss(self):
        """Return the loss of the folds at the strength of the last fit."""
        return cv_loss(self.kind, self.data, self.strength(), self.tool.per_row)


class Worker(Process):
    """The process of a tool, and the times of its fits.

    Attributes
    ----------
    times : list of float
        Seconds of the fits so far, without the first.
    first : float or None
        Seconds of the first fit, which also pays for what libraries load.
    traced : bool
        Whether the memory of the tool can be traced.
    """

    def __init__(self, kind, load, tool):
        self.traced = tool.traced
        self.first, self.times = None, []
        super().__init__(Bench, (kind, load, tool), tool.limit)

    def start(self):
        """Wait for the data and make the tool; raise OSError without data."""
        super().start()
        self.ask("make", limit=LOAD_LIMIT)
