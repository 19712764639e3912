"""Losses: functions of (y, raw prediction), with derivatives up to the third."""

from .base import Interval, Loss
from .logistic import LogisticLoss
from .multinomial import MultinomialLoss
from .squared import SquaredLoss

#: The single list of losses; the tests of derivatives run over it.
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
