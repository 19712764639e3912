"""A user's batches as checked arrays, the same in every pass."""

import numpy as np

from .batches import check_batch
from .block_checks import RowForm, check_rows, compare_rows
from .checks import changed_source


class BatchReader:
    """Reads the batches of a `Batches`: checks in the first pass, compares in others.

    Parameters
    ----------
    batches : Batches

    Attributes
    ----------
    head : array-like, sparse matrix or frame
        X of the first batch, as given; None before.
    dtype : dtype
        Precision of the batches so far.
    n_samples : int or None
        None before the end of the first pass, where the user did not say it.
    """

    def __init__(self, batches):
        self._batches, self._known, self._is_known = batches, [], False
        self.head = self._form = None
        self.dtype = np.dtype(np.float32)
        self.n_samples = batches.n_samples

    def __iter__(self):
        """Begin a pass: yield the `CheckedRows` of a batch after another."""
        number = -1
        for number, given in enumerate(self._batches):
            check_batch(given, number)
            batch = self._compare if self._is_known else self._check
            yield batch(given, number)
        if self._is_known:
            if number + 1 < len(self._known):
                raise changed_source(
                    "no more batches, unlike the first pass", number + 1
                )
            return
        self._end_first_pass(number + 1)

    def _check(self, given, number):
        """Return a batch of the first pass, and keep its checksums."""
        if number < len(self._known):
            # A first pass that began once more.
            self._known = []
        columns, where = _padded(given), f"batch {number}"
        if self._form is None:
            self._form, self.head = RowForm.of(columns, where), columns[0]
        rows, facts = check_rows(columns, where, self._form)
        self.dtype = np.promote_types(self.dtype, facts.dtype)
        self._known.append(facts)
        return rows

    def _compare(self, given, number):
        """Return a batch of a later pass."""
        if number == len(self._known):
            raise changed_source("more batches than the first pass", number)
        rows = compare_rows(_padded(given), self._form, self._known[number])
        if rows is None:
            raise changed_source("other rows than in the first pass", number)
        return rows

    def _end_first_pass(self, n_batches):
        """Count the rows of the first pass."""
        n_samples = sum(facts.n_rows for facts in self._known)
        if n_samples < 2:
            raise ValueError(
                f"Batches must yield two rows or more in a pass. Got {n_samples} in "
                f"{n_batches} batches."
            )
        if self.n_samples not in (None, n_samples):
            raise ValueError(
                f"Batches with n_samples={self.n_samples} must yield as many rows in a "
                f"pass. Got {n_samples}."
            )
        self.n_samples, self._is_known = n_samples, True


def _padded(given):
    """Return X, y, the weights and the keys of a batch, None where it has none."""
    return (*given, None, None)[:4]
