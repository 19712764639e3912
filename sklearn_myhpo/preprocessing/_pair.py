"""The columns of a pair of features: products of the columns of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..penalties.whitening import whiten
from ._parts import mean_products, orthogonal_parts
from ._smooth import Smooth, fit_smooth


class Pair(NamedTuple):
    """The interaction of two features as functions of their values.

    Attributes
    ----------
    first, second : Smooth
        Curves of the two features, with fewer functions than their main effects.
    mix : ndarray of shape ((1 + n_first) (1 + n_second), n_columns)
        Products of their columns, each with a constant, times this are the columns.
    n_linear : int
        Columns without penalty: products of lines.
    """

    first: Smooth
    second: Smooth
    mix: np.ndarray
    n_linear: int

    @property
    def n_columns(self):
        """The number of columns."""
        return self.mix.shape[1]

    def columns(self, values, others):
        """Return the columns of values of both features; zeros where one is missing.

        Parameters
        ----------
        values, others : ndarray of shape (n,)

        Returns
        -------
        ndarray of shape (n, n_columns)
        """
        found = _products(self.first, self.second, values, others) @ self.mix
        found[np.isnan(values) | np.isnan(others)] = 0.0
        return found


def fit_pair(values, others, weight, options, *, periods=(None, None)):
    """Return the `Pair` of two features.

    The penalty is the mean over one feature of the penalty of the curve along the
    other, both ways, each in units in which the smooth columns of the one feature have
    mean square one.

    Parameters
    ----------
    values, others : ndarray of shape (n,)
        Finite or NaN.
    weight : ndarray of shape (n,)
        Of the rows, positive.
    options : Options
    periods : pair of (float, float) or None
        As for `fit_smooth`.

    Returns
    -------
    Pair
    """
    both = ~(np.isnan(values) | np.isnan(others))
    values, others, weight = values[both], others[both], weight[both]
    first = fit_smooth(values, weight, options, period=periods[0])
    second = fit_smooth(others, weight, options, period=periods[1])
    shape = 1 + first.n_columns, 1 + second.n_columns
    if not len(values):
        return Pair(first, second, np.zeros((np.prod(shape), 1)), 1)
    gram = mean_products(
        lambda rows: _products(first, second, values[rows], others[rows]),
        weight,
        2 * int(np.prod(shape)),
    )
    raw, n_fixed, n_linear = _combinations(first, second, gram)
    parts = orthogonal_parts(raw.T @ gram @ raw, n_fixed, n_linear)
    mix = raw @ parts.mix
    if not mix.shape[1]:
        return Pair(first, second, np.zeros((len(raw), 1)), 1)
    return Pair(first, second, mix, n_linear)


def _products(first, second, values, others):
    """Return products of the columns of two features, each with a constant."""
    one = _with_constant(first.columns(values))
    two = _with_constant(second.columns(others))
    return (one[:, :, None] * two[:, None, :]).reshape(len(one), -1)


def _with_constant(columns):
    return np.hstack([np.ones((len(columns), 1)), columns])


def _combinations(first, second, gram):
    """Return combinations of products: fixed, linear and smooth ones.

    Returns
    -------
    raw : ndarray of shape (n_products, n_raw)
        A constant and the lines of both features, products of lines, and smooth
        combinations whose penalty is the identity.
    n_fixed, n_linear : int
    """
    n_one, n_two = 1 + first.n_columns, 1 + second.n_columns
    number = np.arange(n_one * n_two).reshape(n_one, n_two)
    lines = number[: 1 + first.n_linear, : 1 + second.n_linear]
    fixed = np.concatenate([lines[:, 0], lines[0, 1:]])
    linear = lines[1:, 1:].ravel()
    inner = number[1:, 1:].ravel()
    along = (number[1:, 0], first), (number[0, 1:], second)
    grams = [gram[np.ix_(index, index)] for index, _ in along]
    bends = [
        np.diag((np.arange(one.n_columns) >= one.n_linear).astype(float))
        for _, one in along
    ]
    penalty = np.kron(bends[0], grams[1]) + np.kron(grams[0], bends[1])
    identity = np.eye(n_one * n_two)
    smooth = identity[:, inner] @ whiten(penalty).penalized
    columns = [identity[:, fixed], identity[:, linear], smooth]
    return np.hstack(columns), len(fixed), len(linear)
