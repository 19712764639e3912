"""Perceptrons as networks that a `Tuner` trains and tunes."""

from collections import OrderedDict
from itertools import pairwise

import torch

from .hyperparameters import Site, perceptron_sites
from .network import ModuleNetwork
from .nn._convert import self_tune, self_tuning_layers
from .nn._response import ResponseLayer

#: Names of activation functions, as in scikit-learn, and their modules.
ACTIVATION_MODULES = {
    "identity": torch.nn.Identity,
    "logistic": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
}


def perceptron_module(sizes, activation):
    """Return layers with dropout on their inputs.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units of the hidden layers, and of outputs.
    activation : str
        A key of `ACTIVATION_MODULES`.

    Returns
    -------
    torch.nn.Sequential
        With the layers "dropout_l", "linear_l" and, between them, "activation_l".
    """
    layers = OrderedDict()
    for index, (n_in, n_out) in enumerate(pairwise(sizes)):
        if index:
            layers[f"activation_{index}"] = ACTIVATION_MODULES[activation]()
        layers[f"dropout_{index}"] = torch.nn.Dropout(0.0)
        layers[f"linear_{index}"] = torch.nn.Linear(n_in, n_out)
    return torch.nn.Sequential(layers)


def perceptron_network(module, n_responses, response_scale, generator):
    """Return a perceptron as a network with the sites of `perceptron_sites`.

    Parameters
    ----------
    module : torch.nn.Sequential
        Result of `perceptron_module`.
    n_responses : int
        Number of tuned hyperparameters.
    response_scale : float
        Standard deviation of the initial scales V.
    generator : torch.Generator
        Source of the initial weights and responses.

    Returns
    -------
    ModuleNetwork
        The network, with weights drawn anew.
    """
    module = self_tune(module)
    layers = [
        layer
        for layer in self_tuning_layers(module)
        if isinstance(layer, ResponseLayer)
    ]
    for layer in layers:
        bound = layer.in_features**-0.5  # as in torch.nn.Linear
        with torch.no_grad():
            for weight in layer.general:
                draw = torch.rand(weight.shape, generator=generator, dtype=weight.dtype)
                weight.copy_((2.0 * draw - 1.0) * bound)
        layer.init_response(n_responses, response_scale, generator)
    homes = {"dropout": "dropout", "lambda": "linear"}
    return ModuleNetwork(
        module,
        [
            Site(site.kind, f"{homes[site.kind.name]}_{site.label}")
            for site in perceptron_sites(len(layers))
        ],
    )
