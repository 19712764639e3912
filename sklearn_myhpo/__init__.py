"""Linear models that learn their own regularization inside fit."""

from .additive import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor
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
    "MYHPOAdditiveClassifier",
    "MYHPOAdditiveRegressor",
    "MYHPOLogisticRegression",
    "MYHPORidge",
    "MYHPORidgeClassifier",
    "RareClassWarning",
    "SHOLogisticRegression",
    "SHORidge",
    "SortedRowsWarning",
]
