"""Passes over the rows that serve all splits: each block is read once and used while
a cache holds it."""

from typing import NamedTuple

import numpy as np

from ...data.blocks import cached_block
from .products import adjoint_all, forward_all


class Slopes(NamedTuple):
    """The data terms of the training losses at some weights.

    Attributes
    ----------
    raw : ndarray of shape (n_splits, n_outputs, n_samples)
        Raw predictions of all rows.
    losses : ndarray of shape (n_splits,)
    gradients : ndarray of shape (n_splits, m, n_outputs)
    """

    raw: np.ndarray
    losses: np.ndarray
    gradients: np.ndarray


class Passes:
    """Sums over the rows for all splits of a generalized linear model.

    Parameters
    ----------
    rows : Design
    loss : Loss
    y : ndarray
        Target as the loss wants it.
    train_weights : ndarray of shape (n_splits, n_samples)
        Non-negative, with sum 1 over the rows of a split.
    """

    def __init__(self, rows, loss, y, train_weights):
        self.rows, self.loss, self.y = rows, loss, y
        self.train_weights = train_weights
        self.n_splits, self.n_outputs = len(train_weights), loss.n_outputs(y)
        n_numbers = 6 * self.n_splits * (self.n_outputs + 1)
        # Products with blocks of sparse rows cost more than with all of them.
        width = 1 if rows.is_sparse else max(rows.n_features, n_numbers)
        self._width, _ = cached_block(width)

    def slopes(self, weights):
        """Return the `Slopes` at weights (n_splits, m, n_outputs), in one pass."""
        raw = np.empty((*weights.shape[::2], self.rows.n_samples))

        def own(block, y, train, raw):
            raw = raw.transpose(1, 2, 0)
            raw[...] = forward_all(block, weights)
            losses, slopes = self._losses_and_slopes(y, raw)
            losses = np.einsum("kn,nk->k", losses, train)
            slopes *= train.T[:, None]
            return losses, adjoint_all(block, slopes)

        columns = self.y, self.train_weights.T, raw.transpose(2, 0, 1)
        found = self.rows.reduce(own, *columns, entries_per_row=self._width)
        if all(np.all(np.isfinite(one)) for one in found):
            return Slopes(raw, *found)
        return self._slopes_of_used_rows(raw)

    def _losses_and_slopes(self, y, raw):
        """Return losses (k, n) and their derivatives (k, n_outputs, n) of a block."""
        if self.n_outputs == 1:
            # One call for all splits, on rows that are repeated.
            n_rows = raw.shape[2]
            many = np.concatenate([y] * len(raw)) if len(raw) > 1 else y
            losses, slopes = self.loss.value_and_gradient(many, raw.reshape(-1, 1))
            return losses.reshape(-1, n_rows), slopes.reshape(-1, 1, n_rows)
        losses, slopes = np.empty((len(raw), raw.shape[2])), np.empty_like(raw)
        for number, one in enumerate(raw):
            losses[number], slope = self.loss.value_and_gradient(y, one.T)
            slopes[number] = slope.T
        return losses, slopes

    def _slopes_of_used_rows(self, raw):
        """Return the `Slopes` where other rows may be infinite.

        Zero times infinity is no number.
        """
        losses, slopes = self._losses_and_slopes(self.y, raw)
        used = self.train_weights > 0
        losses = np.where(used, losses * self.train_weights, 0.0).sum(axis=1)
        weighted = slopes * self.train_weights[:, None]
        slopes = np.where(used[:, None], weighted, 0.0)
        return Slopes(raw, losses, adjoint_all(self.rows, slopes))
