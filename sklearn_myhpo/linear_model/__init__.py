"""Estimators."""

from .logistic import (
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
    SHOLogisticRegression,
)
from .ridge import BilevelRidge, MYHPORidge, SHORidge

__all__ = [
    "BilevelLogisticRegression",
    "BilevelRidge",
    "MYHPOLogisticRegression",
    "MYHPORidge",
    "SHOLogisticRegression",
    "SHORidge",
]
