"""A pass for slopes, products of the Hessians and second derivatives in one lambda."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from .passes import Slopes


class NearTerms(NamedTuple):
    """Sums over the rows of every split, at its weights.

    Attributes
    ----------
    at : Slopes
    products : ndarray of shape (k, 2, m)
        The Hessians of the data terms applied to a response J and an adjoint q.
    gram, third : ndarray of shape (k,)
        ``J' H_V J``, and the third derivative of L_T along (q, J, J).
    """

    at: Slopes
    products: np.ndarray
    gram: np.ndarray
    third: np.ndarray


class NearPass:
    """Passes over the rows of splits of one output, each row held out once at most.

    Parameters
    ----------
    passes : Passes
    """

    def __init__(self, passes):
        self.passes = passes

    @cached_property
    def _owners(self):
        """The split that holds out every row, and the weight of the row there."""
        n_samples = self.passes.rows.n_samples
        owner, weight = np.zeros(n_samples, dtype=np.intp), np.zeros(n_samples)
        ((index, own, held),) = self.passes.held_out.visits
        owner[index], weight[index] = own, held
        return owner, weight

    def terms(self, weights, vectors):
        """Return the `NearTerms` at weights (k, m) of J and q, (k, 2, m)."""
        passes = self.passes
        n_splits, loss, one = passes.n_splits, passes.loss, np.ones((1, 1))
        raw = np.empty((n_splits, 1, passes.rows.n_samples))
        flat = np.concatenate([weights[:, None], vectors], axis=1)
        flat = flat.reshape(-1, flat.shape[2], 1)

        def own(block, y, train, owner, held, raw):
            images = block.forward(flat).reshape(n_splits, 3, -1)
            raw[...] = images[:, 0].T
            many = np.concatenate([y] * n_splits)
            here = images[:, 0].reshape(-1, 1)
            losses, slopes = loss.value_and_gradient(many, here)
            shape, train = (n_splits, images.shape[2]), train.T
            bent = loss.curvature(many, here).reshape(shape)
            third = loss.third(many, here, one, one, one).reshape(shape) * train
            squares = images[:, 1] ** 2
            third = np.einsum("kn,kn,kn->k", third, images[:, 2], squares)
            number = np.arange(shape[1])
            gram = held * bent[owner, number] * squares[owner, number]
            gram = np.bincount(owner, gram, minlength=n_splits)
            images[:, 0] = slopes.reshape(shape) * train
            images[:, 1:] *= (bent * train)[:, None]
            losses = np.einsum("kn,kn->k", losses.reshape(shape), train)
            return losses, block.adjoint(images.reshape(-1, 1, shape[1])), gram, third

        columns = passes.y, passes.train_weights.T, *self._owners, raw[:, 0].T
        found = passes.rows.reduce(own, *columns, entries_per_row=passes.width_of(3))
        losses, adjoints, gram, third = found
        adjoints = adjoints[..., 0].reshape(n_splits, 3, -1)
        at = Slopes(raw, losses, adjoints[:, :1].transpose(0, 2, 1))
        return NearTerms(at, adjoints[:, 1:], gram, third)
