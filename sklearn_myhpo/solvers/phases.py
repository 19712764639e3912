"""Phases of a run, for progress bars."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .._deadline import Deadline


class Phases:
    """Receives reports on the phases of a fit and their steps; this one ignores them.

    Attributes
    ----------
    deadline : Deadline
        Of the fit.
    """

    deadline = Deadline()

    @contextmanager
    def phase(self, name: str, n_steps: int | None = None) -> Iterator[None]:
        """Report that a phase begins and, at the end of the block, that it ends.

        Parameters
        ----------
        name : str
            "shrinkage", "scan", "solve", "refit" or "checks".
        n_steps : int or None
            Number of its steps; 0 for a phase without steps, None if it is not known.

        Yields
        ------
        None
        """
        yield

    def step(self) -> None:
        """Report the end of a step of the phase."""

    def found(self, lambda_: np.ndarray) -> None:
        """Report the hyperparameters that a run out of time would return.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs.
        """


#: For runs without progress reports.
UNWATCHED = Phases()
