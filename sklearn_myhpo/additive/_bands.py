"""The uncertainty of the weights of a term, with that of its learned strengths.

At learned strengths the posterior of the weights is normal. A strength that goes to its
bound makes it a point: a term that is removed would have no effect for certain. Here
every group of weights of a term has the prior ``N(0, sigma^2)`` whose standard
deviation sigma has a half-Cauchy prior (Gelman 2006, Bayesian Analysis 1), flat from
zero, where no effect is, to effects as large as the response. The posterior of the
weights is a mixture over a grid of all sigmas of the term.

The bands are about the reported curve, so that they have its squared distance from the
mean of the mixture too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..engine.linalg.symmetric import eigensystem
from ._posterior import NEARLY_SINGULAR, inverse_of

#: Nodes of a standard deviation. With four times as many, standard errors change by
#: less than a thousandth.
N_NODES = 16
#: Largest standard deviation of the grid, in units of that of the response.
WIDEST = 30.0
#: Share of the posterior below which nodes are left out of the second, finer grid.
NEGLIGIBLE = 1e-5
#: Least share of the noise in the response, against overflow.
NO_NOISE = np.finfo(float).eps ** 2


class TermLikelihood(NamedTuple):
    """The likelihood of the weights of a term: normal, with the other terms' posterior.

    Attributes
    ----------
    precision : ndarray of shape (n_weights, n_weights)
        Outputs outside, columns inside, without a prior of these weights.
    linear : ndarray of shape (n_weights,)
        The precision times the most likely weights.
    groups : list of ndarray of int
        The weights with a common strength; those in no group have no prior.
    scales : list of float
        Standard deviation of the weights of every group with which its effect varies as
        much as the response.
    """

    precision: np.ndarray
    linear: np.ndarray
    groups: list[np.ndarray]
    scales: list[float]

    def second_moments(self, weights):
        """Return the expected products of deviations from weights, under the posterior.

        Parameters
        ----------
        weights : ndarray of shape (n_weights,)
            As reported.

        Returns
        -------
        ndarray of shape (n_weights, n_weights)
        """
        if not self.groups:
            covariance = inverse_of(self.precision)
            off = covariance @ self.linear - weights
            return covariance + np.outer(off, off)
        rotated = _Rotated(self)
        ends = [(0.0, np.arcsinh(WIDEST * s / unit)) for unit, s in rotated.units]
        grids = rotated.grids(ends)
        grids = rotated.grids(rotated.narrowed(grids, rotated.at(grids).shares))
        return rotated.second_moments(rotated.at(grids), weights)


def term_likelihoods(quadratic, weights, penalty, dispersion, n_rows, columns):
    """Return the `TermLikelihood` of every term.

    Other groups of weights have their learned strengths, but priors at least as wide as
    their standard errors: a removed term may well have an effect of that size.

    Parameters
    ----------
    quadratic : Quadratic
        Of all terms.
    weights : ndarray of shape (n_outputs, n_columns)
        As fitted, zero where a term is removed.
    penalty : ndarray of shape (n_columns,)
        As in `term_posterior`; infinite where a term is removed.
    dispersion, n_rows : float
        As in `term_posterior`.
    columns : TermColumns
        Terms and parts.

    Returns
    -------
    list of TermLikelihood
    """
    (n_outputs, size), hessian = weights.shape, quadratic.hessian
    curvature = np.diag(hessian).reshape(n_outputs, size).mean(axis=0)
    totals = [curvature[part.columns].sum() for part in columns.parts]
    penalty = penalty.copy()
    for part, total in zip(columns.parts, totals, strict=True):
        penalty[part.columns] = np.minimum(penalty[part.columns], total)
    inverse = inverse_of(hessian + np.diag(np.tile(penalty, n_outputs)))
    means = inverse @ quadratic.linear
    # Variances of noise and effects, times the sum of the rows' curvatures.
    explained = weights.ravel() @ hessian @ weights.ravel() / n_outputs
    noise = max(n_rows * dispersion, NO_NOISE * explained)
    precise = n_rows / noise if noise > 0.0 else 0.0
    penalized = [
        (part, float(np.sqrt((noise + explained) / total)))
        for part, total in zip(columns.parts, totals, strict=True)
        if penalty[part.columns].any() and noise > 0.0
    ]
    out, outputs = [], np.arange(n_outputs)[:, None]
    for term in columns.terms:
        index = (outputs * size + np.arange(size)[term.columns]).ravel()
        inside = inverse_of(inverse[np.ix_(index, index)])
        precision = precise * (inside - np.diag(penalty[index % size]))
        linear = precise * (inside @ means[index])
        own = [(part, scale) for part, scale in penalized if part.term == term.name]
        groups = [_within(part, term, outputs) for part, _ in own]
        scales = [scale for _, scale in own]
        out.append(TermLikelihood(precision, linear, groups, scales))
    return out


def _within(part, term, outputs):
    """Return the weights of a part among those of its term, for all outputs."""
    own, whole = part.columns, term.columns
    place = np.arange(own.start, own.stop) - whole.start
    return (outputs * (whole.stop - whole.start) + place).ravel()


class _Grid(NamedTuple):
    """Nodes of a standard deviation, evenly spaced in ``arcsinh(sigma / unit)``.

    Attributes
    ----------
    places, sigmas, log_masses : ndarray of shape (n_nodes,)
        Where they are, their values, and logs of the prior between neighbours.
    """

    places: np.ndarray
    sigmas: np.ndarray
    log_masses: np.ndarray

    @classmethod
    def between(cls, low, high, unit, scale):
        """Return the middles of equal parts; the median of the prior is `scale`."""
        step = (high - low) / N_NODES
        places = low + step * (np.arange(N_NODES) + 0.5)
        sigmas = unit * np.sinh(places)
        log_density = np.log(np.cosh(places)) - np.log1p((sigmas / scale) ** 2)
        return cls(places, sigmas, log_density + np.log(step))

    def narrowed(self, shares):
        """Return the ends of the part with all but a negligible share."""
        inside = self.places[shares > NEGLIGIBLE]
        step = self.places[1] - self.places[0]
        return max(inside[0] - step, 0.0), inside[-1] + step


class _Mixture(NamedTuple):
    """Normal distributions at the nodes of all grids, in coordinates of `_Rotated`.

    Attributes
    ----------
    shares : ndarray of shape (n, n_others)
        Posterior of the nodes: of the largest group, and of all other groups together.
    variances : ndarray of shape (n, n_main)
        Of the principal weights, given the others.
    inverses : ndarray of shape (n, n_others, n_rest, n_rest)
        Covariances of the other weights.
    main_means, rest_means : ndarray of shape (n, n_others, n_main or n_rest)
    """

    shares: np.ndarray
    variances: np.ndarray
    inverses: np.ndarray
    main_means: np.ndarray
    rest_means: np.ndarray


class _Rotated:
    """The likelihood in principal directions of the largest group.

    Given sigma, these directions are independent, and only the few other weights of
    the term need a matrix at every node.

    Parameters
    ----------
    likelihood : TermLikelihood
        With at least one group.

    Attributes
    ----------
    units : list of (float, float)
        Standard error of the best known weight of every group, the largest group
        first, and the scale of its prior.
    """

    def __init__(self, likelihood):
        precision, linear, groups, scales = likelihood
        order = sorted(range(len(groups)), key=lambda k: -len(groups[k]))
        self._main, *others = [groups[k] for k in order]
        self._rest = np.setdiff1d(np.arange(len(linear)), self._main)
        self._others = [np.searchsorted(self._rest, index) for index in others]
        main, rest = self._main, self._rest
        values, self._vectors = eigensystem(precision[np.ix_(main, main)])
        self._values = np.maximum(values, 0.0)
        self._across = self._vectors.T @ precision[np.ix_(main, rest)]
        self._inner = precision[np.ix_(rest, rest)]
        self._main_linear = self._vectors.T @ linear[main]
        self._rest_linear = linear[rest]
        best = [self._values[-1], *(precision[k, k].max() for k in others)]
        self.units = [
            (1.0 / np.sqrt(max(own, scales[k] ** -2)), scales[k])
            for own, k in zip(best, order, strict=True)
        ]

    def grids(self, ends):
        """Return a `_Grid` per group between two ends each."""
        pairs = zip(ends, self.units, strict=True)
        return [_Grid.between(*own, *units) for own, units in pairs]

    def at(self, grids):
        """Return the `_Mixture` over the nodes of one grid per group."""
        main, *others = grids
        square = main.sigmas[:, None] ** 2
        variances = square / (1.0 + self._values * square)
        inner = self._inner - np.einsum(
            "nk,ki,kj->nij", variances, self._across, self._across, optimize=True
        )
        linear = self._rest_linear - (variances * self._main_linear) @ self._across
        prior, log_masses = self._others_at(others)
        inverses, log_roots = _inverses(inner[:, None] + prior)
        rest_means = np.einsum("abij,aj->abi", inverses, linear)
        main_linear = self._main_linear - rest_means @ self._across.T
        log_share = (
            main.log_masses
            + 0.5 * variances @ self._main_linear**2
            - 0.5 * np.log1p(self._values * square).sum(axis=1)
        )[:, None] + (
            log_masses + 0.5 * np.einsum("abi,ai->ab", rest_means, linear) - log_roots
        )
        shares = np.exp(log_share - log_share.max())
        shares /= shares.sum()
        main_means = variances[:, None] * main_linear
        return _Mixture(shares, variances, inverses, main_means, rest_means)

    def _others_at(self, grids):
        """Return the priors' precisions of the rest, diagonal, and logs of masses."""
        shape = N_NODES ** len(grids), len(self._rest)
        precisions, log_masses = np.zeros(shape), np.zeros(shape[0])
        nodes = np.indices((N_NODES,) * len(grids)).reshape(len(grids), shape[0])
        for own, index, grid in zip(nodes, self._others, grids, strict=True):
            precisions[:, index] = grid.sigmas[own, None] ** -2.0
            log_masses += (grid.log_masses - len(index) * np.log(grid.sigmas))[own]
        return precisions[:, :, None] * np.eye(shape[1]), log_masses

    def narrowed(self, grids, shares):
        """Return the ends of finer grids, where the posterior is."""
        shares = shares.reshape((N_NODES,) * len(grids))
        every = range(len(grids))
        return [
            grid.narrowed(shares.sum(axis=tuple(j for j in every if j != k)))
            for k, grid in enumerate(grids)
        ]

    def second_moments(self, mixture, weights):
        """Return those of `TermLikelihood`, given the distributions at all nodes."""
        shares, variances, inverses, main_means, rest_means = mixture
        main, rest = np.ix_(self._main, self._main), np.ix_(self._rest, self._rest)
        off_main = main_means - self._vectors.T @ weights[self._main]
        off_rest = rest_means - weights[self._rest]
        # Principal weights move with the others.
        moves = -variances[:, :, None] * self._across
        expected = np.einsum("ab,abij->aij", shares, inverses)
        along = np.einsum("aki,aij->akj", moves, expected)
        inner = np.einsum("akj,alj->kl", along, moves, optimize=True)
        inner += _products(shares, off_main, off_main)
        inner[np.diag_indices_from(inner)] += shares.sum(axis=1) @ variances
        across = along.sum(axis=0) + _products(shares, off_main, off_rest)
        out = np.zeros((len(weights), len(weights)))
        out[main] = self._vectors @ inner @ self._vectors.T
        out[np.ix_(self._main, self._rest)] = self._vectors @ across
        out[np.ix_(self._rest, self._main)] = out[np.ix_(self._main, self._rest)].T
        out[rest] = expected.sum(axis=0) + _products(shares, off_rest, off_rest)
        return out


def _products(shares, left, right):
    """Return the weighted sum over nodes of the products of two arrays."""
    left = shares[..., None] * left
    return np.tensordot(left, right, axes=((0, 1), (0, 1)))


def _inverses(matrices):
    """Return pseudoinverses (..., m, m), and half the logs of determinants (...)."""
    values, vectors = np.linalg.eigh(matrices)
    kept = values > NEARLY_SINGULAR * values[..., -1:]
    values = np.where(kept, values, 1.0)
    scaled = np.where(kept, 1.0 / values, 0.0)[..., None, :] * vectors
    inverses = scaled @ np.swapaxes(vectors, -1, -2)
    return inverses, 0.5 * np.log(values).sum(axis=-1)
