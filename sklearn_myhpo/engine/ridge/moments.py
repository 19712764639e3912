"""Ridge splits from second moments."""

from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import dger

from ...data.design import Design
from ...data.limits import row_limits
from ...data.sums import (
    Means,
    check_scale,
    origin,
    squares_of,
    sum_products,
    sum_residuals,
    sums_of,
)
from ..linalg.symmetric import symmetric_solver
from ..split import Origin
from .eliminate import eliminate_unpenalized
from .mean_square import Moments
from .quadratic import QuadraticSplit

#: Ridge penalty of the reference weights, relative to each second moment.
REFERENCE_RIDGE = 1e-10
#: Largest relative error of the least squares residual from sums of products. If it is
#: larger, the residuals themselves are formed in a second pass over the rows.
SQUARES_TOL = 1e-11


class Sources(NamedTuple):
    """Sums over all parts, and their origin.

    Attributes
    ----------
    parts : list of (Sums, Sums)
        Over the training and the validation rows; all rows are the last pair.
    design : Design
        The rows about the origin of x, without an intercept.
    y_shift : ndarray of shape (n_outputs,)
        Origin of y.
    reference : ndarray of shape (m, n_outputs)
        Weights close to the least squares solution.
    fit_intercept : bool
        Whether x and y are centred by the training rows.
    centres : bool
        Whether x is centred.
    """

    parts: list
    design: Design
    y_shift: np.ndarray
    reference: np.ndarray
    fit_intercept: bool
    centres: bool

    def second_moments(self):
        """Return the mean squares of the (centred) coordinates over all rows."""
        sums = self.parts[-1][0]
        mean = self.centre(sums).x
        squares = np.diag(sums.matrix)[: len(mean)] / sums.total
        return np.maximum(squares - mean**2, 0.0)

    def total_gram(self):
        """Return the second moments of all rows, about their means."""
        sums = self.parts[-1][0]
        return self.moments(sums, self.centre(sums)).gram

    def centre(self, sums):
        """Return the `Means` of some rows that are subtracted; zeros for none."""
        means = sums.means()
        if self.fit_intercept:
            return means
        if self.centres:
            none = np.zeros_like(means.y)
            return Means(means.x, none, -means.x @ self.reference)
        return Means(*(np.zeros_like(mean) for mean in means))

    def moments(self, sums, centre):
        """Return the moments about `centre`, which may be the means of other rows."""
        one = sums.one
        gram = np.divide(sums.matrix[:one, :one], sums.total, order="C")
        linear = sums.matrix[:one, one + 1 :] / sums.total
        residual_linear = sums.residual_linear[:one] / sums.total
        residual_square = sums.residual_square / sums.total
        if self.centres:
            x, y, residual = sums.means()
            _move_centre(gram, x, centre.x)
            linear = _about(linear, x, y, centre.x, centre.y)
            residual_linear = _about(
                residual_linear, x, residual, centre.x, centre.residual
            )
            residual_square = residual_square + centre.residual * (
                centre.residual - 2 * residual
            )
        return Moments(
            gram,
            linear,
            self.reference,
            residual_linear,
            np.maximum(residual_square, 0.0),
        )


def _move_centre(gram, mean, centre):
    """Turn moments about zero of rows with this mean into those about `centre`."""
    half = mean - 0.5 * centre
    for left, right in ((half, centre), (centre, half)):
        # In place, since BLAS reads the transpose of a symmetric matrix as the matrix.
        dger(-1.0, left, right, a=gram.T, overwrite_a=1)


def _about(product, x, y, x_centre, y_centre):
    """Return mean (x - x_centre)(y - y_centre) from the mean of x y."""
    return product - np.outer(x_centre, y) - np.outer(x - x_centre, y_centre)


