"""What a fit tells callbacks while it runs, and what it leaves if it is interrupted.

Callbacks came with scikit-learn 1.9; with an older one estimators have none.
"""

from contextlib import contextmanager

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


class Tasks:
    """The callbacks of one fit: a task for all of it, and one for every iteration.

    Parameters
    ----------
    estimator : BaseEstimator
    X, y : array-like
        What `fit` was given.
    n_tasks : int or None
        Most iterations; None where that is not known.
    """

    def __init__(self, estimator, X, y, n_tasks):
        self.estimator = estimator
        self._given = {"estimator": estimator, "X": X, "y": y}
        self._context = None
        if getattr(estimator, "_skl_callbacks", None):
            self._context = estimator._init_callback_context(max_subtasks=n_tasks)

    def begin(self):
        """Tell that the fit begins."""
        if self._context is not None:
            self._context.call_on_fit_task_begin(**self._given)

    def iterate(self, attributes):
        """Tell of an iteration; return whether the run is to end.

        Parameters
        ----------
        attributes : callable
            Gives the fitted attributes of a model at this iteration, by name.

        Returns
        -------
        bool
        """
        if self._context is None:
            return False
        task = self._context.subcontext(task_name="iteration")
        task.call_on_fit_task_begin(**self._given)
        return task.call_on_fit_task_end(
            **self._given, reconstruction_attributes=attributes
        )

    def end(self):
        """Tell that the fit is over, and the estimator fitted."""
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
    """Leave an estimator as it is if what follows does not come to its end."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
