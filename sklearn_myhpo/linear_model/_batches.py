"""X that is read from `sklearn_myhpo.data.Batches`, in `fit`."""

from sklearn.utils.validation import validate_data

from .._messages import shown
from ..data.batch_rows import BatchRows
from ..data.batch_source import Batches
from ..data.batches_design import BatchesDesign
from ..data.dask_blocks import is_dask
from ..data.row_source import BatchSource
from ._dask import read_dask, refuse_dask
from ._long_rows import LongRows, needs_no_list, read_long_rows


def read_batches(model, solver, X, y, sample_weight, extras=()):
    """Return X, y and weights of a fit, from batches where X is `Batches`.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X, y, sample_weight
        Arguments of `fit`.
    extras : sequence of object, default=()
        Other arguments of `fit`, None where not given.

    Returns
    -------
    X : BatchesDesign, LongRows or object
        As given, where it is no `Batches`; so are y and the weights.
    y : array-like or None
        None with `LongRows`.
    sample_weight : array-like or None

    Raises
    ------
    ValueError
        If an argument or a parameter does not go with batches, or these are not rows
        of one matrix.
    """
    if is_dask(X):
        rows = read_dask(model, solver, X, y, sample_weight, extras)
        if isinstance(rows, LongRows):
            return rows, None, None
        return BatchesDesign(rows), rows.y, rows.sample_weight
    if not isinstance(X, Batches):
        return X, y, sample_weight
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
    if not needs_no_list(model, solver, extras):
        rows = BatchRows(X)
        return BatchesDesign(rows), rows.y, rows.sample_weight
    rows = read_long_rows(model, BatchSource(X))
    if isinstance(rows, LongRows):
        return rows, None, None
    return BatchesDesign(rows), rows.y, rows.sample_weight


def columns_of(X):
    """Return an X with names and dtypes of the columns: the first of the batches."""
    return X.rows.head if isinstance(X, BatchesDesign) else X


def is_from_batches(X):
    """Whether X is read from batches; raise a ValueError where it is `Batches` itself.

    Those are taken by `fit` alone, which has read them by then.
    """
    if isinstance(X, Batches):
        raise ValueError(
            "Batches are taken for X of fit alone; X must be an array, a sparse matrix "
            "or a frame here."
        )
    refuse_dask(X)
    return isinstance(X, BatchesDesign)


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
    """Return X and y from batches, y checked and the features known to the estimator.

    Parameters
    ----------
    model : BilevelLinearModel
    X : BatchesDesign
    y : ndarray

    Returns
    -------
    X : BatchesDesign
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
