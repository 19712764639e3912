"""Batches from files and tables: the constructors of `Batches`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..._messages import shown
from .files import csv_files, dataset_rows, npz_files, parquet_files

#: Default number of rows of a batch of a table.
TABLE_ROWS = 65_536


class FileBatches:
    """The constructors of `Batches` from files; a mixin."""

    @classmethod
    def from_npz(cls, paths: str | Path | Sequence[str | Path]) -> Self:
        """Return a batch per file of `numpy.savez`.

        Parameters
        ----------
        paths : path or sequence of paths
            Files with the arrays "X", "y" and, in all of them or none,
            "sample_weight". A folder stands for its files ``*.npz``, by name.

        Returns
        -------
        Batches

        Raises
        ------
        ValueError
            In a pass, if a file has no "X" or "y".
        """
        return cls._of(*npz_files(paths))

    @classmethod
    def from_parquet(
        cls,
        paths: str | Path | Sequence[str | Path],
        *,
        target: str | Sequence[str],
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        key: str | None = None,
        batch_size: int = TABLE_ROWS,
    ) -> Self:
        """Return the rows of Parquet files as pandas frames, in the order of `paths`.

        Needs pyarrow and pandas. `map` applies a fitted transformer, such as a
        `sklearn.compose.ColumnTransformer`, to every batch.

        Parameters
        ----------
        paths : path or sequence of paths
            Files with the same columns. A folder stands for its files ``*.parquet``, by
            name; `from_dataset` reads nested ones.
        target : str or sequence of str
            Column of y, or columns of several targets.
        columns : sequence of str, default=None
            Columns of X; None for all but those of y and of the weights.
        sample_weight : str, default=None
            Column of the weights.
        key : str, default=None
            Column by which `KeyFolds` makes folds; it is not a feature unless `columns`
            names it too.
        batch_size : int, default=65536
            Maximum number of rows of a batch.

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
        check_int("batch_size", batch_size, 1)
        return cls._of(
            *parquet_files(paths, target, columns, sample_weight, key, batch_size)
        )

    @classmethod
    def from_dataset(
        cls,
        dataset: Any,
        *,
        target: str | Sequence[str],
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        key: str | None = None,
        batch_size: int = TABLE_ROWS,
    ) -> Self:
        """Return the rows of a `pyarrow.dataset.Dataset` as pandas frames.

        A folder of files, partitioned or not, on a disk or in a store of objects; the
        order of the files is that of the dataset. Needs pyarrow and pandas.

        Parameters
        ----------
        dataset : pyarrow.dataset.Dataset
            Such as ``pyarrow.dataset.dataset("folder", partitioning="hive")``, or the
            result of its method `filter`.
        target, columns, sample_weight, key, batch_size
            As in `from_parquet`.

        Returns
        -------
        Batches

        Raises
        ------
        ImportError
            If pyarrow or pandas is not installed.
        TypeError
            If `dataset` is another object.
        ValueError
            In a pass, if the dataset lacks a column.
        """
        check_int("batch_size", batch_size, 1)
        return cls._of(
            *dataset_rows(dataset, target, columns, sample_weight, key, batch_size)
        )

    @classmethod
    def from_csv(
        cls,
        paths: str | Path | Sequence[str | Path],
        *,
        target: str | Sequence[str],
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        key: str | None = None,
        batch_size: int = TABLE_ROWS,
        n_samples: int | None = None,
        **options: Any,
    ) -> Self:
        """Return the rows of CSV files as pandas frames, in the order of `paths`.

        Every pass parses the text again, which takes far longer than a pass over
        Parquet files or arrays of the same rows: convert files that you fit often.
        Needs pandas.

        Parameters
        ----------
        paths : path or sequence of paths
            Files with the same columns, compressed or not. A folder stands for its
            files ``*.csv*``, by name.
        target, columns, sample_weight, key, batch_size
            As in `from_parquet`.
        n_samples : int, default=None
            Number of rows of all files, if known; it saves a pass for consecutive folds
            if nothing else needs one.
        **options : object
            Further arguments of `pandas.read_csv`, such as `dtype`: pandas guesses the
            types of every batch separately.

        Returns
        -------
        Batches

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            In a pass, if a file lacks a column.
        """
        check_int("batch_size", batch_size, 1)
        if n_samples is not None:
            check_int("n_samples", n_samples, 2)
        given = paths, target, columns, sample_weight, key, batch_size
        return cls._of(csv_files(*given, options), n_samples)


def check_int(name, value, least):
    """Raise a ValueError unless a value is an int from `least` on.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
    least : int
    """
    if isinstance(value, bool) or not (
        isinstance(value, int | np.integer) and value >= least
    ):
        raise ValueError(f"{name} must be an int >= {least}. Got {shown(value)}.")
