"""Modules of PyTorch as networks that a `Tuner` trains and tunes.

MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks,
arXiv:1903.03088, eq. (10) and section 3.2.
"""

import torch

from .distribution import index_of
from .hyperparameters import Site
from .kinds import DROPOUT, InputKind, LayerKind, LossKind
from .nn._convert import self_tuning_layers
from .nn._dropout import STNDropout, STNVariationalDropout
from .nn._formed import FormedWeights
from .nn._lstm import STNLSTM
from .nn._passes import at_state, linearized
from .nn._penalty import RowPenalty, WeightPenalty
from .nn._response import ResponseLayer
from .nn._state import Noise, State


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
        self._penalized = [
            (layer, name)
            for layer in self.layers
            if "lambda" in layer.columns
            for name, _ in layer.pairs
        ]
        self._lambdas = index_of([one.columns["lambda"] for one, _ in self._penalized])
        self._responding = [
            (layer, name)
            for layer in self.layers
            if layer.n_responses
            for name in layer._names()
            if getattr(layer, name) is not None
        ]
        self._normalizing = [one for one in module.modules() if _has_statistics(one)]
        self._last = None, None, None, False
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
        scales, formed = self._scales(r), None
        if is_shared and noise is not None and scales:
            formed = self._formed(scales)
        with at_state(self._all, State(r, values, noise, False, formed, scales)):
            outputs = self.module(x)
        self._last = r, formed, scales, False
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
        scales = self._scales(r)
        self._last = r, None, scales, True
        for layer in self._normalizing:
            # The pass of the general weights has these rows in its statistics.
            layer.track_running_stats = False
        try:
            return linearized(
                self.module,
                x,
                r,
                values=values,
                noise=noise,
                layers=self._all,
                scales=scales,
            )
        finally:
            for layer in self._normalizing:
                layer.track_running_stats = True

    def penalty(self, r, values):
        """Return the mean of ``sum_l exp(lambda_l) |W_l|^2`` over the examples.

        Parameters
        ----------
        r : tensor of shape (n, n_responses) or (1, n_responses), or None
            Input of the response.
        values : tensor of shape (n, n_hyperparameters)
            Hyperparameters of the examples, or one row for all.

        Returns
        -------
        tensor of shape ()
            Mean penalty.
        """
        if not self._penalized:
            return values.new_zeros(())
        # The scales and weights of the pass before, at the same r, are used again.
        home, formed, scales, is_linearized = self._last
        self._last = None, None, None, False
        if home is not r:
            formed, scales, is_linearized = None, self._scales(r), False
        factors = values[:, self._lambdas].exp()
        weights = [
            getattr(layer, name) if formed is None else formed[layer][name]
            for layer, name in self._penalized
        ]
        if scales is None or formed is not None:
            factors = factors[0] if len(factors) == 1 else factors.mean(dim=0)
            return WeightPenalty.apply(factors, *weights)
        return self._row_penalty(factors, scales, is_linearized)

    def _row_penalty(self, factors, scales, is_fixed):
        """Return the mean penalty at the scales of every row."""
        weights = [getattr(layer, name) for layer, name in self._penalized]
        if is_fixed:
            weights = [weight.detach() for weight in weights]
        return RowPenalty.apply(
            _axes(self._penalized),
            factors,
            *weights,
            *_responses(self._penalized),
            *(scales[layer][name] for layer, name in self._penalized),
        )

    def _scales(self, r):
        """Return the scales ``V r`` of all layers by layer and name, or None.

        One product gives all of them.
        """
        if r is None or not self._responding:
            return None
        matrices = [getattr(layer, f"{name}_scale") for layer, name in self._responding]
        parts = (r @ torch.cat(matrices).T).split([*map(len, matrices)], dim=-1)
        return self._by_layer(parts)

    def _formed(self, scales):
        """Return the weights of all layers at one r, by layer and name."""
        return self._by_layer(
            FormedWeights.apply(
                _axes(self._responding),
                *(getattr(layer, name) for layer, name in self._responding),
                *_responses(self._responding),
                *(scales[layer][name] for layer, name in self._responding),
            )
        )

    def _by_layer(self, tensors):
        """Return a tensor for every weight that responds, by layer and name."""
        named = {layer: dict.fromkeys(layer._names()) for layer in self.layers}
        for (layer, name), tensor in zip(self._responding, tensors, strict=True):
            named[layer][name] = tensor
        return named

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


def _axes(weights):
    """Return the axes of the outputs of weights, given as (layer, name)."""
    return [layer._axis(name) for layer, name in weights]


def _responses(weights):
    """Return the responses of weights, given as (layer, name)."""
    return [getattr(layer, f"response_{name}") for layer, name in weights]


def _named(columns, values):
    """Return the values of some kinds by name."""
    return {kind.name: values[:, column] for column, kind in columns}


def _has_statistics(layer):
    """Whether a layer collects statistics of its inputs in training."""
    norms = (torch.nn.modules.batchnorm._NormBase,)
    return isinstance(layer, norms) and layer.track_running_stats
