"""Order of the weights of all layers, and memory for what a pass computes of them."""

from __future__ import annotations

from functools import cached_property

import torch

from ._flat import Flat, FlatParameters


class Piece:
    """A weight of some axes, or all vectors at the end, with memory for results.

    Parameters
    ----------
    axis : int
        Axis of the outputs.

    Attributes
    ----------
    weight, response : tensor
        W and R; no R without responses.
    formed, in_weight, in_response : tensor
        Memory of the same shape for ``W + s * R``, and for gradients.
    scale, in_scale : tensor
        Memory for s, which broadcasts to W, and for its gradient, one per output.
    """

    def __init__(self, axis):
        self._axis = axis

    def add(self, **tensors):
        """Add attributes, W first."""
        vars(self).update(tensors)
        #: Axes but that of the outputs; none for vectors.
        self._others = [i for i in range(self.weight.ndim) if i != self._axis]

    def along(self, numbers):
        """Return numbers of all outputs so that they broadcast to W."""
        shape = [1] * self.weight.ndim
        shape[self._axis] = -1
        return numbers.view(shape)

    def dot(self, one, other, memory, out):
        """Write the products of two tensors like W, summed by output."""
        if self._others:
            self.sum_by_output(torch.mul(one, other, out=memory), out)
        else:
            torch.mul(one, other, out=out)

    def sum_by_output(self, numbers, out):
        """Write the sums of a tensor like W, which has more than one axis."""
        torch.sum(numbers, self._others, out=out)

    def penalized(self, gradient, weight, slope):
        """Return ``gradient + 2 slope weight`` in memory; without slope a copy."""
        if slope is None:
            return self.in_weight.copy_(gradient)
        return torch.addcmul(gradient, weight, slope, value=2.0, out=self.in_weight)


