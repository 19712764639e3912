"""Weights of all layers in one pass: one node of autograd for each way to have them.

A weight W with the response R is ``W + s * R`` along the axis of its outputs, with
the scales ``s = V r``. Nodes also return the penalty ``sum_m c_m |W_m + s_m * R_m|^2``,
and add its gradients to those of the pass. Small layers cost by the number of
operations, large ones by how often weights are read and memory is fetched: autograd
alone would take more of each.
"""

from __future__ import annotations

import torch


def _squares(weights):
    """Return the sums of squares of weights, shape (n_weights,)."""
    return torch.stack(torch._foreach_norm(weights)).square()


def _penalty(layout, factors, weights):
    """Return ``sum_m c_m |W_m|^2``, or None without factors."""
    if factors is None:
        return None
    return torch.dot(factors, _squares(weights[: layout.n_penalized]))


def _slopes(gradient, factors):
    """Return the factors of the gradient of the penalty by weight."""
    return () if factors is None else (gradient * factors).unbind()


def _detached(parts):
    """Return new tensors for the graph, in the same memory."""
    return [part.detach() for part in parts]


class GeneralWeights(torch.autograd.Function):
    """The weights themselves, and ``sum_m c_m |W_m|^2``."""

    @staticmethod
    def forward(ctx, layout, factors, general):
        """Return penalty and weights.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n_penalized,) or None
            c, without gradient; None for no penalty.
        general : tensor
            Leaf of all W.
        """
        ctx.layout = layout
        ctx.save_for_backward(factors, general)
        penalty = _penalty(layout, factors, layout.weights)
        return penalty, *_detached(layout.weights)

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradient in the weights."""
        layout, (factors, _) = ctx.layout, ctx.saved_tensors
        slopes = _slopes(gradient, factors)
        for m, each in enumerate(gradients):
            layout.in_weight(m, each, layout.weights, slopes)
        return None, None, layout.in_general.whole


class FormedWeights(torch.autograd.Function):
    """``W_m + s_m * R_m`` of all weights at one r, and their penalty."""

    @staticmethod
    def forward(ctx, layout, factors, r, general, response):
        """Return penalty and weights.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n_penalized,) or None
            c, without gradient; None for no penalty.
        r : tensor of shape (n_responses,)
            Input of the responses.
        general, response : tensor
            Leaf of all W, and of all R and V; detached if only r has a gradient.
        """
        scales, parts = layout.scales
        torch.mv(layout.matrix, r, out=scales)
        formed = layout.formed.parts
        for weight, scale, part, memory in zip(
            layout.weights, parts, layout.responses, formed, strict=True
        ):
            torch.addcmul(weight, scale, part, out=memory)
        penalty = _penalty(layout, factors, formed)
        ctx.layout = layout
        # Numbers that have changed since are found by their saved whole.
        ctx.save_for_backward(factors, r, scales, layout.formed.whole, response)
        return penalty, *_detached(formed)

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradients in r, W, R and V."""
        layout, (factors, r, *_) = ctx.layout, ctx.saved_tensors
        _, _, needs_r, is_training, _ = ctx.needs_input_grad
        slopes = _slopes(gradient, factors)
        in_scales, parts = layout.in_scales
        # All of a weight at once, while it is in the cache.
        for m, (each, scale, response, memory, out) in enumerate(
            zip(
                gradients,
                layout.scales[1],
                layout.responses,
                layout.in_response.parts,
                parts,
                strict=False,
            )
        ):
            if is_training:
                each = layout.in_weight(m, each, layout.formed.parts, slopes)
            layout.dot(m, each, response, memory, out)
            if is_training:
                torch.mul(each, scale, out=memory)
        in_r = in_scales @ layout.matrix if needs_r else None
        if not is_training:
            return None, None, in_r, None, None
        torch.outer(in_scales, r, out=layout.in_matrix)
        return None, None, in_r, layout.in_general.whole, layout.in_response.whole