def sum_parts(design, y, parts, fit_intercept, centres=False):
    """Return the `Sources` of all splits in one pass over the rows.

    The origin is the mean of a sample of the rows, or of all rows if the sample is far
    from it; it is that of the design if nothing is centred.

    Parameters
    ----------
    design : Design
    y : ndarray of shape (n_samples, n_outputs)
    parts : RowParts
    fit_intercept : bool
        Whether x and y may be moved to an origin.
    centres : bool, default=False
        Whether x may be moved to an origin.

    Returns
    -------
    Sources
    """
    y_shift, centres = np.zeros(y.shape[1]), centres or fit_intercept
    design = design.about(design.shift, design.scale, False, design.has_large_means)
    with np.errstate(over="ignore", invalid="ignore"):
        if centres:
            rows = design.sample(row_limits().shift_rows)
            design = design.about(origin(rows.raw()), design.scale, False, True)
        if fit_intercept:
            step = max(1, len(y) // row_limits().shift_rows)
            y_shift = origin(y[::step])
        matrices = sum_products(design, y, parts, y_shift)
        total = parts.total(matrices)
    check_scale(design, np.diag(total)[: design.n_features])
    if centres:
        end = None if fit_intercept else design.n_features
        mean, is_far = _means(total, design.n_features, end)
        if is_far:
            x_mean, y_mean = np.split(mean, [design.n_features])
            shift = design.moved_origin(x_mean)
            design = design.about(shift, design.scale, False, True)
            y_shift = y_shift + y_mean if fit_intercept else y_shift
            matrices = sum_products(design, y, parts, y_shift)
    facts = fit_intercept, centres
    return _about_reference(design, y, y_shift, parts, matrices, *facts)


def _means(total, one, end):
    """Return the means of x and y up to an end, and whether any is far from zero."""
    square = np.delete(squares_of(total), one)[:end] / total[one, one]
    mean = np.delete(total[one], one)[:end] / total[one, one]
    variance = np.maximum(square - mean**2, 0.0)
    return mean, bool(np.any(mean**2 > row_limits().large_mean * variance))


def sum_centred_parts(design, y, parts, fit_intercept, reference=None):
    """Return the `Sources` of rows that are already centred.

    Parameters
    ----------
    design : Design
        From `Design.at_means`.
    y, parts, fit_intercept
        As in `sum_parts`.
    reference : ndarray of shape (m, n_outputs), optional
        Weights close to the least squares solution, if any are known.

    Returns
    -------
    Sources
    """
    y_shift = np.zeros(y.shape[1])
    if fit_intercept:
        weight = parts.sample_weight
        y_shift = weight @ y / weight.sum()
        # The mean of a constant is that constant, without rounding error.
        y_shift = np.where(y.min(axis=0) == y.max(axis=0), y[0], y_shift)
    design = design.about(design.shift, design.scale, False, design.has_large_means)
    matrices = sum_products(design, y, parts, y_shift)
    facts = fit_intercept, fit_intercept
    return _about_reference(design, y, y_shift, parts, matrices, *facts, reference)


def _about_reference(
    design, y, y_shift, parts, matrices, fit_intercept, centres, reference=None
):
    """Return `Sources` with the residuals of reference weights.

    The reference is close to the least squares solution of all rows. Losses are
    computed about it: a sum of products would cancel where the model explains
    nearly everything. The residuals follow from the sums of products unless that is so,
    or the columns are nearly collinear.
    """
    total, one = parts.total(matrices), design.n_features
    if reference is None:
        gram, linear = total[:one, :one], total[:one, one + 1 :]
        scale = np.diag(gram)
        ridge = np.where(scale > 0, REFERENCE_RIDGE * scale, 1.0)
        reference = symmetric_solver(gram + np.diag(ridge))(linear)
    found = []
    for matrix in matrices:
        edge, square = matrix[: one + 1, one + 1 :], matrix[one + 1, one + 1 :]
        products = edge - matrix[: one + 1, :one] @ reference
        own = square - np.sum(reference * (edge[:one] + products[:one]), axis=0)
        found.append((products, own))
    # Rounding is relative to the sum of these sizes.
    root = np.sqrt(np.maximum(squares_of(total), 0.0))
    sizes = root[:one] @ np.abs(reference) + root[one + 1 :]
    error = np.finfo(float).eps * sizes**2
    if np.any(error > SQUARES_TOL * parts.total([square for _, square in found])):
        found = sum_residuals(design, y, parts, reference, y_shift)
    sums = sums_of(matrices, found)
    facts = fit_intercept, centres
    return Sources(parts.combine(sums), design, y_shift, reference, *facts)


def build_quadratic_splits(sources, coordinates, feature_shift, counts, units=None):
    """Build a `QuadraticSplit` for every pair of sums.

    Parameters
    ----------
    sources : Sources
    coordinates : Coordinates
    feature_shift : ndarray of shape (n_features,)
        Origin of the features.
    counts : OracleCounts
    units : ndarray of shape (n_splits + 1, n_features), optional
        Factors of the features of every split, and of all rows.

    Returns
    -------
    list of QuadraticSplit
    """
    splits = []
    for number, (train, validation) in enumerate(sources.parts):
        centre = sources.centre(train)
        own = sources.moments(train, centre)
        held_out = own if validation is train else sources.moments(validation, centre)
        own_coordinates, x_mean = coordinates, centre.x
        if units is not None:
            unit, is_same = units[number], held_out is own
            own, x_mean = own.in_units(unit), x_mean * unit
            held_out = own if is_same else held_out.in_units(unit)
            own_coordinates = coordinates.in_units(unit)
        split = QuadraticSplit(
            own,
            held_out,
            own_coordinates,
            feature_shift,
            x_mean,
            Origin(None, sources.y_shift + centre.y),
            counts,
        )
        if coordinates.groups.n_unpenalized:
            split = eliminate_unpenalized(split)
        splits.append(split)
    return splits
