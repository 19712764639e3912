"""X that is read from `sklearn_myhpo.data.Batches`, in `fit`."""

import numpy as np
from sklearn.utils.validation import validate_data

from .._messages import shown
from ..data.dask.blocks import is_dask
from ..data.design import Design
from ..data.moments.condensed_design import CondensedDesign
from ..data.streams.batches import Batches
from ..data.streams.design import BatchesDesign
from ..data.streams.rows import BatchRows
from ..data.streams.sliceable import as_sliceable, is_read_by_slices
from ..data.streams.source import BatchSource
from ._dask import read_dask, refuse_dask
from ._long_rows import (
    needs_no_copy,
    needs_no_list,
    pairs_of_labels,
    read_long_rows,
)
from ._moments import can_condense, condensed_rows
from ._pass_bar import PassBar
from ._tensors import TensorRows, read_tensors, refuse_tensor


def read_batches(model, solver, X, y, sample_weight, metadata, has_own_validation):
    """Return X, y and weights of a fit, from batches where X is `Batches`.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X, y, sample_weight
        Arguments of `fit`.
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    has_own_validation : bool
        Whether `fit` got a validation set.

    Returns
    -------
    X : CondensedDesign, LongRows, BatchesDesign or object
        As given, where it is no `Batches` and is not to be read as such; so are y and
        the weights.
    y : array-like or None
        None with `LongRows`.
    sample_weight : array-like or None

    Raises
    ------
    ValueError
        If an argument or a parameter does not go with batches, or these are not rows
        of one matrix.
    """
    model._parts, model._is_stale = None, False
    model._y_origin, is_moments = None, can_condense(model, solver, *metadata)
    if isinstance(X, TensorRows):
        given = X, y, sample_weight, metadata, has_own_validation
        return read_tensors(model, solver, *given)
    if is_dask(X):
        given = X, y, sample_weight, metadata, has_own_validation
        return read_dask(model, solver, *given)
    is_long = needs_no_list(model, solver, metadata, has_own_validation)
    if not isinstance(X, Batches):
        maps_too = is_moments or (is_long and needs_no_copy(model, X))
        if y is None or not is_read_by_slices(X, maps_too):
            return X, y, sample_weight
        given = (as_sliceable(one) for one in (y, sample_weight))
        X, y, sample_weight = Batches.from_arrays(X, *given), None, None
    for name, value in {"y": y, "sample_weight": sample_weight}.items():
        if value is not None:
            raise ValueError(
                f"{name} must be None where X is Batches, whose batches hold it. Got "
                f"{shown(value)}."
            )
    if solver.capabilities.needs_rows:
        raise ValueError(
            f"The solver {shown(solver)} looks at some rows at a time, for each of "
            "which Batches would be read from the beginning. Use MYHPORidge, "
            "MYHPOLogisticRegression or another solver; or partial_fit with one batch "
            "after another."
        )
    for name in ("store_cv_results", "scoring"):
        value = getattr(model, name)
        if value is not None and value is not False:
            raise ValueError(
                f"{name}={shown(value)} predicts single rows, which cannot be looked "
                f"up in Batches. Leave {name} out."
            )
    source, found = BatchSource(X), None
    PassBar.watch(model, source)
    if is_moments:
        with source:
            found = condensed_rows(model, source, has_own_validation)
    elif is_long:
        found = read_long_rows(model, source)
    if found is not None:
        return found
    rows = BatchRows(X)
    return BatchesDesign(rows), rows.y, rows.sample_weight


def report_passes(model, X):
    """Set the fitted attributes that say how often rows were read.

    Parameters
    ----------
    model : BilevelLinearModel
        After the fit.
    X : CondensedDesign, BatchesDesign or object
        From `read_batches`.
    """
    if isinstance(X, CondensedDesign):
        source = X.condensed.source
        n_passes = source.n_passes
        if source.watch is not None:
            source.watch.end()
        model.plan_ = model.plan_.of_rows(X.n_counted)
    elif isinstance(X, BatchesDesign):
        n_passes = X.rows.n_passes
    else:
        return
    model.oracle_counts_ = {**model.oracle_counts_, "n_passes": n_passes}
    if isinstance(X, CondensedDesign):
        # All of them before the first iteration, but for those of the checks.
        column = np.full(len(model.history_["lambda"]), n_passes)
        model.history_ = {**model.history_, "n_passes": column}


def folds_of(X, cv):
    """Return pairs of rows of batches that a rule has divided, else `cv` as it is."""
    if isinstance(X, BatchesDesign) and X.rows.labels is not None:
        return pairs_of_labels(X.rows.labels)
    return cv


def columns_of(X):
    """Return an X with names and dtypes of the columns: some rows of a design."""
    return X.head if isinstance(X, Design) else X


def groups_of(X, groups):
    """Return the groups for a splitter; None where the folds are made by then.

    Parameters
    ----------
    X : CondensedDesign, BatchesDesign or object
        From `read_batches`.
    groups : object
        Argument of `fit`.

    Returns
    -------
    object
    """
    if isinstance(X, CondensedDesign):
        return None
    return None if isinstance(X, BatchesDesign) and is_dask(groups) else groups


def is_from_batches(X):
    """Whether X is read by blocks; raise a ValueError where it is `Batches` itself.

    Those are taken by `fit` alone, which has read them by then.
    """
    if isinstance(X, Batches):
        raise ValueError(
            "Batches are taken for X of fit alone; X must be an array, a sparse matrix "
            "or a frame here."
        )
    refuse_dask(X)
    refuse_tensor(X)
    return isinstance(X, Design)


def check_criterion(model, criterion, loss, X):
    """Raise where a criterion keeps numbers of all rows and X is beyond memory.

    Parameters
    ----------
    model : BilevelLinearModel
    criterion : Criterion or None
    loss : Loss
    X : Design, ndarray or sparse array
    """
    keeps_rows = criterion is not None and criterion.needs_rows and loss.is_quadratic
    if keeps_rows and isinstance(X, BatchesDesign) and X.is_beyond_memory:
        raise ValueError(
            f"criterion={shown(model.criterion)} looks at every row together with all "
            f"others, but Batches of {X.n_samples} rows are not kept in memory. Use "
            "criterion='validation', 'gcv' or 'sure'."
        )


def check_batches(model, X, y):
    """Return X and y of a design, y checked and the features known to the estimator.

    Parameters
    ----------
    model : BilevelLinearModel
    X : BatchesDesign or FormedDesign
    y : ndarray

    Returns
    -------
    X : BatchesDesign or FormedDesign
    y : ndarray
    """
    y = validate_data(
        model,
        y=y,
        multi_output=model._is_multi_output,
        y_numeric=not model._is_classifier,
    )
    # Last, for y alone takes the names of the features away.
    validate_data(model, columns_of(X), skip_check_array=True)
    return X, y
