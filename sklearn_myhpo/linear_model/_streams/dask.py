"""X from Dask, in `fit`: fits by sums over blocks, and advice for other fits."""

from ..._messages import shown
from ...data.cv import takes_groups
from ...data.dask.blocks import as_labels, is_dask
from ...data.dask.source import MOST_DASK_FEATURES, DaskSource
from .pass_bar import PassBar
from .sources import NeedsRowsError, Room, SourceReader

#: Ends of the messages.
_ELSE = (
    "Or fit to a sample in memory, such as the first block: X.blocks[0].compute() of "
    "an array, X.get_partition(0).compute() of a frame."
)
#: Limits on the machine that calls a fit.
DASK_ROOM = Room(n_features=MOST_DASK_FEATURES, n_bytes=2**34, n_kept=0, n_listed=2**26)


def read_dask(model, solver, X, y, sample_weight, metadata, validation):
    """Return the arguments of a fit whose X is from Dask.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X : collection of Dask
    y, sample_weight : collections of Dask or None
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    validation : (X_val, y_val, sample_weight_val)
        Arguments of `fit`.

    Returns
    -------
    Read

    Raises
    ------
    ValueError
        If a parameter needs single rows; the message says what to use instead.
    """
    if y is None:
        raise ValueError("y must be an array or a series of Dask, as X is. Got None.")
    obstacle = _obstacle(model, solver, *metadata)
    if obstacle is not None:
        raise ValueError(
            f"{obstacle}. Single rows of Dask collections cannot be accessed. {_ELSE}"
        )
    if model._is_classifier:
        y = as_labels(y)
    source = DaskSource(X, y, sample_weight, metadata[0])
    PassBar.watch(model, source)
    reader = SourceReader(model, solver, metadata, DASK_ROOM, takes_keys=True)
    try:
        return reader.read(source, validation)
    except NeedsRowsError as error:
        raise ValueError(
            f"{error}. Single rows of Dask collections cannot be accessed. {_ELSE}"
        ) from None


def _obstacle(model, solver, groups, params):
    """Return the option that prevents sums over blocks, with advice; or None."""
    for name in ("scoring", "store_cv_results"):
        value = getattr(model, name)
        if value is not None and value is not False:
            return f"{name}={shown(value)} predicts held-out rows; leave it out"
    if params:
        return "metadata for cv other than groups are in memory; leave them out"
    if groups is not None and not takes_groups(model.cv):
        return (
            "groups are for cv=KeyFolds(5) of sklearn_myhpo.data, or a splitter of "
            "groups"
        )
    if solver.capabilities.needs_rows:
        return (
            f"The solver {shown(solver)} looks at some rows at a time; use MYHPORidge, "
            "MYHPOLogisticRegression or another solver, or partial_fit with one block "
            "after another"
        )
    return None


def refuse_dask(X):
    """Raise a ValueError if X is from Dask outside of `fit` and predictions."""
    if is_dask(X):
        raise ValueError(
            "Collections of Dask are accepted only as X of fit and of predictions. X "
            "must be an array, a sparse matrix or a frame in memory here. " + _ELSE
        )
