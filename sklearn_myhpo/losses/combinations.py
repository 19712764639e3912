"""Combinations of the derivatives of a loss, which a loss may compute faster."""

import numpy as np


class Combinations:
    """Several derivatives of a loss at once, and their products with vectors.

    The defaults are made of `value`, `gradient`, `curvature` and `third` of `Loss`.
    """

    def value_and_gradient(self, y, raw):
        """Return `value` and `gradient`; a subclass may share work between them.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.

        Returns
        -------
        value : ndarray of shape (n_samples,)
            The loss.
        gradient : ndarray of shape (n_samples, n_outputs)
            The first derivative.
        """
        return self.value(y, raw), self.gradient(y, raw)

    def gradient_and_curvature(self, y, raw):
        """Return `gradient` and `curvature`; a subclass may share work between them.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.

        Returns
        -------
        gradient : ndarray of shape (n_samples, n_outputs)
            The first derivative.
        curvature : ndarray of shape (n_samples, n_outputs, n_outputs)
            The second derivative; it may be a read-only view.
        """
        return self.gradient(y, raw), self.curvature(y, raw)

    def derivatives(self, y, raw):
        """Return values and three derivatives in one raw prediction per row.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            Target.
        raw : ndarray of shape (..., n_samples)
            Raw predictions of one or more models.

        Returns
        -------
        value, first, second, third : ndarray of the shape of `raw`
            They may share memory.
        """
        shape, one = raw.shape, np.ones((1, 1))
        y, raw = np.broadcast_to(y, shape).ravel(), raw.reshape(-1, 1)
        value, first = self.value_and_gradient(y, raw)
        found = value, first, self.curvature(y, raw), self.third(y, raw, one, one, one)
        return tuple(each.reshape(shape) for each in found)

    def slopes(self, y, raw):
        """Return the three of `derivatives`, with the rounding of the mean."""
        return self.derivatives(y, raw)[1:]

    def curvature_product(self, y, raw, vectors):
        """Return the curvature applied to vectors; a subclass need not form it.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.
        vectors : ndarray of shape (k, n_samples, n_outputs)
            Changes of the raw prediction.

        Returns
        -------
        ndarray of shape (k, n_samples, n_outputs)
            The changes of the gradient.
        """
        return np.einsum("nab,knb->kna", self.curvature(y, raw), vectors)

    def curvature_slope(self, y, raw, along):
        """Return the derivative of the curvature along a direction.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw, along : ndarray of shape (n_samples, n_outputs)
            Raw prediction, and the direction of its change.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_outputs)
            The third derivative contracted with the direction.
        """
        units = np.eye(raw.shape[1])[:, None, :]
        return np.moveaxis(self.third(y, raw, along, units[:, None], units), 2, 0)

    def third_product(self, y, raw, along, vectors):
        """Return `curvature_slope` applied to vectors; a subclass need not form it.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw, along : ndarray of shape (n_samples, n_outputs)
            Raw prediction, and the direction of its change.
        vectors : ndarray of shape (k, n_samples, n_outputs)
            Other changes of the raw prediction.

        Returns
        -------
        ndarray of shape (k, n_samples, n_outputs)
            The third derivative contracted with the direction and every vector.
        """
        return np.einsum("nab,knb->kna", self.curvature_slope(y, raw, along), vectors)
