"""Linear models that learn their own regularization inside fit.

ridge, logistic, ridge_classifier, glm
                : the public estimators: parameters, docstrings, `partial_fit`
_base           : the steps of `fit`, common to all
_ridge          : loss, target and fitted attributes of ridge; prediction
_logistic       : loss, classes and fitted attributes of logistic regression; prediction
_ridge_classifier
                : the same for ridge classifiers
_glm            : families, loss and fitted attributes of other generalized linear
                  models; prediction, D2
_classes        : labels, and weights of rows by them (`class_weight`)
_parameters     : solver, criterion and shrinkage from the parameters
_checks         : checks of parameters that scikit-learn's constraints miss
_splits         : the splits of a fit, and the metadata for splitters
_own_validation : the arguments `X_val`, `y_val` of fit
_problem        : data and splits of a fit, the problems made from them, warm starts
_row_weights    : weights of training rows (`row_groups` of fit)
_targets        : one lambda per target (`alpha_per_target`)
_per_class      : one lambda per class (`alpha_per_target`)
_moments        : ridge from moments, for rows that are read once
_exact_parts    : ridge from parts of the data, exactly (`partial_fit`, `merge`)
_streaming      : learning from parts of the data (`partial_fit`)
_reporting      : fitted attributes, models of iterations, and warnings
_progress       : callbacks and printed lines during a fit
_summary        : `summary()`: a row per feature, and facts about the model
_facts          : the numbers that a fit keeps for it
_at_lambda      : objective and coefficients at other lambdas, for plots
_frames, _html  : `penalties_frame`, `history_frame`, and the table in notebooks
_export         : `to_sklearn`
"""

from ._results.summary import Summary
from .glm import (
    BilevelGeneralizedLinearRegressor,
    MYHPOGammaRegressor,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)
from .logistic import (
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
    SHOLogisticRegression,
)
from .ridge import BilevelRidge, MYHPORidge, SHORidge
from .ridge_classifier import MYHPORidgeClassifier

__all__ = [
    "BilevelGeneralizedLinearRegressor",
    "BilevelLogisticRegression",
    "BilevelRidge",
    "MYHPOGammaRegressor",
    "MYHPOLogisticRegression",
    "MYHPOPoissonRegressor",
    "MYHPORidge",
    "MYHPORidgeClassifier",
    "MYHPOTweedieRegressor",
    "SHOLogisticRegression",
    "SHORidge",
    "Summary",
]
