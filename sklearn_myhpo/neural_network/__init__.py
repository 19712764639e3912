"""Networks that tune their own dropout and penalties while they train."""

from .multilayer_perceptron import STNMLPClassifier, STNMLPRegressor

__all__ = ["STNMLPClassifier", "STNMLPRegressor"]
