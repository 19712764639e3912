"""Whether the rows of a problem are ill-conditioned, and how far down they matter."""

import numpy as np
from scipy.linalg import svdvals
from scipy.linalg.lapack import dpotrf

from ..data.limits import row_limits
from ..data.row_space import tall_triangle
from ..data.sampling import every_kth
from .limits import limits

#: Share of the square of a column that is left after the columns before it, and ratio
#: of the least to the largest square of a column, below which moments lose digits that
#: matter.
LEAST_OWN, LEAST_RATIO = 1e-9, 1e-10
#: The same share for several lambdas, for which the way out costs more.
LEAST_OWN_OF_GROUPS = 1e-13
#: Singular values of few rows relative to the largest that are rounding.
LOST = 1e-14
#: Rows per feature of a sample that may show that all rows are well-conditioned.
SHOWN_ROWS = 10


def is_ill_conditioned(gram, least_own=LEAST_OWN, squares=None):
    """Whether solutions from second moments lose digits that matter.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
        Second moments of more rows than columns.
    least_own : float
        Least share of the square of a column that is left after those before it.
    squares : ndarray of shape (m,), optional
        Of the columns, where these have more rows than the moments are of.
    """
    squares = np.diag(gram) if squares is None else squares
    kept = np.flatnonzero(squares > 0)
    if not len(kept):
        return False
    squares = squares[kept]
    if squares.min() < LEAST_RATIO * squares.max():
        return True
    scale = 1.0 / np.sqrt(squares)
    scaled = gram[np.ix_(kept, kept)] * scale * scale[:, None]
    factor, failed = dpotrf(scaled, lower=1, overwrite_a=1)
    return bool(failed) or np.diag(factor).min() ** 2 < least_own


def has_large_means(design, sample_weight, second_moments):
    """Whether features without an intercept are nearly constant, and so nearly alike.

    Parameters
    ----------
    design : Design
        About zero where there is no intercept.
    sample_weight : ndarray of shape (n_samples,)
    second_moments : ndarray of shape (n_features,)
    """
    if design.fit_intercept or design.n_features < 2:
        return False
    share = sample_weight / sample_weight.sum()
    squares = design.adjoint(share[:, None])[:, 0] ** 2
    far = squares > row_limits().large_mean * np.maximum(second_moments - squares, 0.0)
    return np.count_nonzero(far & (squares > 0)) > 1


def needs_rotation(design, sample_weight, second_moments):
    """Whether dense rows of a likelihood are worked on along their principal axes.

    Along these, Hessians are nearly diagonal, and so well-conditioned but for units.

    Parameters
    ----------
    design, sample_weight, second_moments
        As of `has_large_means`.
    """
    n, d = design.shape
    positive = second_moments[second_moments > 0]
    if design.is_sparse or n * d * d > limits().singular_cost or not len(positive):
        return False
    if positive.min() < LEAST_RATIO * positive.max():
        # The axes of such rows would be those of the largest features alone.
        return False
    if has_large_means(design, sample_weight, second_moments):
        return True
    if n <= d:
        return False
    rows = every_kth(n, SHOWN_ROWS * d)
    if rows.step > 1:
        # More rows only add to what is left of a column after the ones before it.
        gram = design.take(rows).gram(sample_weight[rows])[:d, :d]
        squares = sample_weight.sum() * second_moments
        if squares.min() > 0 and not is_ill_conditioned(gram, squares=squares):
            return False
    return is_ill_conditioned(design.gram(sample_weight)[:d, :d])


def least_moment(design, sample_weight, second_moments):
    """Return the least second moment that any direction of the rows has.

    That of columns of size one, times the least one of a column.

    Parameters
    ----------
    design : Design
        About its means where there is an intercept.
    sample_weight : ndarray of shape (n_samples,)
    second_moments : ndarray of shape (n_features,)

    Returns
    -------
    float or None
        None where no column varies, or where it would cost too much to know.
    """
    kept = np.flatnonzero(second_moments > 0)
    n, d = design.n_samples, len(kept)
    if not len(kept) or n * d * min(n, d) > limits().singular_cost:
        return None
    rows = design.columns(kept)
    rows *= np.sqrt(sample_weight / sample_weight.sum())[:, None]
    rows /= np.sqrt(second_moments[kept])
    if n > d:
        rows = tall_triangle(rows)
    singular = svdvals(rows, overwrite_a=True, check_finite=False)
    least = singular[singular > LOST * max(n, d) * singular[0]][-1]
    return float(second_moments[kept].min() * min(1.0, least**2))
