"""Dropout with one rate per example."""

from __future__ import annotations

from torch import nn

from ._dual import halves, joined
from ._response import SelfTuning


class MaskingLayer(SelfTuning):
    """Multiplication of inputs by a mask; a mixin before a class of PyTorch."""

    def masked(self, x, mask):
        """Return x times a mask, x dual or not; x itself without a mask."""
        if mask is None:
            return x
        if not self.state.is_linearized:
            return x * mask
        # PyTorch takes a millisecond for a dual tensor times an ordinary one.
        value, tangent = halves(x)
        return joined(value * mask, None if tangent is None else tangent * mask)


class STNDropout(MaskingLayer, nn.Dropout):
    """`torch.nn.Dropout` with a rate per example.

    Outside of self-tuning it is `torch.nn.Dropout` at the rate p.

    Parameters
    ----------
    p : float
        Rate.
    n_shared_axes : int
        Number of the last axes along which all entries are dropped together: 1 as in
        `torch.nn.Dropout1d`, 2 as in `torch.nn.Dropout2d`, 3 as in `Dropout3d`.
    """

    def __init__(self, p: float = 0.5, n_shared_axes: int = 0) -> None:
        super().__init__(p)
        self.n_shared_axes = n_shared_axes

    def forward(self, x):
        """Drop entries of x, whose first axis is that of the examples."""
        shared = range(x.ndim - self.n_shared_axes, x.ndim)
        if self.state is None:
            return _plain_dropout(self, x, shared)
        return self.masked(x, self.mask("dropout", x, shared_axes=shared))


class STNVariationalDropout(MaskingLayer, nn.Module):
    """Dropout of sequences with one mask for all times (Gal & Ghahramani, 2016).

    Parameters
    ----------
    p : float
        Rate, outside of self-tuning.
    batch_first : bool
        Whether inputs have the shape (n, time, features) instead of
        (time, n, features).
    """

    def __init__(self, p: float = 0.5, batch_first: bool = True) -> None:
        super().__init__()
        self.p = p
        self.batch_first = batch_first

    def forward(self, x):
        """Drop features of every sequence."""
        time, batch = (1, 0) if self.batch_first else (0, 1)
        if self.state is not None:
            mask = self.mask("dropout", x, batch_axis=batch, shared_axes=(time,))
            return self.masked(x, mask)
        return _plain_dropout(self, x, (time,))

    def extra_repr(self) -> str:
        """Return the options as text."""
        return f"p={self.p}, batch_first={self.batch_first}"


def _plain_dropout(layer, x, shared_axes):
    """Drop entries of x at the rate of a layer, together along some axes."""
    if not layer.training or not layer.p:
        return x
    shape = [1 if i in shared_axes else size for i, size in enumerate(x.shape)]
    return x * nn.functional.dropout(x.new_ones(shape), layer.p)
