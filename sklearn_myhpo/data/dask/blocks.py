"""Blocks of Dask collections that are rows of one matrix, and work on them.

Dask is imported when a function is called, not with this module.
"""

from numbers import Integral
from typing import Any, NamedTuple

from ..._messages import import_optional, shown
from ..frames import column_kinds


def is_dask(values):
    """Whether a value is a collection of Dask, such as an array, frame or series.

    So is an array of xarray that holds one.

    Parameters
    ----------
    values : object

    Returns
    -------
    bool
    """
    if any(
        one.__module__.partition(".")[0] in ("dask", "dask_expr")
        for one in type(values).__mro__
    ):
        return True
    graph_of = getattr(type(values), "__dask_graph__", None)
    return graph_of is not None and graph_of(values) is not None


def import_dask(module="dask.base"):
    """Import a module of Dask, or say how to install it."""
    return import_optional(module, "X from Dask", extra="dask")


#: Libraries of the blocks, and functions that convert those of others.
_HOMES = ("numpy", "scipy", "pandas")
_CONVERSIONS = {
    "cupy": "cupy.asnumpy",
    "cupyx": "a method get of cupyx",
    "cudf": "a method to_pandas of cudf",
    "sparse": "lambda block: block.tocsr()",
}


class DaskColumns(NamedTuple):
    """X and its companions y, weights and groups, as collections of Dask.

    Attributes
    ----------
    X : dask.array.Array or dask.dataframe.DataFrame
    y : dask.array.Array, dask.dataframe.Series or dask.dataframe.DataFrame
    sample_weight, groups : dask.array.Array, dask.dataframe.Series or None
    """

    X: Any
    y: Any
    sample_weight: Any
    groups: Any


def aligned(columns):
    """Return collections whose blocks have the same rows, as far as Dask knows.

    Parameters
    ----------
    columns : DaskColumns

    Returns
    -------
    DaskColumns

    Raises
    ------
    TypeError
        If one of them is no array or frame of Dask.
    ValueError
        If their shapes, their blocks or the types of columns do not fit.
    """
    check_features(columns.X)
    found = {"X": columns.X}
    for name, one in columns._asdict().items():
        if name != "X":
            found[name] = None if one is None else _like(columns.X, name, one)
    return DaskColumns(**found)


def check_features(X):
    """Raise unless X is a matrix of numbers in blocks of whole rows."""
    _check_kind("X", X)
    if is_frame(X):
        check_columns(X)
        return
    if X.ndim != 2:
        raise ValueError(
            f"X must have two axes, rows and features. Got an array of Dask with "
            f"{X.ndim}; X[:, None] makes one feature of a vector."
        )
    if not isinstance(X.shape[1], Integral):
        raise ValueError(
            "X must have a known number of features. X.compute_chunk_sizes() finds it."
        )
    if X.numblocks[1] > 1:
        raise ValueError(
            f"X must have blocks of whole rows. Got {X.numblocks[1]} blocks of columns "
            f"in a row, {shown(X.chunks[1])}. Use X.rechunk({{1: -1}}), and persist it "
            "where it fits into the memory of the cluster: the blocks are moved then."
        )


def check_columns(X):
    """Raise if a column of a frame is not numeric."""
    kinds = zip(X.columns, X.dtypes, column_kinds(X._meta), strict=True)
    # Flags count as zeros and ones, as in frames in memory.
    found = [
        name
        for name, dtype, kind in kinds
        if kind != "number" and getattr(dtype, "kind", "") != "b"
    ]
    if found:
        raise ValueError(
            f"X must have numbers only, but {shown(found)} of the frame of Dask are "
            "categories, texts or dates. Make numbers of them block by block: "
            "X.map_partitions(transformer.transform), with a ColumnTransformer with "
            "set_output(transform='pandas') that was fitted to X.head(10_000)."
        )


def is_frame(values):
    """Whether a collection of Dask is a frame or a series."""
    # Attributes of the class are tested, since a `Delayed` claims to have every
    # attribute.
    kind = type(values)
    return hasattr(kind, "npartitions") and hasattr(kind, "divisions")


def _check_kind(name, values):
    """Raise a TypeError unless a value is an array, a frame or a series of Dask."""
    if is_dask(values) and (is_frame(values) or hasattr(type(values), "rechunk")):
        _check_home(name, values)
        return
    advice = ""
    if hasattr(type(values), "to_dask_dataframe"):
        advice = f" {name}.data is the array of Dask that xarray holds."
    elif is_dask(values):
        advice = " dask.array.from_delayed and dask.dataframe.from_delayed make one."
    elif name != "X":
        advice = (
            f" dask.array.from_array({name}, chunks=X.chunks[0]) makes one of an array "
            "in memory."
        )
    raise TypeError(
        f"{name} must be an array or a frame of Dask{' as X is' * (name != 'X')}. Got "
        f"{type(values).__name__}.{advice}"
    )


def _check_home(name, values):
    """Raise a TypeError if the blocks are known to be of another library."""
    kind = type(values._meta)
    home = kind.__module__.partition(".")[0]
    if home not in _HOMES:
        raise TypeError(
            f"{name} must have blocks of NumPy, SciPy or pandas. Got blocks of "
            f"{home}.{kind.__name__}. Convert them one by one: {name}.map_blocks(...) "
            f"of an array, with {_CONVERSIONS.get(home, 'a function of that library')}."
        )


def _like(X, name, values):
    """Return y, weights or groups in blocks like those of X."""
    _check_kind(name, values)
    n_blocks, sizes = n_blocks_of(X), sizes_of(X)
    if not is_frame(values):
        own = sizes_of(values)
        if sizes is not None and own is not None:
            if sum(sizes) != sum(own):
                raise ValueError(
                    f"{name} must have as many rows as X, {sum(sizes)}. Got {sum(own)}."
                )
            axes = dict.fromkeys(range(1, values.ndim), -1)
            return values.rechunk({0: sizes, **axes})
        if any(number > 1 for number in values.numblocks[1:]):
            values = values.rechunk(dict.fromkeys(range(1, values.ndim), -1))
    elif is_frame(X) and _are_apart(X, values):
        raise ValueError(
            f"{name} must have the divisions of X. Got {shown(values.divisions)} "
            f"instead of {shown(X.divisions)}. Use "
            f"{name}.repartition(divisions=X.divisions)."
        )
    if n_blocks_of(values) != n_blocks:
        raise ValueError(
            f"{name} must have the blocks of X, {n_blocks}. Got "
            f"{n_blocks_of(values)} blocks of rows whose numbers Dask does not know, "
            "so that they cannot be brought together. Take both from one collection, "
            "or call compute_chunk_sizes() of the arrays."
        )
    return values


def as_labels(y):
    """Return labels of one column without the axis of the columns."""
    if is_dask(y) and getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        return y[y.columns[0]] if is_frame(y) else y[:, 0]
    return y


def _are_apart(one, other):
    """Whether the divisions of two frames are known and not the same."""
    both = one.divisions, other.divisions
    return all(ends[0] is not None for ends in both) and both[0] != both[1]


def n_blocks_of(values):
    """Return the number of blocks of rows of a collection."""
    return values.npartitions if is_frame(values) else values.numblocks[0]


def sizes_of(values):
    """Return the numbers of rows of all blocks, a tuple of int, or None."""
    if is_frame(values):
        return None
    sizes = values.chunks[0]
    return sizes if all(isinstance(one, Integral) for one in sizes) else None
