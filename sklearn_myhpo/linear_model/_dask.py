"""X from Dask, in `fit`: which fits go to the blocks, and what is advised otherwise."""

from .._messages import shown
from ..data.dask import DaskSource
from ..data.dask_blocks import is_dask
from ..data.fold_rules import is_rule
from ..data.fold_splitters import KeyFolds
from ._long_rows import read_long_rows

#: What ends the messages.
_ELSE = (
    "Or fit to a sample in memory, such as the first block: X.blocks[0].compute() of an "
    "array, X.get_partition(0).compute() of a frame."
)


def read_dask(model, solver, X, y, sample_weight, extras):
    """Return the rows of a fit whose X is from Dask.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X : collection of Dask
    y, sample_weight : collections of Dask or None
    extras : sequence
        X_val, y_val, sample_weight_val, groups and further metadata; None where not
        given.

    Returns
    -------
    LongRows or KeptRows

    Raises
    ------
    ValueError
        If a parameter needs single rows; the message says what to use instead.
    """
    *others, groups, params = extras
    if y is None:
        raise ValueError("y must be an array or a series of Dask, as X is. Got None.")
    obstacle = _obstacle(model, solver, others, groups, params)
    if obstacle is not None:
        raise ValueError(
            f"{obstacle}, but single rows of collections of Dask are not looked at. "
            + _ELSE
        )
    source = DaskSource(X, y, sample_weight, groups)
    return read_long_rows(model, source)


def _obstacle(model, solver, validation, groups, params):
    """Return what keeps a fit from going to the blocks, and what would do; or None."""
    capabilities, parameters = solver.capabilities, model.get_params(deep=False)
    if capabilities.needs_rows or not needs_no_solver_of_rows(capabilities):
        return (
            f"The solver {shown(solver)} needs rows, one by one or with their numbers, "
            "where MYHPORidge, MYHPOLogisticRegression and their kin take sums"
        )
    for name in ("scoring", "store_cv_results"):
        if parameters.get(name):
            return (
                f"{name}={shown(parameters[name])} predicts held-out rows; leave it out"
            )
    if any(one is not None for one in validation):
        return "X_val and y_val are rows beside X; give a share of the rows as cv=0.2"
    if not is_rule(model.cv) or params:
        return (
            f"cv={shown(model.cv)} makes lists of rows; use a number, or RowFolds or "
            "KeyFolds of sklearn_myhpo.data"
        )
    if groups is not None and not isinstance(model.cv, KeyFolds):
        return "groups must be kept together by cv=KeyFolds(5) of sklearn_myhpo.data"
    return _other_obstacle(model)


def _other_obstacle(model):
    """Return what criterion, shrinkage or scaling would need of rows; or None."""
    if model.criterion != "validation":
        return (
            f"criterion={shown(model.criterion)} needs rows one by one; use "
            "criterion='validation'"
        )
    if model.shrinkage:
        return (
            f"shrinkage={shown(model.shrinkage)} needs splits within splits; use "
            "shrinkage=0"
        )
    if model.standardize and not model.fit_intercept:
        return (
            "standardize=True without an intercept makes other rows for every split; "
            "use fit_intercept=True"
        )
    return None


def needs_no_solver_of_rows(capabilities):
    """Whether a solver works on models of sums over the rows."""
    return capabilities.finds_minimizers and not capabilities.all_directions


def refuse_dask(X):
    """Raise a ValueError where X is from Dask, outside of `fit` and predictions."""
    if is_dask(X):
        raise ValueError(
            "Collections of Dask are taken for X of fit and of predictions alone. X "
            "must be an array, a sparse matrix or a frame in memory here. " + _ELSE
        )
