"""Linear models that learn their own regularization inside fit."""

from .compose import GroupedColumnTransformer
from .exceptions import LambdaBoundWarning
from .linear_model import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)

__version__ = "0.1.0"

__all__ = [
    "BilevelLogisticRegression",
    "BilevelRidge",
    "GroupedColumnTransformer",
    "LambdaBoundWarning",
    "MYHPOLogisticRegression",
    "MYHPORidge",
    "SHOLogisticRegression",
    "SHORidge",
]
