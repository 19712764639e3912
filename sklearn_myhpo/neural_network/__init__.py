"""Networks that tune their dropout and penalties in training."""

from .module import STNClassifier, STNRegressor
from .multilayer_perceptron import STNMLPClassifier, STNMLPRegressor

__all__ = ["STNClassifier", "STNMLPClassifier", "STNMLPRegressor", "STNRegressor"]
