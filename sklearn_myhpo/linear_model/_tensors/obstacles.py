"""Parameters that need single rows, of which sums over a tensor know nothing."""

from ..._messages import shown
from ...criteria.loo import LeaveOneOut
from ...losses import SquaredLoss
from .._checks import resolve_criterion


def obstacle_to_sums(model, solver):
    """Return what keeps a fit from sums over rows, and what would do; or None.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver

    Returns
    -------
    str or None
        A part of a message.
    """
    if solver.capabilities.needs_rows:
        return (
            f"The solver {shown(solver)} looks at some rows at a time; use MYHPORidge, "
            "MYHPOLogisticRegression or another solver"
        )
    if model._is_from_moments or model._codes_classes:
        criterion = resolve_criterion(model.criterion, SquaredLoss(), model._name())
        return None if criterion is None else _obstacle_of_criterion(model, criterion)
    return _obstacle_of_likelihood(model, solver)


def asks_for_rows(model):
    """Whether a parameter asks for results of held-out rows."""
    return _asked(model) is not None


def _asked(model):
    """Return what asks for results of held-out rows, in words; or None."""
    if model.scoring is not None:
        return f"scoring={shown(model.scoring)}"
    if model.store_cv_results:
        return f"store_cv_results={shown(model.store_cv_results)}"
    return None


def _obstacle_of_results(model):
    """Return the obstacle to results of held-out rows if none are held out, or None."""
    asked = _asked(model)
    if asked is None:
        return None
    return (
        f"{asked} predicts held-out rows; leave it out, or use criterion='validation'"
    )


def _obstacle_of_criterion(model, criterion):
    """Return the obstacle of a criterion of ridge, or None."""
    obstacle = _obstacle_of_results(model)
    if obstacle is not None:
        return obstacle
    if type(criterion) is LeaveOneOut:
        return None
    if criterion.needs_rows or criterion.is_matrix_free:
        return (
            f"criterion={shown(model.criterion)} needs rows one by one; use "
            "criterion='validation', 'gcv' or 'loo'"
        )
    return None


def _obstacle_of_likelihood(model, solver):
    """Return the obstacle of losses other than the squared loss, or None."""
    if model.shrinkage == "auto":
        return (
            "shrinkage='auto' needs splits within splits, which sums over rows give "
            "for ridge alone; give a number"
        )
    if not model._reads_in_passes:
        return f"{model._name()} needs rows one by one"
    if model.criterion != "validation":
        if model.shrinkage:
            return (
                f"criterion={shown(model.criterion)} with shrinkage needs rows one by "
                "one; use shrinkage=0.0 or criterion='validation'"
            )
        obstacle = _obstacle_of_results(model)
        if obstacle is not None:
            return obstacle
    if model.n_starts > 1:
        return f"n_starts={model.n_starts} needs rows one by one; use n_starts=1"
    if model.standardize and not model.fit_intercept:
        return (
            "standardize=True without an intercept makes other rows for every split; "
            "use fit_intercept=True"
        )
    capabilities = solver.capabilities
    if not capabilities.finds_minimizers or capabilities.all_directions:
        return (
            f"The solver {shown(solver)} leaves the solutions that sums over rows "
            "give; use MYHPOLogisticRegression or its kin with their own options"
        )
    return None
