"""Weights of all layers in one pass: one node of autograd for each way to have them.

A weight W with the response R is ``W + s * R`` along the axis of its outputs, with
the scales ``s = V r``. Nodes also return the penalty ``sum_m c_m |W_m + s_m * R_m|^2``,
and add its gradients to those of the pass. Small layers cost by the number of
operations, large ones by how often weights are read and memory is fetched: autograd
alone would take more of each.
"""

from __future__ import annotations

from functools import cached_property

import torch


class Layout:
    """Order of the weights of all layers, and memory for results of their shapes.

    A step needs that memory once. Tensors in it, formed weights and gradients, are
    valid until the next pass of the same kind.

    Parameters
    ----------
    weights : list of tensor
        Weights and biases, those with a penalty first.
    axes : list of int
        Axis of the outputs of each.
    n_penalized : int
        Number of weights with a penalty.
    """

    def __init__(self, weights, axes, n_penalized):
        self.axes, self.n_penalized = axes, n_penalized
        self.sizes = [w.shape[axis] for w, axis in zip(weights, axes, strict=True)]
        self._weights = weights
        self._shapes = [[1] * weight.ndim for weight in weights]
        for shape, axis in zip(self._shapes, axes, strict=True):
            shape[axis] = -1

    @cached_property
    def homes(self):
        """Penalized weight of every output, a tensor of int64."""
        sizes = self.sizes[: self.n_penalized]
        homes = [index for index, size in enumerate(sizes) for _ in range(size)]
        return torch.tensor(homes, device=self._weights[0].device)

    @cached_property
    def formed(self):
        """Memory for weights."""
        return self._memory()

    @cached_property
    def in_weights(self):
        """Memory for gradients in weights."""
        return self._memory()

    @cached_property
    def in_responses(self):
        """Memory for gradients in responses."""
        return self._memory()

    def _memory(self):
        return [torch.empty_like(weight.detach()) for weight in self._weights]

    def thirds(self, tensors):
        """Return W, R and V."""
        n = len(self.axes)
        return tensors[:n], tensors[n : 2 * n], tensors[2 * n :]

    def split(self, numbers, n):
        """Return numbers of all outputs of the first n weights, to broadcast."""
        parts = numbers.split(self.sizes[:n])
        return [
            part if len(shape) == 1 else part.view(shape)
            for part, shape in zip(parts, self._shapes, strict=False)
        ]

    def dot(self, index, one, other, memory):
        """Return the products of two tensors like a weight, summed by output."""
        product, axis = torch.mul(one, other, out=memory), self.axes[index]
        if product.ndim == 1:
            # The memory gets other numbers before these are used.
            return product.clone()
        if product.ndim > 2:
            product, axis = product.movedim(axis, 0).flatten(1), 0
        return product.sum(dim=1 - axis)


def _squares(weights):
    """Return the sums of squares of weights, shape (n_weights,)."""
    return torch.stack(torch._foreach_norm(weights)).square()


class GeneralWeights(torch.autograd.Function):
    """The weights themselves, and ``sum_m c_m |W_m|^2``."""

    @staticmethod
    def forward(ctx, layout, factors, *weights):
        """Return penalty and weights.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n_penalized,)
            c, without gradient.
        *weights : tensor
            Those with a penalty.
        """
        ctx.layout = layout
        ctx.save_for_backward(factors, *weights)
        return torch.dot(factors, _squares(weights)), *weights

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradients in the weights."""
        factors, *weights = ctx.saved_tensors
        slopes = (gradient * factors).unbind()
        return (
            None,
            None,
            *map(_with_penalty, gradients, weights, slopes, ctx.layout.in_weights),
        )


def _with_penalty(gradient, weight, slope, memory):
    """Return a gradient and that of ``slope |W|^2``, in some memory."""
    return torch.addcmul(gradient, weight, slope, value=2.0, out=memory)


class FormedWeights(torch.autograd.Function):
    """``W_m + s_m * R_m`` of all weights at one r, and their penalty."""

    @staticmethod
    def forward(ctx, layout, factors, r, *tensors):
        """Return penalty and weights.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n_penalized,) or None
            c, without gradient; None for no penalty.
        r : tensor of shape (n_responses,)
            Input of the responses.
        *tensors : tensor
            All W, all R, all V.
        """
        weights, responses, matrices = layout.thirds(tensors)
        matrix = torch.cat(matrices)
        scales = layout.split(matrix @ r, len(weights))
        formed = [
            torch.addcmul(*parts, out=memory)
            for *parts, memory in zip(
                weights, scales, responses, layout.formed, strict=True
            )
        ]
        penalty, ctx.n_penalized = None, 0
        if factors is not None:
            ctx.n_penalized = layout.n_penalized
            penalty = torch.dot(factors, _squares(formed[: layout.n_penalized]))
        # New tensors for the graph, in the same memory.
        formed = [weight.detach() for weight in formed]
        ctx.layout = layout
        ctx.save_for_backward(
            factors, r, matrix, *scales, *responses, *formed[: ctx.n_penalized]
        )
        return penalty, *formed

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradients in r, W, R and V."""
        layout, n = ctx.layout, len(gradients)
        factors, r, matrix, *saved = ctx.saved_tensors
        scales, responses, penalized = saved[:n], saved[n : 2 * n], saved[2 * n :]
        slopes = (gradient * factors).unbind() if penalized else ()
        in_weights, in_scales = list(gradients), []
        # All of a weight at once, while it is in the cache.
        for m, (scale, response) in enumerate(zip(scales, responses, strict=True)):
            if m < len(penalized):
                memory = layout.in_weights[m]
                in_weights[m] = _with_penalty(
                    gradients[m], penalized[m], slopes[m], memory
                )
            memory = layout.in_responses[m]
            in_scales.append(layout.dot(m, in_weights[m], response, memory))
            if ctx.needs_input_grad[3]:
                torch.mul(in_weights[m], scale, out=memory)
        in_scales = torch.cat(in_scales)
        in_r = in_scales @ matrix if ctx.needs_input_grad[2] else None
        if not ctx.needs_input_grad[3]:
            return None, None, in_r, *[None] * (3 * n)
        in_matrices = torch.outer(in_scales, r).split(layout.sizes)
        return None, None, in_r, *in_weights, *layout.in_responses, *in_matrices


