"""What a fit tells while it runs: scikit-learn's callbacks, or lines of text.

Callbacks came with scikit-learn 1.9; with an older one estimators have none.
"""

import time

import numpy as np

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


#: Lambdas that a line of text spells out; of more it gives the range.
MAX_LAMBDAS = 4
HEAD = f"{'iteration':>9}  {'lambda':<29} {'loss':>12}  {'hypergradient':>13}"


class Progress:
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
        self.estimator, self.X, self.y = estimator, X, y
        self.context = None
        if getattr(estimator, "_skl_callbacks", None):
            self.context = estimator._init_callback_context(max_subtasks=n_tasks)
        self.is_silent = not estimator.verbose
        self.clock = time.perf_counter()

    def begin(self):
        """Tell that the fit begins."""
        if self.context is not None:
            self.context.call_on_fit_task_begin(
                estimator=self.estimator, X=self.X, y=self.y
            )
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
        if self.context is None:
            return False
        task = self.context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)
        return task.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=attributes,
        )

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
        if self.context is not None:
            names = [
                name
                for name in vars(model)
                if name.endswith("_") and not name.startswith("_")
            ]
            self.context.call_on_fit_task_end(
                estimator=model,
                X=self.X,
                y=self.y,
                reconstruction_attributes=lambda: {
                    name: getattr(model, name) for name in names
                },
            )


def _spell(lambda_):
    """Return some lambdas, or the range of many, in words."""
    if len(lambda_) <= MAX_LAMBDAS:
        return " ".join(f"{one:.3f}" for one in lambda_)
    return f"{len(lambda_)} from {lambda_.min():.2f} to {lambda_.max():.2f}"
