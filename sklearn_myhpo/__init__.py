"""Linear models that learn their own regularization inside fit."""

from ._report import report
from ._version import __version__ as __version__
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
    "report",
]
