"""Layers of one weight, whose weight responds to hyperparameters."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from ._dual import halves, joined
from ._response import ResponseLayer, shape_along


class OneWeightLayer(ResponseLayer):
    """A layer of one weight and one bias, whose outputs are linear in them.

    Subclasses define `apply_weight`, and the axis of the outputs.
    """

    #: Axis of the units of the outputs.
    output_axis = -1

    def apply_weight(self, x, weight, bias):
        """Return the outputs for a weight, and a bias or None."""
        raise NotImplementedError

    def forward(self, x):
        """Return the outputs at the current state."""
        if self.state is None:
            return super().forward(x)
        now = self.current()
        weight, bias = now.weights.values()
        if now.responses is None:
            return self.apply_weight(x, weight, bias)
        if now.scales is None:
            return self._linearized(x, weight, bias, *now.responses.values())
        response, _ = now.responses.values()
        scale, shift = now.scales.values()
        if not self.state.is_linearized:
            moved = self.apply_weight(x, response, None)
            self.check_rows(scale, moved, 0)
            outputs = self.shifted(x, weight, shift)
            return torch.addcmul(outputs, self._along(scale, moved), moved)
        # Outputs are dual: x may be, and the response adds to the tangent.
        inputs, tangent = halves(x)
        moved = self.apply_weight(inputs, response, None)
        self.check_rows(scale, moved, 0)
        scale = self._along(scale, moved)
        if tangent is not None:
            moved = torch.addcmul(self.shifted(tangent, weight, shift), scale, moved)
        elif shift is not None:
            moved = torch.addcmul(self._along(shift, moved), scale, moved)
        else:
            moved = scale * moved
        return joined(self.apply_weight(inputs, weight, bias), moved)

    def _linearized(self, x, weight, bias, in_weight, in_bias):
        """Return dual outputs for a weight and a bias with tangents, x dual or not."""
        inputs, tangent = halves(x)
        moved = self.apply_weight(inputs, in_weight, in_bias)
        if tangent is not None:
            moved = self.accumulated(moved, tangent, weight)
        return joined(self.apply_weight(inputs, weight, bias), moved)

    def shifted(self, x, weight, shift):
        """Return the outputs for a weight, and for a bias per row or None."""
        outputs = self.apply_weight(x, weight, None)
        return outputs if shift is None else outputs + self._along(shift, outputs)

    def accumulated(self, outputs, x, weight):
        """Return outputs plus those for a weight."""
        return outputs + self.apply_weight(x, weight, None)

    def at(self, r=None):
        """Return weight and bias at one r, as `formed`."""
        return tuple(self.formed(r).values())

    def _along(self, numbers, outputs):
        return shape_along(numbers, outputs.ndim, self.output_axis)


class STNLinear(OneWeightLayer, nn.Linear):
    """`torch.nn.Linear` with a response: ``W x + b + (V_w r) * (R x) + (V_b r) * b_R``.

    Parameters
    ----------
    *args, **kwargs
        Of `torch.nn.Linear`.
    n_responses, response_scale, generator
        As in `ResponseLayer`.
    """

    def apply_weight(self, x, weight, bias):
        """Return ``W x + b``."""
        return functional.linear(x, weight, bias)

    def shifted(self, x, weight, shift):
        """Return the outputs for a weight, and for a bias per row or None."""
        if x.ndim == 2 and shift is not None:
            return torch.addmm(shift, x, weight.T)
        return super().shifted(x, weight, shift)

    def accumulated(self, outputs, x, weight):
        """Return outputs plus those for a weight."""
        if x.ndim == 2:
            return torch.addmm(outputs, x, weight.T)
        return super().accumulated(outputs, x, weight)


class STNConv1d(OneWeightLayer, nn.Conv1d):
    """`torch.nn.Conv1d` with filters that respond.

    Parameters
    ----------
    *args, **kwargs
        Of `torch.nn.Conv1d`.
    n_responses, response_scale, generator
        As in `ResponseLayer`.
    """

    output_axis = 1

    def apply_weight(self, x, weight, bias):
        """Return the convolution."""
        return self._conv_forward(x, weight, bias)


class STNConv2d(OneWeightLayer, nn.Conv2d):
    """`torch.nn.Conv2d` with filters that respond.

    Parameters
    ----------
    *args, **kwargs
        Of `torch.nn.Conv2d`.
    n_responses, response_scale, generator
        As in `ResponseLayer`.
    """

    output_axis = 1

    def apply_weight(self, x, weight, bias):
        """Return the convolution."""
        return self._conv_forward(x, weight, bias)


class STNEmbedding(OneWeightLayer, nn.Embedding):
    """`torch.nn.Embedding` that responds dimension by dimension.

    A row of `torch.nn.Linear` is an output; of an embedding that is a dimension.

    Parameters
    ----------
    *args, **kwargs
        Of `torch.nn.Embedding`.
    n_responses, response_scale, generator
        As in `ResponseLayer`.
    """

    row_axis = 1
    #: Embeddings have no bias.
    bias = None

    def init_response(self, n_responses, response_scale=0.0, generator=None):
        """Draw a new response; padding has none."""
        super().init_response(n_responses, response_scale, generator)
        if n_responses and self.padding_idx is not None:
            with torch.no_grad():
                self.response_weight[self.padding_idx] = 0.0

    def apply_weight(self, x, weight, bias):
        """Return the vectors of the indices."""
        return functional.embedding(
            x, weight, self.padding_idx, scale_grad_by_freq=self.scale_grad_by_freq
        )

    def _bound(self):
        return 1.0
