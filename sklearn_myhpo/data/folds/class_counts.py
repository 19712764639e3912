"""Numbers of rows of every class, by block, for stratified folds."""

from typing import NamedTuple

import numpy as np

from ..._messages import shown


class ClassCounts(NamedTuple):
    """Labels and their counts in a set of blocks.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    first : ndarray of int of shape (n_classes,)
        First row of each.
    weight : ndarray of shape (n_classes,)
        Sum of the weights of each; the number of rows without weights.
    blocks : ndarray of int of shape (n_blocks,)
        Numbers of the blocks.
    counts : ndarray of int of shape (n_blocks, n_classes)
    """

    classes: np.ndarray
    first: np.ndarray
    weight: np.ndarray
    blocks: np.ndarray
    counts: np.ndarray

    @property
    def sizes(self):
        """Numbers of rows, shape (n_classes,)."""
        return self.counts.sum(axis=0)

    def before(self):
        """Return the numbers of rows of every class before a block, by its number."""
        order = np.argsort(self.blocks)
        counts = self.counts[order]
        before = np.cumsum(counts, axis=0) - counts
        return dict(zip(self.blocks[order].tolist(), before, strict=True))

    def plus(self, other):
        """Return the counts of the blocks of both."""
        classes = np.union1d(self.classes, other.classes)
        places = [np.searchsorted(classes, one.classes) for one in (self, other)]
        first = np.full(len(classes), np.iinfo(np.int64).max)
        weight = np.zeros(len(classes))
        counts = []
        for one, place in zip((self, other), places, strict=True):
            first[place] = np.minimum(first[place], one.first)
            weight[place] += one.weight
            wide = np.zeros((len(one.blocks), len(classes)), dtype=np.int64)
            wide[:, place] = one.counts
            counts.append(wide)
        blocks = np.concatenate([self.blocks, other.blocks])
        return ClassCounts(classes, first, weight, blocks, np.concatenate(counts))


def count_classes(source):
    """Return the `ClassCounts` of the rows of a source, in one pass.

    Parameters
    ----------
    source : RowSource

    Returns
    -------
    ClassCounts
    """
    return source.map_reduce(classes_of_block)


def classes_of_block(block):
    """Return the `ClassCounts` of a block."""
    y = block.y
    if y.ndim != 1:
        raise ValueError(
            f"y must be one column of labels for stratified folds. Got {shown(y)}."
        )
    classes, first, index, counts = np.unique(
        y, return_index=True, return_inverse=True, return_counts=True
    )
    weight = counts.astype(np.float64)
    if block.weight is not None:
        weight = np.bincount(index.reshape(len(y)), weights=block.weight)
    return ClassCounts(
        classes, block.start + first, weight, np.array([block.number]), counts[None]
    )
