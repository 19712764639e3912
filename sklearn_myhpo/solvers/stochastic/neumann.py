"""Hypergradients by a stochastic Neumann series, at one place or at several."""

from collections.abc import Iterable

import numpy as np

from .walk import Walk


class Places:
    """Weights and lambdas at which the same batches are evaluated.

    Parameters
    ----------
    walk : Walk
        The walk whose penalties, batches and step sizes are used.
    weights : list of ndarray of shape (n_splits, n_outputs, m)
        At every place.
    lambdas : list of ndarray of shape (n_groups,)
        At every place.
    """

    def __init__(self, walk: Walk, weights: list, lambdas: list):
        self.walk, self.lambdas = walk, np.stack(lambdas)
        self.weights = np.stack(weights)
        self.penalty = np.stack([walk.outer.penalty(one) for one in lambdas])
        self.scale = np.stack([walk.steps.scale(one) for one in self.penalty])

    def gradients(self, numbers: np.ndarray) -> np.ndarray:
        """Return the gradients of L_T at every place, the mean of some batches."""
        total = np.zeros_like(self.weights)
        for batch in self._visit(numbers, "n_train_gradients"):
            slopes = batch.slopes(batch.forward(self.weights))
            total += batch.adjoint(batch.train * slopes)
        share = len(self.walk.batches) / len(numbers)
        return share * total + self.penalty * self.weights

    def held_out(self, numbers: np.ndarray) -> np.ndarray:
        """Return the gradients of L_V at every place, the mean of some batches."""
        total = np.zeros_like(self.weights)
        for batch in self._visit(numbers, "n_validation_gradients"):
            slopes = batch.slopes(batch.forward(self.weights))
            total += batch.adjoint(batch.held_out * slopes)
        return len(self.walk.batches) / len(numbers) * total

    def adjoints(self, right: np.ndarray, terms: Iterable[np.ndarray]) -> np.ndarray:
        """Return the adjoints at every place.

        Steps along ``H q - grad L_V`` from zero, each with the Hessian of different
        batches, add up the terms of the series.

        Parameters
        ----------
        right : ndarray of shape (n_places, n_splits, n_outputs, m)
            Gradients of L_V.
        terms : iterable of ndarray of int
            Batches of the Hessian of every term.

        Returns
        -------
        ndarray of shape (n_places, n_splits, n_outputs, m)
            Adjoints q.
        """
        z = np.stack([self.weights, np.zeros_like(self.weights)])
        q = z[1]
        for numbers in terms:
            direction = self.penalty * q
            direction -= right
            share = len(self.walk.batches) / len(numbers)
            for batch in self._visit(numbers, "n_hessian_products"):
                bent = batch.slopes_and_bent(*batch.forward(z))[1]
                direction += batch.adjoint(share * batch.train * bent)
            direction *= self.scale
            q -= direction
        return q

    def slopes(self, adjoints: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Return the hypergradients at every place.

        Parameters
        ----------
        adjoints : ndarray of shape (n_places, n_splits, n_outputs, m)
            Of every place.
        numbers : ndarray of int
            Batches for the pulls of groups of rows whose weights are learned.

        Returns
        -------
        ndarray of shape (n_places, n_groups)
            Hypergradients.
        """
        pulls = self._pulls(adjoints, numbers)
        given = zip(
            self.lambdas, self.penalty, self.weights, adjoints, pulls, strict=True
        )
        return np.stack([self.walk.outer.hypergradient(*one) for one in given])

    def _visit(self, numbers, asked):
        """Return an iterator over batches with the weights of rows of every place."""
        batches = self.walk.batches.visit(numbers, *[asked] * len(self.lambdas))
        return (batch.at(self.lambdas) for batch in batches)

    def _pulls(self, adjoints, numbers):
        """Return the pull of groups of rows at every place, or None for each."""
        walk, n_places = self.walk, len(self.lambdas)
        if not walk.batches.weighs_rows:
            return [None] * n_places
        share = len(walk.batches) / len(numbers)
        z, total = np.stack([self.weights, adjoints]), 0.0
        for batch in self._visit(numbers, "n_train_gradients"):
            raw = batch.forward(z)
            total = total + batch.pull(batch.scalars(raw), raw, share)
        return total
