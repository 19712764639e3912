"""Ridge splits from one pass over X."""

from dataclasses import dataclass

import numpy as np

from .hessian import symmetric_solver
from .quadratic import Moments, QuadraticSplit

#: Ratios of the largest to the smallest second moment of a feature beyond which
#: eigenvectors of the moments, or singular vectors of the rows, would lose the
#: small ones, and Cholesky factors are used.
MAX_EIGEN_RATIO, MAX_SINGULAR_RATIO = 1e10, 1e16
#: Training rows per coordinate up to which singular vectors of the rows are
#: taken instead of eigenvectors of their moments.
ROWS_PER_COORDINATE = 3
#: Ridge of the reference weights, relative to each second moment.
REFERENCE_RIDGE = 1e-10


def build_quadratic_splits(
    rows, y, parts, coordinates, feature_shift, scale_ratio, counts
):
    """Build a `QuadraticSplit` for every pair of row weights.

    Parameters
    ----------
    rows : Rows
    y : ndarray of shape (n_samples, n_outputs)
    parts : list of (ndarray, ndarray)
        Training and validation weights over all rows; the last pair is all rows.
    coordinates : Coordinates
    feature_shift : ndarray of shape (n_features,)
        What was subtracted from the features.
    scale_ratio : float
        Ratio of the largest to the smallest second moment of a feature.
    counts : OracleCounts

    Returns
    -------
    list of QuadraticSplit
    """
    y_shift = np.zeros(y.shape[1])
    if rows.fit_intercept:
        everything = parts[-1][0]
        y_shift = everything @ y / everything.sum()
        # The mean of a constant is that constant, free of rounding.
        y_shift = np.where(y.min(axis=0) == y.max(axis=0), y[0], y_shift)
    y = y - y_shift
    sums = _sums_of_parts(rows, y, parts)
    one_group = coordinates.groups.n_groups == 1
    splits = []
    for (weight, _), (train, validation) in zip(parts, sums, strict=True):
        means = train.means()
        split = QuadraticSplit(
            train.moments(means),
            validation.moments(means),
            coordinates,
            feature_shift + coordinates.to_features(means.x[:, None])[:, 0],
            y_shift + means.y,
            counts,
        )
        if one_group and len(splits) < len(parts) - 1:
            split = _diagonalized(split, rows, weight, means, scale_ratio)
        splits.append(split)
    return splits


def _diagonalized(split, rows, weight, means, scale_ratio):
    """Return the split in eigenvectors, unless the units of X forbid it."""
    index = np.flatnonzero(weight)
    if rows.is_sparse or len(index) > ROWS_PER_COORDINATE * split.shape[0]:
        return split if scale_ratio > MAX_EIGEN_RATIO else split.diagonalized()
    if scale_ratio > MAX_SINGULAR_RATIO:
        return split
    root = np.sqrt(weight[index] / weight[index].sum())
    return split.diagonalized(root[:, None] * (rows.X[index] - means.x))


@dataclass(frozen=True)
class _Means:
    """Means of x, y and the residual of the reference; zero without intercept."""

    x: np.ndarray
    y: np.ndarray
    residual: np.ndarray


