"""Weights of all layers at one r, in one node of autograd."""

from __future__ import annotations

import torch


class FormedWeights(torch.autograd.Function):
    """``W_m + s_m * R_m`` of all weights m.

    Autograd would copy every R, to multiply it by one.
    """

    @staticmethod
    def forward(ctx, axes, *tensors):
        """Return the weights.

        Parameters
        ----------
        axes : list of int
            Axis of the outputs of every weight.
        *tensors : tensor
            All W, then all R, then all s of shape (1, n_out).
        """
        weights, responses, scales = thirds(tensors)
        scales = [
            along(scale, weight.ndim, axis)
            for scale, weight, axis in zip(scales, weights, axes, strict=True)
        ]
        ctx.set_materialize_grads(False)
        ctx.axes = axes
        ctx.save_for_backward(*responses, *scales)
        return tuple(map(torch.addcmul, weights, scales, responses))

    @staticmethod
    def backward(ctx, *gradients):
        """Return the gradients in W, R and s."""
        saved, n = ctx.saved_tensors, len(gradients)
        in_responses, in_scales = [], []
        for gradient, response, scale, axis in zip(
            gradients, saved[:n], saved[n:], ctx.axes, strict=True
        ):
            if gradient is None:
                in_responses.append(None)
                in_scales.append(None)
                continue
            in_responses.append(gradient * scale)
            product = gradient * response
            if product.ndim > 1:
                product = product.movedim(axis, 0).flatten(1).sum(dim=1)
            in_scales.append(product[None])
        return None, *gradients, *in_responses, *in_scales


def along(numbers, n_axes, axis):
    """Return numbers so that they broadcast along an axis."""
    shape = [1] * n_axes
    shape[axis] = -1
    return numbers.reshape(shape)


def thirds(tensors):
    """Return a sequence in three parts of one length."""
    n = len(tensors) // 3
    return tensors[:n], tensors[n : 2 * n], tensors[2 * n :]
