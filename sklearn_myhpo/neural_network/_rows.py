"""Rows of data as batches of tensors."""

from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch.utils.data import DataLoader, IterableDataset, default_collate

from ..data.arrays import select_rows


class Rows:
    """Rows of arrays as tensors; sparse rows become dense batch by batch.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, ...)
        Features.
    y : ndarray or None
        Class indices, or targets of shape (n_samples, n_outputs).
    rows : ndarray of int, optional
        Rows of X to use, one per entry of y; all if not given.
    cast : callable, optional
        Function that changes the type of the features.
    device : torch.device, optional
        Device of the batches.
    """

    def __init__(self, X, y=None, rows=None, cast=None, device=None):
        self.X = X
        self.y = None if y is None else torch.from_numpy(y).to(device)
        self.rows = rows
        self.cast, self.device = cast, device

    def __len__(self):
        return self._n_rows() if self.rows is None else len(self.rows)

    def take(self, index):
        """Return features and targets of some rows, given a slice or a tensor."""
        rows = index if isinstance(index, slice) else index.numpy()
        if self.rows is not None:
            rows = self.rows[rows]
        x = self._features(rows)
        x = (x if self.cast is None else self.cast(x)).to(self.device)
        return x, None if self.y is None else self.y[index]

    def batches(self, size, generator):
        """Yield batches that cover the rows once, in a random order.

        A row that would be left alone joins the last batch, since layers that normalize
        rows by one another need two.
        """
        order = torch.randperm(
            len(self), generator=generator, device=generator.device
        ).cpu()
        ends = [*range(size, len(self), size), len(self)]
        if size > 1 and len(ends) > 1 and len(self) - ends[-2] == 1:
            del ends[-2]
        for start, end in pairwise([0, *ends]):
            yield self.take(order[start:end])

    def endless_batches(self, size, generator):
        """Yield batches without end, in a new random order for every pass."""
        while True:
            yield from self.batches(size, generator)

    def parts(self, size):
        """Yield batches that cover the rows once, in their order."""
        for start in range(0, len(self), size):
            yield self.take(slice(start, start + size))

    def _n_rows(self):
        return self.X.shape[0]

    def _features(self, rows):
        X = select_rows(self.X, rows)
        if sparse.issparse(X):
            X = X.toarray()
        # PyTorch warns of arrays that cannot be written to.
        return torch.from_numpy(np.require(X, requirements=["C", "W"]))


class DatasetRows(Rows):
    """Rows of a `torch.utils.data.Dataset`; items are read when they are needed.

    Parameters
    ----------
    X : torch.utils.data.Dataset
        Items are features, or pairs of features and a target.
    *args, **kwargs
        As in `Rows`.
    """

    def _n_rows(self):
        return len(self.X)

    def _features(self, rows):
        if isinstance(rows, slice):
            rows = range(*rows.indices(len(self)))
        items = [features_of(self.X, int(row)) for row in rows]
        shapes = list(map(np.shape, items))
        for row, shape in zip(rows, shapes, strict=True):
            if shape != shapes[0]:
                raise ValueError(
                    "Items of the Dataset must have features of one shape. Got "
                    f"{shapes[0]} for item {int(rows[0])} and {shape} for item "
                    f"{int(row)}."
                )
        return default_collate(items)


def refuse_loaders(X):
    """Raise if X yields batches or items of its own, instead of rows by number."""
    if isinstance(X, DataLoader | IterableDataset):
        raise ValueError(
            "X must be an array or a Dataset with a length, whose items are read by "
            f"number. Got {type(X).__name__}. Give the `dataset` of a DataLoader; "
            "batch_size says how many rows a batch has."
        )


def features_of(dataset, row):
    """Return the features of an item."""
    item = dataset.__getitem__(row)
    return item[0] if isinstance(item, tuple | list) else item


def targets_of(dataset):
    """Return the targets of all items, an array with one entry per item."""
    targets = []
    for row in range(len(dataset)):
        item = dataset.__getitem__(row)
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise ValueError(
                "Items of the Dataset must be pairs of features and a target. Got "
                f"{type(item).__name__} for item {row}."
            )
        targets.append(np.asarray(item[1]))
    return np.stack(targets)
