"""Penalties on the squared weights of all layers, with few operations.

Each is one node of autograd for all weights, since for small layers the number of
operations costs more than their size.
"""

from __future__ import annotations

import torch

from ._formed import along, thirds


class WeightPenalty(torch.autograd.Function):
    """``sum_m c_m |W_m|^2``, with weights that all examples share."""

    @staticmethod
    def forward(ctx, factors, *weights):
        """Return the sum; `factors` has shape (n_weights,), and no gradient."""
        ctx.save_for_backward(factors, *weights)
        return torch.dot(factors, torch.stack(torch._foreach_norm(weights)).square())

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradients in the weights."""
        factors, *weights = ctx.saved_tensors
        slopes = (2.0 * gradient * factors).unbind()
        return None, *(
            weight * slope if wanted else None
            for weight, slope, wanted in zip(
                weights, slopes, ctx.needs_input_grad[1:], strict=True
            )
        )


class RowPenalty(torch.autograd.Function):
    """``mean_i sum_m c_im |W_m + s_im * R_m|^2``, with scales of every example.

    With ``|W + s * R|^2 = |W|^2 + sum_o 2 s_o <W_o, R_o> + s_o^2 |R_o|^2`` no weights
    per example are needed, only the means over the examples of c, c s and c s^2.
    """

    @staticmethod
    def forward(ctx, axes, factors, *tensors):
        """Return the mean.

        Parameters
        ----------
        axes : list of int
            Axis of the outputs of every weight.
        factors : tensor of shape (n or 1, n_weights)
            c, without gradient.
        *tensors : tensor
            All W, then all R, then all s of shape (n or 1, n_out).
        """
        weights, responses, scales = thirds(tensors)
        n = max(len(factors), len(scales[0]))
        factors = factors.expand(n, -1) / n
        total = torch.dot(
            factors.sum(dim=0), torch.stack(torch._foreach_norm(weights)).square()
        )
        kept = []
        for m, axis in enumerate(axes):
            weight, response = (
                each.movedim(axis, 0).flatten(1) for each in (weights[m], responses[m])
            )
            # Products with ones are faster than sums along the last axis.
            ones = weight.new_ones(weight.shape[1])
            cross = (weight * response) @ ones
            own = torch.linalg.vector_norm(response, dim=1).square()
            factor, scale = factors[:, m], scales[m].expand(n, -1)
            first, second = factor @ scale, factor @ scale.square()
            total = total + torch.dot(2.0 * first, cross) + torch.dot(second, own)
            kept += [cross, own, first, second]
        ctx.axes = axes
        ctx.save_for_backward(factors, *kept, *tensors)
        return total

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradients in W, R and s."""
        axes, n_weights = ctx.axes, len(ctx.axes)
        factors, *saved = ctx.saved_tensors
        kept, tensors = saved[: 4 * n_weights], saved[4 * n_weights :]
        weights, responses, scales = thirds(tensors)
        wanted = ctx.needs_input_grad[2:]
        slopes = [], [], []
        for m, axis in enumerate(axes):
            cross, own, first, second = kept[4 * m : 4 * m + 4]
            first, second = (
                along(2.0 * gradient * each, weights[m].ndim, axis)
                for each in (first, second)
            )
            in_weight = None
            if wanted[m]:
                factor = 2.0 * gradient * factors[:, m].sum()
                in_weight = torch.addcmul(first * responses[m], factor, weights[m])
            slopes[0].append(in_weight)
            slopes[1].append(torch.addcmul(first * weights[m], second, responses[m]))
            moved = torch.addcmul(cross, scales[m], own)
            in_scale = (2.0 * gradient * factors[:, m])[:, None] * moved
            is_one = len(scales[m]) < len(in_scale)
            slopes[2].append(in_scale.sum(0, keepdim=True) if is_one else in_scale)
        return None, None, *slopes[0], *slopes[1], *slopes[2]
