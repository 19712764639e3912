"""Modules of PyTorch as networks that a `Tuner` trains and tunes.

MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks,
arXiv:1903.03088, eq. (10) and section 3.2.
"""

from collections import OrderedDict
from itertools import pairwise

import torch

from .hyperparameters import Site, perceptron_sites
from .kinds import DROPOUT, InputKind, LayerKind, LossKind
from .nn._convert import self_tune, self_tuning_layers
from .nn._dropout import STNDropout, STNVariationalDropout
from .nn._lstm import STNLSTM
from .nn._passes import at_state, linearized
from .nn._response import ResponseLayer
from .nn._state import Noise, State

#: Names of activation functions, as in scikit-learn, and their modules.
ACTIVATION_MODULES = {
    "identity": torch.nn.Identity,
    "logistic": torch.nn.Sigmoid,
    "tanh": torch.nn.Tanh,
    "relu": torch.nn.ReLU,
}


def sites_of(module, kinds):
    """Return the places of a module for hyperparameters, in the order of their kinds.

    Parameters
    ----------
    module : torch.nn.Module
        A result of `self_tune`.
    kinds : list of Kind
        Kinds to look for.

    Returns
    -------
    list of Site
        The places; those of a layer have its name.
    """
    layers = self_tuning_layers(module)
    return [
        site
        for kind in kinds
        for site in (
            [
                Site(kind, layer.path, _kinds(layer)[kind.name])
                for layer in layers
                if kind.name in _kinds(layer)
            ]
            if isinstance(kind, LayerKind)
            else [Site(kind)]
        )
    ]


def _kinds(layer):
    """Return the values of the kinds that a layer has, by name; None for no value."""
    found = {}
    if isinstance(layer, ResponseLayer):
        found["lambda"] = None
    if isinstance(layer, STNDropout | STNVariationalDropout):
        found["dropout"] = layer.p
    if isinstance(layer, STNLSTM):
        found |= {"input_dropout": None, "recurrent_dropout": None}
        if layer.num_layers > 1 and layer.dropout:
            found["dropout"] = layer.dropout
    return found


