"""Modules of PyTorch as networks that a `Tuner` trains and tunes.

MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks,
arXiv:1903.03088, eq. (10) and section 3.2.
"""

from functools import partial

import torch

from .distribution import index_of
from .hyperparameters import Site
from .kinds import DROPOUT, InputKind, LayerKind, LossKind
from .nn._convert import self_tuning_layers
from .nn._dropout import STNDropout, STNVariationalDropout
from .nn._flat import PartOptimizer
from .nn._lstm import STNLSTM
from .nn._passes import at_state, linearized
from .nn._response import ResponseLayer
from .nn._state import Noise, Rates, State
from .nn._weights import AllWeights


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

    The weights of its layers become parts of one leaf, and their responses of another.
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
        for layer in self._all:
            layer.columns = {
                site.kind.name: column
                for column, site in enumerate(sites)
                if isinstance(site.kind, LayerKind) and site.label == layer.path
            }
        #: From names of dropout rates to names of their layers.
        self.rates = {s.name: s.label for s in sites if s.kind is DROPOUT}
        penalized = [one for one in self.layers if "lambda" in one.columns]
        self._weights = AllWeights(self.layers, penalized)
        self._flats = self._weights.flats
        leaves = [flat.leaf for flat in self._flats]
        owned = {id(one) for flat in self._flats for one in flat.parameters}
        rest = [
            one
            for one in module.parameters()
            if one.requires_grad and id(one) not in owned
        ]
        self.general, self.response = [*leaves[:1], *rest], leaves[1:]
        self._lambdas = index_of(
            [layer.columns["lambda"] for layer, _ in self._weights.penalized]
        )
        self._owners = {id(flat.leaf): flat for flat in self._flats}
        self._normalizing = [one for one in module.modules() if _has_statistics(one)]
        self._last = None, None, None
        #: Hyperparameters of the last pass as rates, and as factors of penalties.
        self._known = Rates(None), None
        kinds = [(i, site.kind) for i, site in enumerate(sites)]
        self._inputs = [pair for pair in kinds if isinstance(pair[1], InputKind)]
        self._losses = [pair for pair in kinds if isinstance(pair[1], LossKind)]

    def by_weight(self, optimizer):
        """Return a function like an optimizer, which has weights instead of leaves.

        Parameters
        ----------
        optimizer : callable
            Function of weights and ``lr`` to their optimizer.

        Returns
        -------
        callable
            Function of leaves and ``lr``.
        """
        return partial(PartOptimizer, optimizer, self._flats)

    def gradients(self, loss, leaves):
        """Return the gradients of a loss in leaves, None where it has none.

        Parameters
        ----------
        loss : tensor of shape ()
            Loss.
        leaves : list of tensor
            Some of `general` and `response`.

        Returns
        -------
        list of (tensor or None)
            One per leaf.
        """
        owners = [self._owners.get(id(leaf)) for leaf in leaves]
        # A module may also read the weights of its layers by itself.
        own = [one for flat in owners if flat is not None for one in flat.parameters]
        found = torch.autograd.grad(loss, [*leaves, *own], allow_unused=True)
        gradients, direct = list(found[: len(leaves)]), found[len(leaves) :]
        if all(one is None for one in direct):
            return gradients
        direct = iter(direct)
        for index, flat in enumerate(owners):
            if flat is not None:
                gradients[index] = flat.added(gradients[index], direct)
        return gradients

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
        # In prediction only r has a gradient, and there is no penalty.
        is_fixed = noise is None
        weights = self._pass(r, None if is_fixed else values, is_fixed=is_fixed)
        with at_state(self._all, State(r, self._known[0], noise, weights=weights)):
            return self.module(x)

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
        weights = self._pass(r, values, is_linearized=True)
        for layer in self._normalizing:
            # The pass of the general weights has these rows in its statistics.
            layer.track_running_stats = False
        try:
            return linearized(
                self.module,
                x,
                r,
                noise=noise,
                rates=self._known[0],
                layers=self._all,
                weights=weights,
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
        if self._last[0] is not r or self._last[1] is not values:
            self._pass(r, values, is_by_row=True)
        penalty, self._last = self._last[2], (None, None, None)
        return values.new_zeros(()) if penalty is None else penalty

    def _pass(self, r, values, **options):
        """Return the weights of a pass by layer, and keep their penalty."""
        if self._known[0].values is not values:
            # All steps of a phase have the same general hyperparameters.
            factors = None if values is None else values[:, self._lambdas].exp()
            self._known = Rates(values), factors
        factors = self._known[1]
        weights, penalty = self._weights.at(r, factors, **options)
        self._last = r, values, penalty
        return weights

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
        own = {id(each) for layer in self.layers for each in layer.responses}
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