@dataclass(frozen=True)
class _Sums:
    """Weighted sums over some rows, that add up over disjoint rows.

    With an intercept the last coordinate of `gram`, `linear` and
    `residual_linear` belongs to the constant one.
    """

    total: float
    gram: np.ndarray
    linear: np.ndarray
    reference: np.ndarray | None = None
    residual_linear: np.ndarray | None = None
    residual_square: float = 0.0
    has_intercept: bool = False

    def means(self):
        """Return the means of these rows."""
        if not self.has_intercept:
            zero = np.zeros(self.linear.shape[1])
            return _Means(np.zeros(len(self.gram)), zero, zero)
        return _Means(
            self.gram[:-1, -1] / self.total,
            self.linear[-1] / self.total,
            self.residual_linear[-1] / self.total,
        )

    def moments(self, centre):
        """Return the moments about `centre`, which may be other rows' means."""
        gram, linear = self.gram / self.total, self.linear / self.total
        residual_linear = self.residual_linear / self.total
        residual_square = self.residual_square / self.total
        if self.has_intercept:
            x, y, residual = gram[:-1, -1], linear[-1], residual_linear[-1]
            cross = np.outer(x, centre.x)
            gram = gram[:-1, :-1] - cross - cross.T + np.outer(centre.x, centre.x)
            linear = _about(linear[:-1], x, y, centre.x, centre.y)
            residual_linear = _about(
                residual_linear[:-1], x, residual, centre.x, centre.residual
            )
            residual_square += centre.residual @ (centre.residual - 2 * residual)
        return Moments(
            gram, linear, self.reference, residual_linear, max(residual_square, 0.0)
        )


def _about(product, x, y, x_centre, y_centre):
    """Return mean (x - x_centre)(y - y_centre) from the mean of x y."""
    return product - np.outer(x_centre, y) - np.outer(x - x_centre, y_centre)


def _sums_of_parts(rows, y, parts):
    """Return (train, validation) `_Sums` of every part.

    A training fold is the sum of the other folds and not all rows minus its
    own: nothing cancels.
    """
    atoms, members = _disjoint_atoms(parts)
    blocks = []
    for weight in atoms:
        index = np.flatnonzero(weight)
        blocks.append((index, weight[index], rows.take(index)))
    grams = [block.gram(weight) for _, weight, block in blocks]
    linears = [
        block.adjoint(weight[:, None] * y[index]) for index, weight, block in blocks
    ]
    everything = members[-1][0]
    gram, linear = (sum(values[i] for i in everything) for values in (grams, linears))
    scale = np.diag(gram)
    ridge = np.where(scale > 0, REFERENCE_RIDGE * scale, 1.0)
    reference = symmetric_solver(gram + np.diag(ridge))(linear)
    sums = []
    for (index, weight, block), gram, linear in zip(
        blocks, grams, linears, strict=True
    ):
        residual = y[index] - block.forward(reference)
        sums.append(
            _Sums(
                weight.sum(),
                gram,
                linear,
                reference[: rows.n_features],
                block.adjoint(weight[:, None] * residual),
                np.sum(weight[:, None] * residual**2),
                rows.fit_intercept,
            )
        )
    return [tuple(_add([sums[i] for i in own]) for own in pair) for pair in members]


def _add(sums):
    """Return the sums over the union of disjoint rows."""
    first = sums[0]
    names = ("total", "gram", "linear", "residual_linear", "residual_square")
    added = {name: sum(getattr(one, name) for one in sums) for name in names}
    return _Sums(**added, reference=first.reference, has_intercept=first.has_intercept)


def _disjoint_atoms(parts):
    """Return sets of rows that the parts are made of, and which each needs.

    Returns
    -------
    atoms : list of ndarray of shape (n_samples,)
        Row weights.
    members : list of (list of int, list of int)
        For every part, the atoms of its training and of its validation rows.
    """
    *pairs, (total, _) = parts
    complementary = all(
        np.array_equal(train + validation, total) for train, validation in pairs
    )
    if complementary and len(pairs) == 1:
        return list(pairs[0]), [([0], [1]), ([0, 1], [0, 1])]
    folds = [validation for _, validation in pairs]
    if complementary and np.array_equal(sum(folds), total):
        every = list(range(len(folds)))
        members = [([j for j in every if j != i], [i]) for i in every]
        return folds, [*members, (every, every)]
    atoms = [weight for pair in pairs for weight in pair] + [total]
    members = [([2 * i], [2 * i + 1]) for i in range(len(pairs))]
    return atoms, [*members, ([len(atoms) - 1], [len(atoms) - 1])]
