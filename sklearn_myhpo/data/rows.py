"""The rows that `cv` divides, as given by the user and as checked."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .._messages import shown


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that `cv` divides, and their description in messages.

    Attributes
    ----------
    X, y : array-like of length n_samples
        As the user gave them: a splitter may look for the columns of a frame.
    target : ndarray of shape (n_samples,) or (n_samples, n_targets)
        The same as `y`, checked; the labels if `is_classifier`.
    is_classifier : bool
        Whether rows are divided with equal shares of the classes.
    needs_classes : bool
        Whether every training part must have rows of every class.
    n_features : int
        For messages.
    weights : ndarray of shape (n_samples,) or None
        Sample weights. Rows of weight zero are divided with the others, as
        scikit-learn does, but are ignored afterwards. None means weights of one.
    metadata : dict of str to object
        Further arguments of a splitter, `groups` first of all.
    """

    X: object
    y: object
    target: np.ndarray
    is_classifier: bool
    n_features: int
    needs_classes: bool = True
    weights: np.ndarray | None = None
    metadata: dict = field(default_factory=dict)

    @property
    def n_samples(self):
        """Number of rows, those of weight zero included."""
        return len(self.target)

    @cached_property
    def counts(self):
        """Mask of the rows with positive weight, shape (n_samples,)."""
        if self.weights is None:
            return np.ones(self.n_samples, dtype=bool)
        return self.weights > 0

    @cached_property
    def _all_count(self):
        return bool(self.counts.all())

    def have_weight(self, index):
        """Return whether any row of an index has a positive weight."""
        return bool(len(index)) and (self._all_count or bool(self.counts[index].any()))

    @cached_property
    def used(self):
        """Indices of the rows with positive weight."""
        return np.flatnonzero(self.counts)

    @cached_property
    def classes(self):
        """The labels of the rows with positive weight."""
        return np.unique(self.target[self.used])

    @cached_property
    def class_index(self):
        """The index into `classes` of every row; -1 for other labels."""
        index = np.searchsorted(self.classes, self.target)
        index = np.minimum(index, len(self.classes) - 1)
        return np.where(self.classes[index] == self.target, index, -1)

    @cached_property
    def class_sizes(self):
        """Numbers of rows with positive weight, shape (n_classes,)."""
        return np.bincount(self.class_index[self.used], minlength=len(self.classes))

    def label(self, index):
        """Return the label of a class in words."""
        return self.spell(self.classes[index])

    @staticmethod
    def spell(label):
        """Return a label in words."""
        return shown(label)

    @property
    def size(self):
        """The numbers of rows and features in words."""
        return f"n_samples = {self.n_samples}, n_features = {self.n_features}"

    @property
    def used_size(self):
        """The same, of the rows with positive weight."""
        text = f"n_samples = {self.used.size}, n_features = {self.n_features}"
        if self.used.size < self.n_samples:
            text += " (counting the rows with positive sample weight)"
        return text
