"""Rows of X as a linear map of weights, in coordinates with an origin and units."""

import numpy as np


class LinearMap:
    """Products of rows in their coordinates with weights, and with numbers of rows.

    Both are made of products with X itself, so that blocks of rows share all else.
    """

    @property
    def n_coordinates(self):
        """Number of coordinates of a row, the intercept included."""
        return self.n_features + self.fit_intercept

    def scaled(self, values):
        """Return values (n_features,) of X in the units of the coordinates."""
        return values if self.scale is None else values * self.scale

    def moved_origin(self, mean):
        """Return the origin in X of a mean (n_features,) in the coordinates."""
        unit = self.scaled(np.ones_like(mean))
        return self.shift + mean / np.where(unit, unit, np.inf)

    def forward(self, w):
        """Return raw predictions (n_samples, k) of weights (n_coordinates, k)."""
        return self.images(self.in_features(w))

    def adjoint(self, values):
        """Return the transposed map (n_coordinates, k) of values (n_samples, k)."""
        return self.of_sums(self.sums(values))

    def in_features(self, w):
        """Return weights as weights of the features, with the constants in a last row.

        Parameters
        ----------
        w : ndarray of shape (n_coordinates, k)

        Returns
        -------
        ndarray of shape (n_features + 1, k)
        """
        # In this order of memory, the product with a block of rows is fastest.
        out = np.zeros((self.n_features + 1, w.shape[1]), np.result_type(w, float))
        out[: w.shape[0]] = w
        core = out[:-1]
        if self.scale is not None:
            core *= self.scale[:, None]
        if not self.has_large_means:
            out[-1] -= self.shift @ core
        return out

    def images(self, weights):
        """Return raw predictions (n_samples, k) of the result of `in_features`."""
        core, constant = weights[:-1], weights[-1]
        is_centred = self.has_large_means
        raw = self._forward_centred(core) if is_centred else self._forward(core)
        if constant.any():
            raw += constant
        return raw

    def sums(self, values):
        """Return the features' sums of values (n_samples, k), and then their totals.

        Sums over blocks of rows add up, before `of_sums` makes coordinates of them.

        Returns
        -------
        ndarray of shape (n_features + 1, k)
        """
        is_centred = self.has_large_means
        core = self._adjoint_centred(values) if is_centred else self._adjoint(values)
        return np.concatenate([core, values.sum(axis=0)[None]])

    def of_sums(self, sums):
        """Return the transposed map (n_coordinates, k) of the result of `sums`."""
        core, total = sums[:-1], sums[-1]
        if not self.has_large_means and (self.fit_intercept or self.shift.any()):
            core = core - self.shift[:, None] * total
        if self.scale is not None:
            core = core * self.scale[:, None]
        return np.concatenate([core, total[None]]) if self.fit_intercept else core

    def _forward(self, core):
        """Return ``X core`` (n_samples, k)."""
        out = np.empty((self.n_samples, core.shape[1]))
        for rows, block in self.blocks():
            out[rows] = block._forward(core)
        return out

    def _adjoint(self, values):
        """Return ``X' values`` (n_features, k)."""
        return self.reduce(lambda block, own: block._adjoint(own), values)

    def _forward_centred(self, core):
        """Return ``(X - shift) core``, centred before it is multiplied."""
        out = np.empty((self.n_samples, core.shape[1]))
        for rows, block in self.blocks(self.n_features):
            out[rows] = block.moved() @ core
        return out

    def _adjoint_centred(self, values):
        """Return ``(X - shift)' values``, centred before it is multiplied."""
        return self.reduce(
            lambda block, own: block.moved().T @ own,
            values,
            entries_per_row=self.n_features,
        )

    def gram_of_products(self, products, first, total, origin):
        """Return a Gram matrix in the coordinates, of sums over stored rows.

        Parameters
        ----------
        products : ndarray of shape (n_features, n_features)
            Sums of the weighted products of two features; changed.
        first : ndarray of shape (n_features,)
            Weighted sums of the features.
        total : float
            Sum of the weights.
        origin : ndarray of shape (n_features,)
            Of the coordinates, in the stored rows.
        """
        ends = first - total * origin
        if self.fit_intercept or origin.any():
            cross = np.outer(0.5 * (first + ends), origin)
            products -= cross
            products -= cross.T
        return self.gram_of_centred(products, ends, total)

    def gram_of_centred(self, products, ends, total):
        """Return a Gram matrix in the coordinates, of sums over rows about the origin.

        Parameters
        ----------
        products, ends, total
            As the first three of `gram_of_products`.
        """
        if self.scale is not None:
            products *= self.scale[:, None] * self.scale
            ends = ends * self.scale
        if not self.fit_intercept:
            return products
        out = np.empty((self.n_coordinates, self.n_coordinates))
        out[:-1, :-1], out[-1, -1] = products, total
        out[-1, :-1] = out[:-1, -1] = ends
        return out
