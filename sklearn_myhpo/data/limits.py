"""Sizes of blocks and caches, and the densities at which sparse rows are faster.

The numbers of the engine are in `sklearn_myhpo.engine.limits`.
"""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class RowLimits:
    """Limits of everything that reads rows.

    Attributes
    ----------
    block_entries : int
        Entries of the largest temporary array that is made from a block of rows.
    tensor_entries : int
        Entries of a block of rows of a tensor: many for a device that starts thousands
        of threads, few beside its memory.
    few_rows : float
        Share of the rows of X up to which some rows are copied.
    cached_entries : int
        Entries of a block that a cache should hold.
    gram_rows : int
        Rows of a block in a sum of Gram matrices.
    small_product : int
        Multiplications up to which a matrix product reads its factors in place: a
        larger one repacks them first.
    least_small_rows, small_rows, gram_small_rows : int
        Rows of a small product, of a block of such products with its other work, and of
        a small Gram matrix, that are worth the fixed cost.
    thin_features, thin_vectors, thin_bytes : int
        Number of features from which few vectors are multiplied one by one with the
        transpose of X, up to this number of vectors, and bytes of a block of rows then.
    rough_features : int
        Number of features from which a Gram matrix is worth a copy of the rows in
        single precision, where that is accurate enough.
    thin_work, sparse_work : float
        Multiplications from which dense and sparse products use all threads: about a
        millisecond of reading.
    pass_entries : int
        Entries of a block in a pass for all splits: more than the cache of one core
        holds, because every block has a fixed cost.
    products_per_entry : int
        Cost of a pass over dense rows, in multiplications per entry.
    thread_entries : int
        Entries of Gram matrices up to which every thread sums those of its own blocks.
    large_mean : float
        Squared mean over variance of a feature beyond which rows are centred before
        they are multiplied. Below it the mean is subtracted from the product.
    mostly_zero : float
        Share of nonzero entries up to which dense rows are stored as sparse ones.
    many_entries, sample_rows : int
        Entries below which arrays are never tested for sparsity, and rows of the
        sample for a first estimate of the density.
    filled : float
        Share of nonzero entries above which sparse rows are multiplied as dense blocks.
    pair_entries, pair_entries_of_many, many_grams : int
        Entries up to which the products of all pairs of columns are kept, so that a
        Gram matrix is one row of a matrix product; the same where at least
        `many_grams` Gram matrices are asked for at once.
    shift_rows : int
        Rows whose mean is subtracted before anything is squared.
    many_outputs : int
        Targets up to which their products with each other are computed; beyond, only
        their squares.
    many_columns : int
        Columns of the models of all splits up to which they are multiplied with all
        rows at once.
    kept_entries : int
        Entries of X up to which stochastic solvers keep the rows of all batches in a
        row, dense.
    read_rows : int
        Rows of the batches that are read and counted together, in turns of a few
        milliseconds.
    dense_batch_entries : int
        Entries up to which a batch of sparse rows is multiplied as a dense one: calling
        a sparse product takes longer than multiplying such a dense batch.
    formed_entries : int
        Entries of columns that are made of X, such as those of curves, up to which they
        are kept; more are formed again whenever a block of them is visited.
    most_atoms_per_split : int
        Kinds of rows per split up to which sums over a split are added up from sums
        over kinds of rows.
    target_batch_entries, least_targets : int
        Entries of the residuals of a batch of targets, and targets that it has in any
        case.
    """

    block_entries: int = 2**20
    tensor_entries: int = 2**22
    few_rows: float = 1 / 5
    cached_entries: int = 2**17
    gram_rows: int = 4096
    small_product: int = 10**6
    least_small_rows: int = 64
    small_rows: int = 512
    gram_small_rows: int = 1024
    thin_features: int = 256
    thin_vectors: int = 3
    thin_bytes: int = 2**22
    rough_features: int = 100
    thin_work: float = 5e6
    sparse_work: float = 1e6
    pass_entries: int = 2**19
    products_per_entry: int = 10
    thread_entries: int = 2**21
    large_mean: float = 1e4
    mostly_zero: float = 1 / 5
    many_entries: int = 2**16
    sample_rows: int = 512
    filled: float = 1 / 6
    pair_entries: int = 2**18
    pair_entries_of_many: int = 2**22
    many_grams: int = 10
    shift_rows: int = 1000
    many_outputs: int = 16
    many_columns: int = 32
    kept_entries: int = 2**24
    read_rows: int = 2048
    dense_batch_entries: int = 2**16
    formed_entries: int = 2**25
    most_atoms_per_split: int = 3
    target_batch_entries: int = 2**22
    least_targets: int = 16


#: The limits in force; `sklearn_myhpo.engine.limits.use_limits` changes them.
CURRENT = ContextVar("limits of rows")
_DEFAULTS = RowLimits()


def row_limits():
    """Return the `RowLimits` in force."""
    return CURRENT.get(_DEFAULTS)
