"""Everything that reads X.

design          the contract: which sums over rows may be asked for, always by blocks
memory          rows in memory, such as the rows of a block
dense, sparse, streamed
                the data sources: ndarray, CSR array, file or single precision
batch_source, batch_files, batch_rows, batches_design
                rows in batches from beyond memory: what a user gives, its first pass
row_source      rows beyond memory as map and reduce: tasks on blocks, sums of results
dask, dask_blocks, dask_graph, dask_tasks, dask_watch, dask_lazy
                the blocks of Dask collections: sums over them, and lazy predictions
batch_reader, batch_checks, block_checks, even_blocks, read_ahead
                batches as blocks: checked, of equal sizes, read while others compute
fold_moments, fold_factors, moments_pass, moments_state, row_sample
                second moments of folds, in one pass or part by part; a sample of rows
condense, condensed, condensed_design
                few rows in the place of many with the same moments
sliceable, pages
                arrays of files that are read by slices; mapped pages that were read
fold_rules, fold_splitters, class_counts, hashes
                folds as rules, without lists of rows
selected, stacked
                some rows of a design, and designs below each other, without a copy
sources         the choice of a design by the type of X: a new source has a line here
parts           the division of rows among splits: kinds of rows, visits
sampling        every k-th of many rows, for estimates
sums            sums of products of all splits in one visit: fold moments are made here
row_space       wide groups in the row space of their features
partial         residuals of columns after regression on some of them
held_out        the rows of the validation loss: slopes and losses of single rows
batches         mini-batches of rows for stochastic solvers
cv              the `cv` parameter as pairs of training and validation rows
rows            the rows that `cv` divides, as they came and as they were checked
holdout, pairs  one split of a given share; pairs that the user gave, and which count
row_order       whether rows are sorted by y
arrays          operations on the X of an estimator
blocks, limits  sizes of blocks
thin, sparse_products, threads
                products with few vectors, products of several threads, BLAS threads
"""

from .batch_source import Batches
from .fold_splitters import KeyFolds, RowFolds

__all__ = ["Batches", "KeyFolds", "RowFolds"]
