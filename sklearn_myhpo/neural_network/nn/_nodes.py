"""Weights of all layers in one pass: one node of autograd for each way to have them.

A weight W with the response R is ``W + s * R`` along the axis of its outputs, with
the scales ``s = V r``. Nodes also return the penalty ``sum_m c_m |W_m + s_m * R_m|^2``,
and add its gradients to those of the pass. Small layers cost by the number of
operations, large ones by how often weights are read and memory is fetched: autograd
alone would take more of each.
"""

from __future__ import annotations

import torch

from ._row_penalty import RowPenalty, squares


def _penalty(layout, factors, weights):
    """Return ``sum_m c_m |W_m|^2``, or None without factors."""
    if factors is None:
        return None
    return torch.dot(factors, squares(weights[: layout.n_penalized]))


def _slopes(layout, gradient, factors):
    """Return the factors of the gradient of the penalty by piece; None for none."""
    slopes = [] if factors is None else (gradient * factors).unbind()
    return [*slopes, *[None] * (len(layout.pieces) - len(slopes))]


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
        ctx.layout, ctx.factors = layout, factors
        ctx.save_for_backward(general)
        penalty = _penalty(layout, factors, layout.weights)
        return penalty, *_detached(layout.weights)

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradient in the weights."""
        layout, _ = ctx.layout, ctx.saved_tensors
        slopes = _slopes(layout, gradient, ctx.factors)
        for piece, slope, each in zip(
            layout.pieces, slopes, layout.joined(gradients), strict=True
        ):
            if each is not piece.in_weight:
                piece.penalized(each, piece.weight, slope)
        return None, None, layout.in_general.whole


class FormedWeights(torch.autograd.Function):
    """``W_m + s_m * R_m`` of all weights at one r, or their parts, and the penalty."""

    @staticmethod
    def forward(ctx, layout, factors, is_apart, r, general, response):
        """Return penalty and weights.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n_penalized,) or None
            c, without gradient; None for no penalty.
        is_apart : bool
            Whether to return ``s_m * R_m`` without W. The penalty has both.
        r : tensor of shape (n_responses,)
            Input of the responses.
        general, response : tensor
            Leaf of all W, and of all R and V; W is detached if it has no gradient,
            both if only r has one.
        """
        torch.mv(layout.matrix, r, out=layout.scales)
        for piece in layout.pieces:
            torch.addcmul(piece.weight, piece.scale, piece.response, out=piece.formed)
        if is_apart:
            for piece, out in zip(layout.pieces, layout.moved_pieces, strict=False):
                torch.mul(piece.scale, piece.response, out=out)
        penalty = _penalty(layout, factors, layout.formed.parts)
        ctx.layout, ctx.factors = layout, factors
        # Numbers that have changed since are found by their saved whole.
        ctx.save_for_backward(r, layout.formed.whole, response)
        found = layout.moved if is_apart else layout.formed
        return penalty, *_detached(found.parts)

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradients in r, W, R and V."""
        layout, (r, *_) = ctx.layout, ctx.saved_tensors
        _, _, _, needs_r, needs_general, needs_response = ctx.needs_input_grad
        slopes = _slopes(layout, gradient, ctx.factors)
        # All of a weight at once, while it is in the cache.
        for piece, slope, each in zip(
            layout.pieces, slopes, layout.joined(gradients), strict=True
        ):
            is_changed = needs_general or (needs_response and slope is not None)
            if is_changed and each is not piece.in_weight:
                each = piece.penalized(each, piece.formed, slope)
            piece.dot(each, piece.response, piece.in_response, piece.in_scale)
            if needs_response:
                torch.mul(each, piece.scale, out=piece.in_response)
        in_r = layout.in_scales @ layout.matrix if needs_r else None
        if not needs_response:
            return None, None, None, in_r, None, None
        torch.mul(layout.in_scales[:, None], r, out=layout.in_matrix)
        in_general = layout.in_general.whole if needs_general else None
        return None, None, None, in_r, in_general, layout.in_response.whole


class RowWeights(torch.autograd.Function):
    """W and R as they are, the scales of every row, and the mean penalty of rows.

    Vectors have no scales but shifts ``b + (V r) * R``, which take no pass over the
    outputs. The scales of all weights are one product, and have one in each gradient.
    """

    @staticmethod
    def forward(ctx, layout, factors, has_general, r, general, response):
        """Return penalty, scales, shifts, and R and W as far as they have gradients.

        Parameters
        ----------
        layout : Layout
            Order of the weights.
        factors : tensor of shape (n or 1, n_penalized) or None
            c, without gradient; None for no penalty.
        has_general : bool
            Whether shifts contain b.
        r : tensor of shape (n or 1, n_responses)
            Input of the responses.
        general, response : tensor
            Leaf of all W, and of all R and V; W is detached if it has no gradient,
            both if only r has one.
        """
        n, rows = layout.n_apart, layout.rows
        scales = torch.mm(r, layout.matrix.T)
        shifts = scales[:, rows.first :].mul_(rows.response)
        if has_general:
            shifts.add_(rows.bias)
        penalty = ctx.penalty = None
        if factors is not None:
            ctx.penalty = RowPenalty(layout, factors, r, scales)
            penalty = ctx.penalty.mean()
        ctx.layout = layout
        ctx.save_for_backward(r, rows.numbers, general, response)
        _, _, _, _, needs_general, needs_response = ctx.needs_input_grad
        moving = layout.responses[:n] if needs_response else []
        moving = moving + layout.weights[:n] if needs_general else moving
        return penalty, *scales.split(layout.sizes, dim=1), *_detached(moving)

    @staticmethod
    def backward(ctx, gradient, *gradients):
        """Return the gradients in r, W, R and V."""
        layout, (r, *_) = ctx.layout, ctx.saved_tensors
        _, _, _, needs_r, needs_general, needs_response = ctx.needs_input_grad
        n, n_rows = layout.n_apart, len(layout.sizes)
        in_rows, moving = gradients[:n_rows], gradients[n_rows:]
        in_r, in_scales = None, torch.cat(in_rows, dim=1)
        if needs_response:
            _write_scales(layout, r, in_scales, needs_general)
        if needs_r:
            in_scales[:, layout.rows.first :] *= layout.rows.response
            in_r = in_scales @ layout.matrix
            if ctx.penalty is not None:
                in_r += ctx.penalty.in_r(gradient)
        if not needs_response:
            return None, None, None, in_r, None, None
        in_responses, in_weights = moving[:n], moving[n:]
        first = 0
        if ctx.penalty is not None:
            ctx.penalty.write(gradient, in_responses, in_weights)
            first = layout.n_penalized
        for m in range(first, n):
            layout.in_response.parts[m].copy_(in_responses[m])
            if needs_general:
                layout.in_general.parts[m].copy_(in_weights[m])
        in_general = layout.in_general.whole if needs_general else None
        return None, None, None, in_r, in_general, layout.in_response.whole


def _write_scales(layout, r, in_scales, needs_general):
    """Write the gradients in all V, in the vectors and in their R into memory."""
    rows, in_matrix = layout.rows, layout.in_matrix
    torch.mm(in_scales.T, r, out=in_matrix)
    if rows.first == len(in_matrix):
        return
    vectors, in_matrix = layout.pieces[-1], in_matrix[rows.first :]
    torch.sum(in_matrix * layout.matrix[rows.first :], 1, out=vectors.in_response)
    in_matrix.mul_(rows.response[:, None])
    if needs_general:
        torch.sum(in_scales[:, rows.first :], 0, out=vectors.in_weight)
