"""LSTM with weights that respond to hyperparameters, and dropout in time."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn
from torch.nn.functional import linear

from ._dual import halves, joined
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
        if state is None:
            return super().forward(x, hx)
        now = self.current()
        is_general = state.r is None or not self.n_responses
        if is_general and state.noise is None and not state.is_linearized:
            return super().forward(x, hx)
        if not isinstance(x, torch.Tensor) or x.ndim != 3:
            raise ValueError(
                f"The layer {self.path!r} (STNLSTM) needs batches of sequences of one "
                "length, tensors of three axes. Pad them, and drop what is padded from "
                f"the loss. Got {type(x).__name__}."
            )
        batch = 0 if self.batch_first else 1
        if not is_general:
            self.check_rows(state.r, x, batch)
        if not (state.is_linearized or now.responses or self._has_masks()):
            return self._at_once(x, hx, now.weights)
        pair = _halves(x, state.is_linearized)
        pair = self._dropped("input_dropout", pair, batch, (1 - batch,))
        if self.batch_first:
            pair = [_transposed(part) for part in pair]
        pair, last = self._layers(pair, hx, now)
        if self.batch_first:
            pair = [_transposed(part) for part in pair]
        return joined(*pair), tuple(joined(*part) for part in last)

    def _has_masks(self):
        """Whether this layer has dropout of its own in this pass."""
        kinds = {"dropout", "input_dropout", "recurrent_dropout"}
        return self.state.noise is not None and bool(self.columns.keys() & kinds)

    def _at_once(self, x, hx, weights):
        """Run all layers in PyTorch."""
        if hx is None:
            n_starts = self.num_layers * (2 if self.bidirectional else 1)
            n = x.shape[0 if self.batch_first else 1]
            hx = [x.new_zeros(n_starts, n, self.hidden_size)] * 2
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

    def _layers(self, pair, hx, now):
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
                found, end = self._run(run, *start, now, self._suffixes()[index])
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

    def _run(self, pair, hidden, cell, now, suffix):
        """Run one direction of one layer, and return outputs and last (h, c)."""
        mask = self.mask("recurrent_dropout", hidden[0])
        cells = _Cell(now, suffix, self.bias)
        if self.state.is_linearized:
            return self._run_linearized(pair, hidden, cell, cells, mask)
        run = self._library if mask is None and not now.responses else _looped
        outputs, hidden, cell = run(pair[0], hidden[0], cell[0], cells, mask)
        return [outputs, None], ([hidden, None], [cell, None])

    def _run_linearized(self, pair, hidden, cell, cells, mask):
        """Run one direction with tangents; only responses have gradients."""
        x, tangent = pair
        inputs, (_, weight) = cells.inputs(x), cells.weights
        moved = (
            torch.zeros_like(inputs)
            if tangent is None
            else linear(tangent, cells.weights[0])
        )
        response, scale = torch.zeros_like(weight), None
        if cells.responses:
            moved = moved + cells.moved(x)
            response, scale = cells.responses[1], cells.scales[1]
        with torch.no_grad():
            start = [hidden[0].detach(), cell[0].detach()]
            run = self._library if mask is None else _looped
            outputs, last_h, last_c = run(x, *start, cells.general(), mask)
        moves, ends = TangentLSTM.apply(
            inputs.detach(),
            outputs,
            moved,
            weight,
            response,
            scale,
            torch.stack(start),
            torch.stack([hidden[1], cell[1]]),
            mask,
        )
        return [outputs, moves], ([last_h, ends[0]], [last_c, ends[1]])

    def _library(self, x, hidden, cell, cells, mask):
        """Run one direction by PyTorch's own loop, without a mask."""
        start, weights = (hidden[None], cell[None]), [*cells.weights, *cells.biases]
        outputs, hidden, cell = torch._VF.lstm(
            x, start, weights, self.bias, 1, 0.0, self.training, False, False
        )
        return outputs, hidden[0], cell[0]


class _Cell:
    """Time steps of one direction of one layer.

    Parameters
    ----------
    now : LayerWeights
        Weights of the pass.
    suffix : str
        Of the names of the weights.
    has_bias : bool
        Whether there are biases.
    """

    def __init__(self, now, suffix, has_bias):
        names = [f"weight_{kind}_{suffix}" for kind in ("ih", "hh")]
        biases = [f"bias_{kind}_{suffix}" for kind in ("ih", "hh") if has_bias]
        self.weights = [now.weights[name] for name in names]
        self.biases = [now.weights[name] for name in biases]
        self.biases = [bias for bias in self.biases if bias is not None]
        self.responses, self.scales, self.shifts = None, [None, None], []
        if now.responses:
            self.responses = [now.responses[name] for name in names]
            shifts = now.responses if now.scales is None else now.scales
            self.shifts = [shifts[name] for name in biases]
        if now.scales:
            self.scales = [now.scales[name] for name in names]

    def general(self):
        """Return the same time steps without response."""
        copied = copy.copy(self)
        copied.responses = None
        return copied

    def inputs(self, x):
        """Return what inputs and biases add to the gates at all times."""
        outputs = linear(x, self.weights[0])
        return outputs + sum(self.biases) if self.biases else outputs

    def moved(self, x):
        """Return what the responses to inputs and of biases add to the gates."""
        outputs, shift = linear(x, self.responses[0]), sum(self.shifts)
        if self.scales[0] is not None:
            # Time is the first axis, examples the second.
            outputs = shape_along(self.scales[0], 3, 2, 1) * outputs
            shift = shape_along(shift, 3, 2, 1) if self.shifts else shift
        return outputs + shift if self.shifts else outputs

    def step(self, gates, hidden, cell):
        """Return the next hidden state and cell."""
        gates = torch.addmm(gates, hidden, self.weights[1].T)
        if self.responses:
            moved = linear(hidden, self.responses[1])
            gates = torch.addcmul(gates, self.scales[1], moved)
        i, f, g, o = gates.chunk(4, dim=1)
        cell = torch.addcmul(f.sigmoid() * cell, i.sigmoid(), g.tanh())
        return o.sigmoid() * cell.tanh(), cell


def _looped(x, hidden, cell, cells, mask):
    """Run one direction time by time, with weights of every example or a mask."""
    inputs = cells.inputs(x)
    if cells.responses:
        inputs = inputs + cells.moved(x)
    outputs = []
    for gates in inputs:
        hidden = hidden if mask is None else hidden * mask
        hidden, cell = cells.step(gates, hidden, cell)
        outputs.append(hidden)
    return torch.stack(outputs), hidden, cell


def _halves(x, is_linearized):
    """Return values and tangents; None for tangents that are not there."""
    return list(halves(x)) if is_linearized else [x, None]


def _transposed(part):
    return part if part is None else part.transpose(0, 1)


def _flipped(part):
    return part if part is None else part.flip(0)


def _cat(parts, axis):
    return None if parts[0] is None else torch.cat(parts, axis)


def _stack(parts):
    return None if parts[0] is None else torch.stack(parts)
