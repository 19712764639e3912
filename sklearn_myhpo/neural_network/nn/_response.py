"""Parts that self-tuning layers share: weights that respond row by row, and masks.

MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), arXiv:1903.03088, eq. (10).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn


class LayerWeights(NamedTuple):
    """Weights of a layer in one pass, by name; None for a bias that is not there.

    Attributes
    ----------
    weights : dict of str to tensor
        Weights and biases: general ones, or those at one r.
    responses, scales : dict of str to tensor, or None
        R, and ``V r`` of shape (n or 1, n_out), of responses that the layer adds to
        its outputs; None where the weights have them. Of a bias there is no R, and the
        scales are what it adds to the outputs of every row. That has the general bias
        in it, except in a linearized pass, where `weights` has it. A linearized pass
        at one r has no scales: responses are what that r adds to weights and biases.
    """

    weights: dict
    responses: dict | None = None
    scales: dict | None = None


def shape_along(numbers, n_axes, axis, batch_axis=0):
    """Reshape (n, size) so that it broadcasts: examples and units on their axes."""
    shape = [1] * n_axes
    shape[batch_axis], shape[axis] = numbers.shape
    return numbers.reshape(shape)


class SelfTuning:
    """Base of all self-tuning layers: a state, a name, and hyperparameters.

    Attributes
    ----------
    state : State or None
        What the current pass depends on; None outside of `respond`.
    columns : dict of str to int
        From kinds of hyperparameters of the layer to their columns in `State.rates`.
    path : str
        Name of the layer in its module.
    """

    state = None
    path = ""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.columns = {}

    def mask(self, kind, x, *, batch_axis=0, shared_axes=()):
        """Return dropout factors of mean one for x, or None for no dropout.

        Parameters
        ----------
        kind : str
            Kind of hyperparameter that is the rate.
        x : tensor
            Tensor that the factors will multiply.
        batch_axis : int
            Axis of the examples.
        shared_axes : tuple of int
            Axes along which all numbers have one factor.
        """
        state = self.state
        if state is None or state.noise is None or kind not in self.columns:
            return None
        rate, rest = state.rates.at(self.columns[kind])
        if len(rate) > 1:
            self.check_rows(rate, x, batch_axis)
            along = [-1 if i == batch_axis else 1 for i in range(x.ndim)]
            rate, rest = rate.view(along), rest.view(along)
        shape = x.shape
        if shared_axes:
            shape = [1 if i in shared_axes else size for i, size in enumerate(shape)]
        noise = state.noise.uniform(shape, x)
        # Numbers instead of booleans, which would be converted.
        kept = torch.ge(noise, rate, out=torch.empty_like(noise))
        return kept.div_(rest)

    def check_rows(self, numbers, x, batch_axis):
        """Raise if x does not have as many examples as there are numbers."""
        if len(numbers) not in (1, x.shape[batch_axis]):
            raise ValueError(
                f"The layer {self.path!r} ({type(self).__name__}) got an input of "
                f"shape {tuple(x.shape)}, whose axis {batch_axis} is not that of the "
                f"{len(numbers)} examples of the batch. Perturb all examples together "
                "(perturb='batch'), or keep examples on that axis."
            )


class ResponseLayer(SelfTuning):
    """Weights that respond linearly to r; a mixin before a class of PyTorch.

    A weight W with the rows W_o becomes ``W_o + (V r)_o R_o``, with a matrix R of its
    own shape and V of shape (n_out, n_responses); a bias likewise.

    Parameters
    ----------
    *args, **kwargs
        Of the class of PyTorch.
    n_responses : int
        Length of r; 0 for a layer without response.
    response_scale : float
        Standard deviation of the initial V; 0 for no initial response.
    generator : torch.Generator, optional
        Source of the initial response.
    """

    #: Pairs of the names of a weight and of its bias.
    pairs = (("weight", "bias"),)
    #: Axis of the rows of a weight: of its outputs.
    row_axis = 0

    def __init__(
        self, *args, n_responses=0, response_scale=0.0, generator=None, **kwargs
    ):
        super().__init__(*args, **kwargs)
        self.n_responses = 0
        self.init_response(n_responses, response_scale, generator)

    def init_response(self, n_responses, response_scale=0.0, generator=None):
        """Draw a new response; the weights stay.

        Parameters
        ----------
        n_responses : int
            Length of r.
        response_scale : float
            Standard deviation of the initial V.
        generator : torch.Generator, optional
            Source of randomness; that of PyTorch if not given.
        """
        self.n_responses = n_responses

        def like(weight, shape, draw):
            numbers = draw(
                shape, generator=generator, dtype=weight.dtype, device=weight.device
            )
            return nn.Parameter(numbers)

        def uniform(shape, **options):
            return (2.0 * torch.rand(shape, **options) - 1.0) * self._bound()

        def normal(shape, **options):
            return response_scale * torch.randn(shape, **options)

        given = [
            (name, getattr(self, name))
            for name in self._names()
            if getattr(self, name) is not None
        ]
        # Responses of weights and biases first, then the scales of both.
        for name, weight in given:
            response = like(weight, weight.shape, uniform) if n_responses else None
            self.register_parameter(f"response_{name}", response)
        for name, weight in given:
            shape = (weight.shape[self._axis(name)], n_responses)
            scale = like(weight, shape, normal) if n_responses else None
            self.register_parameter(f"{name}_scale", scale)

    def _names(self):
        """Return the names of weights and biases."""
        return [name for pair in self.pairs for name in pair]

    def _axis(self, name):
        """Return the axis of the outputs of a weight or bias."""
        return self.row_axis if getattr(self, name).ndim > 1 else 0

    def _bound(self):
        """Return the bound of the initial response."""
        return 1.0 / math.sqrt(self.weight[0].numel())  # as in torch.nn.Linear

    @property
    def general(self):
        """Weights and biases, without their responses."""
        weights = (getattr(self, name) for name in self._names())
        return [weight for weight in weights if weight is not None]

    @property
    def responses(self):
        """Parameters of the response."""
        if not self.n_responses:
            return []
        names = [name for name in self._names() if getattr(self, name) is not None]
        return [getattr(self, f"response_{name}") for name in names] + [
            getattr(self, f"{name}_scale") for name in names
        ]

    def current(self):
        """Return the `LayerWeights` of the current pass."""
        state, r = self.state, self.state.r
        if state.weights is not None:
            return state.weights[self]
        has_response = r is not None and self.n_responses > 0
        if has_response and len(r) == 1 and not state.is_linearized:
            return LayerWeights(self.formed(r))
        weights = self.formed()
        given = [name for name, weight in weights.items() if weight is not None]
        if state.is_linearized:
            # Only responses train in such a pass.
            weights |= {name: weights[name].detach() for name in given}
        if not has_response:
            return LayerWeights(weights)
        responses, scales = dict.fromkeys(weights), dict.fromkeys(weights)
        for name in given:
            response = getattr(self, f"response_{name}")
            scales[name] = self.scales(name, r)
            if response.ndim > 1:
                responses[name] = response
                continue
            scales[name] = scales[name] * response
            if not state.is_linearized:
                scales[name] = scales[name] + weights[name]
                weights[name] = None
        return LayerWeights(weights, responses, scales)

    def scales(self, name, r):
        """Return ``V r``, the scales of the rows of a weight, shape (n, n_out)."""
        return r @ getattr(self, f"{name}_scale").T

    def added(self, name, r):
        """Return what one r adds to a weight, or to a bias."""
        response = getattr(self, f"response_{name}")
        shape = [1] * response.ndim
        shape[self._axis(name)] = -1
        return self.scales(name, r).reshape(shape) * response

    def formed(self, r=None):
        """Return the weights at one r.

        Parameters
        ----------
        r : tensor of shape (n_responses,) or (1, n_responses), optional
            Input of the response.

        Returns
        -------
        dict of str to tensor
            Weights and biases by name; None for a bias that is not there.
        """
        weights = {name: getattr(self, name) for name in self._names()}
        if r is None or not self.n_responses:
            return weights
        return {
            name: weight if weight is None else weight + self.added(name, r)
            for name, weight in weights.items()
        }
