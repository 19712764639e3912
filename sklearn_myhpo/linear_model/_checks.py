"""Checks of the parameters and arguments that scikit-learn's constraints miss."""

from contextlib import contextmanager
from numbers import Real

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from .._messages import shown
from ..criteria import CRITERIA, Criterion
from ..data.frames import columns_without_numbers
from ..data.moments.passes import check_some_weight
from ..data.selected import select
from ..data.sources import as_design
from ..penalties.columns import spell
from ..solvers import SOLVERS, Solver


def check_weights(sample_weight, X):
    """Return the sample weights, shape (n_samples,), float64."""
    weights = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    check_some_weight(np.any(weights))
    return weights


@contextmanager
def naming_columns(X):
    """Raise a ValueError that names the columns of a frame that are not numbers.

    scikit-learn names a value of them, or a type of NumPy.

    Parameters
    ----------
    X : object
        As the user gave it; the context converts it to an array.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        names = columns_without_numbers(X, error)
        if not names:
            raise
        raise ValueError(
            f"X has columns that are not numbers: {spell(names)}. Convert them first, "
            "such as categories by a OneHotEncoder in a GroupedColumnTransformer, and "
            "dates to numbers of days."
        ) from error


def check_not_missing(y):
    """Raise a ValueError where an array of objects has a missing value.

    scikit-learn would call None an infinity, or fail to compare it with labels.
    """
    values = np.asarray(y)
    if values.dtype.kind in "US" and not hasattr(y, "dtype"):
        # NumPy turns NaN in a list of labels into a label.
        values = np.asarray(y, dtype=object)
    if values.ndim and values.dtype.kind == "O" and any(map(_is_missing, values.flat)):
        raise ValueError("Input y contains NaN.")


def check_not_text(y):
    """Raise a ValueError if the target of a regressor has strings.

    scikit-learn would turn strings of digits into numbers.
    """
    values = np.asarray(y)
    is_text = values.dtype.kind in "US" or (
        values.dtype.kind == "O" and any(isinstance(v, str) for v in values.flat)
    )
    if is_text:
        text = next((v for v in values.flat if isinstance(v, str | bytes)), "")
        raise ValueError(
            f"y must be numeric for a regressor. Got strings, such as {shown(text)}."
        )


def _is_missing(value):
    # pandas' missing values, tested without importing pandas.
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


def check_standardize(model, is_sparse, solver):
    """Raise if the solver needs the same rows for all splits but these differ.

    Parameters
    ----------
    model : BilevelLinearModel
    is_sparse : bool
        Whether X is.
    solver : Solver
    """
    moves = model.standardize and not (model.fit_intercept or is_sparse)
    if moves and solver.capabilities.needs_rows:
        raise ValueError(
            "standardize=True with fit_intercept=False subtracts the means of the "
            "training rows of every split from dense X, but the solver "
            f"{shown(solver)} uses the same rows for all splits. Use "
            "fit_intercept=True, or another solver."
        )


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
        f"sklearn_myhpo.solvers.Solver. Got {shown(solver)} instead."
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
            f"{shown(criterion)} instead."
        )
    if not isinstance(loss, found.losses):
        defined = [name for name, each in CRITERIA.items() if type(loss) in each.losses]
        raise ValueError(
            f"criterion={shown(criterion)} is not defined for the loss of {name}. "
            f"Allowed are {['validation', *defined]}."
        )
    return found
