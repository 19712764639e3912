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
    "RareClassWarning",
    "SHOLogisticRegression",
    "SHORidge",
    "SortedRowsWarning",
]
