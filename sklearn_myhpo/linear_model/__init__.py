"""Linear models that learn their own regularization inside fit.

ridge, logistic, ridge_classifier, glm
                : the public estimators: parameters, docstrings, `partial_fit`
_base           : the steps of `fit`, common to all
_learning       : from the problem to the final weights: solve, select, refit
_ridge          : loss, target and fitted attributes of ridge; prediction
_logistic       : loss, classes and fitted attributes of logistic regression; prediction
_ridge_classifier
                : the same for ridge classifiers
_glm            : families, loss and fitted attributes of other generalized linear
                  models; prediction, D2
_classes        : labels, and weights of rows by them (`class_weight`)
_units          : y of ridge, divided by a power of two
_parameters     : solver, criterion and shrinkage from the parameters
_lambda         : the parameters `lambda_bounds` and `lambda_init`
_starts         : several starts of the solver (`n_starts`)
_checks         : checks of parameters that scikit-learn's constraints miss
_splits         : the splits of a fit, and the metadata for splitters
_scorers        : the parameter `scoring`
_own_validation : the arguments `X_val`, `y_val` of fit
_problem        : data and splits of a fit, the problems made from them, warm starts
_row_weights    : weights of training rows (`row_groups` of fit)
_targets        : one lambda per target (`alpha_per_target`)
_many_targets   : many targets with shared lambdas
_few_rows       : few rows that stand for those of many targets
_dual           : weights of the training rows in place of coefficients (`store_coef`)
_per_class      : one lambda per class (`alpha_per_target`)
_exact_parts    : ridge from parts of the data, exactly (`partial_fit`, `merge`)
_streaming      : stochastic solvers on parts of the data (`partial_fit`)
_owner          : an estimator that contains a linear model, such as an additive model
_results        : fitted attributes, warnings, progress, summaries, tables and exports
_streams        : fits of batches and of Dask collections
_tensors        : fits of arrays of the array API, on their device
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
