"""Losses: functions of (y, raw prediction), with derivatives up to the third."""

from .base import Interval, Loss
from .logistic import LogisticLoss
from .multinomial import MultinomialLoss
from .squared import SquaredLoss

#: All losses, also the list of the tests of derivatives.
LOSSES = {
    "squared": SquaredLoss,
    "logistic": LogisticLoss,
    "multinomial": MultinomialLoss,
}

__all__ = [
    "LOSSES",
    "Interval",
    "LogisticLoss",
    "Loss",
    "MultinomialLoss",
    "SquaredLoss",
]
