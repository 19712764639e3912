"""All splits of a problem, and their shared work."""

from functools import cached_property

import numpy as np

from .linalg.hessian import CG_TOL, Solution
from .linalg.newton import NEWTON_TOL


class SplitSet:
    """The splits of a problem, each computed alone.

    Parameters
    ----------
    splits : list of Split
    diagonalized : callable or None
        Returns the splits in coordinates with diagonal Hessians for one shared lambda,
        if possible. None if they are in such coordinates already, or never can be.
    """

    #: Accuracy of solutions that suffices to compare losses roughly.
    rough_tol = 0.03

    def __init__(self, splits, diagonalized=None):
        self.splits = splits
        self._diagonalized = diagonalized

    @cached_property
    def shared(self):
        """The splits in the best coordinates for a scan of one shared lambda."""
        return self.splits if self._diagonalized is None else self._diagonalized()

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`."""
        return [
            split.minimize(lambda_, start, tol=tol)
            for split, start in zip(self.splits, starts, strict=True)
        ]

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights."""
        return [
            split.hessian(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def hessians_near(self, lambda_, weights, hessians):
        """Return the Hessians at a place near that of other ones, which they may use.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
        weights : list of ndarray of shape (m, n_outputs)
        hessians : list of Hessian
            Of the nearby place.
        """
        return self.hessians(lambda_, weights)

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        return [
            hessian.solve(right, rtol)
            for hessian, right in zip(hessians, rights, strict=True)
        ]

    def solutions(self, hessians, rights, rtol=CG_TOL, product=0.0, guesses=None):
        """Return the `Solution` of every Hessian for its right-hand sides.

        Parameters
        ----------
        hessians : list of Hessian
        rights : list of ndarray of shape (k, m, n_outputs)
        rtol : float or ndarray of shape (k,)
            Relative residuals of iterative solves.
        product : float
            Iterative solves stop, whatever `rtol` says, once the product of the
            residual norm of every right-hand side with that of the last one is at most
            this; 0 for never.
        guesses : list of ndarray of shape (k, m, n_outputs) or None
            Where iterative solves start; None for zeros.
        """
        return list(map(Solution, self.solve(hessians, rights, rtol)))

    def null_validation_losses(self):
        """Return the validation loss of every split's model without features."""
        return self.validation_losses([split.start() for split in self.splits])

    def train_losses(self, weights, lambda_):
        """Return the training loss of every split, the penalty included."""
        return [
            split.train_loss(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def validation_losses(self, weights):
        """Return the validation loss of every split."""
        return [
            split.validation_loss(w)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def tangent_terms(self, weights, solutions):
        """Return the second derivatives of the losses along moves of the weights.

        Parameters
        ----------
        weights : list of ndarray of shape (m, n_outputs)
        solutions : list of Solution
            Of every split: moves J of the weights, one per lambda, and the adjoint q.

        Returns
        -------
        list of (ndarray, ndarray) of shape (n_groups, n_groups)
            ``J' H_V J``, and the third derivative of L_T along (q, J_a, J_b).
        """
        return [
            (
                split.validation_gram(w, x[:-1], None if raw is None else raw[:-1]),
                split.third_term(w, x[-1], x[:-1], raw),
            )
            for split, w, (x, _, raw) in zip(
                self.splits, weights, solutions, strict=True
            )
        ]

    def thinned(self, index):
        """Return the splits of some rows; None where there are none."""
        return None

    def quadratic_models(self, full, lambda_, weights, fewer):
        """Return `QuadraticModels` of the splits; None where there are none."""
        return None

    def minimize_full(self, full, lambda_, start, tol=NEWTON_TOL):
        """Return the exact inner solution of the split of all rows, from `start`."""
        return full.minimize(lambda_, start, tol=tol)

    def moves_to_features(self, moves):
        """Return coefs and intercepts of moves (m, k) of every split's weights."""
        return [
            split.moves_to_features(own)
            for split, own in zip(self.splits, moves, strict=True)
        ]

    #: Whether there are too many lambdas for a response of the weights to each.
    prefers_products = False
    #: Whether the slopes at the last weights are kept, so that a step from there is
    #: free.
    keeps_slopes = False
    #: Whether `quadratic_models` has models.
    makes_models = False
    #: Whether a scan may end next to the minimum, by models about common weights.
    makes_near_models = False

    @property
    def prefers_inverse(self):
        """Whether curvature in lambda is cheaper from inverses of the Hessians."""
        return self.splits[0].prefers_inverse

    def curvatures_in_lambda(self, lambda_, weights, hessians, adjoints, shares):
        """Return the `LambdaCurvature` of every split, where inverses are preferred."""
        return [
            split.curvature_in_lambda(lambda_, w, adjoint)
            for split, w, adjoint in zip(self.splits, weights, adjoints, strict=True)
        ]

    def responses_by_inverse(self, lambda_, weights, hessians):
        """Return the derivative J of all weights, where inverses are preferred."""
        return [
            split.responses_by_inverse(lambda_, w)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def least_curvature(self):
        """Return the smallest nonzero curvature of the data.

        Zero where that is not known.
        """
        return 0.0

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        return [
            split.validation_gradient(w)
            for split, w in zip(self.splits, weights, strict=True)
        ]

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        return np.array(
            [
                split.relative_gradient(split.train_gradient(w, lambda_))
                for split, w in zip(self.splits, weights, strict=True)
            ]
        )
