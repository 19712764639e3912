"""Losses: functions of (y, raw prediction), with derivatives up to the third."""

from .base import Loss
from .gamma import GammaLoss
from .interval import Interval
from .logistic import LogisticLoss
from .multinomial import MultinomialLoss
from .poisson import PoissonLoss
from .squared import SquaredLoss
from .tweedie import TweedieLoss

#: All losses, also the list of the tests of derivatives.
LOSSES = {
    "squared": SquaredLoss,
    "logistic": LogisticLoss,
    "multinomial": MultinomialLoss,
    "poisson": PoissonLoss,
    "gamma": GammaLoss,
    "tweedie": TweedieLoss,
}

__all__ = [
    "LOSSES",
    "GammaLoss",
    "Interval",
    "LogisticLoss",
    "Loss",
    "MultinomialLoss",
    "PoissonLoss",
    "SquaredLoss",
    "TweedieLoss",
]
