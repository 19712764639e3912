"""Rows in coordinates that differ between splits."""

import numpy as np

from .blocks import interleaved
from .dense import DenseDesign
from .memory import weighted_gram
from .split_rows import SplitRows, adjoint_all, forward_all


class MappedRows(SplitRows):
    """The same rows, with an origin and units for every split.

    One pass over the rows serves all splits: the origin is a correction of rank one.

    Parameters
    ----------
    base : Design
        With an intercept, if the splits have one or different origins.
    origins, units : ndarray of shape (n_splits, n_features)
        Of the rows of every split, in the coordinates of `base`.
    designs : list of Design
        The same rows as the splits have them.
    """

    def __init__(self, base, origins, units, designs):
        self.base, self.origins, self.units = base, origins, units
        self.designs, self.n_splits = designs, len(units)
        self.n_samples, self.n_features = base.shape
        self.is_sparse, self._has_one = base.is_sparse, designs[0].fit_intercept
        self.n_coordinates = self.n_features + self._has_one

    @classmethod
    def about(cls, base, designs, varies):
        """Return rows that differ from others in their origin and units.

        Parameters
        ----------
        base : Design
        designs : list of Design
            Of every split.
        varies : ndarray of bool of shape (n_splits, n_features)
            Features that vary in training rows. Without an intercept that absorbs their
            origin, the others are set to zero in all rows, so that their weights are
            zero and not rounding errors.
        """
        origins = np.stack([base.scaled(one.shift - base.shift) for one in designs])
        units = np.stack([one.scaled(np.ones(base.n_features)) for one in designs])
        if base.scale is not None:
            units /= base.scale
        if not designs[0].fit_intercept:
            units *= varies
        has_one = designs[0].fit_intercept or bool(np.any(origins))
        base = base.about(base.shift, base.scale, has_one, base.has_large_means)
        return cls(base, origins, units, designs)

    def of(self, number):
        """Return the rows of one split."""
        return self.designs[number]

    def take(self, index):
        """Return some of the rows of all splits."""
        base = self.base.take(index)
        designs = [
            base.about(one.shift, one.scale, one.fit_intercept, one.has_large_means)
            for one in self.designs
        ]
        return MappedRows(base, self.origins, self.units, designs)

    def forward(self, weights, owners=None):
        """Return raw predictions (k, n_outputs, n_samples)."""
        origins, units = self._facts(len(weights), owners)
        moved = np.empty((len(weights), self.base.n_coordinates, weights.shape[2]))
        core = moved[:, : self.n_features]
        np.multiply(weights[:, : self.n_features], units[:, :, None], out=core)
        if self.base.fit_intercept:
            moved[:, -1] = -(origins[:, None] @ core)[:, 0]
            if self._has_one:
                moved[:, -1] += weights[:, -1]
        return forward_all(self.base, moved)

    def adjoint(self, slopes, owners=None):
        """Return the transposed map of (k, n_outputs, n_samples)."""
        origins, units = self._facts(len(slopes), owners)
        found = adjoint_all(self.base, slopes)
        core = found[:, : self.n_features]
        if self.base.fit_intercept:
            core -= origins[:, :, None] * found[:, -1:]
        core *= units[:, :, None]
        return found[:, : self.n_coordinates]

    def _facts(self, n_all, owners):
        """Return the origins and units of the owners."""
        if owners is None:
            owners = np.repeat(np.arange(self.n_splits), n_all // self.n_splits)
        return self.origins[owners], self.units[owners]

    def reduce(self, function, *columns, entries_per_row=1):
        """Return the sum over blocks of rows."""

        def own(block, *own_columns):
            rows = MappedRows(block, self.origins, self.units, self.designs)
            return function(rows, *own_columns)

        return self.base.reduce(own, *columns, entries_per_row=entries_per_row)

    def grams(self, weights):
        """Return Gram matrices (k, m, m) of k weightings (n_samples, k)."""
        grams = self.base.grams(weights)
        shape = self.n_splits, -1, *grams.shape[1:]
        own = self._moved(grams.reshape(shape))
        return own.reshape(-1, *own.shape[2:])

    def _moved(self, grams):
        """Return Gram matrices (n_splits, k, ...) in the coordinates of the splits."""
        one = self.n_features
        units = np.ones((self.n_splits, 1, self.n_coordinates))
        units[:, 0, :one] = self.units
        if self.base.fit_intercept:
            origins = self.origins[:, None]
            # Applied to the rows, and then to the columns, of a copy.
            grams = grams - _outer(_padded(origins), grams[..., one, :])
            grams -= _outer(grams[..., one], _padded(origins))
        own = grams[..., : self.n_coordinates, : self.n_coordinates]
        return own * _outer(units, units)

    def sum_curvature(self, weights, labels, n_parts, own_shares):
        """Return the Gram matrices of all parts, of the rows as they are."""
        if labels is None:
            return self.base.grams(weights)[None]
        return self.base.part_grams(weights, labels, n_parts)

    def common_matrix(self, sums):
        """Return the mean of the matrices with all parts."""
        return np.mean(self.own_matrices(sums, None), axis=0)

    def own_matrices(self, sums, shares):
        """Return a matrix for every split."""
        if shares is None:
            shares = np.ones((self.n_splits, len(sums)))
        return interleaved(self._moved(np.tensordot(shares, sums, axes=1)))


def _outer(left, right):
    return left[..., :, None] * right[..., None, :]


def _padded(origins):
    """Return origins (n_splits, 1, n_features + 1), zero for the intercept."""
    return np.concatenate([origins, np.zeros((*origins.shape[:2], 1))], axis=2)


class StackedRows(SplitRows):
    """Rows in coordinates that differ between splits, few enough to be stored.

    Parameters
    ----------
    rows : ndarray of shape (n_splits, n_samples, n_coordinates)
    has_one : bool
        Whether the last coordinate is one.
    """

    is_sparse, has_parts = False, False

    def __init__(self, rows, has_one):
        self.rows, self._has_one = rows, has_one
        self.n_splits, self.n_samples, self.n_coordinates = rows.shape
        self.n_features = self.n_coordinates - has_one

    @classmethod
    def of_designs(cls, designs):
        """Return the rows of designs of one shape, with an intercept or without."""
        rows = np.stack([design.to_dense() for design in designs])
        return cls(rows, designs[0].fit_intercept)

    def of(self, number):
        """Return the rows of one split."""
        own = self.rows[number, :, : self.n_features]
        return DenseDesign(own, fit_intercept=self._has_one)

    def take(self, index):
        """Return some of the rows of all splits."""
        return StackedRows(self.rows[:, index], self._has_one)

    def forward(self, weights, owners=None):
        """Return raw predictions (k, n_outputs, n_samples)."""
        columns = weights.transpose(0, 2, 1)
        return self._product(columns, owners, self.rows.transpose(0, 2, 1))

    def adjoint(self, slopes, owners=None):
        """Return the transposed map of (k, n_outputs, n_samples)."""
        return self._product(slopes, owners, self.rows).transpose(0, 2, 1)

    def _product(self, values, owners, rows):
        """Return values (k, n_outputs, n) times the matrices (n, ...) of their owners.

        One product serves all vectors of a split.
        """
        in_order = np.repeat(np.arange(self.n_splits), len(values) // self.n_splits)
        if owners is None or np.array_equal(owners, in_order):
            found = values.reshape(self.n_splits, -1, values.shape[2]) @ rows
            return found.reshape(*values.shape[:2], -1)
        out = np.empty((*values.shape[:2], rows.shape[2]))
        for owner in np.unique(owners):
            own = owners == owner
            block = values[own]
            found = block.reshape(-1, values.shape[2]) @ rows[owner]
            out[own] = found.reshape(*block.shape[:2], -1)
        return out

    def reduce(self, function, *columns, entries_per_row=1):
        """Return the function's result for all rows, since they are few."""
        return function(self, *columns)

    def grams(self, weights):
        """Return Gram matrices (k, m, m) of k weightings (n_samples, k)."""
        own = weights.T.reshape(self.n_splits, -1, self.n_samples)
        out = np.empty((*own.shape[:2], self.n_coordinates, self.n_coordinates))
        for grams, rows, weightings in zip(out, self.rows, own, strict=True):
            for gram, weight in zip(grams, weightings, strict=True):
                gram[...] = weighted_gram(rows, weight)
        return out.reshape(-1, *out.shape[2:])

    def sum_curvature(self, weights, labels, n_parts, own_shares):
        """Return the matrices of all splits, or that of their mean rows."""
        if own_shares is None:
            mean = StackedRows(self.rows.mean(axis=0, keepdims=True), self._has_one)
            return interleaved(mean.grams(weights)[None])
        own = own_shares()[:, :, None] * weights
        grams = self.grams(own.transpose(1, 0, 2).reshape(self.n_samples, -1))
        return interleaved(grams.reshape(self.n_splits, -1, *grams.shape[1:]))

    def common_matrix(self, sums):
        """Return the mean of the matrices of all splits."""
        return np.mean(sums, axis=0)

    def own_matrices(self, sums, shares):
        """Return the matrices of all splits, whatever the shares."""
        return sums.copy()
