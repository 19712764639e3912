"""Prediction of a trained network, with NumPy only."""

import numpy as np
from scipy.special import expit

from ..data.arrays import linear_predictor

#: Activation functions of hidden units; `network` has the same for tensors.
ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


def predict_raw(X, coefs, intercepts, activation):
    """Return the outputs of a network.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Inputs.
    coefs : list of ndarray of shape (n_in, n_out)
        Weights by layer.
    intercepts : list of ndarray of shape (n_out,)
        Intercepts by layer.
    activation : str
        A key of `ACTIVATIONS`.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    hidden = X
    for layer, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        hidden = linear_predictor(hidden, coef, intercept)
        if layer < len(coefs) - 1:
            hidden = ACTIVATIONS[activation](hidden)
    return hidden
