"""Pictures of fitted estimators.

Most are drawn from fitted attributes alone. Paths of coefficients and slices through
the objective need the rows of the fit.
"""

from .coefficient_path import CoefficientPathDisplay
from .convergence import ConvergenceDisplay
from .group_penalty import GroupPenaltyDisplay
from .partial_effect import PartialEffectDisplay
from .validation_objective import ValidationObjectiveDisplay

__all__ = [
    "CoefficientPathDisplay",
    "ConvergenceDisplay",
    "GroupPenaltyDisplay",
    "PartialEffectDisplay",
    "ValidationObjectiveDisplay",
]
