"""X from `sklearn_myhpo.data.Batches`, in `fit`."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import validate_data

from ..._messages import shown
from ...data.dask.blocks import is_dask
from ...data.design import Design
from ...data.folds.hashes import as_keys
from ...data.folds.rules import is_rule
from ...data.folds.splitters import KeyFolds
from ...data.formed import FormedDesign
from ...data.moments.condensed_design import CondensedDesign
from ...data.streams.batches import Batches
from ...data.streams.sliceable import as_sliceable, is_read_by_slices
from ...data.streams.source import BatchSource
from ...engine.limits import limits
from .._tensors.rows import TensorRows, read_tensors, refuse_tensor
from .dask import read_dask, refuse_dask
from .formed import read_formed
from .pass_bar import PassBar
from .sources import Read, Room, SourceReader, obstacle_to_passes

#: Limits of a fit to batches: one feature more would make matrices of 3.2 GB.
BATCHES_ROOM = Room(n_features=20_000, n_bytes=2**34, n_kept=2**31, n_listed=2**40)
#: Bytes of rows in double precision up to which mapped ones are copied.
MOST_COPIED = 2**30


def read_batches(model, solver, X, y, sample_weight, metadata, validation):
    """Return the arguments of a fit, read where X is `Batches` or from Dask.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X, y, sample_weight
        Arguments of `fit`.
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    validation : (X_val, y_val, sample_weight_val)
        Arguments of `fit`.

    Returns
    -------
    Read
        The arguments as given, unless X is `Batches` or is to be read as such.

    Raises
    ------
    ValueError
        If an argument or a parameter is not possible with batches, or these are not
        rows of one matrix.
    """
    model._parts, model._is_stale, model._y_origin = None, False, None
    if isinstance(X, TensorRows):
        return read_tensors(model, solver, X, y, sample_weight, metadata, validation)
    if is_dask(X):
        return read_dask(model, solver, X, y, sample_weight, metadata, validation)
    if isinstance(X, FormedDesign) and validation[0] is None:
        found = read_formed(model, solver, X, y, sample_weight, metadata)
        return found or Read(X, y, sample_weight, validation)
    key = None
    if not isinstance(X, Batches):
        key = _keys_of(model, X, metadata, validation)
        maps_too = _reads_mapped(model, solver, X, metadata, key)
        if y is None or not is_read_by_slices(X, maps_too):
            return Read(X, y, sample_weight, validation)
        given = (as_sliceable(one) for one in (y, sample_weight))
        X, y, sample_weight = Batches.from_arrays(X, *given, key=key), None, None
    for name, value in {"y": y, "sample_weight": sample_weight}.items():
        if value is not None:
            raise ValueError(
                f"{name} must be None where X is Batches, whose batches hold it. Got "
                f"{shown(value)}."
            )
    if solver.capabilities.needs_rows:
        raise ValueError(
            f"The solver {shown(solver)} uses a few rows at a time, and each time "
            "Batches would be read from the beginning. Use MYHPORidge, "
            "MYHPOLogisticRegression or another solver; or partial_fit with one batch "
            "after another."
        )
    for name in ("store_cv_results", "scoring"):
        value = getattr(model, name)
        if value is not None and value is not False:
            raise ValueError(
                f"{name}={shown(value)} predicts single rows, which cannot be accessed "
                f"in Batches. Leave {name} out."
            )
    source = BatchSource(X)
    PassBar.watch(model, source)
    takes_keys = key is not None
    reader = SourceReader(model, solver, metadata, BATCHES_ROOM, takes_keys=takes_keys)
    return reader.read(source, validation)


def _keys_of(model, X, metadata, validation):
    """Return the groups where they are the keys of rows read by slices, or None."""
    (groups, params), cv = metadata, model.cv
    is_used = model.criterion == "validation" and validation[0] is None
    if groups is None or params or not (is_used and isinstance(cv, KeyFolds)):
        return None
    key = groups if hasattr(groups, "shape") else as_keys(groups)
    # Others are refused in memory, by their name.
    is_for_rows = key.shape[:1] == getattr(X, "shape", ())[:1]
    return key if cv.takes_groups and is_for_rows else None


def _reads_mapped(model, solver, X, metadata, key):
    """Whether large memory-mapped X is read as batches.

    Only if the folds are the same as without batches, and nothing asks for single rows.
    """
    has_other_groups = metadata[0] is not None and key is None
    if not is_rule(model.cv) or has_other_groups or metadata[1]:
        return False
    looks_up = model.scoring is not None or model.store_cv_results
    if looks_up or not model.store_coef or solver.capabilities.needs_rows:
        return False
    if model._is_from_moments:
        # With more features, the rows themselves are used, without a copy.
        is_matrix = isinstance(X, np.ndarray) and X.ndim == 2
        return is_matrix and X.shape[1] <= limits().moments_size
    if obstacle_to_passes(model, solver) is not None:
        return False
    if not isinstance(X, np.ndarray) or 8 * X.size <= MOST_COPIED:
        return False
    is_float = isinstance(model.cv, Real) and not isinstance(model.cv, Integral)
    return not is_float


def report_passes(model, X):
    """Set the fitted attributes for the number of passes.

    Parameters
    ----------
    model : BilevelLinearModel
        After the fit.
    X : Design or object
        From `read_batches`.
    """
    if isinstance(X, CondensedDesign):
        source = X.condensed.source
        n_passes = source.n_passes
        if source.watch is not None:
            source.watch.end()
        model.plan_ = model.plan_.of_rows(X.n_counted)
    elif isinstance(X, Design) and X.n_passes:
        n_passes = X.n_passes
    else:
        return
    model.oracle_counts_ = {**model.oracle_counts_, "n_passes": n_passes}
    if isinstance(X, CondensedDesign):
        # All passes were made before the first iteration, except those of the checks.
        column = np.full(len(model.history_["lambda"]), n_passes)
        model.history_ = {**model.history_, "n_passes": column}


def columns_of(X):
    """Return an X with names and dtypes of the columns: some rows of a design."""
    return X.head if isinstance(X, Design) else X


def metadata_of(X, metadata):
    """Return the arguments of `fit` for a splitter; none if splits exist already.

    Parameters
    ----------
    X : Design or object
        From `read_batches`.
    metadata : (groups, params)

    Returns
    -------
    (groups, params)
    """
    is_made = isinstance(X, CondensedDesign) or (
        isinstance(X, Design) and X.pairs is not None
    )
    return (None, {}) if is_made else metadata


def is_from_batches(X):
    """Whether X is read by blocks; raise a ValueError where it is `Batches` itself.

    Only `fit` takes `Batches`, and it has read them by then.
    """
    if isinstance(X, Batches):
        raise ValueError(
            "Batches are accepted only as X of fit; X must be an array, a sparse "
            "matrix or a frame here."
        )
    refuse_dask(X)
    refuse_tensor(X)
    return isinstance(X, Design)


def check_batches(model, X, y):
    """Return X and y of a design, y checked and the features known to the estimator.

    Parameters
    ----------
    model : BilevelLinearModel
    X : Design
    y : ndarray

    Returns
    -------
    X : Design
    y : ndarray
    """
    y = validate_data(
        model,
        y=y,
        multi_output=model._is_multi_output,
        y_numeric=not model._is_classifier,
    )
    # Last, since the check of y removes the names of the features.
    validate_data(model, columns_of(X), skip_check_array=True)
    return X, y
