"""Criteria that hold no rows out, one and its source per file."""

from ._base import Criterion
from .alo import ApproximateLeaveOneOut
from .gcv import GCV
from .loo import LeaveOneOut
from .problem import CriterionProblem

#: The single list of criteria; names, error messages and tests come from it.
CRITERIA = {
    "loo": LeaveOneOut,
    "gcv": GCV,
    "alo": ApproximateLeaveOneOut,
}

__all__ = [
    "CRITERIA",
    "GCV",
    "ApproximateLeaveOneOut",
    "Criterion",
    "CriterionProblem",
    "LeaveOneOut",
]
