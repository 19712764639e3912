"""SURE by products alone: the trace of the hat matrix by Monte Carlo.

Deledalle et al. (2014): ``tr S`` becomes the difference quotient of the
prediction along a random delta, ``delta' (X w(y + eps delta) - X w(y)) / eps``. Ridge
predictions are linear in y, so every eps gives ``delta' S delta``.
"""

from functools import cached_property

import numpy as np

from ..bilevel.outer import ADJOINT_TOL, JACOBIAN_TOL, OuterModel
from ..engine.linalg.products import pair_products
from ._base import Point, weight_terms


def make_probes(whole, n_probes, random_state):
    """Return ``X' delta`` of rows times the roots of their shares.

    Parameters
    ----------
    whole : Whole
        All rows, as a map.
    n_probes : int
        Number of delta.
    random_state : int
        Seed.

    Returns
    -------
    ndarray of shape (m, n_probes)
        Over the root of n_probes, so that sums of products are means. The part of the
        intercept is zero: it takes one degree of freedom, which needs no estimate.
    """
    # An independent stream: X may have been drawn with the same seed.
    (seed,) = np.random.SeedSequence(random_state).spawn(1)
    rng = np.random.default_rng(seed)
    probes = rng.standard_normal((len(whole.share), n_probes)) / np.sqrt(n_probes)
    probes = whole.rows.adjoint(np.sqrt(whole.share)[:, None] * probes)
    if whole.fit_intercept:
        probes[-1] = 0.0
    return probes


class ProbePoint(Point):
    """Monte Carlo SURE at one lambda per group.

    With c a probe and u = H^-1 c, ``c' u`` estimates tr S; its derivatives are
    -sum_a p u^2 and, twice, -delta_ab sum_a p u^2 + 2 (P_a u)' H^-1 (P_b u).

    Parameters
    ----------
    whole : Whole
        All rows, as a map.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    w : ndarray of shape (m, n_targets)
        The exact weights there.
    hessian : Hessian
        Of the training loss.
    probes : ndarray of shape (m, n_probes)
        From `make_probes`.
    noise : float
        Variance of the noise, summed over targets.
    """

    def __init__(self, whole, lambda_, w, hessian, probes, noise):
        self.split = split = whole.split
        self.lambda_, self.w, self.hessian = lambda_, w, hessian
        self.p, self.noise = split.penalty(lambda_), noise / whole.n_rows
        self.response = self._solve(probes, ADJOINT_TOL)
        used = whole.fit_intercept + np.vdot(probes, self.response)
        self._value = split.validation_loss(w) + self.noise * float(used)

    @property
    def value(self):
        """The criterion."""
        return self._value

    def _solve(self, columns, rtol):
        """Return H^-1 applied to columns (..., m, k), n_outputs columns at a time."""
        n_outputs, size = self.split.n_outputs, columns.shape[-1]
        missing = -size % n_outputs
        widths = [(0, 0)] * (columns.ndim - 1) + [(0, missing)]
        packed = np.pad(columns, widths)
        packed = packed.reshape(*columns.shape[:-1], -1, n_outputs)
        solved = self.hessian.solve(np.moveaxis(packed, -2, -3), rtol)
        solved = np.moveaxis(solved, -3, -2)
        return solved.reshape(*columns.shape[:-1], -1)[..., :size]

    @cached_property
    def _adjoint(self):
        # At the minimum the gradient of the data term is minus that of the penalty.
        return -self.hessian.solve(self.p * self.w, ADJOINT_TOL)

    @cached_property
    def _trace_slope(self):
        return -self.split.by_group(self.p * self.response**2)

    @cached_property
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""
        slope = -self.split.by_group(self.p * self.w * self._adjoint)
        return slope + self.noise * self._trace_slope

    def model(self):
        """Return the second-order `OuterModel` in lambda; it is exact."""
        split = self.split
        forces = -split.scatter_by_group(self.p * self.w)
        jacobian = self.hessian.solve(forces, JACOBIAN_TOL)
        terms = weight_terms(
            split, self.lambda_, self.w, self._adjoint, forces, jacobian
        )
        pulls = split.scatter_by_group(self.p * self.response)
        twice = pair_products(pulls, self._solve(pulls, JACOBIAN_TOL))
        bend = np.diag(terms.slope) - terms.cross - terms.cross.T
        bend += self.noise * (np.diag(self._trace_slope) + twice + twice.T)
        gram = split.validation_gram(self.w, jacobian)
        return OuterModel(self.gradient, gram, bend, terms.metric)
