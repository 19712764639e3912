"""B-splines on the unit interval, and the penalty of their derivatives."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.interpolate import BSpline

#: Breaks that are closer than this share of the range are merged, since the penalty of
#: a narrower interval would be too large compared with that of the whole range.
LEAST_INTERVAL = 1e-7


class Basis(NamedTuple):
    """Piecewise polynomials with breaks from 0 to 1.

    Attributes
    ----------
    breaks : ndarray of shape (n_intervals + 1,)
        From 0 to 1, increasing.
    degree : int
    is_cyclic : bool
        Whether functions and derivatives agree at 0 and 1.
    """

    breaks: np.ndarray
    degree: int
    is_cyclic: bool

    @property
    def knots(self):
        """The breaks, extended at both ends for the basis functions there."""
        breaks, degree = self.breaks, self.degree
        if not self.is_cyclic:
            return np.concatenate([np.zeros(degree), breaks, np.ones(degree)])
        # The period may have fewer intervals than the degree.
        turns = np.arange(1.0, degree // (len(breaks) - 1) + 2.0)[:, None]
        before = (breaks[:-1] - turns[::-1]).ravel()
        after = (breaks[1:] + turns).ravel()
        return np.concatenate([before[-degree:], breaks, after[:degree]])

    def spline(self, weights):
        """Return the functions with weights (n_functions, k) as a spline.

        Parameters
        ----------
        weights : ndarray of shape (n_functions, k)
            One function per column; if cyclic, n_functions is the number of intervals.

        Returns
        -------
        scipy.interpolate.BSpline
        """
        if self.is_cyclic:
            n_all = len(self.breaks) - 1 + self.degree
            weights = weights[np.arange(n_all) % (len(self.breaks) - 1)]
        return BSpline(self.knots, weights, self.degree)

    @property
    def n_functions(self):
        """The number of basis functions."""
        n_intervals = len(self.breaks) - 1
        return n_intervals if self.is_cyclic else n_intervals + self.degree

    def polynomials(self, n_polynomials, centre):
        """Return the weights of powers of ``u - centre``, from 0 on.

        Parameters
        ----------
        n_polynomials : int
            At most ``degree + 1``; 1 for cyclic functions.
        centre : float

        Returns
        -------
        ndarray of shape (n_functions, n_polynomials)
        """
        if self.is_cyclic:
            return np.ones((self.n_functions, 1))
        knots, degree = self.knots, self.degree
        places = sliding_window_view(knots[1:-1], degree).mean(axis=1)
        powers = np.vander(places - centre, n_polynomials, increasing=True)
        if n_polynomials <= 2:
            # The weights of a line are its values at these places (Greville).
            return powers
        at_places = self.spline(np.eye(self.n_functions))(places)
        return np.linalg.solve(at_places, powers)

    def smooths(self, order):
        """Return weights of functions whose penalty is the identity.

        They span all functions but polynomials of degree below `order`. They follow
        from singular values of derivatives at quadrature points. The eigenvalues of the
        penalty matrix, their squares, would lose half of the digits.

        Parameters
        ----------
        order : int
            Of the derivative whose square, weighted by `interval_weights`, is
            integrated.

        Returns
        -------
        ndarray of shape (n_functions, rank)
        """
        points, weights = _quadrature(self.degree - order + 1)
        width = np.diff(self.breaks)[:, None]
        at = (self.breaks[:-1, None] + width * (points + 1.0) / 2.0).ravel()
        widths = width * interval_weights(self.breaks, order)[:, None]
        root = np.sqrt(widths * weights / 2.0).ravel()
        derivative = self.spline(np.eye(self.n_functions))(at, nu=order)
        _, sizes, rows = np.linalg.svd(derivative * root[:, None], full_matrices=False)
        rank = self.n_functions - (1 if self.is_cyclic else order)
        return rows[:rank].T / sizes[:rank]


def interval_weights(breaks, order):
    """Return the weight of the squared derivative in every interval.

    Without weights, a curve that turns where breaks are close may turn as fast where
    they are far apart. The squared differences of values at the breaks have
    ``h ** (2 order - 1)``, with the relative width h, by which turns in every interval
    cost the same. This is their geometric mean.

    Parameters
    ----------
    breaks : ndarray of shape (n_intervals + 1,)
    order : int

    Returns
    -------
    ndarray of shape (n_intervals,)
        One for intervals of equal width.
    """
    width = np.diff(breaks)
    return (width / width.mean()) ** (order - 0.5)


@lru_cache(maxsize=32)
def _quadrature(n_points):
    """Return points in [-1, 1] and their weights, exact for polynomials."""
    return np.polynomial.legendre.leggauss(n_points)


def make_breaks(values, n_intervals, knots):
    """Return breaks from 0 to 1.

    Parameters
    ----------
    values : ndarray
        Different values between 0 and 1, in increasing order.
    n_intervals : int
    knots : {"quantile", "uniform"}
        Quantiles of the different values, or equal intervals.

    Returns
    -------
    ndarray
        At most ``n_intervals + 1`` numbers, the first 0 and the last 1.
    """
    breaks = np.linspace(0.0, 1.0, n_intervals + 1)
    if knots == "uniform":
        return breaks
    breaks[1:-1] = np.quantile(values, breaks[1:-1])
    kept = [0.0]
    for one in breaks[1:-1]:
        if one - kept[-1] > LEAST_INTERVAL and 1.0 - one > LEAST_INTERVAL:
            kept.append(one)
    return np.array([*kept, 1.0])
