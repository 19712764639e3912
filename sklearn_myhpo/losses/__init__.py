"""Losses: functions of (y, raw prediction), with derivatives up to the third."""

from ._base import Loss
from .logistic import LogisticLoss
from .multinomial import MultinomialLoss
from .squared import SquaredLoss

#: The single list of losses; the tests of derivatives run over it.
LOSSES = {
    "squared": SquaredLoss,
    "logistic": LogisticLoss,
    "multinomial": MultinomialLoss,
}

__all__ = ["LOSSES", "LogisticLoss", "Loss", "MultinomialLoss", "SquaredLoss"]
