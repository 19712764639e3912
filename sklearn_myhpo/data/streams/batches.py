"""Rows in batches, read again for every pass: X of `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..._messages import shown
from .pages import Pages
from .sliceable import rows_of_slices, with_texts
from .tables import FileBatches, check_int


class Batches(FileBatches):
    """Rows in batches ``(X, y)`` or ``(X, y, sample_weight)``, read once per pass.

    A fourth entry, after weights or None, is the key by which `KeyFolds` makes folds.

    `fit` of the linear estimators takes it as X, without y and `sample_weight`, which
    the batches contain: ``MYHPORidge().fit(batches)``. The rows are never in memory
    together. Ridge regression reads them once, other losses in a few passes; every pass
    must yield the same rows in the same order.

    Parameters
    ----------
    source : callable or iterable
        A function without arguments that returns a new iterator of batches whenever it
        is called, or an iterable that can be iterated again, such as a list. X of a
        batch is an array, a sparse matrix or a frame with the same columns each time;
        its rows are read in double precision and as dense rows, some at a time.
    n_samples : int, default=None
        Number of rows of all batches, if known; `from_arrays`, `from_npz` and
        `from_parquet` set it. It saves a pass that counts the rows for consecutive
        folds (``cv=5``), and is compared with the number in the first pass.

    Attributes
    ----------
    n_passes : int
        Number of passes over the rows so far.
    n_samples : int or None
        Number of rows, if known without a pass.
    is_stable : bool
        Whether arrays of a batch stay unchanged when the next one is read. A function
        may reuse its arrays, so their rows are copied.

    See Also
    --------
    sklearn_myhpo.MYHPORidge : Learns the penalty of ridge regression in one fit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_myhpo import MYHPORidge
    >>> from sklearn_myhpo.data import Batches
    >>> def read():
    ...     rng = np.random.default_rng(0)
    ...     for _ in range(10):
    ...         X = rng.normal(size=(100, 3))
    ...         yield X, X @ [1.0, 2.0, 3.0] + rng.normal(size=100)
    >>> MYHPORidge().fit(Batches(read)).coef_.round(1)
    array([1., 2., 3.])
    """

    def __init__(
        self,
        source: Callable[[], Iterator[tuple]] | Iterable[tuple],
        /,
        *,
        n_samples: int | None = None,
    ) -> None:
        if not (callable(source) or hasattr(source, "__iter__")):
            raise TypeError(
                "Batches needs a function that returns an iterator of batches, or an "
                f"iterable of them. Got {shown(source)}."
            )
        if isinstance(source, Iterator):
            raise TypeError(
                "Batches needs rows that can be read again, but an iterator or "
                "generator ends after one pass. Give the function that makes it: "
                f"Batches(read) instead of Batches(read()). Got {shown(source)}."
            )
        if n_samples is not None:
            check_int("n_samples", n_samples, 2)
        self._source, self._last, self._n_samples = source, None, n_samples
        self.n_passes, self._is_stable = 0, False

    @property
    def n_samples(self) -> int | None:
        """Number of rows, if known without a pass."""
        if callable(self._n_samples):
            self._n_samples = self._n_samples()
        return self._n_samples

    @property
    def is_stable(self) -> bool:
        """Whether arrays of a batch stay as they are when the next one is read."""
        return self._is_stable

    @classmethod
    def _of(cls, read, n_samples=None):
        """Return the batches of a function of this class.

        `n_samples` may be a function, which is called on first use.
        """
        made = cls(read)
        made._n_samples, made._is_stable = n_samples, True
        return made

    def __iter__(self) -> Iterator[tuple]:
        """Begin a pass: return an iterator of the batches."""
        found = self._source() if callable(self._source) else self._source
        if not hasattr(found, "__iter__"):
            raise TypeError(
                "The function given to Batches must return an iterator of batches. Got "
                f"{shown(found)}."
            )
        found = iter(found)
        if found is self._last:
            raise ValueError(
                "The function given to Batches returned the same iterator twice, which "
                "ends after one pass. It must return a new one whenever it is called."
            )
        # Held, so that no other iterator gets its place in memory.
        self._last = found
        self.n_passes += 1
        return found

    @classmethod
    def from_arrays(
        cls,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        key: Any = None,
        batch_size: int | None = None,
    ) -> Batches:
        """Return slices of arrays: in memory, memory-mapped, of HDF5 or Zarr.

        Parameters
        ----------
        X : object of shape (n_samples, n_features)
            Whatever has a `shape` and returns an array for a slice of rows.
        y : object of shape (n_samples,) or (n_samples, n_targets)
            Target, sliced like `X`.
        sample_weight : object of shape (n_samples,), default=None
            Non-negative weights, sliced like `X`.
        key : object of shape (n_samples,), default=None
            Numbers or texts by which `KeyFolds` makes folds, sliced like `X`.
        batch_size : int, default=None
            Rows of a batch; None for about a million numbers, in whole chunks where a
            file has chunks.

        Returns
        -------
        Batches
        """
        columns = {"X": X, "y": y, "sample_weight": sample_weight, "key": key}
        for name, one in columns.items():
            if one is None and name in ("sample_weight", "key"):
                continue
            if not len(getattr(one, "shape", ())):
                raise TypeError(
                    f"{name} must have a shape and be sliceable, as an array is. Got "
                    f"{shown(one)}."
                )
            if one.shape[0] != X.shape[0]:
                raise ValueError(
                    f"{name} must have as many rows as X, {X.shape[0]}. Got "
                    f"{one.shape[0]}."
                )
        if len(X.shape) != 2:
            raise ValueError(f"X must have two axes. Got the shape {X.shape}.")
        if batch_size is None:
            batch_size = rows_of_slices(X)
        check_int("batch_size", batch_size, 1)

        given = [with_texts(one) for one in columns.values()]
        while given[-1] is None:
            given.pop()

        def read():
            pages = Pages(X)
            for start in range(0, X.shape[0], batch_size):
                rows = slice(start, min(start + batch_size, X.shape[0]))
                yield tuple(_sliced(one, rows) for one in given)
                pages.release(start, batch_size)

        return cls._of(read, int(X.shape[0]))

    def map(self, transformer: Any) -> Batches:
        """Return the same rows with X transformed, one batch at a time.

        Parameters
        ----------
        transformer : object
            Fitted, with a method `transform`, such as a
            `sklearn.compose.ColumnTransformer`. It is not fitted here.

        Returns
        -------
        Batches
        """
        if not hasattr(transformer, "transform"):
            raise TypeError(
                "Batches.map needs a fitted transformer, with a method transform. Got "
                f"{shown(transformer)}."
            )

        def read():
            for number, batch in enumerate(self):
                check_batch(batch, number)
                X, *others = batch
                yield (transformer.transform(X), *others)

        mapped = type(self)(read)
        # The transformer may fill one array again and again.
        mapped._n_samples = self._n_samples
        return mapped


def check_batch(batch, number):
    """Raise unless a batch is a tuple of two to four.

    Parameters
    ----------
    batch : object
    number : int
        Of the batch, from zero.
    """
    if not (isinstance(batch, tuple | list) and len(batch) in (2, 3, 4)):
        raise ValueError(
            f"Batch {number} must be (X, y) or (X, y, sample_weight), or (X, y, "
            f"sample_weight or None, key). Got {shown(batch)}."
        )


def _sliced(values, rows):
    """Return some rows of an array or a frame; None of None."""
    if values is None:
        return None
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]
