"""Callbacks during a fit, and recovery of an estimator after an error.

Callbacks need scikit-learn 1.9; with older versions estimators have no callbacks.
"""

from contextlib import contextmanager

from ._deadline import OutOfTimeError
from .solvers.phases import Phases

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


class Tasks(Phases):
    """Callbacks of one fit: a task for the fit, for every phase and for every step.

    Parameters
    ----------
    estimator : BaseEstimator
    X, y : array-like
        Arguments of `fit`.
    n_tasks : int or None, default=None
        Number of steps of a fit without phases; None if it is not known.
    phases : sequence of str, default=()
        Phases that the fit may have, in order. One that is left out is a task all the
        same, so that the number of tasks is right.
    """

    def __init__(self, estimator, X, y, n_tasks=None, phases=()):
        self.estimator = estimator
        self._given = {"estimator": estimator, "X": X, "y": y}
        self._ahead = list(phases)
        n_tasks = len(phases) or n_tasks
        self._context = estimator._init_callback_context(max_subtasks=n_tasks)
        self._open = [self._context]
        self._wants_end = False

    @property
    def has_callbacks(self):
        """Whether the estimator has callbacks."""
        return bool(getattr(self.estimator, "_skl_callbacks", None))

    def begin(self):
        """Report the beginning of the fit."""
        if self._context is not None:
            self._context.call_on_fit_task_begin(**self._given)

    @contextmanager
    def phase(self, name, n_steps=None):
        """Report the beginning and the end of a phase that is in no other one."""
        if len(self._open) > 1 or name not in self._ahead:
            yield
            return
        self._leave_out(self._ahead.index(name))
        del self._ahead[0]
        with self._task(name, n_steps):
            yield

    @contextmanager
    def part(self, name):
        """Report the beginning and the end of a part of a phase."""
        with self._task(name, None):
            yield

    def step(self):
        """Report the end of a step of the phase; whether a callback ends the fit."""
        return len(self._open) > 1 and self.iterate(None, name="step")

    @contextmanager
    def _task(self, name, n_steps):
        """Run a block as a task below the last one that is open."""
        task, late = None, None
        if self._context is not None:
            task = self._open[-1].subcontext(task_name=name, max_subtasks=n_steps)
            task.call_on_fit_task_begin(**self._given)
        # Also without callbacks, phases must not nest.
        self._open.append(task)
        try:
            yield
        except OutOfTimeError as error:
            late = error
        # After any other error the fit has no more tasks.
        self._open.pop()
        if task is not None:
            self._wants_end |= task.call_on_fit_task_end(**self._given)
        if late is not None:
            raise late

    def _leave_out(self, n_phases):
        """Report phases that this fit leaves out."""
        for name in self._ahead[:n_phases]:
            with self._task(name, 0):
                pass
        del self._ahead[:n_phases]

    def iterate(self, attributes, name="iteration"):
        """Report an iteration.

        Parameters
        ----------
        attributes : callable or None
            Function without arguments; returns the fitted attributes of this iteration,
            by name. None if there is no model.
        name : str, default="iteration"
            Of the task.

        Returns
        -------
        bool
            Whether a callback requests the end of the fit.
        """
        if self._context is None:
            return False
        task = self._open[-1].subcontext(task_name=name)
        task.call_on_fit_task_begin(**self._given)
        self._wants_end |= task.call_on_fit_task_end(
            **self._given, reconstruction_attributes=attributes
        )
        return self._wants_end

    def end(self):
        """Report the end of the fit, after the attributes of the estimator are set."""
        self._leave_out(len(self._ahead))
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
