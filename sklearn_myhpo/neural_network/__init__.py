"""Multilayer perceptrons that tune their dropout and penalties in training."""

from .multilayer_perceptron import STNMLPClassifier, STNMLPRegressor

__all__ = ["STNMLPClassifier", "STNMLPRegressor"]
