"""A test of whether a term has an effect.

With known penalties P the weights w have the posterior covariance V, which is
``phi (H + P)^-1``. Here the weights of other terms are normal numbers too, with the
variances ``phi / P`` that their penalties stand for: what these take from an effect, a
correlated term without any can show. Then ``w' V^-1 w`` of a term without effect is a
sum of squares of independent normal numbers with the eigenvalues of ``I - P V / phi``
as factors, whose distribution is close to a multiple of chi-squared with the same mean
and variance (Wood 2013, Biometrika 100, has the same statistic).
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from ._posterior import inverse_of

#: Degrees of freedom that are rounding errors.
ROUNDED_FREEDOM = 1e-9


class Evidence:
    """The weights of a model, from which terms can be removed.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Weights at the learned penalty.
    posterior : ndarray of shape (n_weights, n_weights)
        Their covariance.
    factors : ndarray of shape (n_weights,)
        P over phi: the inverse of their prior variances.
    """

    def __init__(self, weights, posterior, factors):
        self.weights, self.posterior, self.factors = weights, posterior, factors

    def p_value(self, index):
        """Return the probability of weights as large as these without an effect.

        Parameters
        ----------
        index : ndarray of int
            The weights of a term.

        Returns
        -------
        float
            It ignores that the penalty was learned, so it is a little too small.
        """
        statistic, mean, square = self._moments(index)
        if mean <= ROUNDED_FREEDOM:
            return 1.0
        return float(chdtrc(mean**2 / square, statistic * mean / square))

    def share_of_effects(self, index):
        """Return the share of effects in the statistic of some weights, the rest noise.

        Parameters
        ----------
        index : ndarray of int
            The weights of some terms.

        Returns
        -------
        float
            Between 0 and 1: the factor of James & Stein (1961), by which all weights
            are shrunk together.
        """
        statistic, mean, _ = self._moments(index)
        return (
            float(1.0 - mean / statistic) if statistic > mean > ROUNDED_FREEDOM else 0.0
        )

    def _moments(self, index):
        """Return the statistic, and its mean and half its variance without effects."""
        own = self.posterior[np.ix_(index, index)]
        statistic = self.weights[index] @ inverse_of(own) @ self.weights[index]
        noise = np.eye(len(index)) - self.factors[index, None] * own
        return statistic, np.trace(noise), np.sum(noise * noise.T)

    def without(self, index):
        """Return the evidence when weights are zero, the other penalties the same.

        Parameters
        ----------
        index : ndarray of int
            The weights that are removed.

        Returns
        -------
        Evidence
        """
        posterior = self.posterior
        along = posterior[:, index] @ inverse_of(posterior[np.ix_(index, index)])
        return Evidence(
            self.weights - along @ self.weights[index],
            posterior - along @ posterior[index],
            self.factors,
        )


def terms_without_effect(evidence, terms, level):
    """Return the terms without a significant effect.

    One after the other, the term with the largest p-value is removed, as long as it is
    above `level` and another term is left.

    Parameters
    ----------
    evidence : Evidence
    terms : dict of str to ndarray of int
        The weights of the terms that may be removed.
    level : float

    Returns
    -------
    list of str
    """
    left, removed = dict(terms), []
    while len(left) > 1:
        found = {name: evidence.p_value(index) for name, index in left.items()}
        worst = max(found, key=found.get)
        if found[worst] <= level:
            break
        evidence = evidence.without(left.pop(worst))
        removed.append(worst)
    return removed
