"""LSTM with weights that respond to hyperparameters, and dropout in time."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.functional import linear

from ._response import ResponseLayer, shape_along
from ._tangent import TangentLSTM


class STNLSTM(ResponseLayer, nn.LSTM):
    """`torch.nn.LSTM` with a response of every gate, and dropout at tuned rates.

    Besides the dropout between layers it knows the kinds "input_dropout" and
    "recurrent_dropout": one mask for all times on the inputs, and on the hidden state
    that enters the next time (Gal & Ghahramani, 2016).

    Parameters
    ----------
    *args, **kwargs
        Of `torch.nn.LSTM`; projections (`proj_size`) are not supported.
    n_responses, response_scale, generator
        As in `ResponseLayer`.
    """

    @property
    def pairs(self):
        """Names of weights and biases, by layer and direction."""
        kinds = ("ih", "hh")
        bias = "bias" if self.bias else "no_bias"
        return [
            (f"weight_{kind}_{suffix}", f"{bias}_{kind}_{suffix}")
            for suffix in self._suffixes()
            for kind in kinds
        ]

    def _suffixes(self):
        directions = ("", "_reverse") if self.bidirectional else ("",)
        return [f"l{i}{end}" for i in range(self.num_layers) for end in directions]

    def _names(self):
        return [name for pair in self.pairs for name in pair if "no_bias" not in name]

    def _bound(self):
        return 1.0 / math.sqrt(self.hidden_size)

    def forward(self, x, hx=None):
        """Return outputs and last states, as `torch.nn.LSTM`."""
        state = self.state
        if state is None or not (
            state.is_linearized
            or state.noise is not None
            or self.response_input is not None
        ):
            return super().forward(x, hx)
        if not isinstance(x, torch.Tensor) or x.ndim != 3:
            raise ValueError(
                f"The layer {self.path!r} (STNLSTM) needs batches of sequences of one "
                "length, tensors of three axes. Pad them, and drop what is padded from "
                f"the loss. Got {type(x).__name__}."
            )
        batch = 0 if self.batch_first else 1
        if self.response_input is not None:
            self.check_rows(self.response_input, x, batch)
        if self._is_without_loop(state):
            return self._at_once(x, hx)
        pair = _halves(x, state.is_linearized)
        pair = self._dropped("input_dropout", pair, batch, (1 - batch,))
        if self.batch_first:
            pair = [_transposed(part) for part in pair]
        pair, last = self._layers(pair, hx)
        if self.batch_first:
            pair = [_transposed(part) for part in pair]
        return _joined(pair), tuple(_joined(part) for part in last)

    def _is_without_loop(self, state):
        """Whether PyTorch can run all layers: with one r, and without our masks."""
        r = self.response_input
        return not (
            state.is_linearized
            or (r is not None and len(r) > 1)
            or self.columns.keys() & {"dropout", "input_dropout", "recurrent_dropout"}
        )

    def _at_once(self, x, hx):
        """Run all layers in PyTorch, with weights formed at one r."""
        if hx is None:
            n_starts = self.num_layers * (2 if self.bidirectional else 1)
            n = x.shape[0 if self.batch_first else 1]
            hx = [x.new_zeros(n_starts, n, self.hidden_size)] * 2
        weights = self.formed(self.response_input)
        outputs, *last = torch._VF.lstm(
            x,
            tuple(hx),
            [weights[name] for name in self._flat_weights_names],
            self.bias,
            self.num_layers,
            0.0,
            self.training,
            self.bidirectional,
            self.batch_first,
        )
        return outputs, tuple(last)

    def _layers(self, pair, hx):
        """Run all layers on (values, tangents), time first."""
        n_directions = 2 if self.bidirectional else 1
        shape = (pair[0].shape[1], self.hidden_size)
        ends = []
        for layer in range(self.num_layers):
            if layer:
                # As in torch.nn.LSTM, every time has a mask of its own here.
                pair = self._dropped("dropout", pair, 1, ())
            parts = []
            for direction in range(n_directions):
                index = layer * n_directions + direction
                start = [pair[0].new_zeros(shape)] * 2
                if hx is not None:
                    start = [part[index] for part in hx]
                start = [self._start(part) for part in start]
                run = pair if not direction else [_flipped(part) for part in pair]
                found, end = self._run(run, *start, self._suffixes()[index])
                if direction:
                    found = [_flipped(part) for part in found]
                parts.append(found)
                ends.append(end)
            pair = [_cat(part, -1) for part in zip(*parts, strict=True)]
        # From (h, c) by layer to h of all layers and c of all layers.
        return pair, [
            [_stack(half) for half in zip(*part, strict=True)]
            for part in zip(*ends, strict=True)
        ]

    def _start(self, part):
        """Return values and tangents of a first state."""
        value, tangent = _halves(part, self.state.is_linearized)
        if self.state.is_linearized and tangent is None:
            tangent = torch.zeros_like(value)
        return [value, tangent]

    def _dropped(self, kind, pair, batch, shared):
        mask = self.mask(kind, pair[0], batch_axis=batch, shared_axes=shared)
        if mask is None:
            return pair
        return [part if part is None else part * mask for part in pair]

    def _run(self, pair, hidden, cell, suffix):
        """Run one direction of one layer, and return outputs and last (h, c)."""
        r = self.response_input
        mask = self.mask("recurrent_dropout", hidden[0])
        if self.state.is_linearized:
            return self._run_linearized(pair, hidden, cell, suffix, mask)
        if mask is None and (r is None or len(r) == 1):
            return self._fused(pair[0], hidden[0], cell[0], suffix)
        outputs, hidden, cell = self._looped(pair[0], hidden[0], cell[0], suffix, mask)
        return [outputs, None], ([hidden, None], [cell, None])

    def _looped(self, x, hidden, cell, suffix, mask):
        """Run one direction time by time, with weights of every example or a mask."""
        is_general = self.state.is_linearized
        cells = _Cell(self, None if is_general else self.response_input, suffix)
        outputs = []
        for gates in cells.inputs(x):
            hidden = hidden if mask is None else hidden * mask
            hidden, cell = cells.step(gates, hidden, cell)
            outputs.append(hidden)
        return torch.stack(outputs), hidden, cell

    def _run_linearized(self, pair, hidden, cell, suffix, mask):
        """Run one direction with tangents; only responses have gradients."""
        x, tangent = pair
        weight = getattr(self, f"weight_ih_{suffix}").detach()
        recurrent = getattr(self, f"weight_hh_{suffix}").detach()
        cells = _Cell(self, self.response_input, suffix)
        response, scale = cells.response, cells.scale
        inputs = linear(x, weight) + _detached(cells.bias)
        moved = torch.zeros_like(inputs) if tangent is None else linear(tangent, weight)
        if response is None:
            response, scale = torch.zeros_like(recurrent), inputs.new_zeros(1, 1)
        else:
            moved = moved + cells.responses(x)
        with torch.no_grad():
            start = [hidden[0].detach(), cell[0].detach()]
            run = self._looped if mask is not None else self._library
            outputs, last_h, last_c = run(x, *start, suffix, mask)
        moves, ends = TangentLSTM.apply(
            inputs.detach(),
            outputs,
            moved,
            recurrent,
            response,
            scale,
            torch.stack(start),
            torch.stack([hidden[1], cell[1]]),
            mask,
        )
        return [outputs, moves], ([last_h, ends[0]], [last_c, ends[1]])

    def _library(self, x, hidden, cell, suffix, mask):
        """Run one direction by PyTorch's own loop, with the general weights."""
        weights = {name: getattr(self, name) for name in self._names()}
        return self._of_library(x, hidden, cell, suffix, weights)

    def _fused(self, x, hidden, cell, suffix):
        """Run one direction by PyTorch's own loop, with weights formed at one r."""
        formed = self.formed(self.response_input)
        outputs, hidden, cell = self._of_library(x, hidden, cell, suffix, formed)
        return [outputs, None], ([hidden, None], [cell, None])

    def _of_library(self, x, hidden, cell, suffix, weights):
        own = [each for name, each in weights.items() if name.endswith(f"_{suffix}")]
        # Weights of inputs and hidden states come before their biases.
        own.sort(key=lambda weight: -weight.ndim)
        start = (hidden[None], cell[None])
        outputs, hidden, cell = torch._VF.lstm(
            x, start, own, self.bias, 1, 0.0, self.training, False, False
        )
        return outputs, hidden[0], cell[0]


