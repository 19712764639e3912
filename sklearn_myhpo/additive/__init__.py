"""Additive models: sums of curves, whose smoothness is learned inside fit.

regressor, classifier : the public estimators
_base         : parameters, fit and prediction, common to all
_learning     : the linear model, fitted attributes, removal of terms
_shared_start : the fit where rows are held out
_restricted   : the fit by restricted likelihood
_terms        : from a frame of numbers and categories to columns of terms
_posterior    : covariance and degrees of freedom of the weights
_evidence     : which terms have an effect
_bands        : uncertainty of the weights of a term, with that of its strengths
_effects      : `partial_effects`
_summary      : `summary`
"""

from ._effects import PartialEffect
from ._summary import TermSummary
from .classifier import MYHPOAdditiveClassifier
from .regressor import MYHPOAdditiveRegressor

__all__ = [
    "MYHPOAdditiveClassifier",
    "MYHPOAdditiveRegressor",
    "PartialEffect",
    "TermSummary",
]
