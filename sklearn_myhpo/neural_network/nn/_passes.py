"""Passes through a self-tuning module, at given hyperparameters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.utils._pytree import tree_map_only

from ._convert import self_tuning_layers
from ._dual import halves
from ._state import Noise, Rates, State

with warnings.catch_warnings():
    # The first use imports modules of PyTorch, with deprecation warnings of their own.
    warnings.simplefilter("ignore")
    with forward_ad.dual_level():
        forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


@contextmanager
def at_state(layers, state):
    """Give layers a state within a block.

    Parameters
    ----------
    layers : list of SelfTuning
        The layers.
    state : State
        Their state.

    Yields
    ------
    None
    """
    # Modules look for parameters in every assignment to an attribute, which is slow.
    attributes = [vars(layer) for layer in layers]
    before = [each.get("state") for each in attributes]
    read = [
        # Modules with tied weights read those of a layer. Responses of rows cannot be
        # found in this way.
        (vars(layer), now.weights)
        for layer, now in (state.weights or {}).items()
        if now.responses is None
    ]
    # In evaluation, attention would read the weights of its layers, and not call them.
    is_fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    for each in attributes:
        each["state"] = state
    for each, weights in read:
        each.update(weights)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(is_fast)
        for each, last in zip(attributes, before, strict=True):
            each["state"] = last
        for each, weights in read:
            for name in weights:
                del each[name]


#: Kernels of attention: whether they are allowed, and functions to allow them. The
#: last alone has a forward derivative.
_KERNELS = [
    (torch.backends.cuda.flash_sdp_enabled, torch.backends.cuda.enable_flash_sdp),
    (
        torch.backends.cuda.mem_efficient_sdp_enabled,
        torch.backends.cuda.enable_mem_efficient_sdp,
    ),
    (torch.backends.cuda.cudnn_sdp_enabled, torch.backends.cuda.enable_cudnn_sdp),
    (torch.backends.cuda.math_sdp_enabled, torch.backends.cuda.enable_math_sdp),
]


@contextmanager
def _differentiable_attention():
    """Allow only the kernel of attention that has a forward derivative.

    As `torch.nn.attention.sdpa_kernel`, in a tenth of its time.
    """
    before = [is_allowed() for is_allowed, _ in _KERNELS]
    try:
        for _, allow in _KERNELS:
            allow(allow is torch.backends.cuda.enable_math_sdp)
        yield
    finally:
        for (_, allow), is_allowed in zip(_KERNELS, before, strict=True):
            allow(is_allowed)


@contextmanager
def respond(
    module: nn.Module,
    r: torch.Tensor | None = None,
    *,
    values: torch.Tensor | None = None,
    noise: Noise | None = None,
) -> Iterator[None]:
    """Use the weights at r within a block.

    Parameters
    ----------
    module : torch.nn.Module
        A result of `self_tune`.
    r : tensor of shape (n, n_responses) or (1, n_responses), optional
        Input of the responses: of every example, or one for all. None for the general
        weights.
    values : tensor of shape (n, n_hyperparameters), optional
        Hyperparameters, for layers with `columns`: dropout rates.
    noise : Noise, optional
        Source of dropout masks; no dropout if not given.

    Yields
    ------
    None
    """
    if noise is not None:
        noise.rewind()
    with at_state(self_tuning_layers(module), State(r, Rates(values), noise)):
        yield


def linearized(
    module: nn.Module,
    x: torch.Tensor,
    r: torch.Tensor,
    *,
    values: torch.Tensor | None = None,
    noise: Noise | None = None,
    rates: Rates | None = None,
    layers: list | None = None,
    weights: dict | None = None,
) -> torch.Tensor:
    """Return the outputs to first order in r, around r = 0.

    They are the outputs of the general weights plus their directional derivative,
    in one pass by forward differentiation. Gradients reach the responses only.

    Parameters
    ----------
    module : torch.nn.Module
        A result of `self_tune`.
    x : tensor of shape (n, ...)
        Inputs.
    r, values, noise
        As in `respond`.
    rates : Rates, optional
        As in `State`, if they are known.
    layers : list, optional
        The self-tuning layers of the module, if they are known.
    weights : dict, optional
        As in `State`, if they are known.

    Returns
    -------
    tensor
        Outputs, as those of the module: one tensor, or tensors in tuples or dicts.
    """
    if noise is not None:
        noise.rewind()
    if layers is None:
        layers = self_tuning_layers(module)
    rates = Rates(values) if rates is None else rates
    state = State(r, rates, noise, is_linearized=True, weights=weights)
    attention = _differentiable_attention()
    with attention, forward_ad.dual_level(), at_state(layers, state):
        outputs = module(x)
        if isinstance(outputs, torch.Tensor):
            return _moved(outputs)
        return tree_map_only(torch.Tensor, _moved, outputs)


def _moved(dual):
    """Return value plus tangent."""
    value, tangent = halves(dual)
    return value if tangent is None else value + tangent
