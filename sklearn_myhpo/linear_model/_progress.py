"""What the fit of a linear model tells while it runs: callbacks, and lines of text."""

import time

import numpy as np

from .._progress import Tasks

#: Lambdas that a line of text spells out; of more it gives the range.
MAX_LAMBDAS = 4
HEAD = f"{'iteration':>9}  {'lambda':<29} {'loss':>12}  {'hypergradient':>13}"


class Progress(Tasks):
    """The callbacks and the printing of one fit.

    Parameters
    ----------
    estimator : BilevelLinearModel
    X, y : array-like
        What `fit` was given.
    n_tasks : int or None
        Most iterations; None where that is not known.
    """

    def __init__(self, estimator, X, y, n_tasks):
        super().__init__(estimator, X, y, n_tasks)
        self.is_silent = not estimator.verbose
        self.clock = time.perf_counter()

    def begin(self):
        """Tell that the fit begins."""
        super().begin()
        if not self.is_silent:
            print(f"{type(self.estimator).__name__}\n{HEAD}")

    def report(self, n_iter, info, attributes):
        """Tell of an iteration; return whether the run is to end.

        Parameters
        ----------
        n_iter : int
        info : Info
        attributes : callable
            Gives the fitted attributes of a model at this iteration, by name.

        Returns
        -------
        bool
        """
        if not self.is_silent:
            print(
                f"{n_iter:>9}  {_spell(info.lambda_):<29} "
                f"{info.validation_loss:>12.6g}  {info.hypergradient_norm:>13.1e}"
            )
        return self.iterate(attributes)

    def end(self):
        """Tell that the fit is over."""
        model = self.estimator
        if not self.is_silent:
            how = "converged" if model.converged_ else "did not converge"
            loss = np.mean(model.validation_loss_)
            print(
                f"{how} after {model.n_iter_} iterations, "
                f"{time.perf_counter() - self.clock:.2g} s: lambda "
                f"{_spell(np.atleast_1d(model.lambda_))}, loss {loss:.6g}"
            )
        super().end()


def _spell(lambda_):
    """Return some lambdas, or the range of many, in words."""
    if len(lambda_) <= MAX_LAMBDAS:
        return " ".join(f"{one:.3f}" for one in lambda_)
    return f"{len(lambda_)} from {lambda_.min():.2f} to {lambda_.max():.2f}"
