"""Rows that come in batches, again for every pass: what a user gives `fit` as X."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._messages import import_optional, shown
from .limits import row_limits

#: Rows of a batch of a Parquet file, unless the user says another number.
PARQUET_ROWS = 65_536


class Batches:
    """Rows in batches ``(X, y)`` or ``(X, y, sample_weight)``, read once per pass.

    `fit` of the linear estimators takes it in the place of X, without y and
    `sample_weight`, which it holds: ``MYHPORidge().fit(batches)``. The rows are never
    in memory together, only y, the weights and the folds are. A fit makes several
    passes, and every pass must yield the same rows in the same order.

    Parameters
    ----------
    source : callable or iterable
        A function without arguments that returns a new iterator of batches whenever it
        is called, or an iterable that can be iterated again, such as a list. X of a
        batch is an array, a sparse matrix or a frame with the same columns each time;
        its rows are read in double precision and as dense rows, some at a time.

    Attributes
    ----------
    n_passes : int
        How often the rows have been read so far.

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
        self, source: Callable[[], Iterator[tuple]] | Iterable[tuple], /
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
        self._source, self._last = source, None
        self.n_passes = 0

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
        batch_size : int, default=None
            Rows of a batch; None for about a million numbers.

        Returns
        -------
        Batches
        """
        columns = {"X": X, "y": y, "sample_weight": sample_weight}
        columns = {name: one for name, one in columns.items() if one is not None}
        for name, one in columns.items():
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
            batch_size = max(1, row_limits().block_entries // max(1, X.shape[1]))
        _check_size(batch_size)

        def read():
            for start in range(0, X.shape[0], batch_size):
                rows = slice(start, min(start + batch_size, X.shape[0]))
                yield tuple(_sliced(one, rows) for one in columns.values())

        return cls(read)

    @classmethod
    def from_npz(cls, paths: str | Path | Sequence[str | Path]) -> Batches:
        """Return a batch per file of `numpy.savez`.

        Parameters
        ----------
        paths : path or sequence of paths
            Files with the arrays "X", "y" and, in all of them or none,
            "sample_weight".

        Returns
        -------
        Batches

        Raises
        ------
        ValueError
            In a pass, if a file has no "X" or "y".
        """
        paths = _as_paths(paths)

        def read():
            for path in paths:
                with np.load(path) as arrays:
                    _check_names(path, ("X", "y"), arrays.files)
                    names = ["X", "y"]
                    if "sample_weight" in arrays.files:
                        names.append("sample_weight")
                    yield tuple(arrays[name] for name in names)

        return cls(read)

    @classmethod
    def from_parquet(
        cls,
        paths: str | Path | Sequence[str | Path],
        *,
        target: str | Sequence[str],
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        batch_size: int = PARQUET_ROWS,
    ) -> Batches:
        """Return the rows of Parquet files as pandas frames, in the order of `paths`.

        Needs pyarrow and pandas. `map` puts a fitted transformer, such as a
        `sklearn.compose.ColumnTransformer`, before the fit.

        Parameters
        ----------
        paths : path or sequence of paths
            Files with the same columns.
        target : str or sequence of str
            Column of y, or columns of several targets.
        columns : sequence of str, default=None
            Columns of X; None for all but those of y and of the weights.
        sample_weight : str, default=None
            Column of the weights.
        batch_size : int, default=65536
            Most rows of a batch.

        Returns
        -------
        Batches

        Raises
        ------
        ImportError
            If pyarrow or pandas is not installed.
        ValueError
            In a pass, if a file lacks a column.
        """
        parquet = import_optional("pyarrow.parquet", "Batches.from_parquet")
        import_optional("pandas", "Batches.from_parquet")
        paths, wanted = _as_paths(paths), columns
        _check_size(batch_size)
        target = target if isinstance(target, str) else list(target)
        others = [target] if isinstance(target, str) else list(target)
        if sample_weight is not None:
            others.append(sample_weight)

        def read():
            for path in paths:
                with parquet.ParquetFile(path) as file:
                    names = file.schema_arrow.names
                    own = wanted
                    if own is None:
                        own = [name for name in names if name not in others]
                    _check_names(path, (*own, *others), names)
                    read_names = list(dict.fromkeys([*own, *others]))
                    for batch in file.iter_batches(batch_size, columns=read_names):
                        frame = batch.to_pandas()
                        parts = [frame[list(own)], frame[target]]
                        if sample_weight is not None:
                            parts.append(frame[sample_weight])
                        yield tuple(parts)

        return cls(read)

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

        return type(self)(read)


def check_batch(batch, number):
    """Raise unless a batch is a pair or a triple.

    Parameters
    ----------
    batch : object
    number : int
        Of the batch, from zero.
    """
    if not (isinstance(batch, tuple | list) and len(batch) in (2, 3)):
        raise ValueError(
            f"Batch {number} must be (X, y) or (X, y, sample_weight). Got "
            f"{shown(batch)}."
        )


def _sliced(values, rows):
    """Return some rows of an array or a frame."""
    return values.iloc[rows] if hasattr(values, "iloc") else values[rows]


def _as_paths(paths):
    """Return a list of one path or more."""
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    if not paths:
        raise ValueError("paths must name at least one file. Got none.")
    return paths


def _check_names(path, wanted, present):
    """Raise a ValueError where a file lacks columns or arrays."""
    missing = [name for name in wanted if name not in present]
    if missing:
        raise ValueError(f"{path} has no {shown(missing[0])}; it has {shown(present)}.")


def _check_size(batch_size):
    if isinstance(batch_size, bool) or not (
        isinstance(batch_size, int | np.integer) and batch_size >= 1
    ):
        raise ValueError(f"batch_size must be an int >= 1. Got {shown(batch_size)}.")
