"""The columns of one feature: its line, and the deviations from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import BSpline

from ._basis import Basis, make_breaks
from ._parts import mean_products, orthogonal_parts

#: Distance in widths of the range, beyond which a curve is constant, against overflow.
MOST_WIDTHS = 1e100


class Options(NamedTuple):
    """How the curve of a feature is made: parameters of the transformer."""

    n_splines: int
    degree: int
    knots: str
    penalty_order: int


class Smooth(NamedTuple):
    """The columns of one feature as functions of its values.

    Attributes
    ----------
    low, width : float
        Range of the values, ``low`` to ``low + width``, or their period.
    spline : scipy.interpolate.BSpline or None
        The columns, functions of ``(value - low) / width``; None for a constant
        feature, which has one column of zeros.
    is_cyclic : bool
    n_linear : int
        The columns of the line; with a penalty of order 3 those of a parabola.
    roughness : float
        The weighted integral of the squared derivative of the smooth columns with
        weights w is this times ``|w|^2``, in units of the feature; 0 without smooth
        columns.
    """

    low: float
    width: float
    spline: BSpline | None = None
    is_cyclic: bool = False
    n_linear: int = 1
    roughness: float = 0.0

    @property
    def n_columns(self):
        """The number of columns."""
        return 1 if self.spline is None else self.spline.c.shape[1]

    @property
    def breaks(self):
        """Knots, in units of the feature."""
        if self.spline is None:
            return np.array([self.low])
        knots = self.spline.t
        inside = np.unique(knots[(knots >= 0.0) & (knots <= 1.0)])
        return self.low + self.width * inside

    def columns(self, values):
        """Return the columns of values, linear beyond the range; zeros where missing.

        Parameters
        ----------
        values : ndarray of shape (n,)

        Returns
        -------
        ndarray of shape (n, n_columns)
        """
        if self.spline is None:
            return np.zeros((len(values), 1))
        with np.errstate(over="ignore"):
            unit = (values - self.low) / self.width
        unit = np.clip(unit, -MOST_WIDTHS, MOST_WIDTHS)
        missing = np.flatnonzero(np.isnan(unit))
        unit[missing] = 0.0
        found = _at(self.spline, unit, self.is_cyclic)
        found[missing] = 0.0
        return found


def fit_smooth(values, weight, options, *, period=None):
    """Return the `Smooth` of a feature.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite or NaN.
    weight : ndarray of shape (n,)
        Of the rows, positive.
    options : Options
    period : (float, float) or None
        Ends of the period of a cyclic feature, NaN for the range of the values; None
        for other features.

    Returns
    -------
    Smooth
    """
    observed = ~np.isnan(values)
    if not observed.all():
        values, weight = values[observed], weight[observed]
    distinct = np.unique(values)
    if len(distinct) < 2:
        return Smooth(distinct[0] if len(distinct) else 0.0, 1.0)
    low, high = distinct[0], distinct[-1]
    if period is not None:
        low = low if np.isnan(period[0]) else period[0]
        high = high if np.isnan(period[1]) else period[1]
    width, is_cyclic = high - low, period is not None
    unit, distinct = (values - low) / width, (distinct - low) / width
    if is_cyclic:
        unit, distinct = unit % 1.0, np.unique(distinct % 1.0)
    n_distinct, (_, degree, knots, order) = len(distinct), options
    is_curve = is_cyclic or n_distinct > degree
    n_linear = order - 1
    if is_cyclic:
        n_linear = 0
    elif not is_curve:
        n_linear = min(max(n_linear, 1), n_distinct - 1)
    n_functions = min(options.n_splines, max(degree + 1, n_distinct))
    n_intervals = n_functions if is_cyclic else n_functions - degree
    if not is_curve:
        n_intervals = 1
    basis = Basis(make_breaks(distinct, n_intervals, knots), degree, is_cyclic)
    raw = basis.polynomials(n_linear + 1, np.average(unit, weights=weight))
    if is_curve:
        raw = np.hstack([raw, basis.smooths(order)])
    spline = basis.spline(raw)
    gram = mean_products(lambda rows: spline(unit[rows]), weight, raw.shape[1])
    parts = orthogonal_parts(gram, 1, n_linear)
    if not parts.mix.shape[1]:
        return Smooth(low, width)
    roughness = 0.0
    if parts.scale:
        with np.errstate(over="ignore"):
            roughness = np.float64(width) ** (1.0 - 2.0 * order) / parts.scale**2
    columns = basis.spline(raw @ parts.mix)
    return Smooth(low, width, columns, is_cyclic, n_linear, roughness)


def _at(spline, unit, is_cyclic):
    """Return the values of a spline at ``unit``, with straight ends or periodic."""
    if is_cyclic:
        return spline(unit % 1.0)
    inside = np.clip(unit, 0.0, 1.0)
    found, beyond = spline(inside), np.flatnonzero(unit != inside)
    if len(beyond):
        slope = spline(inside[beyond], nu=1)
        found[beyond] += slope * (unit[beyond] - inside[beyond])[:, None]
    return found
