"""Passes through a self-tuning module, at given hyperparameters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from ._convert import self_tuning_layers
from ._state import Noise, State

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
    for layer in layers:
        vars(layer)["state"] = state
    try:
        yield
    finally:
        for layer in layers:
            vars(layer)["state"] = None


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
    with at_state(self_tuning_layers(module), State(r, values, noise)):
        yield


def linearized(
    module: nn.Module,
    x: torch.Tensor,
    r: torch.Tensor,
    *,
    values: torch.Tensor | None = None,
    noise: Noise | None = None,
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
    layers : list, optional
        The self-tuning layers of the module, if they are known.
    weights : dict, optional
        As in `State`, if they are known.

    Returns
    -------
    tensor
        Outputs, of the shape of those of the module.
    """
    if noise is not None:
        noise.rewind()
    if layers is None:
        layers = self_tuning_layers(module)
    state = State(r, values, noise, is_linearized=True, weights=weights)
    # The other kernels of attention have no forward derivative.
    kernel = sdpa_kernel(SDPBackend.MATH)
    with kernel, forward_ad.dual_level(), at_state(layers, state):
        outputs, tangent = forward_ad.unpack_dual(module(x))
    return outputs if tangent is None else outputs + tangent
