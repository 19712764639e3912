"""Approximate leave-one-out for generalized linear models.

Rad & Maleki (2020), A Scalable Estimate of the Out-of-sample Prediction Error via
Approximate Leave-one-out Cross-validation, JRSS B 82.
"""

from dataclasses import dataclass
from typing import ClassVar

from ..losses import (
    GammaLoss,
    LogisticLoss,
    MultinomialLoss,
    PoissonLoss,
    TweedieLoss,
)
from ._base import BoundCriterion, Criterion
from ._leave_one_out import LeaveOneOutPoint


@dataclass(frozen=True)
class ApproximateLeaveOneOut(Criterion):
    """Mean loss of every row after one Newton step towards the model of the others.

    The step starts at the weights of all rows, where the gradient and the Hessian
    without a row are known. With several classes the step moves all of their scores.
    """

    losses: ClassVar[tuple] = (
        LogisticLoss,
        MultinomialLoss,
        PoissonLoss,
        GammaLoss,
        TweedieLoss,
    )
    needs_rows: ClassVar[bool] = True
    leaves_out: ClassVar[bool] = True

    def bind(self, whole):
        """Return the `AloOfRows`."""
        return AloOfRows(whole)


class AloOfRows(BoundCriterion):
    """Approximate leave-one-out of given rows."""

    def at(self, lambda_, w, hessian):
        """Return the `LeaveOneOutPoint` of some lambda."""
        return LeaveOneOutPoint(self.whole, lambda_, w, hessian)
