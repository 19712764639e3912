"""Checks of the parameters and arguments that scikit-learn's constraints miss."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from ..bilevel.bounds import MAX_LAMBDA
from ..criteria import CRITERIA, Criterion
from ..data.selected import select
from ..data.sources import as_design
from ..solvers import SOLVERS, Solver


def check_weights(sample_weight, X):
    """Return the sample weights, shape (n_samples,), float64."""
    weights = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not np.any(weights):
        raise ValueError(
            "sample_weight is zero for all rows; at least one sample weight must "
            "not be zero."
        )
    return weights


def check_not_missing(y):
    """Raise a ValueError where an array of objects has a missing value.

    scikit-learn would call None an infinity, or fail to compare it with labels.
    """
    values = np.asarray(y)
    if values.dtype.kind in "US" and not hasattr(y, "dtype"):
        # NumPy has made a label of NaN in a list of labels.
        values = np.asarray(y, dtype=object)
    if values.ndim and values.dtype.kind == "O" and any(map(_is_missing, values.flat)):
        raise ValueError("Input y contains NaN.")


def _is_missing(value):
    # pandas' own missing values, without a need of pandas.
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, Real) and bool(value != value)


def drop_weightless(X, target, weights, pairs):
    """Return the data and the splits without the rows of weight zero.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    target : ndarray of shape (n_samples, ...)
    weights : ndarray of shape (n_samples,)
    pairs : list of (ndarray, ndarray)
        Indices of both parts of every split.

    Returns
    -------
    design : Design
    target, weights, pairs
        As given, of the rows of `design`.
    """
    kept = weights > 0
    if kept.all():
        return as_design(X), target, weights, pairs
    new_index = np.cumsum(kept) - 1
    pairs = [tuple(new_index[part[kept[part]]] for part in pair) for pair in pairs]
    return select(X, np.flatnonzero(kept)), target[kept], weights[kept], pairs


def check_bounds(lambda_bounds, lambda_init):
    """Return "auto" or (low, high), with lambda_init inside."""
    if isinstance(lambda_bounds, str):
        return lambda_bounds
    allowed = (
        '"auto" or two numbers (low, high) with low < high, infinite ones included, '
        f"that leave room between -{MAX_LAMBDA:g} and {MAX_LAMBDA:g}"
    )
    good = len(lambda_bounds) == 2 and all(
        isinstance(bound, Real) and not np.isnan(bound) for bound in lambda_bounds
    )
    good = good and lambda_bounds[0] < lambda_bounds[1]
    if not good or lambda_bounds[0] > MAX_LAMBDA or lambda_bounds[1] < -MAX_LAMBDA:
        raise ValueError(
            f"The 'lambda_bounds' parameter must be {allowed}. Got "
            f"{lambda_bounds!r} instead."
        )
    low, high = (float(bound) for bound in lambda_bounds)
    if not isinstance(lambda_init, str) and not low <= lambda_init <= high:
        raise ValueError(
            f"The 'lambda_init' parameter must be inside lambda_bounds="
            f"{lambda_bounds!r}. Got {lambda_init!r} instead."
        )
    return low, high


def resolve_solver(solver):
    """Return the solver of a name, or the solver itself.

    Parameters
    ----------
    solver : str or Solver

    Returns
    -------
    Solver
    """
    if isinstance(solver, str) and solver in SOLVERS:
        return SOLVERS[solver]()
    if isinstance(solver, Solver):
        return solver
    raise ValueError(
        f"The 'solver' parameter must be one of {sorted(SOLVERS)} or a solver object "
        "such as sklearn_myhpo.solvers.MYHPO(), of a subclass of "
        f"sklearn_myhpo.solvers.Solver. Got {solver!r} instead."
    )


def resolve_criterion(criterion, loss, name):
    """Return the criterion of a name, or the criterion itself; None for "validation".

    Parameters
    ----------
    criterion : str or Criterion
    loss : Loss
        Loss of the estimator, for which the criterion must be defined.
    name : str
        Name of the estimator, for messages.

    Returns
    -------
    Criterion or None
    """
    if isinstance(criterion, str) and criterion == "validation":
        return None
    found = criterion
    if isinstance(criterion, str) and criterion in CRITERIA:
        found = CRITERIA[criterion]()
    if not isinstance(found, Criterion):
        raise ValueError(
            f"The 'criterion' parameter must be one of {['validation', *CRITERIA]} or "
            "a criterion object such as sklearn_myhpo.criteria.GCV(). Got "
            f"{criterion!r} instead."
        )
    if not isinstance(loss, found.losses):
        defined = [name for name, each in CRITERIA.items() if type(loss) in each.losses]
        raise ValueError(
            f"criterion={criterion!r} is not defined for the loss of {name}. Allowed "
            f"are {['validation', *defined]}."
        )
    return found
