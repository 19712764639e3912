"""Degrees of freedom of a fitted model, and the posterior covariance of ridge weights.

Ridge weights minimize ``sum_i c_i (y_i - x_i w)^2 + sum_j alpha_j w_j^2``. They are the
mean of the posterior for a normal prior of variance ``sigma^2 / alpha_j``, with the
covariance ``sigma^2 (X' C X + diag(alpha))^-1``, X about its means where there is an
intercept. Here everything is divided by the noise variance sigma^2. The effective
degrees of freedom are the trace of the hat matrix, ``tr((H + P)^-1 H)`` with the
Hessian H of the data term.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..engine.limits import limits
from ..engine.linalg.products import weight_diagonal
from ..engine.linalg.symmetric import eigensystem, symmetric_solver
from ..engine.ridge.diagonal import scale_ratio
from ..engine.ridge.dual import RowCoordinates

#: Share of a prior variance below which it is only rounding error.
NOTHING_LEFT = 1e-9


class Posterior(NamedTuple):
    """Degrees of freedom and variances at a penalty, or at one for every target.

    Attributes
    ----------
    freedom : ndarray of shape (k,)
        Effective degrees of freedom of one target, intercept and unpenalized features
        included; of all classes. k is the number of penalties, 1 or one per target.
    mean_square : ndarray of shape (n_outputs,) or None
        Mean squared residual of every target; None where it is not known.
    variance : ndarray of shape (n_features, k) or None
        Posterior variances of the coefficients over the noise variance; None if they
        would cost too much, or are not known.
    intercept : ndarray of shape (k,) or None
        The same of the intercept; zero without one.
    """

    freedom: np.ndarray
    mean_square: np.ndarray | None = None
    variance: np.ndarray | None = None
    intercept: np.ndarray | None = None


def ridge_posterior(split, groups, lambda_, n_rows, fit_intercept, free=None):
    """Return the `Posterior` of a ridge split of second moments.

    Parameters
    ----------
    split : QuadraticSplit
        Of all rows.
    groups : FeatureGroups
        Of the features.
    lambda_ : ndarray of shape (n_groups,), or (n_targets,) with one per target
        Natural logs of the penalties.
    n_rows : float
        Sum of the sample weights.
    fit_intercept : bool
    free : (ndarray of shape (n_free, rank), ndarray of shape (n_free,)) or None
        Of unpenalized features that are no coordinates of the split, a root of the
        pseudoinverse of their moments, and their means about the split's origin.

    Returns
    -------
    Posterior
    """
    coordinates = split.coordinates
    kernel = coordinates.kernel if isinstance(coordinates, RowCoordinates) else None
    per_target = groups.n_groups == 1 and len(lambda_) > 1
    if per_target and split.train.gram.ndim == 2:
        if scale_ratio(np.diag(split.train.gram)) > limits().eigen_ratio:
            given = n_rows, fit_intercept, free
            each = [ridge_posterior(split, groups, v, *given) for v in lambda_[:, None]]
            return side_by_side(each, range(len(each)))
        split = split.diagonalized()
    penalty = 2.0 * np.exp(lambda_)[None] if per_target else split.penalty(lambda_)
    freedom, mean_square, inverse = _solved(split, penalty, lambda_)
    if kernel is not None:
        freedom, spread = _of_kernel(split, kernel, penalty[:1])
    else:
        spread = _of_coordinates(split, inverse)
    n_free = fit_intercept + (0 if free is None else free[0].shape[1])
    found = Posterior(freedom + n_free, mean_square)
    if spread is None:
        return found
    scale = coordinates.scale_of(slice(None)) * np.ones(len(groups.labels))
    prior = np.exp(-lambda_)[None] / 2.0
    if not per_target:
        prior = np.exp(-groups.expand(lambda_))[:, None] / 2.0
    variance, intercept = spread.variances(scale, groups.is_penalized, prior)
    if free is not None:
        # The weights of unpenalized features have variances of their own.
        (root, mean), index = free, coordinates.eliminated.free
        variance[index] += (scale[index] ** 2 * np.sum(root**2, axis=1))[:, None]
        along = (scale[index] * split.feature_shift[index] + mean) @ root
        intercept = intercept + along @ along
    # The mean of y has a variance of its own.
    intercept = intercept + fit_intercept
    return found._replace(variance=variance / n_rows, intercept=intercept / n_rows)


def hessian_posterior(split, w, lambda_, n_rows=None):
    """Return the `Posterior` of a split that keeps its rows.

    Parameters
    ----------
    split : GLMSplit
        Of all rows, whose Hessian is formed.
    w : ndarray of shape (m, n_outputs)
        The solution.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    n_rows : float or None
        Sum of the sample weights of a ridge problem; None where no variances are
        wanted.

    Returns
    -------
    Posterior
    """
    hessian, n_outputs = split.hessian(w, lambda_), split.n_outputs
    inverse = hessian.inverse()
    penalty = weight_diagonal(split.penalty(lambda_), n_outputs)
    freedom = np.array([len(inverse) - penalty @ np.diag(inverse)])
    if n_rows is None:
        return Posterior(freedom)
    # The targets of a squared loss have one Hessian each, the same.
    mean_square = split.train_weight @ (split.y - split.raw(w)) ** 2
    found = Posterior(freedom / n_outputs, mean_square)
    if split.coordinates.bases:
        return found
    own = inverse[::n_outputs, ::n_outputs]
    n_features = split.coordinates.n_features
    scale = split.coordinates.scale_of(slice(None)) * np.ones(n_features)
    _, intercepts = split.moves_to_features(np.eye(len(own)))
    variance = (scale**2 * np.diag(own)[:n_features])[:, None]
    intercept = np.array([intercepts @ own @ intercepts])
    return found._replace(variance=variance / n_rows, intercept=intercept / n_rows)


class _Plain(NamedTuple):
    """The inverse of a Hessian in one coordinate per feature that is not eliminated.

    Attributes
    ----------
    split : QuadraticSplit
    inverse : ndarray of shape (m, m)
    """

    split: object
    inverse: np.ndarray

    def variances(self, scale, is_penalized, prior):
        """Return the variances (n_features, 1) and that of the intercept (1,)."""
        split, inverse = self
        eliminated = split.coordinates.eliminated
        kept = slice(None) if eliminated is None else eliminated.kept
        out = np.zeros((len(scale), 1))
        out[kept, 0] = scale[kept] ** 2 * np.diag(inverse)
        slope = scale[kept] * split.feature_shift[kept] + split.x_mean
        if eliminated is not None:
            _, free, follow = eliminated
            own = np.sum((follow @ inverse) * follow, axis=1)
            out[free, 0] = scale[free] ** 2 * own
            slope = slope + (scale[free] * split.feature_shift[free]) @ follow
        return out, np.array([slope @ inverse @ slope])


class _Spread(NamedTuple):
    """The inverse of a Hessian in combinations of features.

    Attributes
    ----------
    inverse : ndarray of shape (m, k) or (m, m)
        Diagonals, one per penalty, or one matrix.
    is_matrix : bool
        Which of them.
    coefs : ndarray of shape (n_features, m)
        Coefficients of unit weights.
    intercepts : ndarray of shape (m,)
        Their intercepts, without the contribution of the mean of y.
    shift : ndarray of shape (n_features,)
        Origin of the features.
    eliminated : Eliminated or None
        Unpenalized features, which follow the others.
    """

    inverse: np.ndarray
    is_matrix: bool
    coefs: np.ndarray
    intercepts: np.ndarray
    shift: np.ndarray
    eliminated: object = None

    def variances(self, scale, is_penalized, prior):
        """Return the variances (n_features, k) and those of the intercept (k,).

        Parameters
        ----------
        scale : ndarray of shape (n_features,)
            Units of the features.
        is_penalized : ndarray of bool of shape (n_features,)
            Whether a feature has a prior.
        prior : ndarray of shape (n_features, k) or (1, k)
            Prior variances in these units, which hold where rows say nothing.
        """
        inverse, is_matrix, coefs, intercepts, shift, _ = self
        if is_matrix:
            own = np.sum((coefs @ inverse) * coefs, axis=1)[:, None]
            intercept = np.array([intercepts @ inverse @ intercepts])
        else:
            own, intercept = coefs**2 @ inverse, intercepts**2 @ inverse
        square = np.where(is_penalized, scale, 0.0) ** 2
        # The part of a feature outside the coordinates; unpenalized ones follow them.
        left = square - np.sum(coefs**2, axis=1)
        inside = np.flatnonzero(left > NOTHING_LEFT * square)
        if not len(inside):
            return own, intercept
        prior = np.broadcast_to(prior, (len(left), prior.shape[1]))[inside]
        own[inside] += left[inside, None] * prior
        unit = np.where(is_penalized[:, None], coefs / scale[:, None], 0.0)
        along = np.where(is_penalized, scale * shift, 0.0)
        if self.eliminated is not None:
            kept, free, follow = self.eliminated
            along[kept] += (scale[free] * shift[free]) @ follow
            # Combinations that unpenalized features explain change their weights.
            moved = np.zeros((len(free), len(scale)))
            moved[:, kept] = follow
            moved -= (moved @ unit) @ unit.T
            own[free] += scale[free, None] ** 2 * (moved[:, inside] ** 2 @ prior)
        along -= unit @ (unit.T @ along)
        return own, intercept + along[inside] ** 2 @ prior


def _solved(split, penalty, lambda_):
    """Return the trace, the mean squared residuals, and the inverse of the Hessian."""
    gram, linear = split.train.gram, split.train.linear
    if gram.ndim == 1:
        inverse = 1.0 / (gram[:, None] + penalty)
        freedom = np.sum(gram[:, None] * inverse, axis=0)
        return freedom, 2.0 * split.train.values(inverse * linear), inverse
    # The refit has factored it.
    hessian = split.hessian(None, lambda_)
    mean_square = 2.0 * split.train.values(hessian.solve(linear))
    inverse = hessian.inverse()
    return np.array([np.vdot(inverse, gram)]), mean_square, inverse


def _of_coordinates(split, inverse):
    """Return the spread of coordinates that span all rows; None if it costs a lot."""
    coordinates, is_matrix = split.coordinates, split.train.gram.ndim == 2
    is_of_rows = isinstance(coordinates, RowCoordinates)
    if is_matrix and not (coordinates.bases or is_of_rows):
        return _Plain(split, inverse)
    size = split.shape[0]
    work = coordinates.n_features * size * inverse.shape[1]
    if is_of_rows:
        work = max(work, coordinates.n_features * size * coordinates.design.n_samples)
    if work > limits().posterior_work:
        return None
    coefs, intercepts = split.moves_to_features(np.eye(size))
    given = inverse, is_matrix, coefs, intercepts, split.feature_shift
    return _Spread(*given, coordinates.eliminated)


def _of_kernel(split, kernel, penalty):
    """Return the trace of the hat matrix, and the spread if it does not cost a lot.

    The coordinates of the split need not span all rows, only those that y reaches.

    Parameters
    ----------
    split : QuadraticSplit
    kernel : Kernel
    penalty : ndarray of shape (1, k)
    """
    coordinates, n_rows = split.coordinates, len(kernel.root)
    if n_rows**2 * coordinates.n_features > limits().posterior_work:
        if penalty.size == 1:
            shifted = kernel.products + penalty * np.eye(n_rows)
            left = np.trace(symmetric_solver(shifted).matrix())
            return n_rows - penalty[0] * left, None
        values = np.maximum(np.linalg.eigvalsh(kernel.products), 0.0)[:, None]
        return np.sum(values / (values + penalty), axis=0), None
    values, vectors = eigensystem(kernel.products)
    kept = values > n_rows * np.finfo(float).eps * values[-1]
    values = values[kept, None]
    inverse = 1.0 / (values + penalty)
    combine = kernel.root[:, None] * vectors[:, kept] / np.sqrt(values[:, 0])
    spanning = replace(coordinates, combine=combine)
    coefs = spanning.to_features(np.eye(len(values)))
    intercepts = -(split.feature_shift @ coefs)
    freedom = np.sum(values * inverse, axis=0)
    spread = _Spread(inverse, False, coefs, intercepts, split.feature_shift)
    return freedom, spread


def side_by_side(each, targets=None):
    """Return one `Posterior` of all targets, given those of parts of them.

    Parameters
    ----------
    each : list of (Posterior or None)
    targets : iterable of int, default=None
        Of posteriors of one target with the residuals of all, the number of the target;
        None if every one has the residuals of its own targets.

    Returns
    -------
    Posterior or None
        None where any is missing.
    """
    if any(one is None for one in each):
        return None
    freedom, squares, variances, intercepts = zip(*each, strict=True)
    own = None
    if squares[0] is not None and targets is None:
        own = np.concatenate(squares)
    elif squares[0] is not None:
        own = np.array([one[k] for one, k in zip(squares, targets, strict=True)])
    found = Posterior(np.concatenate(freedom), own)
    if variances[0] is None:
        return found
    variance, intercept = np.hstack(variances), np.concatenate(intercepts)
    return found._replace(variance=variance, intercept=intercept)
