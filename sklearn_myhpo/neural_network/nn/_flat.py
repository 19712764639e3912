"""Tensors as parts of one, which costs an optimizer as much as one."""

from __future__ import annotations

import math

import torch


class Flat:
    """Memory for tensors of some shapes, one after another in one tensor.

    Parameters
    ----------
    tensors : list of tensor
        Tensors with the shapes and strides of the parts; at least one.

    Attributes
    ----------
    whole : tensor of shape (n,)
        All numbers.
    parts : list of tensor
        Views of them, of the shapes of the tensors.
    """

    def __init__(self, tensors):
        self._places, end = [], 0
        for tensor in tensors:
            # Dense, in the order of the axes in memory.
            stride = torch.empty_like(tensor, device="meta").stride()
            self._places.append((end, tensor.shape, stride))
            end += math.prod(tensor.shape)
        self.whole = torch.empty(end, dtype=tensors[0].dtype, device=tensors[0].device)
        self.parts = self.split(self.whole)

    def split(self, numbers):
        """Return views of other numbers, as the parts."""
        return [
            numbers[start:].as_strided(shape, stride)
            for start, shape, stride in self._places
        ]


class FlatParameters(Flat):
    """Parameters of a module as parts of one leaf, which trains in their place.

    Parameters
    ----------
    parameters : list of torch.nn.Parameter
        The parameters, whose memory becomes that of the leaf.

    Attributes
    ----------
    leaf : tensor of shape (n,)
        The whole, with a gradient.
    """

    def __init__(self, parameters):
        super().__init__(parameters)
        self.parameters = parameters
        with torch.no_grad():
            for parameter, part in zip(parameters, self.parts, strict=True):
                part.copy_(parameter)
                parameter.data = part
        self.leaf = self.whole.detach().requires_grad_()

    def added(self, gradient, direct):
        """Return the gradient in the leaf with those in parameters added to it.

        Parameters
        ----------
        gradient : tensor of shape (n,) or None
            Gradient in the leaf, which is changed.
        direct : iterator of (tensor or None)
            Gradients in the parameters.
        """
        parts = [(i, next(direct)) for i in range(len(self.parameters))]
        parts = [(i, part) for i, part in parts if part is not None]
        if not parts:
            return gradient
        if gradient is None:
            gradient = torch.zeros_like(self.leaf)
        own = self.split(gradient)
        for i, part in parts:
            own[i].add_(part)
        return gradient


class PartOptimizer:
    """An optimizer of parameters, which steps along the gradients of their leaves.

    Some optimizers treat every weight by its shape or norm.

    Parameters
    ----------
    make : callable
        Function of the parameters and of ``lr`` to their optimizer.
    flats : list of FlatParameters
        Owners of some of the leaves.
    leaves : list of tensor
        All leaves.
    lr : float
        Learning rate.
    """

    def __init__(self, make, flats, leaves, lr):
        owners = {id(flat.leaf): flat for flat in flats}
        self._pairs = [
            (leaf, owners[id(leaf)]) for leaf in leaves if id(leaf) in owners
        ]
        parameters = []
        for leaf in leaves:
            owner = owners.get(id(leaf))
            parameters += [leaf] if owner is None else owner.parameters
        self._own = make(parameters, lr=lr)
        self.param_groups = self._own.param_groups

    def step(self):
        """Take a step of all parameters whose leaf has a gradient."""
        for leaf, flat in self._pairs:
            gradients = [None] * len(flat.parameters)
            if leaf.grad is not None:
                gradients = flat.split(leaf.grad)
            for parameter, gradient in zip(flat.parameters, gradients, strict=True):
                parameter.grad = gradient
        self._own.step()
        for _, flat in self._pairs:
            for parameter in flat.parameters:
                parameter.grad = None
