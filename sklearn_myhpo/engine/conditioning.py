"""Whether the rows are ill-conditioned, and the smallest relevant penalty."""

import numpy as np
from scipy.linalg import svdvals
from scipy.linalg.lapack import dpotrf

from ..data.limits import row_limits
from ..data.memory import weighted_gram
from ..data.row_space import tall_triangle
from ..data.sampling import every_kth
from .limits import limits

#: Share of the square of a column that is left after regression on the columns before
#: it, and ratio of the smallest to the largest square of a column, below which moments
#: lose relevant digits.
LEAST_OWN, LEAST_RATIO = 1e-9, 1e-10
#: The same share for several lambdas, for which the remedy costs more.
LEAST_OWN_OF_GROUPS = 1e-13
#: The same share, and the smallest square of a column, for moments that were computed
#: in single precision.
LEAST_OWN_ROUGH, LEAST_ROUGH = 1e-3, 1e-30
#: Relative size of singular values that count as rounding error.
LOST = 1e-14
#: Rows per feature of the sample that tests whether all rows are well-conditioned.
SHOWN_ROWS = 10


def is_ill_conditioned(gram, least_own=LEAST_OWN, squares=None):
    """Whether solutions from second moments lose relevant digits.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
        Second moments of more rows than columns.
    least_own : float
        Smallest allowed share of the square of a column after regression on those
        before it.
    squares : ndarray of shape (m,), optional
        Squares of the columns, if these have more rows than the moments.
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


def holds_roughly(gram):
    """Whether a Gram matrix (m, m) that was computed in single precision is accurate.

    Very small squares may have lost digits, or be zero.
    """
    is_lost = np.diag(gram).min(initial=np.inf) < LEAST_ROUGH
    return not (is_lost or is_ill_conditioned(gram, LEAST_OWN_ROUGH))


def has_large_means(design, sample_weight, second_moments):
    """Whether features without an intercept are nearly constant, and so collinear.

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
    """Whether a likelihood of dense rows uses their principal axes as coordinates.

    Along these axes, Hessians are nearly diagonal, and so well-conditioned up to units.

    Parameters
    ----------
    design, sample_weight, second_moments
        As in `has_large_means`.
    """
    n, d = design.shape
    positive = second_moments[second_moments > 0]
    if design.is_sparse or n * d * d > limits().singular_cost or not len(positive):
        return False
    if positive.min() < LEAST_RATIO * positive.max():
        # The axes of such rows would be determined by the largest features alone.
        return False
    if has_large_means(design, sample_weight, second_moments):
        return True
    if n <= d:
        return False
    rows = every_kth(n, SHOWN_ROWS * d)
    if rows.step > 1:
        # With more rows, the residual of a column can only grow.
        gram = weighted_gram(design.take(rows).centred(), sample_weight[rows])
        squares = sample_weight.sum() * second_moments
        if squares.min() > 0 and not is_ill_conditioned(gram, squares=squares):
            return False
    return is_ill_conditioned(design.gram(sample_weight)[:d, :d])


def least_moment(design, sample_weight, second_moments):
    """Return the smallest second moment of the rows along any direction.

    It is estimated by that of columns scaled to size one, times the smallest second
    moment of a column.

    Parameters
    ----------
    design : Design
        Centred if there is an intercept.
    sample_weight : ndarray of shape (n_samples,)
    second_moments : ndarray of shape (n_features,)

    Returns
    -------
    float or None
        None if no column varies, or if the computation would cost too much.
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
