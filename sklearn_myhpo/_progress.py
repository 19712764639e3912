"""Callbacks during a fit, and recovery of an estimator after an error.

Callbacks need scikit-learn 1.9; with older versions estimators have no callbacks.
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
        """Return the method unchanged."""
        return method


class Tasks:
    """Callbacks of one fit: a task for the fit, and a task for every iteration.

    Parameters
    ----------
    estimator : BaseEstimator
    X, y : array-like
        Arguments of `fit`.
    n_tasks : int or None
        Largest number of iterations; None if it is unknown.
    """

    def __init__(self, estimator, X, y, n_tasks):
        self.estimator = estimator
        self._given = {"estimator": estimator, "X": X, "y": y}
        self._context = estimator._init_callback_context(max_subtasks=n_tasks)

    @property
    def has_callbacks(self):
        """Whether the estimator has callbacks."""
        return bool(getattr(self.estimator, "_skl_callbacks", None))

    def begin(self):
        """Report the beginning of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_begin(**self._given)

    def iterate(self, attributes):
        """Report an iteration.

        Parameters
        ----------
        attributes : callable
            Function without arguments; returns the fitted attributes of this iteration,
            by name.

        Returns
        -------
        bool
            Whether a callback requests the end of the fit.
        """
        if self._context is None:
            return False
        task = self._context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(**self._given)
        return task.call_on_fit_task_end(
            **self._given, reconstruction_attributes=attributes
        )

    def end(self):
        """Report the end of the fit, after the attributes of the estimator are set."""
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
