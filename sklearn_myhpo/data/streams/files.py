"""Batches of rows from files."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..._messages import import_optional, shown


def npz_files(paths):
    """Return the reader of files of `numpy.savez`, and the counter of their rows.

    Parameters
    ----------
    paths : path or sequence of paths

    Returns
    -------
    read, count : callable
        Without arguments.
    """
    paths = _as_paths(paths, "*.npz")

    def read():
        for path in paths:
            with np.load(path) as arrays:
                _check_names(path, ("X", "y"), arrays.files)
                names = ["X", "y"]
                if "sample_weight" in arrays.files:
                    names.append("sample_weight")
                yield tuple(arrays[name] for name in names)

    def count():
        n_rows = 0
        for path in paths:
            with np.load(path) as arrays:
                _check_names(path, ("X", "y"), arrays.files)
                n_rows += len(arrays["y"])
        return n_rows

    return read, count


def parquet_files(paths, target, columns, sample_weight, key, batch_size):
    """Return the reader of Parquet files, and the counter of their rows.

    Parameters
    ----------
    paths, target, columns, sample_weight, key, batch_size
        As in `Batches.from_parquet`.

    Returns
    -------
    read, count : callable
        Without arguments.
    """
    parquet = import_optional("pyarrow.parquet", "Batches.from_parquet")
    import_optional("pandas", "Batches.from_parquet")
    paths = _as_paths(paths, "*.parquet")
    roles = Roles.of(target, columns, sample_weight, key)

    def read():
        for path in paths:
            with parquet.ParquetFile(path) as file:
                own = roles.within(path, file.schema_arrow.names)
                for batch in file.iter_batches(batch_size, columns=own.names):
                    yield own.divided(batch.to_pandas())

    def count():
        n_rows = 0
        for path in paths:
            with parquet.ParquetFile(path) as file:
                n_rows += file.metadata.num_rows
        return n_rows

    return read, count


def dataset_rows(dataset, target, columns, sample_weight, key, batch_size):
    """Return the reader of a `pyarrow.dataset.Dataset`, and the counter of its rows.

    Parameters
    ----------
    dataset, target, columns, sample_weight, key, batch_size
        As in `Batches.from_dataset`.

    Returns
    -------
    read, count : callable
        Without arguments.
    """
    arrow = import_optional("pyarrow.dataset", "Batches.from_dataset")
    import_optional("pandas", "Batches.from_dataset")
    if not isinstance(dataset, arrow.Dataset):
        raise TypeError(
            "dataset must be a pyarrow.dataset.Dataset, such as pyarrow.dataset."
            f"dataset(folder) returns. Got {shown(dataset)}."
        )
    roles = Roles.of(target, columns, sample_weight, key)

    def read():
        own = roles.within("dataset", dataset.schema.names)
        for batch in dataset.to_batches(columns=own.names, batch_size=batch_size):
            if batch.num_rows:
                yield own.divided(batch.to_pandas())

    return read, dataset.count_rows


def csv_files(paths, target, columns, sample_weight, key, batch_size, options):
    """Return the reader of CSV files.

    Parameters
    ----------
    paths, target, columns, sample_weight, key, batch_size
        As in `Batches.from_csv`.
    options : dict
        Further arguments of `pandas.read_csv`.

    Returns
    -------
    read : callable
        Without arguments.
    """
    pandas = import_optional("pandas", "Batches.from_csv")
    paths = _as_paths(paths, "*.csv*")
    roles = Roles.of(target, columns, sample_weight, key)
    for name in ("chunksize", "iterator", "usecols"):
        if name in options:
            raise TypeError(
                f"Batches.from_csv sets {name} of pandas.read_csv itself. Use "
                "batch_size= and columns=."
            )

    def read():
        for path in paths:
            with pandas.read_csv(path, chunksize=batch_size, **options) as chunks:
                for frame in chunks:
                    yield roles.within(path, list(frame.columns)).divided(frame)

    return read


class Roles(NamedTuple):
    """Parts that the columns of a table have in a fit.

    Attributes
    ----------
    target : str or list of str
    columns : list of str or None
        Of X; None for all that are nothing else.
    sample_weight, key : str or None
    """

    target: object
    columns: object
    sample_weight: object
    key: object

    @classmethod
    def of(cls, target, columns, sample_weight, key):
        """Return the roles that a user names."""
        target = target if isinstance(target, str) else list(target)
        columns = None if columns is None else list(columns)
        return cls(target, columns, sample_weight, key)

    @property
    def _others(self):
        """Names of the columns that are not for X."""
        targets = [self.target] if isinstance(self.target, str) else self.target
        more = [one for one in (self.sample_weight, self.key) if one is not None]
        return [*targets, *more]

    @property
    def names(self):
        """Names of all columns, each once."""
        return list(dict.fromkeys([*self.columns, *self._others]))

    def within(self, where, present):
        """Return the roles in a table with some columns; raise where one is missing."""
        others, own = self._others, self.columns
        if own is None:
            own = [name for name in present if name not in others]
        _check_names(where, (*own, *others), present)
        return self._replace(columns=own)

    def divided(self, frame):
        """Return the parts of a frame as a batch."""
        parts = [frame[self.columns], frame[self.target]]
        has_weight = self.sample_weight is not None
        if has_weight or self.key is not None:
            parts.append(frame[self.sample_weight] if has_weight else None)
        if self.key is not None:
            parts.append(frame[self.key])
        return tuple(parts)


def _as_paths(paths, pattern):
    """Return a list of one file or more; a folder stands for its files, by name."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise ValueError("paths must name at least one file. Got none.")
    found = []
    for path in given:
        is_folder = isinstance(path, str | Path) and Path(path).is_dir()
        own = sorted(Path(path).glob(pattern)) if is_folder else [path]
        if not own:
            raise ValueError(f"paths: the folder {path} has no file {pattern}.")
        found += own
    return found


def _check_names(path, wanted, present):
    """Raise a ValueError where a file lacks columns or arrays."""
    missing = [name for name in wanted if name not in present]
    if missing:
        raise ValueError(f"{path} has no {shown(missing[0])}; it has {shown(present)}.")
