"""Hypergradients by a stochastic Neumann series, at one place or at several."""

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
        self.walk, self.lambdas = walk, lambdas
        self.weights = np.stack(weights)
        self.penalty = np.stack([walk.outer.penalty(one) for one in lambdas])
        self.scale = np.stack([walk.steps.scale(one) for one in self.penalty])

    def gradients(self, numbers: np.ndarray) -> np.ndarray:
        """Return the gradients of L_T at every place, the mean of some batches."""
        asked = ["n_train_gradients"] * len(self.lambdas)
        total = np.zeros_like(self.weights)
        for batch in self.walk.visit(numbers, *asked):
            slopes = map(batch.slopes, batch.forward(self.weights))
            total += batch.adjoint(np.stack([batch.train * one for one in slopes]))
        share = len(self.walk.batches) / len(numbers)
        return share * total + self.penalty * self.weights

    def adjoints(self, held_out: np.ndarray, terms: list[np.ndarray]) -> np.ndarray:
        """Return the adjoints at every place.

        Steps along ``H q - grad L_V`` from zero, each with the Hessian of different
        batches, add up the terms of the series.

        Parameters
        ----------
        held_out : ndarray of int
            Batches of the validation gradient.
        terms : list of ndarray of int
            Batches of the Hessian of every term.

        Returns
        -------
        ndarray of shape (n_places, n_splits, n_outputs, m)
            Adjoints q.
        """
        walk, n_places = self.walk, len(self.lambdas)
        right = np.zeros_like(self.weights)
        for batch in walk.visit(held_out, *["n_validation_gradients"] * n_places):
            slopes = map(batch.slopes, batch.forward(self.weights))
            right += batch.adjoint(np.stack([batch.held_out * one for one in slopes]))
        right *= len(walk.batches) / len(held_out)
        z = np.stack([self.weights, np.zeros_like(self.weights)])
        q = z[1]
        for numbers in terms:
            image = np.zeros_like(q)
            for batch in walk.visit(numbers, *["n_hessian_products"] * n_places):
                raw = batch.forward(z)
                bent = [
                    batch.train * batch.slopes_and_bent(*one)[1]
                    for one in zip(*raw, strict=True)
                ]
                image += batch.adjoint(np.stack(bent))
            image *= len(walk.batches) / len(numbers)
            q -= self.scale * (image + self.penalty * q - right)
        return q

    def slopes(self, adjoints: np.ndarray) -> np.ndarray:
        """Return the hypergradients (n_places, n_groups) of adjoints."""
        given = zip(self.lambdas, self.penalty, self.weights, adjoints, strict=True)
        return np.stack([self.walk.outer.hypergradient(*one) for one in given])
