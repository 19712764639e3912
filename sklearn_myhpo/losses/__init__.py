"""Losses: functions of (y, raw prediction), with derivatives up to the third."""

from .base import Loss
from .class_scores import ClassScoresLoss
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
    "class scores": ClassScoresLoss,
    "poisson": PoissonLoss,
    "gamma": GammaLoss,
    "tweedie": TweedieLoss,
}

__all__ = [
    "LOSSES",
    "ClassScoresLoss",
    "GammaLoss",
    "Interval",
    "LogisticLoss",
    "Loss",
    "MultinomialLoss",
    "PoissonLoss",
    "SquaredLoss",
    "TweedieLoss",
]
