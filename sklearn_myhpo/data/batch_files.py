"""Batches of rows from files."""

from pathlib import Path

import numpy as np

from .._messages import import_optional, shown


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
    paths = _as_paths(paths)

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
        As of `Batches.from_parquet`.

    Returns
    -------
    read, count : callable
        Without arguments.
    """
    parquet = import_optional("pyarrow.parquet", "Batches.from_parquet")
    import_optional("pandas", "Batches.from_parquet")
    paths = _as_paths(paths)
    target = target if isinstance(target, str) else list(target)
    others = [target] if isinstance(target, str) else list(target)
    others += [name for name in (sample_weight, key) if name is not None]

    def read():
        for path in paths:
            with parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
                own = columns
                if own is None:
                    own = [name for name in names if name not in others]
                _check_names(path, (*own, *others), names)
                wanted = list(dict.fromkeys([*own, *others]))
                for batch in file.iter_batches(batch_size, columns=wanted):
                    frame = batch.to_pandas()
                    parts = [frame[list(own)], frame[target]]
                    if sample_weight is not None or key is not None:
                        has_weight = sample_weight is not None
                        parts.append(frame[sample_weight] if has_weight else None)
                    if key is not None:
                        parts.append(frame[key])
                    yield tuple(parts)

    def count():
        n_rows = 0
        for path in paths:
            with parquet.ParquetFile(path) as file:
                n_rows += file.metadata.num_rows
        return n_rows

    return read, count


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