class Layout:
    """Weights and responses of all layers as two leaves, and memory for results.

    A step needs that memory once. Tensors in it, formed weights and gradients, are
    valid until the next pass of the same kind. Small layers cost by the number of
    operations, so all vectors without penalty are one piece.

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
        apart = [i for i, w in enumerate(weights, 1) if w.ndim > 1]
        #: Number of the weights before the vectors at the end.
        self.n_apart = max([n_penalized, *apart])
        self.general = FlatParameters(weights)
        self.weights = self.general.parts
        self.response, self.responses = None, []
        if responses:
            self.response = FlatParameters([*responses, *matrices])
            self.responses = self.response.parts[: len(weights)]
            self.matrix = self._matrix(self.response)

    @property
    def flats(self):
        """Owners of the leaves."""
        return [each for each in (self.general, self.response) if each is not None]

    def _matrix(self, flat):
        """Return V of all outputs, which follow the responses."""
        n_outputs, n_responses = sum(self.sizes), flat.parts[-1].shape[1]
        whole = flat.whole[len(flat.whole) - n_outputs * n_responses :]
        return whole.view(n_outputs, n_responses)

    def by_piece(self, numbers):
        """Return the parts of numbers of all outputs, vectors together."""
        rest = sum(self.sizes[self.n_apart :])
        sizes = [*self.sizes[: self.n_apart], rest]
        return numbers.split(sizes if rest else sizes[:-1])

    @cached_property
    def rows(self):
        """Views for rows with weights of their own."""
        return Rows(self)

    @cached_property
    def homes(self):
        """Penalized weight of every output, a tensor of int64."""
        sizes = self.sizes[: self.n_penalized]
        homes = [index for index, size in enumerate(sizes) for _ in range(size)]
        device = self.general.whole.device
        return torch.tensor(homes, dtype=torch.int64, device=device)

    @cached_property
    def formed(self):
        """Memory for weights."""
        return Flat(self.weights)

    @cached_property
    def moved(self):
        """Memory for what responses add to weights."""
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
        return self._matrix(self.in_response)

    @cached_property
    def scales(self):
        """Memory for the scales of all outputs."""
        return self.general.whole.new_empty(sum(self.sizes))

    @cached_property
    def in_scales(self):
        """Memory for the gradient in all scales."""
        return torch.empty_like(self.scales)

    @cached_property
    def pieces(self):
        """All pieces in order: those of more than one axis, then all vectors."""
        rest = sum(self.sizes[self.n_apart :])
        pieces = [Piece(axis) for axis in self.axes[: self.n_apart]]
        pieces += [Piece(0)] if rest else []
        flats = {"weight": self.general, "in_weight": self.in_general}
        if self.response is not None:
            flats |= {"response": self.response, "in_response": self.in_response}
            flats["formed"] = self.formed
        for name, flat in flats.items():
            for piece, part in zip(pieces, self._pieces_of(flat), strict=False):
                piece.add(**{name: part})
        if self.response is not None:
            scales = self.by_piece(self.scales), self.by_piece(self.in_scales)
            for piece, scale, in_scale in zip(pieces, *scales, strict=True):
                piece.add(scale=piece.along(scale), in_scale=in_scale)
        return pieces

    @cached_property
    def moved_pieces(self):
        """The parts of `moved` by piece."""
        return self._pieces_of(self.moved)

    def _pieces_of(self, flat):
        """Return the parts of a flat that begins like the weights, vectors as one."""
        end = len(self.general.whole)
        rest = sum(self.sizes[self.n_apart :])
        return [*flat.parts[: self.n_apart], flat.whole[end - rest : end]]

    def joined(self, tensors):
        """Return tensors like the weights by piece: vectors as one, in memory."""
        if len(tensors) == self.n_apart:
            return tensors
        *_, last = self.pieces
        return [
            *tensors[: self.n_apart],
            torch.cat(tensors[self.n_apart :], out=last.in_weight),
        ]


class Rows:
    """Views of the responses, and memory, for rows with weights of their own.

    Parameters
    ----------
    layout : Layout
        Order of the weights.

    Attributes
    ----------
    first : int
        Number of the outputs before those of the vectors.
    bias, response : tensor of shape (n,)
        All numbers of the vectors, and their R.
    penalized : tuple of tensor of shape (n,)
        All numbers of the weights with a penalty, their R, and memory.
    numbers, scaled : tensor of shape (4, n_outputs)
        Memory for four numbers of every output of a weight with a penalty.
    moments : tensor of shape (2, n_outputs, n_responses)
        Memory for two means of every such output.
    """

    def __init__(self, layout):
        self.first = sum(layout.sizes[: layout.n_apart])
        flats = layout.general, layout.response, layout.formed
        numbers = [flat.whole[: len(layout.general.whole)] for flat in flats]
        start = len(numbers[0]) - sum(layout.sizes[layout.n_apart :])
        self.bias, self.response, _ = (each[start:] for each in numbers)
        end = sum(each.numel() for each in layout.weights[: layout.n_penalized])
        self.penalized = tuple(each[:end] for each in numbers)
        self._layout, n_outputs = layout, len(layout.homes)
        self.numbers, self.scaled = layout.matrix.new_empty((2, 4, n_outputs)).unbind()
        n_responses = layout.matrix.shape[1]
        self.moments = layout.matrix.new_empty(2, n_outputs, n_responses)

    @cached_property
    def forward(self):
        """Piece, and views of the first two numbers, by weight."""
        return self._by_piece(*self.numbers[:2])

    @cached_property
    def backward(self):
        """Piece, and views of the last two scaled numbers along its axes, by weight."""
        return [
            (piece, *map(piece.along, numbers))
            for piece, *numbers in self._by_piece(*self.scaled[2:])
        ]

    def _by_piece(self, *tensors):
        layout, n = self._layout, self._layout.n_penalized
        parts = [each.split(layout.sizes[:n]) for each in tensors]
        return list(zip(layout.pieces[:n], *parts, strict=True))
