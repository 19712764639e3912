"""Training rows of one source, and validation rows of another."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..folds.uses import FoldRule, FoldUses
from .source import RowSource

#: Numbers of the first row and of the first block of the validation rows: above those
#: of the training rows, whose number may be unknown.
FIRST_ROW, FIRST_BLOCK = 2**60, 2**30


class OwnValidation(FoldRule):
    """One split: all rows of the first source train, all of the second are held out."""

    n_splits = 1

    @property
    def uses(self):
        """The `FoldUses`: the second kind is held out, and no part of the refit."""
        return FoldUses(
            np.array([[1, 0]]), np.array([[0, 1]]), np.array([1, 0]), np.zeros(2, int)
        )

    def kinds(self, block):
        """Return the kind of the rows of a block, shape (b, 1)."""
        return np.full((block.n_rows, 1), int(block.start >= FIRST_ROW))


class JoinedSource(RowSource):
    """The rows of two sources.

    Parameters
    ----------
    training, validation : RowSource
        With the same columns.
    """

    def __init__(self, training, validation):
        self.training, self.validation = training, validation
        self.watch = training.watch

    @property
    def n_passes(self):
        """Number of passes over all rows so far."""
        return self.training.n_passes

    @property
    def n_samples(self):
        """Number of all rows, or None."""
        own, more = self.training.n_samples, self.validation.n_samples
        return None if own is None or more is None else own + more

    @property
    def is_resident(self):
        """Whether each source is in the memory of one device."""
        return self.training.is_resident and self.validation.is_resident

    @property
    def is_one_block(self):
        """Whether each source is known to be one block."""
        return self.training.is_one_block and self.validation.is_one_block

    @property
    def n_features(self):
        """Number of columns of X."""
        return self.training.n_features

    @property
    def dtype(self):
        """Precision of X of the training rows."""
        return self.training.dtype

    @property
    def head(self):
        """X of the first training rows, as given."""
        return self.training.head

    def first(self):
        """Return the first block of the training rows."""
        form = PartForm.of(self.training, self.validation)
        return form.block(self.training.first())

    def map_parts(self, task, *args):
        """Return the sums over both sources."""
        form = PartForm.of(self.training, self.validation)
        own = self.training.map_reduce(on_part, form, task, *args)
        return own, self.map_held_out(task, *args)

    def map_held_out(self, task, *args):
        """Return the sum over the validation rows alone."""
        form = PartForm.of(self.training, self.validation)
        form = form._replace(row=FIRST_ROW, number=FIRST_BLOCK)
        return self.validation.map_reduce(on_part, form, task, *args)

    def map_reduce(self, task, *args):
        """Return the sum over the blocks of both."""
        own, more = self.map_parts(task, *args)
        return own.plus(more)

    def close(self):
        """End the reading of rows."""
        self.training.close()
        self.validation.close()


class PartForm(NamedTuple):
    """How blocks of a part are numbered and written.

    Attributes
    ----------
    is_sparse : bool
        Whether X of the training rows is.
    has_weight : bool
        Whether any part has weights.
    row, number : int
        Numbers of the first row and of the first block.
    """

    is_sparse: bool
    has_weight: bool
    row: int = 0
    number: int = 0

    @classmethod
    def of(cls, training, validation):
        """Return the form of the training rows."""
        own, more = training.first(), validation.first()
        has_weight = own.weight is not None or more.weight is not None
        return cls(sparse.issparse(own.X), has_weight)

    def block(self, block):
        """Return a block in the form."""
        X, weight = block.X, block.weight
        if self.is_sparse:
            X = sparse.csr_array(X)
        elif sparse.issparse(X):
            X = X.toarray()
        if weight is None and self.has_weight:
            weight = np.ones(block.n_rows)
        start, number = block.start + self.row, block.number + self.number
        return block._replace(X=X, weight=weight, start=start, number=number, key=None)


def on_part(block, form, task, *args):
    """Return the result of a task for a block of a part: a task."""
    return task(form.block(block), *args)
