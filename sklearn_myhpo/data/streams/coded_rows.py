"""Rows of a source with coded labels for tasks and given labels for folds."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..folds.uses import FoldRule
from .source import Block, RowSource


class CodedBlock(Block):
    """A block with numbers instead of labels.

    Attributes
    ----------
    given : Block
        With the labels.
    """

    given = None


class ClassCode(NamedTuple):
    """Targets -1 and 1 of labels: one column for two classes, or one for each.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted; rows of others have no weight.
    weight : ndarray of shape (n_classes,) or None
        Factors of the weights of the rows.
    """

    classes: np.ndarray
    weight: np.ndarray | None

    def of(self, block):
        """Return the `CodedBlock`."""
        y, weight = block.y.reshape(block.n_rows), block.weight
        index = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
        number = np.arange(len(self.classes))
        is_one = index[:, None] == (number if len(number) > 2 else number[1:])
        factor = (self.classes[index] == y).astype(np.float64)
        if self.weight is not None:
            factor = factor * self.weight[index]
        if not np.all(factor == 1):
            weight = factor if weight is None else weight * factor
        coded = CodedBlock(
            *block._replace(y=np.where(is_one, 1.0, -1.0), weight=weight)
        )
        coded.given = block
        return coded


class LabelCode(NamedTuple):
    """Targets -1 and 1 of columns of zeros and ones, one for every label."""

    def of(self, block):
        """Return the `CodedBlock`."""
        if not np.isin(block.y, (0, 1)).all():
            raise ValueError(
                "y must have one label per row, or a column of zeros and ones per "
                f"label. Got {block.y.shape[1]} columns with other numbers."
            )
        coded = CodedBlock(*block._replace(y=np.where(block.y == 1, 1.0, -1.0)))
        coded.given = block
        return coded


@dataclass(frozen=True)
class CodedRule(FoldRule):
    """Folds by the labels of coded rows.

    Attributes
    ----------
    rule : rule of folds
    """

    rule: object

    @property
    def n_splits(self):
        """Number of folds."""
        return self.rule.n_splits

    @property
    def uses(self):
        """The `FoldUses`."""
        return self.rule.uses

    def kinds(self, block):
        """Return the kinds of the rows of a `CodedBlock`, shape (b, n_families)."""
        return self.rule.kinds(block.given)


class CodedRows(RowSource):
    """The rows of a source, coded where they are.

    Parameters
    ----------
    source : RowSource
    code : ClassCode or LabelCode
    """

    def __init__(self, source, code):
        self._source, self._code = source, code
        self.watch = source.watch

    @property
    def n_passes(self):
        """Number of passes over all rows so far."""
        return self._source.n_passes

    @property
    def n_samples(self):
        """Number of rows, or None."""
        return self._source.n_samples

    @property
    def is_one_block(self):
        """Whether the first block is known to have all rows."""
        return self._source.is_one_block

    @property
    def n_features(self):
        """Number of columns of X."""
        return self._source.n_features

    @property
    def dtype(self):
        """Precision of X."""
        return self._source.dtype

    @property
    def head(self):
        """X of the first rows, as given."""
        return self._source.head

    def first(self):
        """Return the first block, coded."""
        return self._code.of(self._source.first())

    def map_reduce(self, task, *args):
        """Return the sum over the coded blocks."""
        return self._source.map_reduce(on_coded, self._code, task, *args)

    def map_held_out(self, task, *args):
        """Return the sum over the coded blocks of held-out rows."""
        return self._source.map_held_out(on_coded, self._code, task, *args)

    def close(self):
        """End the reading of rows."""
        self._source.close()


def on_coded(block, code, task, *args):
    """Return the result of a task for a block with coded labels: a task."""
    return task(code.of(block), *args)
