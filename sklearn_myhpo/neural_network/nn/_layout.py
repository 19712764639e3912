"""Order of the weights of all layers, and memory for what a pass computes of them."""

from __future__ import annotations

from functools import cached_property

import torch

from ._flat import Flat, FlatParameters


class Layout:
    """Weights and responses of all layers as two leaves, and memory for results.

    A step needs that memory once. Tensors in it, formed weights and gradients, are
    valid until the next pass of the same kind.

    Parameters
    ----------
    weights : list of torch.nn.Parameter
        Weights and biases, those with a penalty first.
    axes : list of int
        Axis of the outputs of each.
    n_penalized : int
        Number of weights with a penalty.
    responses, matrices : list of torch.nn.Parameter
        R and V of each weight; empty without responses.
    """

    def __init__(self, weights, axes, n_penalized, responses=(), matrices=()):
        self.axes, self.n_penalized = axes, n_penalized
        self.sizes = [w.shape[axis] for w, axis in zip(weights, axes, strict=True)]
        self._shapes = [[1] * weight.ndim for weight in weights]
        for shape, axis in zip(self._shapes, axes, strict=True):
            shape[axis] = -1
        #: Axes of every weight but that of its outputs.
        self._others = [
            [other for other in range(weight.ndim) if other != axis]
            for weight, axis in zip(weights, axes, strict=True)
        ]
        self.general = FlatParameters(weights)
        self.weights = self.general.parts
        self.response, self.responses = None, []
        if responses:
            self.response = FlatParameters([*responses, *matrices])
            self.responses = self.response.parts[: len(weights)]
            self.matrix = self._matrix(self.response.whole)

    @property
    def flats(self):
        """Owners of the leaves."""
        return [each for each in (self.general, self.response) if each is not None]

    def _matrix(self, numbers):
        """Return V of all outputs, which follow the responses."""
        n_outputs = sum(self.sizes)
        n_responses = self.response.parts[-1].shape[1]
        return numbers[len(numbers) - n_outputs * n_responses :].view(n_outputs, -1)

    @cached_property
    def homes(self):
        """Penalized weight of every output, a tensor of int64."""
        sizes = self.sizes[: self.n_penalized]
        homes = [index for index, size in enumerate(sizes) for _ in range(size)]
        return torch.tensor(homes, device=self.general.whole.device)

    @cached_property
    def formed(self):
        """Memory for weights."""
        return Flat(self.weights)

    @cached_property
    def in_general(self):
        """Memory for the gradient in all weights."""
        return Flat(self.weights)

    @cached_property
    def in_response(self):
        """Memory for the gradient in all responses and V."""
        return Flat(self.response.parts)

    @cached_property
    def in_matrix(self):
        """The part of V of `in_response`."""
        return self._matrix(self.in_response.whole)

    @cached_property
    def scales(self):
        """Memory for the scales of all outputs, and views that broadcast to weights."""
        whole = self.general.whole.new_empty(sum(self.sizes))
        return whole, self.split(whole, len(self.sizes))

    @cached_property
    def in_scales(self):
        """Memory for the gradient in all scales, and its parts by weight."""
        whole = self.general.whole.new_empty(sum(self.sizes))
        return whole, whole.split(self.sizes)

    def split(self, numbers, n):
        """Return numbers of all outputs of the first n weights, to broadcast."""
        parts = numbers.split(self.sizes[:n])
        return [
            part if len(shape) == 1 else part.view(shape)
            for part, shape in zip(parts, self._shapes, strict=False)
        ]

    def dot(self, index, one, other, memory, out):
        """Write the products of two tensors like a weight, summed by output."""
        if one.ndim == 1:
            torch.mul(one, other, out=out)
        else:
            product = torch.mul(one, other, out=memory)
            torch.sum(product, self._others[index], out=out)

    def in_weight(self, index, gradient, weights, slopes):
        """Return the gradient in a weight, with that of its penalty, in memory."""
        memory = self.in_general.parts[index]
        if index < len(slopes):
            parts = gradient, weights[index], slopes[index]
            return torch.addcmul(*parts, value=2.0, out=memory)
        return memory.copy_(gradient)
