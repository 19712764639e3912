"""Pictures of fitted estimators, drawn from their attributes alone."""

from .convergence import ConvergenceDisplay
from .group_penalty import GroupPenaltyDisplay
from .partial_effect import PartialEffectDisplay
from .validation_objective import ValidationObjectiveDisplay

__all__ = [
    "ConvergenceDisplay",
    "GroupPenaltyDisplay",
    "PartialEffectDisplay",
    "ValidationObjectiveDisplay",
]
