"""Groups with more features than rows, replaced by their row spaces."""

import numpy as np
from scipy.linalg import cholesky, qr, svd

from ..penalties.coordinates import Coordinates, UnitCoordinates, feature_coordinates
from .blocks import as_slice
from .dense import DenseDesign

#: Largest ratio of changes of units for which the basis of the row spaces is converted;
#: the square of the ratio is lost in digits.
MOST_UNITS = 30.0
#: Rows of a block of a QR factorization.
QR_ROWS = 1024


def reduce_to_row_space(design, groups, rotates=False):
    """Return the rows in the row space of every wide group, and the coordinates.

    Weights of a group enter only through its columns' row space and their
    squared norm, so the solution lies in that space for every lambda. The
    vector of ones is kept too: the mean response needs it.

    Parameters
    ----------
    design : Design
        Dense, about its means where there is an intercept.
    groups : FeatureGroups
        Unpenalized features stay as they are, as the last coordinates.
    rotates : bool, default=False
        Whether the coordinates are the principal axes of every group, wide or not.

    Returns
    -------
    design : DenseDesign
        Of shape (n_samples, n_coordinates), about zero, with the same intercept.
    coordinates : Coordinates
    """
    plain, limit = feature_coordinates(groups, design.scale), design.n_samples + 1
    bases, parts, labels, ones = [], [], [], []
    n_groups = len(groups.sizes)
    for group in range(n_groups + (groups.n_unpenalized > 0)):
        columns = np.flatnonzero(groups.labels == group)
        if len(columns) > limit and group < n_groups:
            # LAPACK works in place on an array in Fortran order.
            spanning = np.ones((len(columns), limit), order="F")
            _fill_columns(design, columns, spanning[:, :-1])
            basis, triangle = qr(
                spanning, mode="economic", overwrite_a=True, check_finite=False
            )
            _make_unique(basis, triangle)
            part, one = triangle[:, :-1].T, triangle[:, -1]
            _drop_rounding(part)
            if rotates:
                part, one, basis = _along_axes(part, one, basis)
        else:
            basis, one = None, np.ones(len(columns))
            part = np.empty((len(columns), design.n_samples), order="F")
            _fill_columns(design, columns, part)
            part = part.T
            if rotates and len(columns) > 1 and group < n_groups:
                part, one, basis = _along_axes(part, one, np.eye(len(columns)))
        bases.append((columns, basis))
        parts.append(part)
        labels.append(np.full(part.shape[1], group))
        ones.append(one)
    coordinates = Coordinates(
        groups.relabelled(np.concatenate(labels)),
        plain.n_features,
        np.concatenate(ones),
        plain.group_sizes,
        tuple(bases),
        scale=design.scale,
    )
    joined = parts[0] if len(parts) == 1 else np.hstack(parts)
    reduced = np.ascontiguousarray(joined)
    return DenseDesign(reduced, fit_intercept=design.fit_intercept), coordinates


def tall_triangle(rows):
    """Return the triangular QR factor of many rows, some of them at a time.

    These fit in a cache (Demmel, Grigori, Hoemmen & Langou 2012).

    Parameters
    ----------
    rows : ndarray of shape (n_rows, k)
        At least k rows.

    Returns
    -------
    ndarray of shape (k, k)
    """
    size = max(QR_ROWS, 4 * rows.shape[1])
    if len(rows) > 2 * size:
        parts = (rows[start : start + size] for start in range(0, len(rows), size))
        rows = np.concatenate([np.linalg.qr(part, mode="r") for part in parts])
    return np.linalg.qr(rows, mode="r")


def in_own_units(design, coordinates, units, share=None):
    """Return rows in row spaces, and coordinates, of features times other units.

    The basis Q of a row space, times units, is orthonormal after a Cholesky factor L of
    ``Q' diag(units^2) Q``, which is near the identity: no other basis is formed.

    Parameters
    ----------
    design : DenseDesign
    coordinates : Coordinates
        Both from `reduce_to_row_space`, without rotation.
    units : ndarray of shape (n_features,)
        Positive.
    share : ndarray of shape (n_samples,) or None
        Weights of the rows in a mean to subtract; None for none.

    Returns
    -------
    (DenseDesign, Coordinates) or None
        None if the units differ too much. The result has no means over features.
    """
    factors, rows, start = [], np.empty(design.X.shape), 0
    for columns, basis in coordinates.bases:
        own, factor = units[columns], None
        stop = start + (len(columns) if basis is None else basis.shape[1])
        part, out = design.X[:, start:stop], rows[:, start:stop]
        if basis is None:
            np.multiply(part, own, out=out)
        elif own.max() > MOST_UNITS * own.min():
            return None
        else:
            moved = own[:, None] * basis
            factor = cholesky(moved.T @ moved, lower=True, check_finite=False)
            np.matmul(part, factor, out=out)
        factors.append(factor)
        start = stop
    if share is not None:
        rows -= share @ rows
    scale = units if coordinates.scale is None else units * coordinates.scale
    own = UnitCoordinates(
        **{**vars(coordinates), "scale": scale}, units=units, factors=tuple(factors)
    )
    return DenseDesign(rows, fit_intercept=design.fit_intercept), own


def _make_unique(basis, triangle):
    """Fix the signs of QR factors, in place, so that equal rows have equal factors."""
    negative = np.diag(triangle) < 0
    basis[:, negative] *= -1.0
    triangle[negative] *= -1.0


def _drop_rounding(part):
    """Set coordinates to zero that are zero in all rows but for rounding."""
    sizes = np.linalg.norm(part, axis=0)
    part[:, sizes <= max(part.shape) * np.finfo(float).eps * sizes.max()] = 0.0


def _along_axes(part, one, basis):
    """Return rows, ones and an orthonormal basis along the principal axes of the rows.

    Parameters
    ----------
    part : ndarray of shape (n_samples, k)
        Rows in the basis.
    one : ndarray of shape (k,)
    basis : ndarray of shape (n_columns, k)
    """
    if len(part) > part.shape[1]:
        # The axes are those of the triangular factor, which is much smaller.
        triangle = tall_triangle(part)
        transposed = svd(triangle, full_matrices=False, check_finite=False)[2]
        along = part @ transposed.T
    else:
        left, singular, transposed = svd(part, full_matrices=False, check_finite=False)
        along = left * singular
    return along, transposed @ one, basis @ transposed.T


def _fill_columns(design, columns, out):
    """Write some columns of the centred rows into `out` (n_columns, n_samples)."""
    columns = as_slice(columns)
    for rows, block in design.blocks(design.n_features):
        out[:, rows] = block.centred()[:, columns].T
