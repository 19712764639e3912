"""Tasks of the workers of Dask, one per block; nothing here needs Dask."""

from typing import Any, NamedTuple

from scipy import sparse

from ..streams.block_checks import check_rows, compare_rows
from ..streams.source import Block


class SharedWork(NamedTuple):
    """Work on every block of a pass; sent to a worker once.

    Attributes
    ----------
    task : callable
        Takes a block and `args`; its result has a method `plus`.
    args : tuple
    form : RowForm
        The form of the first rows, which all blocks must have.
    """

    task: Any
    args: tuple
    form: Any


class BlockPlace(NamedTuple):
    """The position of a block, and the facts about it from the first pass.

    Attributes
    ----------
    number : int
    start, n_rows : int
    known : tuple or None
        None in the first pass.
    """

    number: int
    start: int
    n_rows: int
    known: tuple | None


class BlockSum:
    """Result of a task for some blocks, and the facts about each from the first pass.

    Parameters
    ----------
    total : object or None
        None without rows.
    facts : dict of int to BlockFacts
        By the number of the block; empty after the first pass.
    """

    def __init__(self, total, facts):
        self.total, self.facts = total, facts

    def __sizeof__(self):
        # A cluster uses this size to decide what to move and what to keep.
        return bytes_of(self.total) + bytes_of(self.facts)

    def plus(self, other):
        """Return what was found in the blocks of both."""
        facts = {**self.facts, **other.facts}
        if self.total is None or other.total is None:
            return BlockSum(other.total if self.total is None else self.total, facts)
        return BlockSum(self.total.plus(other.total), facts)


def bytes_of(value):
    """Return about how many bytes the arrays of a value have, and the rest of it."""
    if hasattr(value, "nbytes"):
        return value.nbytes
    parts = ()
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, tuple | list):
        parts = value
    elif hasattr(value, "__dict__"):
        parts = vars(value).values()
    return 64 + sum(map(bytes_of, parts))


def work_on(call, place, *columns):
    """Return the `BlockSum` of a block.

    Parameters
    ----------
    call : SharedWork
    place : BlockPlace
    *columns : array-like, sparse matrix, frame or None
        X, y, weights and keys as given.
    """
    where = f"block {place.number}"
    check_length(columns[0], place, where)
    check_lengths(columns, where)
    if place.known is None:
        rows, facts = check_rows(columns, where, call.form)
        facts = {place.number: facts}
    else:
        rows, facts = compare_rows(columns, call.form, place.known), {}
        if rows is None:
            raise ValueError(
                f"The rows of {where} from Dask were different in a later pass. They "
                "must be the same in every pass, not drawn anew or shuffled whenever "
                "they are computed; persist() keeps them."
            )
    total = None
    if rows.X.shape[0]:
        block = block_of(rows, place.start, place.number)
        total = call.task(block, *call.args)
    return BlockSum(total, facts)


def block_of(rows, start, number):
    """Return checked rows as the `Block` that tasks take."""
    X = sparse.csr_array(rows.X) if sparse.issparse(rows.X) else rows.X
    return Block(X, rows.y, rows.weight, start, number, rows.key)


def add(*parts):
    """Return the sum of results."""
    total, *others = parts
    for one in others:
        total = total.plus(one)
    return total


def check_length(X, place, where):
    """Raise if a block does not have the number of rows of its chunk or of y."""
    if X.shape[0] != place.n_rows:
        raise ValueError(
            f"X of {where} must have {place.n_rows} rows, as the chunks or the y of "
            f"Dask have. Got {X.shape[0]}. compute_chunk_sizes() of the arrays counts "
            "the rows."
        )


def check_lengths(columns, where):
    """Raise if y, weights or keys of a block have other numbers of rows than X."""
    n_rows = columns[0].shape[0]
    for name, one in zip(("y", "sample_weight", "groups"), columns[1:], strict=True):
        if one is not None and len(one) != n_rows:
            raise ValueError(
                f"{name} of {where} must have as many rows as its X, {n_rows}. Got "
                f"{len(one)}. If the blocks were divided in different ways, call "
                "compute_chunk_sizes() of the arrays, so that they are brought "
                "together, or take both from one collection."
            )


def count(shared, place, values):
    """Return the number of rows of a block, in a list."""
    return [len(values)]


def join(*parts):
    """Return lists, joined."""
    return [one for part in parts for one in part]


def first_rows(n_rows, where, *columns):
    """Return the first rows of the columns of a block, as given."""
    check_lengths(columns, where)
    return [None if one is None else _first(one, n_rows) for one in columns]


def _first(values, n_rows):
    """Return the first rows of an array, a sparse matrix, a frame or a series."""
    if hasattr(values, "iloc"):
        return values.iloc[:n_rows]
    return values.tocsr()[:n_rows] if sparse.issparse(values) else values[:n_rows]
