"""Callbacks during a fit, and an estimator that an error leaves as it was.

Callbacks came with scikit-learn 1.9; with an older one estimators have none.
"""

from contextlib import contextmanager

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stand-in for scikit-learn's mixin: no callbacks."""

        def _init_callback_context(self, max_subtasks=None):
            return None

    def with_callbacks(method):
        """Return the method as it is."""
        return method


class Tasks:
    """The callbacks of one fit: a task for all of it, and one for every iteration.

    Parameters
    ----------
    estimator : BaseEstimator
    X, y : array-like
        Arguments of `fit`.
    n_tasks : int or None
        Largest number of iterations; None if it is not known.
    """

    def __init__(self, estimator, X, y, n_tasks):
        self.estimator = estimator
        self._given = {"estimator": estimator, "X": X, "y": y}
        self._context = estimator._init_callback_context(max_subtasks=n_tasks)

    def begin(self):
        """Report the beginning of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_begin(**self._given)

    def iterate(self, attributes):
        """Report an iteration.

        Parameters
        ----------
        attributes : callable
            Returns the fitted attributes of a model at this iteration, by name.

        Returns
        -------
        bool
            Whether a callback wants the fit to end.
        """
        if self._context is None:
            return False
        task = self._context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(**self._given)
        return task.call_on_fit_task_end(
            **self._given, reconstruction_attributes=attributes
        )

    def end(self):
        """Report the end of the fit; the estimator is fitted."""
        if self._context is not None:
            self._context.call_on_fit_task_end(
                **self._given, reconstruction_attributes=self._fitted_attributes
            )

    def _fitted_attributes(self):
        return {
            name: value
            for name, value in vars(self.estimator).items()
            if name.endswith("_") and not name.startswith("_")
        }


@contextmanager
def kept_on_error(estimator):
    """Restore the attributes of an estimator if the block raises.

    Parameters
    ----------
    estimator : BaseEstimator

    Yields
    ------
    None
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
