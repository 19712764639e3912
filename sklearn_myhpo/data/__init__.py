"""Everything that reads X.

design          the contract: the sums over rows that others may request, by blocks
memory          rows in memory, such as the rows of a block
dense, sparse, streamed, formed
                the data sources: ndarray, CSR array, file or single precision, derived
                rows
sources         the choice of a design by the type of X; a new source needs a line here
selected, stacked
                some rows of a design, and designs below each other, without a copy
streams         rows beyond memory, in batches
dask            rows in the collections of Dask
folds, cv       the `cv` parameter as pairs of training and validation rows
moments         second moments of folds, in one pass or part by part
minibatches     batches of rows for stochastic solvers
rows, given     the rows that `cv` divides, as given and as checked
parts           the division of rows among splits: kinds of rows, visits
sums            sums of products of all splits in one pass
statistics      means and scales of all splits
split_rows, own_rows, shared_rows
                rows times the weights of every split, in own or shared coordinates
row_space       wide groups in the row space of their features
row_basis       all rows in a basis of their span, by products of rows
few_targets     few rotated targets with the sums of many, and targets in batches
partial         residuals of columns after regression on some of them
held_out        the rows of the validation loss: slopes and losses of single rows
sampling        every k-th of many rows, for estimates
arrays, frames  operations on the X of an estimator, and on data frames
blocks, limits  sizes of blocks
thin, sparse_products, threads, jobs
                products with few vectors, products of several threads, BLAS threads
"""

from .folds.splitters import KeyFolds, RowFolds
from .streams.batches import Batches

__all__ = ["Batches", "KeyFolds", "RowFolds"]
