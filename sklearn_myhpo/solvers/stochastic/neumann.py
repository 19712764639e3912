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
            trains = self._trains(batch)
            weighed = [a * b for a, b in zip(trains, slopes, strict=True)]
            total += batch.adjoint(np.stack(weighed))
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
                    train * batch.slopes_and_bent(*one)[1]
                    for train, *one in zip(self._trains(batch), *raw, strict=True)
                ]
                image += batch.adjoint(np.stack(bent))
            image *= len(walk.batches) / len(numbers)
            q -= self.scale * (image + self.penalty * q - right)
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

    def _trains(self, batch):
        """Return the weights of the training rows of a batch at every place."""
        return [batch.at(lambda_).train for lambda_ in self.lambdas]

    def _pulls(self, adjoints, numbers):
        """Return the pull of groups of rows at every place, or None for each."""
        walk, totals = self.walk, [None] * len(self.lambdas)
        if not walk.batches.weighs_rows:
            return totals
        share, places = len(walk.batches) / len(numbers), range(len(totals))
        z = np.stack([self.weights, adjoints])
        asked = ["n_train_gradients"] * len(totals)
        for batch in walk.visit(numbers, *asked):
            raw = batch.forward(z)
            for place in places:
                own, one = batch.at(self.lambdas[place]), raw[:, place]
                found = own.pull(own.scalars(one), one, share)
                before = totals[place]
                totals[place] = found if before is None else before + found
        return totals