class ModuleNetwork:
    """A self-tuning module with its hyperparameters.

    A `Tuner` needs the attributes `general` and `response`, lists of leaf tensors, and
    the methods `draw`, `outputs` and `penalty`; `linearized_outputs` only for the
    centred form.

    Parameters
    ----------
    module : torch.nn.Module
        A result of `self_tune`; its layers learn their columns.
    sites : list of Site
        The hyperparameters, in the order of the columns of their values.
    """

    def __init__(self, module, sites):
        self.module = module
        self._all = self_tuning_layers(module)
        self.layers = [one for one in self._all if isinstance(one, ResponseLayer)]
        self.response = [each for layer in self.layers for each in layer.responses]
        own = {id(each) for each in self.response}
        self.general = [
            each
            for each in module.parameters()
            if each.requires_grad and id(each) not in own
        ]
        for layer in self._all:
            layer.columns = {
                site.kind.name: column
                for column, site in enumerate(sites)
                if isinstance(site.kind, LayerKind) and site.label == layer.path
            }
        #: From names of dropout rates to names of their layers.
        self.rates = {s.name: s.label for s in sites if s.kind is DROPOUT}
        self._penalized = [one for one in self.layers if "lambda" in one.columns]
        self._lambdas = [one.columns["lambda"] for one in self._penalized]
        self._last = None, None, False
        kinds = [(i, site.kind) for i, site in enumerate(sites)]
        self._inputs = [pair for pair in kinds if isinstance(pair[1], InputKind)]
        self._losses = [pair for pair in kinds if isinstance(pair[1], LossKind)]

    def draw(self, n, generator):
        """Return noise for dropout and augmentation, the same in every pass.

        Parameters
        ----------
        n : int
            Number of examples.
        generator : torch.Generator
            Source of the noise.

        Returns
        -------
        Noise
            Draws what a first pass asks for, and repeats it in the next.
        """
        return Noise(generator)

    def outputs(self, x, r=None, values=None, noise=None):
        """Return the outputs.

        Parameters
        ----------
        x : tensor of shape (n, ...)
            Inputs.
        r : tensor of shape (n, n_responses) or (1, n_responses), optional
            Input of the response.
        values : tensor of shape (n, n_hyperparameters), optional
            Hyperparameters of the examples, or one row for all.
        noise : Noise, optional
            Result of `draw`; None for no dropout, as in prediction.

        Returns
        -------
        tensor of shape (n, n_outputs)
            Outputs of the module.
        """
        x = self._begin(x, values, noise)
        is_shared = r is not None and len(r) == 1
        formed = {} if is_shared and noise is not None else None
        with at_state(self._all, State(r, values, noise, formed=formed)):
            outputs = self.module(x)
        self._last = r, formed, False
        return outputs

    def linearized_outputs(self, x, r, values, noise):
        """Return the outputs to first order in r, around r = 0.

        Parameters
        ----------
        x, r, values : tensor
            As in `outputs`.
        noise : Noise
            As in `outputs`.

        Returns
        -------
        tensor of shape (n, n_outputs)
            Outputs; gradients reach the responses only.
        """
        x = self._begin(x, values, noise)
        self._last = r, None, True
        frozen = [one for one in self.module.modules() if _has_statistics(one)]
        for layer in frozen:
            # The pass of the general weights has these rows in its statistics.
            layer.track_running_stats = False
        try:
            return linearized(
                self.module, x, r, values=values, noise=noise, layers=self._all
            )
        finally:
            for layer in frozen:
                layer.track_running_stats = True

    def penalty(self, r, values):
        """Return ``sum_l exp(lambda_l) |W_l|^2`` of every example.

        Parameters
        ----------
        r : tensor of shape (n, n_responses) or None
            Input of the response.
        values : tensor of shape (n, n_hyperparameters)
            Hyperparameters of the examples, or one row for all.

        Returns
        -------
        tensor of shape (n,) or (1,)
            Penalties.
        """
        if not self._penalized:
            return values.new_zeros(1)
        # The weights of the pass before, formed at the same r, are used again.
        home, formed, is_linearized = self._last
        formed = formed if home is r and formed else {}
        is_fixed = is_linearized and home is r
        self._last = None, None, False
        norms = [
            layer.norm_of(formed[layer])
            if layer in formed
            else layer.squared_norm(r, is_fixed)
            for layer in self._penalized
        ]
        weights = values[:, self._lambdas].exp()
        return (weights * torch.stack(norms, dim=-1)).sum(dim=1)

    def change_losses(self, losses, outputs, y, values):
        """Return the training losses as hyperparameters change them."""
        named = _named(self._losses, values)
        for _, kind in self._losses:
            losses = kind.apply(losses, outputs, y, named)
        return losses

    @torch.no_grad()
    def snapshot(self, r):
        """Return the state of the ordinary module at one r, on the CPU.

        Parameters
        ----------
        r : tensor of shape (n_responses,) or None
            Input of the response.

        Returns
        -------
        dict of str to tensor
            As `state_dict` of the module before it was converted.
        """
        own = {id(each) for each in self.response}
        state = {
            name: each.detach().clone().cpu()
            for name, each in self.module.state_dict(keep_vars=True).items()
            if id(each) not in own
        }
        for layer in self.layers:
            prefix = f"{layer.path}." if layer.path else ""
            for name, weight in layer.formed(r).items():
                if weight is not None:
                    state[prefix + name] = weight.detach().clone().cpu()
        return state

    def _begin(self, x, values, noise):
        """Switch between training and prediction; change inputs in training."""
        is_training = noise is not None
        if self.module.training != is_training:
            self.module.train(is_training)
        if not is_training:
            return x
        noise.rewind()
        if not self._inputs:
            return x
        named = _named(self._inputs, values)
        for _, kind in self._inputs:
            if kind.is_integer:
                value = named[kind.name]
                up = noise.uniform((len(x),), value)
                named[kind.name] = (value + up).floor()
        for _, kind in self._inputs:
            x = kind.apply(x, named, noise)
        return x


def _named(columns, values):
    """Return the values of some kinds by name."""
    return {kind.name: values[:, column] for column, kind in columns}


def _has_statistics(layer):
    """Whether a layer collects statistics of its inputs in training."""
    norms = (torch.nn.modules.batchnorm._NormBase,)
    return isinstance(layer, norms) and layer.track_running_stats


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