class _Cell:
    """Time steps with weights of every example, or with the general ones.

    Parameters
    ----------
    layer : STNLSTM
    r : tensor of shape (n, n_responses) or (1, n_responses), or None
    suffix : str
        Of the names of the weights.
    """

    def __init__(self, layer, r, suffix):
        self.layer, self.r = layer, r
        self.ih, self.hh = f"weight_ih_{suffix}", f"weight_hh_{suffix}"
        self.biases = [f"bias_{kind}_{suffix}" for kind in ("ih", "hh") if layer.bias]
        self.bias = sum(getattr(layer, name) for name in self.biases)
        self.weight = getattr(layer, self.hh)
        self.response, self.scale = None, None
        if r is not None:
            self.response = getattr(layer, f"response_{self.hh}")
            self.scale = layer.scales(self.hh, r)

    def inputs(self, x):
        """Return what inputs and biases add to the gates at all times."""
        outputs = linear(x, getattr(self.layer, self.ih)) + self.bias
        if self.r is not None:
            outputs = outputs + self.responses(x)
        return outputs

    def responses(self, x):
        """Return what the responses to inputs and of biases add to the gates."""
        outputs = linear(x, getattr(self.layer, f"response_{self.ih}"))
        scale = self.layer.scales(self.ih, self.r)
        shift = sum(
            self.layer.scales(name, self.r) * getattr(self.layer, f"response_{name}")
            for name in self.biases
        )
        # Time is the first axis, examples the second.
        outputs = shape_along(scale, 3, 2, 1) * outputs
        return outputs + shape_along(shift, 3, 2, 1) if self.biases else outputs

    def step(self, gates, hidden, cell):
        """Return the next hidden state and cell."""
        gates = torch.addmm(gates, hidden, self.weight.T)
        if self.response is not None:
            gates = torch.addcmul(gates, self.scale, linear(hidden, self.response))
        i, f, g, o = gates.chunk(4, dim=1)
        cell = torch.addcmul(f.sigmoid() * cell, i.sigmoid(), g.tanh())
        return o.sigmoid() * cell.tanh(), cell


def _detached(bias):
    """Return a bias without its gradient; 0 for no bias."""
    return bias.detach() if isinstance(bias, torch.Tensor) else bias


def _halves(x, is_linearized):
    """Return values and tangents; None for tangents that are not there."""
    return list(forward_ad.unpack_dual(x)) if is_linearized else [x, None]


def _joined(pair):
    value, tangent = pair
    return value if tangent is None else forward_ad.make_dual(value, tangent)


def _transposed(part):
    return part if part is None else part.transpose(0, 1)


def _flipped(part):
    return part if part is None else part.flip(0)


def _cat(parts, axis):
    return None if parts[0] is None else torch.cat(parts, axis)


def _stack(parts):
    return None if parts[0] is None else torch.stack(parts)