class RowWeights(torch.autograd.Function):
    """W and R as they are, the scales of every row, and the mean penalty of rows."""

    @staticmethod
    def forward(ctx, layout, factors, r, general, response):
        """Return penalty, scales, all R, and all W, the latter if they have gradients.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n or 1, n_penalized) or None
            c, without gradient; None for no penalty.
        r : tensor of shape (n or 1, n_responses)
            Input of the responses.
        general, response : tensor
            Leaf of all W, and of all R and V; W is detached if it has no gradient,
            both if only r has one.
        """
        scales = r @ layout.matrix.T
        penalty = ctx.penalty = None
        if factors is not None:
            ctx.penalty = RowPenalty(layout, factors, scales)
            penalty = ctx.penalty.mean()
        ctx.layout = layout
        ctx.save_for_backward(r, general, response)
        moving = layout.responses if ctx.needs_input_grad[4] else []
        moving = moving + layout.weights if ctx.needs_input_grad[3] else moving
        return penalty, scales, *_detached(moving)

    @staticmethod
    def backward(ctx, gradient, in_scales, *gradients):
        """Return the gradients in r, W, R and V."""
        layout, (r, *_) = ctx.layout, ctx.saved_tensors
        _, _, needs_r, needs_general, needs_response = ctx.needs_input_grad
        if ctx.penalty is not None:
            in_scales = ctx.penalty.in_scales(gradient, in_scales)
        in_r = in_scales @ layout.matrix if needs_r else None
        if not needs_response:
            return None, None, in_r, None, None
        torch.mm(in_scales.T, r, out=layout.in_matrix)
        n, first = len(layout.axes), 0
        in_responses, in_weights = gradients[:n], gradients[n:]
        if ctx.penalty is not None:
            ctx.penalty.write_both(gradient, in_responses, in_weights)
            first = layout.n_penalized
        for m in range(first, n):
            layout.in_response.parts[m].copy_(in_responses[m])
            if needs_general:
                layout.in_general.parts[m].copy_(in_weights[m])
        in_general = layout.in_general.whole if needs_general else None
        return None, None, in_r, in_general, layout.in_response.whole


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
    scales : tensor of shape (n or 1, n_outputs)
        s, and the scales of weights without penalty.
    """

    def __init__(self, layout, factors, scales):
        n = layout.n_penalized
        self.layout, self.weights = layout, layout.weights[:n]
        self.responses = layout.responses[:n]
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
        self.cross, self.own = scales.new_empty((2, self.n_outputs)).unbind()
        outs = (each.split(layout.sizes[:n]) for each in (self.cross, self.own))
        for m, (cross, own) in enumerate(zip(*outs, strict=True)):
            memory, response = layout.formed.parts[m], self.responses[m]
            layout.dot(m, self.weights[m], response, memory, cross)
            layout.dot(m, response, response, memory, own)

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

    def write_both(self, gradient, in_responses, in_weights):
        """Write the gradients in R and W, with those of the penalty, into memory.

        Parameters
        ----------
        gradient : tensor of shape ()
            Gradient in the penalty.
        in_responses, in_weights : tuple of tensor
            Gradients in all R, and in all W; the latter may be empty.
        """
        layout, n = self.layout, len(self.weights)
        factors = (gradient * self.means).unbind()
        slopes = [
            layout.split(2.0 * gradient * each, n) for each in (self.first, self.second)
        ]
        parts = zip(self.weights, self.responses, *slopes, strict=True)
        for m, (weight, response, first, second) in enumerate(parts):
            memory = layout.in_response.parts[m]
            torch.addcmul(in_responses[m], first, weight, out=memory)
            memory.addcmul_(second, response)
            if in_weights:
                memory = layout.in_general.parts[m]
                torch.addcmul(in_weights[m], first, response, out=memory)
                memory.addcmul_(weight, factors[m], value=2.0)
