"""Linear models that learn their own regularization inside fit."""

from .exceptions import (
    FewRowsWarning,
    FlatObjectiveWarning,
    IgnoredGroupsWarning,
    LambdaBoundWarning,
    RareClassWarning,
    SortedRowsWarning,
)
from .linear_model import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    MYHPORidgeClassifier,
    SHOLogisticRegression,
    SHORidge,
)
from .penalties.compose import GroupedColumnTransformer

__version__ = "0.1.0"

__all__ = [
    "BilevelLogisticRegression",
    "BilevelRidge",
    "FewRowsWarning",
    "FlatObjectiveWarning",
    "GroupedColumnTransformer",
    "IgnoredGroupsWarning",
    "LambdaBoundWarning",
    "MYHPOLogisticRegression",
    "MYHPORidge",
    "MYHPORidgeClassifier",
    "RareClassWarning",
    "SHOLogisticRegression",
    "SHORidge",
    "SortedRowsWarning",
]
