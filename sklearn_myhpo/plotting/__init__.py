"""Pictures of fitted estimators, drawn from their attributes alone."""

from .convergence import ConvergenceDisplay
from .group_penalty import GroupPenaltyDisplay
from .validation_objective import ValidationObjectiveDisplay

__all__ = ["ConvergenceDisplay", "GroupPenaltyDisplay", "ValidationObjectiveDisplay"]
