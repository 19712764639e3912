"""X from Dask, in `fit`: which fits go to the blocks, and what is advised otherwise."""

from .._messages import shown
from ..data.dask.blocks import is_dask
from ..data.dask.source import MOST_DASK_FEATURES, DaskSource
from ..data.folds.rules import is_rule
from ..data.folds.splitters import KeyFolds
from ._coded import coded_rows
from ._long_rows import read_long_rows
from ._moments import condensed_rows
from ._pass_bar import PassBar

#: Ends of the messages.
_ELSE = (
    "Or fit to a sample in memory, such as the first block: X.blocks[0].compute() of "
    "an array, X.get_partition(0).compute() of a frame."
)
#: Bytes of the Hessians of all splits, on the machine that calls `fit`.
MOST_DASK_BYTES = 2**34
_VALIDATION = "X_val and y_val are rows beside X; give a share of the rows as cv=0.2"
_SHRINKAGE = "shrinkage needs splits within splits; use shrinkage=0"


def read_dask(model, solver, X, y, sample_weight, metadata, has_own_validation):
    """Return the rows of a fit whose X is from Dask.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X : collection of Dask
    y, sample_weight : collections of Dask or None
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    has_own_validation : bool
        Whether `fit` got a validation set.

    Returns
    -------
    X : LongRows, CondensedDesign or BatchesDesign
    y, sample_weight : ndarray or None

    Raises
    ------
    ValueError
        If a parameter needs single rows; the message says what to use instead.
    """
    groups, params = metadata
    if y is None:
        raise ValueError("y must be an array or a series of Dask, as X is. Got None.")
    obstacle = _obstacle(model, solver, groups, params, has_own_validation)
    if obstacle is not None:
        raise ValueError(
            f"{obstacle}. Single rows of Dask collections are not looked at. {_ELSE}"
        )
    source = DaskSource(X, y, sample_weight, groups)
    PassBar.watch(model, source)
    if model._is_from_moments or model._codes_classes:
        rule = None
        if model._codes_classes:
            source, rule = coded_rows(model, source)
        given = has_own_validation, MOST_DASK_FEATURES, rule
        found = condensed_rows(model, source, *given)
        reason = (
            f"criterion={shown(model.criterion)} needs rows one by one; use "
            "criterion='validation', 'gcv' or 'sure'."
        )
    else:
        found = read_long_rows(model, source, MOST_DASK_BYTES)
        reason = (
            f"The Hessians of all splits, of {source.n_features} features for every "
            f"class, would take more than {MOST_DASK_BYTES / 2**30:.0f} GiB on the "
            "machine that calls fit. Use fewer features or folds."
        )
    if found is None:
        raise ValueError(f"{reason} {_ELSE}")
    return found


def _obstacle(model, solver, groups, params, has_own_validation):
    """Return what keeps a fit from sums over blocks, and what would do; or None."""
    for name in ("scoring", "store_cv_results"):
        value = getattr(model, name)
        if value is not None and value is not False:
            return f"{name}={shown(value)} predicts held-out rows; leave it out"
    if not is_rule(model.cv) or params:
        return (
            f"cv={shown(model.cv)} makes lists of rows; use a number, or RowFolds or "
            "KeyFolds of sklearn_myhpo.data"
        )
    if groups is not None and not isinstance(model.cv, KeyFolds):
        return "groups are kept together by cv=KeyFolds(5) of sklearn_myhpo.data alone"
    if solver.capabilities.needs_rows:
        return (
            f"The solver {shown(solver)} looks at some rows at a time; use MYHPORidge, "
            "MYHPOLogisticRegression or another solver, or partial_fit with one block "
            "after another"
        )
    if model._codes_classes and has_own_validation:
        return _VALIDATION
    if model._is_from_moments or model._codes_classes:
        return None if model.shrinkage != "auto" else _SHRINKAGE
    return _obstacle_of_likelihood(model, solver, has_own_validation)


def _obstacle_of_likelihood(model, solver, has_own_validation):
    """Return the same for the losses that are no squares."""
    capabilities = solver.capabilities
    if not model._reads_in_passes:
        return f"{model._name()} needs rows one by one; use MYHPOLogisticRegression"
    if has_own_validation:
        return _VALIDATION
    if model.criterion != "validation":
        return (
            f"criterion={shown(model.criterion)} needs rows one by one; use "
            "criterion='validation'"
        )
    if model.shrinkage:
        return _SHRINKAGE
    if model.standardize and not model.fit_intercept:
        return (
            "standardize=True without an intercept makes other rows for every split; "
            "use fit_intercept=True"
        )
    if not capabilities.finds_minimizers or capabilities.all_directions:
        return (
            f"The solver {shown(solver)} leaves the solutions that sums over blocks "
            "give; use MYHPOLogisticRegression or its kin with their own options"
        )
    return None


def refuse_dask(X):
    """Raise a ValueError where X is from Dask, outside of `fit` and predictions."""
    if is_dask(X):
        raise ValueError(
            "Collections of Dask are taken for X of fit and of predictions alone. X "
            "must be an array, a sparse matrix or a frame in memory here. " + _ELSE
        )
