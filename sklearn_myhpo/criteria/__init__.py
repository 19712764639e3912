"""Criteria that hold no rows out, one and its source per file."""

from ._base import Criterion
from .alo import ApproximateLeaveOneOut
from .gcv import GCV
from .loo import LeaveOneOut
from .mlr import MLR
from .problem import CriterionProblem
from .reml import REML
from .sure import SURE

#: The single list of criteria; names, error messages and tests come from it.
CRITERIA = {
    "loo": LeaveOneOut,
    "gcv": GCV,
    "sure": SURE,
    "reml": REML,
    "mlr": MLR,
    "alo": ApproximateLeaveOneOut,
}

__all__ = [
    "CRITERIA",
    "GCV",
    "MLR",
    "REML",
    "SURE",
    "ApproximateLeaveOneOut",
    "Criterion",
    "CriterionProblem",
    "LeaveOneOut",
]
