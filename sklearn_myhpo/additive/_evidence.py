"""A test of whether a term has an effect.

With a known penalty the weights w of a term have the posterior covariance V and, over
samples of y, the covariance S = phi (H + P)^-1 H (H + P)^-1. Without an effect
``w' V^-1 w`` is a sum of squares of independent normal numbers with the eigenvalues of
``V^-1 S`` as factors, whose distribution is close to a multiple of chi-squared with the
same mean and variance (Wood 2013, Biometrika 100, has the same statistic).
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from ._posterior import inverse_of


class Evidence:
    """The weights of a model, from which terms can be removed.

    Parameters
    ----------
    weights : ndarray of shape (n_weights,)
        Weights at the learned penalty.
    posterior, sampling : ndarray of shape (n_weights, n_weights)
        Their covariances.
    """

    def __init__(self, weights, posterior, sampling):
        self.weights, self.posterior = weights, posterior
        self.sampling = sampling

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
        own = np.ix_(index, index)
        inverse = inverse_of(self.posterior[own])
        statistic = self.weights[index] @ inverse @ self.weights[index]
        factors = inverse @ self.sampling[own]
        mean, square = np.trace(factors), np.sum(factors * factors.T)
        if not (mean > 0.0 and square > 0.0):
            return 1.0
        return float(chdtrc(mean**2 / square, statistic * mean / square))

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
        posterior, sampling = self.posterior, self.sampling
        along = posterior[:, index] @ inverse_of(posterior[np.ix_(index, index)])
        crossed = along @ sampling[index]
        twice = along @ sampling[np.ix_(index, index)] @ along.T
        return Evidence(
            self.weights - along @ self.weights[index],
            posterior - along @ posterior[index],
            sampling - crossed - crossed.T + twice,
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
