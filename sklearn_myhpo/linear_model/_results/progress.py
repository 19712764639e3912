"""Callbacks and printed lines during the fit of a linear model."""

import time
from contextlib import contextmanager

import numpy as np

from ..._deadline import Deadline
from ..._progress import Tasks
from .._tensors.rows import TensorRows

#: Largest number of lambdas that a line lists; of more it gives the range.
MAX_LAMBDAS = 4
#: Names of the steps of a phase in printed lines.
_SPELLED = {
    "shrinkage": "splits within splits",
    "scan": "values of one lambda",
    "starts": "further starts",
}
#: Smallest width of the column of lambda, and most letters of the name of a group.
_WIDTH, _LETTERS = 29, 16


class Progress(Tasks):
    """The callbacks and the printed lines of one fit.

    Parameters
    ----------
    estimator : BilevelLinearModel
    X, y : array-like
        Arguments of `fit`.
    """

    def __init__(self, estimator, X, y):
        given = X.given if isinstance(X, TensorRows) else X
        super().__init__(estimator, given, y, phases=_phases_of(estimator))
        self.is_silent = not estimator.verbose
        self.deadline = estimator._deadline or Deadline(estimator.max_time)
        self.clock = time.perf_counter()
        self._n_steps, self._width = 0, None
        #: Names of the groups; empty with one lambda for all features.
        self.names = ()

    def begin(self):
        """Report the beginning of the fit."""
        super().begin()
        if not self.is_silent:
            print(self.estimator._name())

    @contextmanager
    def phase(self, name, n_steps=None):
        """Report the beginning and the end of a phase that is in no other one."""
        self._n_steps, begin = 0, time.perf_counter()
        with super().phase(name, n_steps):
            yield
        if name in _SPELLED and self._n_steps and not self.is_silent:
            print(
                f"{name}: {self._n_steps} {_SPELLED[name]}, "
                f"{time.perf_counter() - begin:.2g} s"
            )

    def step(self):
        """Report the end of a step of the phase; whether a callback ends the fit."""
        self._n_steps += 1
        return super().step()

    def report(self, n_iter, info, attributes):
        """Report an iteration.

        Parameters
        ----------
        n_iter : int
        info : Info
        attributes : callable or None
            Returns the fitted attributes of a model at this iteration, by name; None
            if there is no such model.

        Returns
        -------
        bool
            Whether a callback wants the fit to end.
        """
        if not self.is_silent:
            lambdas = self._spell(info.lambda_)
            if self._width is None:
                # Room for a sign and one digit more than in the first line.
                self._width = max(_WIDTH, len(lambdas) + 2 * len(self.names))
                print(
                    f"{'iteration':>9}  {'lambda':<{self._width}} {'loss':>12}  "
                    f"{'hypergradient':>13}"
                )
            print(
                f"{n_iter:>9}  {lambdas:<{self._width}} "
                f"{info.validation_loss:>12.6g}  {info.hypergradient_norm:>13.1e}"
            )
        return self.iterate(attributes)

    def end(self):
        """Report the end of the fit; the estimator is fitted."""
        model = self.estimator
        if not self.is_silent:
            end = "converged" if model.converged_ else "did not converge"
            loss = np.mean(model.validation_loss_)
            print(
                f"{end} after {model.n_iter_} iterations, "
                f"{time.perf_counter() - self.clock:.2g} s: lambda "
                f"{self._spell(np.ravel(model.lambda_))}, loss {loss:.6g}"
            )
        super().end()

    def _spell(self, lambda_):
        """Return a few lambdas with their names, or the range of many, as text."""
        if len(lambda_) > MAX_LAMBDAS:
            return f"{len(lambda_)} from {lambda_.min():.2f} to {lambda_.max():.2f}"
        names = [f"{name!s:.{_LETTERS}}=" for name in self.names] or [""] * len(lambda_)
        return " ".join(
            f"{name}{one:.3f}" for name, one in zip(names, lambda_, strict=True)
        )


def _phases_of(estimator):
    """Return the phases that a fit may have, in order."""
    shrinks = isinstance(estimator.shrinkage, str)
    scans = isinstance(estimator.lambda_init, str) or estimator.shrinkage
    may_have = {
        "shrinkage": shrinks,
        "scan": scans,
        "solve": True,
        "starts": estimator.n_starts > 1,
        "refit": estimator.refit,
        "checks": True,
    }
    return [name for name, is_there in may_have.items() if is_there]
