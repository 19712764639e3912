"""Means and standard deviations of the columns of X, by the training rows of splits.

They equal those of `sklearn.preprocessing.StandardScaler` with `sample_weight`. Nothing
is subtracted from a sum of squares, so that large means do no harm.
"""

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from .blocks import rows_by_label
from .design import Design
from .limits import row_limits
from .parts import RowParts, all_rows
from .sources import as_design


class ColumnMoments(NamedTuple):
    """The distribution of the columns of some rows.

    Attributes
    ----------
    weight : float
        Sum of the weights.
    mean : ndarray of shape (n_features,)
    square : ndarray of shape (n_features,)
        Sum of the squares about the mean.
    """

    weight: float
    mean: np.ndarray
    square: np.ndarray

    def plus(self, other):
        """Return the moments of both sets of rows together (Chan et al. 1983)."""
        total = self.weight + other.weight
        move, share = other.mean - self.mean, other.weight / total
        square = self.square + other.square + self.weight * share * move**2
        return ColumnMoments(total, self.mean + share * move, square)

    def times(self, count):
        """Return the moments with every row counted a number of times."""
        return ColumnMoments(count * self.weight, self.mean, count * self.square)

    def scale(self):
        """Return the standard deviations, one for columns that are constant."""
        with np.errstate(over="ignore", invalid="ignore"):
            return standard_deviations(
                self.mean, self.square / self.weight, self.weight
            )

    def varies(self):
        """Return which columns are not constant."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _varies(self.mean, self.square / self.weight, self.weight)


def standard_deviations(mean, variance, weight):
    """Return standard deviations; one for columns with no variance but rounding.

    The rule of scikit-learn's `StandardScaler`, which counts rows by their weights.

    Parameters
    ----------
    mean, variance : ndarray of shape (n_features,)
    weight : float
        Sum of the weights of the rows, in units of `unit_weight`.

    Returns
    -------
    ndarray of shape (n_features,)
        One if a variance is not finite, so that features that are too large are
        reported unscaled.
    """
    return np.sqrt(np.where(_varies(mean, variance, weight), variance, 1.0))


def _varies(mean, variance, weight):
    eps = np.finfo(float).eps
    rounding = weight * eps * variance + (weight * mean * eps) ** 2
    return np.isfinite(variance) & (variance > rounding)


@dataclass(frozen=True, eq=False)
class Standard:
    """The means and scales by which every split standardizes.

    Attributes
    ----------
    means, scales, varies : ndarray of shape (n_splits + 1, n_features)
        Of the training rows of every split; the last ones are of all rows. Scales are
        one where a feature does not vary.
    centres : bool
        Whether the means are subtracted if there is no intercept to absorb them; not
        from sparse rows.
    """

    means: np.ndarray
    scales: np.ndarray
    varies: np.ndarray
    centres: bool

    def rows(self, design: Design, split: int, fit_intercept: bool) -> Design:
        """Return rows in units of the standard deviations of a split's training rows.

        They are centred if no intercept absorbs the means.

        Parameters
        ----------
        design : Design
            About zero, in any units.
        split : int
            Number of the split; -1 for all rows.
        fit_intercept : bool
        """
        unit = 1.0 / self.scales[split]
        if fit_intercept or not self.centres:
            return design.in_units(unit)
        unit = design.scaled(unit)
        return design.about(self.means[split], unit, False, self.is_far(split))

    def is_far(self, split: int) -> bool:
        """Whether a mean of a split must be subtracted from rows, not from products."""
        squares = row_limits().large_mean * self.scales[split] ** 2
        return bool(np.any(self.means[split] ** 2 > squares))

    def penalty_scales(self):
        """Return the penalty of every split relative to that of all rows.

        In units of the standard deviations of all rows, standardizing by the training
        rows of a split is a factor in its penalty.

        Returns
        -------
        ndarray of shape (n_splits, n_features)
        """
        return np.square(self.scales[:-1] / self.scales[-1])


def standardize(design: Design, parts: RowParts) -> Standard:
    """Return the `Standard` of some splits, in one pass over the rows of K folds.

    Parameters
    ----------
    design : Design
        About zero, in the units of X.
    parts : RowParts
    """
    found = _of_parts(_atoms(design, parts), parts)
    means = np.array([one.mean for one in found])
    scales = np.array([one.scale() for one in found])
    varies = np.array([one.varies() for one in found])
    return Standard(means, scales, varies, not design.is_sparse)


def unit_weight(sample_weight):
    """Return the power of two next to the mean of the positive weights.

    In this unit the sum of the weights is about the number of rows, whatever the unit
    of the user's weights. Weights that are all one are not changed.

    Parameters
    ----------
    sample_weight : ndarray of shape (n_samples,)

    Returns
    -------
    float
    """
    most = sample_weight.max()
    mean = np.mean(sample_weight[sample_weight > 0] / most)
    return float(np.exp2(np.round(np.log2(most) + np.log2(mean))))


def standard_rows(X, sample_weight, fit_intercept):
    """Return the design of X in units of the standard deviations of all rows.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,)
    fit_intercept : bool
        Whether an intercept stands for the means.

    Returns
    -------
    Design
    """
    design = as_design(X)
    standard = standardize(design, all_rows(sample_weight))
    return standard.rows(design, -1, fit_intercept)


def _atoms(design, parts):
    """Return the `ColumnMoments` of all atoms, None of those without rows."""
    found, unit = [], unit_weight(parts.sample_weight)
    for visit in parts.visits():
        atoms, weight = [None] * visit.n_atoms, visit.weight / unit
        with np.errstate(over="ignore", invalid="ignore"):
            for rows, block in design.blocks(design.n_features):
                for atom, own in rows_by_label(visit.labels[rows], visit.n_atoms):
                    one = ColumnMoments(*block.moments(own, weight[rows][own]))
                    known = atoms[atom]
                    atoms[atom] = one if known is None else known.plus(one)
        found.extend(atoms)
    return found


def _of_parts(atoms, parts):
    """Return the moments of the training rows of every split, then of all rows."""
    if parts.kinds is None:
        # Training rows, validation rows, ..., and last all rows.
        return atoms[::2]
    training = parts.counts[:, 0]
    everything = np.ones((1, training.shape[1]), dtype=int)
    return [
        reduce(
            ColumnMoments.plus,
            (
                own.times(count)
                for own, count in zip(atoms, counts, strict=True)
                if count and own is not None
            ),
        )
        for counts in np.vstack([training, everything])
    ]