class RowWeights(torch.autograd.Function):
    """W and R as they are, the scales of every row, and the mean penalty of rows."""

    @staticmethod
    def forward(ctx, layout, factors, r, *tensors):
        """Return penalty, scales, all R, and all W if they have gradients.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n or 1, n_penalized) or None
            c, without gradient; None for no penalty.
        r : tensor of shape (n or 1, n_responses)
            Input of the responses.
        *tensors : tensor
            All W, all R, all V.
        """
        weights, responses, matrices = layout.thirds(tensors)
        matrix = torch.cat(matrices)
        scales = r @ matrix.T
        penalty = ctx.penalty = None
        if factors is not None:
            p = layout.n_penalized
            ctx.penalty = RowPenalty(
                layout, factors, weights[:p], responses[:p], scales
            )
            penalty = ctx.penalty.mean()
        ctx.layout = layout
        ctx.save_for_backward(r, matrix)
        moving = weights if ctx.needs_input_grad[3] else ()
        return penalty, scales, *responses, *moving

    @staticmethod
    def backward(ctx, gradient, in_scales, *gradients):
        """Return the gradients in r, W, R and V."""
        n = len(ctx.layout.axes)
        r, matrix = ctx.saved_tensors
        in_responses, in_weights = gradients[:n], gradients[n:]
        if ctx.penalty is not None:
            in_scales = ctx.penalty.in_scales(gradient, in_scales)
            in_responses, in_weights = ctx.penalty.in_both(
                gradient, in_responses, in_weights
            )
        in_r = in_scales @ matrix if ctx.needs_input_grad[2] else None
        in_matrices = (in_scales.T @ r).split(ctx.layout.sizes)
        in_weights = in_weights or [None] * n
        return None, None, in_r, *in_weights, *in_responses, *in_matrices


class RowPenalty:
    """``mean_i sum_m c_im |W_m + s_im * R_m|^2`` and its gradients.

    With ``|W + s * R|^2 = |W|^2 + sum_o 2 s_o <W_o, R_o> + s_o^2 |R_o|^2`` no weights
    per row are needed, only the means over the rows of c, c s and c s^2.

    Parameters
    ----------
    layout : Layout
        Order of the weights.
    factors : tensor of shape (n or 1, n_penalized)
        c.
    weights, responses : tuple of tensor
        W and R.
    scales : tensor of shape (n or 1, n_outputs)
        s, and the scales of weights without penalty.
    """

    def __init__(self, layout, factors, weights, responses, scales):
        self.layout, self.weights, self.responses = layout, weights, responses
        self.n_outputs = len(layout.homes)
        self.scales = scales[:, : self.n_outputs]
        each = factors.index_select(1, layout.homes)
        weighted = each * self.scales
        self.means = factors.mean(dim=0)
        self.first = weighted.mean(dim=0)
        self.second = (weighted * self.scales).mean(dim=0)
        # c, divided by the number of the rows that have scales.
        is_one = len(scales) == 1
        self.shares = each.mean(dim=0, keepdim=True) if is_one else each / len(scales)
        dots = [
            [layout.dot(m, one, r, layout.formed[m]) for one in (w, r)]
            for m, (w, r) in enumerate(zip(weights, responses, strict=True))
        ]
        self.cross, self.own = map(torch.cat, zip(*dots, strict=True))

    def mean(self):
        """Return the penalty."""
        linear = torch.dot(self.first, self.cross)
        square = torch.dot(self.second, self.own)
        return torch.dot(self.means, _squares(self.weights)) + 2.0 * linear + square

    def in_scales(self, gradient, in_scales):
        """Return the gradients in scales with those of the penalty added."""
        moved = torch.addcmul(self.cross, self.scales, self.own)
        moved = moved.mul_(2.0 * gradient * self.shares)
        rest = in_scales[:, self.n_outputs :]
        return torch.cat([in_scales[:, : self.n_outputs] + moved, rest], 1)

    def in_both(self, gradient, in_responses, in_weights):
        """Return the gradients in R and W with those of the penalty added.

        Parameters
        ----------
        gradient : tensor of shape ()
            Gradient in the penalty.
        in_responses, in_weights : tuple of tensor
            Gradients in all R, and in all W; the latter may be empty.

        Returns
        -------
        (list of tensor, list of tensor)
        """
        layout, n = self.layout, len(self.weights)
        factors = (gradient * self.means).unbind()
        slopes = [
            layout.split(2.0 * gradient * each, n) for each in (self.first, self.second)
        ]
        in_responses, in_weights = list(in_responses), list(in_weights)
        parts = zip(self.weights, self.responses, *slopes, strict=True)
        for m, (weight, response, first, second) in enumerate(parts):
            memory = layout.in_responses[m]
            torch.addcmul(in_responses[m], first, weight, out=memory)
            in_responses[m] = memory.addcmul_(second, response)
            if in_weights:
                memory = layout.in_weights[m]
                torch.addcmul(in_weights[m], first, response, out=memory)
                in_weights[m] = memory.addcmul_(weight, factors[m], value=2.0)
        return in_responses, in_weights
