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
    BilevelGeneralizedLinearRegressor,
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
    SHOLogisticRegression,
    SHORidge,
)
from .penalties.compose import GroupedColumnTransformer

__version__ = "0.1.0"

__all__ = [
    "BilevelGeneralizedLinearRegressor",
    "BilevelLogisticRegression",
    "BilevelRidge",
    "FewRowsWarning",
    "FlatObjectiveWarning",
    "GroupedColumnTransformer",
    "IgnoredGroupsWarning",
    "LambdaBoundWarning",
    "MYHPOAdditiveClassifier",
    "MYHPOAdditiveRegressor",
    "MYHPOGammaRegressor",
    "MYHPOLogisticRegression",
    "MYHPOPoissonRegressor",
    "MYHPORidge",
    "MYHPORidgeClassifier",
    "MYHPOTweedieRegressor",
    "RareClassWarning",
    "SHOLogisticRegression",
    "SHORidge",
    "SortedRowsWarning",
]
