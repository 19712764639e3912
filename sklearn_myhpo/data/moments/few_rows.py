"""Few rows with the moments of many rows and targets, which are read once.

The rows (x, 1) of a kind, times the roots of their weights, are ``Q R``, with
orthonormal columns of Q. The rows of R and ``Q' y`` remain, and the sum of squares of
the rest of y. Where lambda is shared, the targets are rotated too, so that there are no
more of them than rows that remain.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr

from ..blocks import as_slice
from ..few_targets import Rotation, target_slices
from ..folds.uses import FoldUses
from ..streams.sample import RowSample, SampledRows
from .condensed import condense
from .fold_moments import Centre

#: Share of a sum of squares outside of a basis below which it is not a difference.
LEAST_OUTSIDE = 1e-4


class Rotated(NamedTuple):
    """Rows (x, 1), rotated to few.

    Attributes
    ----------
    basis : ndarray of shape (n_rows, k) or None
        Q; None if the rows are as few, and are kept.
    rows : ndarray of shape (k, n_features + 1)
        R, or these rows.
    """

    basis: np.ndarray | None
    rows: np.ndarray

    @classmethod
    def of(cls, rows):
        """Return the rotation of rows, which are overwritten."""
        if len(rows) <= rows.shape[1] + 1:
            return cls(None, rows)
        return cls(*qr(rows, mode="economic", overwrite_a=True, check_finite=False))

    def targets(self, y):
        """Return targets (k, t) of the rows, and sums of squares (t,) of their rest."""
        if self.basis is None:
            return y, np.zeros(y.shape[1])
        along, square = self.basis.T @ y, np.einsum("nt,nt->t", y, y)
        rest = np.maximum(square - np.einsum("kt,kt->t", along, along), 0.0)
        lost = np.flatnonzero(rest < LEAST_OUTSIDE * square)
        if len(lost):
            left = y[:, lost] - self.basis @ along[:, lost]
            rest[lost] = np.einsum("nt,nt->t", left, left)
        return along, rest


class FewRows:
    """The rows of splits, rotated to few of every kind.

    Parameters
    ----------
    design : Design
        About zero, without an intercept.
    parts : RowParts
        With kinds.
    fit_intercept : bool
    dtype : dtype
        Precision of the rows as given.
    """

    def __init__(self, design, parts, fit_intercept, dtype):
        self.design, self.parts, self.dtype = design, parts, dtype
        self.root = np.sqrt(parts.sample_weight)[:, None]
        self.mean = np.zeros(design.n_features)
        if fit_intercept:
            self.mean = design.at_means(parts.sample_weight, True).shift
        kinds = range(parts.counts.shape[2])
        self.index = [as_slice(np.flatnonzero(parts.kinds == kind)) for kind in kinds]
        self.rotated = [Rotated.of(self._rows(index)) for index in self.index]
        #: The last place of the targets of every kind among those of all.
        self.ends = np.cumsum([len(one.rows) for one in self.rotated])

    def _rows(self, index):
        """Return the rows (x, 1) of a kind, times the roots of their weights."""
        rows = np.ones((len(self.root[index]), self.design.n_features + 1))
        np.subtract(self.design.take(index).raw(), self.mean, out=rows[:, :-1])
        rows *= self.root[index]
        return rows

    @property
    def none(self):
        """The sample of no rows."""
        return RowSample(1, 1, ())

    @property
    def n_rows(self):
        """Number of rotated rows."""
        return int(self.ends[-1])

    @cached_property
    def together(self):
        """The `Rotated` rows of all kinds."""
        return Rotated.of(np.concatenate([one.rows for one in self.rotated]))

    def targets(self, y, part, origin):
        """Return some of the targets, rotated.

        Parameters
        ----------
        y : ndarray of shape (n_samples, n_targets)
        part : slice
            Of the targets.
        origin : ndarray of shape (n_targets,)
            Subtracted first.

        Returns
        -------
        along : ndarray of shape (n_rows, t)
        rest : ndarray of shape (n_kinds, t)
            Sums of squares of the rest of every kind.
        """
        y, origin = y[:, part], origin[part]
        along = np.empty((self.n_rows, len(origin)))
        rest = np.empty((len(self.rotated), len(origin)))
        each = zip(
            self.index, self.rotated, np.split(along, self.ends[:-1]), strict=True
        )
        for kind, (index, rotated, out) in enumerate(each):
            root = self.root[index]
            for some in target_slices(len(origin), len(root)):
                own = (y[index, some] - origin[some]) * root
                out[:, some], rest[kind, some] = rotated.targets(own)
        return along, rest

    def condensed(self, along, rest, sample, origin=None):
        """Return the `Condensed` of rotated targets.

        Parameters
        ----------
        along : ndarray of shape (n_rows, t)
        rest : ndarray of shape (n_kinds, t)
        sample : RowSample
            Of rows with these targets.
        origin : ndarray of shape (t,), default=None
            Added to the targets; None for zeros.
        """
        each = np.split(along, self.ends[:-1])
        rows = {
            kind: _with_targets(rotated.rows, own, left)
            for kind, (rotated, own, left) in enumerate(
                zip(self.rotated, each, rest, strict=True)
            )
        }
        counts = dict(enumerate(np.bincount(self.parts.kinds, minlength=len(rows))))
        train, held_out = self.parts.counts.transpose(1, 0, 2)
        ones = np.ones(len(rows), dtype=int)
        uses = FoldUses(train, held_out, ones, 0 * ones)
        return self._condense(rows, counts, uses, sample, origin)

    def all_rows(self, along, rest, origin):
        """Return the `Condensed` of all rows together, without splits.

        Parameters
        ----------
        along : ndarray of shape (k, n_targets)
            Rotated targets of `together`.
        rest : ndarray of shape (n_targets,)
        origin : ndarray of shape (n_targets,)
        """
        rows = {0: _with_targets(self.together.rows, along, rest)}
        none = np.zeros((0, 1), dtype=int)
        uses = FoldUses(none, none, np.ones(1, dtype=int), np.zeros(1, dtype=int))
        counts = {0: len(self.parts.sample_weight)}
        return self._condense(rows, counts, uses, self.none, origin)

    def _condense(self, rows, counts, uses, sample, origin):
        """Return the `Condensed` of rows of every kind, at their own place."""
        width = next(iter(rows.values())).shape[1] - len(self.mean) - 1
        zeros = np.zeros(width, dtype=int)
        origin = zeros if origin is None else origin
        centre = Centre(self.mean, origin, zeros, 0)
        given = rows, counts, uses, centre, sample, self.dtype, None
        return condense(*given, moves=False)

    def sample(self, n_rows):
        """Return the numbers of so many rows at most, evenly spaced."""
        return np.arange(0, len(self.root), -(-len(self.root) // n_rows))

    def sampled(self, index, y):
        """Return the `RowSample` of some rows with given targets."""
        kinds, weight = self.parts.kinds[index, None], self.parts.sample_weight[index]
        X = np.asarray(self.design.take(index).raw(), dtype=np.float64)
        return RowSample(1, len(index), (SampledRows(index, kinds, X, y, weight),))


def _with_targets(rows, along, rest):
    """Return rows (x, 1, y) of rotated rows, and of the squares of the rest of y."""
    size, width = rows.shape
    if not rest.any():
        return np.hstack([rows, along])
    found = np.zeros((size + 1, width + along.shape[1]))
    found[:size, :width], found[:size, width:] = rows, along
    found[size, width:] = np.sqrt(rest)
    return found


class FewTargets(NamedTuple):
    """Few rows and targets with the sums of many, and the moments of all targets.

    Attributes
    ----------
    condensed : Condensed
        Of the splits, with rotated targets.
    everything : Condensed
        Of all rows, with all targets.
    """

    condensed: object
    everything: object


def few_targets(few, y, origin, n_sampled):
    """Return the `FewTargets` of rows and targets, which are read once.

    Parameters
    ----------
    few : FewRows
    y : ndarray of shape (n_samples, n_targets)
    origin : ndarray of shape (n_targets,)
        Subtracted first.
    n_sampled : int
        Rows at most whose rotated targets are kept too.
    """
    index, n_targets = few.sample(n_sampled), y.shape[1]
    size, n_rows, basis = few.n_rows + len(index), few.n_rows, few.together
    rotation, squares = Rotation(size), np.zeros(len(few.rotated))
    along = np.empty((len(basis.rows), n_targets))
    rest = np.empty(n_targets)
    # As many as there are rows, or the factorizations would dominate.
    for part in target_slices(n_targets, len(y), least=size // 2):
        own, left = few.targets(y, part, origin)
        rotation.add(np.concatenate([own, y[index, part] - origin[part]]))
        squares += left.sum(axis=1)
        along[:, part], more = basis.targets(own)
        rest[part] = more + left.sum(axis=0)
    # One more target has the rest of all, which no model reaches.
    turned = np.pad(rotation.turned, ((0, 0), (0, 1)))
    left = np.zeros((len(squares), size + 1))
    left[:, -1] = squares
    sample = few.sampled(index, turned[n_rows:])
    return FewTargets(
        few.condensed(turned[:n_rows], left, sample),
        few.all_rows(along, rest, origin),
    )
