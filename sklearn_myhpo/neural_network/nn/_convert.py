"""Conversion of modules of PyTorch to self-tuning ones, and back."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import nn
from torch.nn.modules import batchnorm
from torch.nn.parameter import is_lazy

from ._dropout import STNDropout
from ._layers import STNConv1d, STNConv2d, STNEmbedding, STNLinear
from ._lstm import STNLSTM
from ._response import ResponseLayer, SelfTuning

#: Classes of PyTorch, and what they become.
CONVERSIONS = {
    nn.Linear: STNLinear,
    nn.Conv1d: STNConv1d,
    nn.Conv2d: STNConv2d,
    nn.Embedding: STNEmbedding,
    nn.LSTM: STNLSTM,
    nn.Dropout: STNDropout,
    nn.Dropout1d: STNDropout,
    nn.Dropout2d: STNDropout,
    nn.Dropout3d: STNDropout,
}
_ORIGINALS = {
    **{own: plain for plain, own in CONVERSIONS.items() if own is not STNDropout},
    STNDropout: nn.Dropout,
}
_SHARED_AXES = {nn.Dropout: 0, nn.Dropout1d: 1, nn.Dropout2d: 2, nn.Dropout3d: 3}
_DROPOUTS = {size: plain for plain, size in _SHARED_AXES.items()}
#: Layers whose few weights only scale and shift: they stay as they are.
SCALINGS = (
    batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.PReLU,
)


def self_tune(
    module: nn.Module,
    n_responses: int = 0,
    *,
    response_scale: float = 0.01,
    generator: torch.Generator | None = None,
    keep: Iterable[str] = (),
) -> nn.Module:
    """Return a copy of a module whose layers respond to hyperparameters.

    Linear, Conv1d, Conv2d, Embedding and LSTM layers become their self-tuning
    counterparts and keep their weights; dropout gets a rate that can be tuned.
    Without response, or at r = 0, the copy has the outputs of the module. Layers with
    frozen weights, and layers that normalize, stay as they are.

    Parameters
    ----------
    module : torch.nn.Module
        The module; it is not changed.
    n_responses : int
        Length of r, the input of the responses: the number of hyperparameters.
    response_scale : float
        Standard deviation of the initial scales V; 0 for no initial response.
    generator : torch.Generator, optional
        Source of the initial responses; the global one if not given.
    keep : iterable of str
        Names of layers that stay as they are, with all that they contain.

    Returns
    -------
    torch.nn.Module
        The copy.

    Raises
    ------
    ValueError
        If a layer cannot be converted, two layers share a weight, or nothing can be
        trained; the message names the layer.
    """
    module = copied(module)
    kept = _kept(module, keep)
    layers = [
        (path, layer)
        for path, layer in module.named_modules()
        if not any(_is_within(path, one) for one in kept)
    ]
    for path, layer in layers:
        _check(path, layer)
    _check_sharing(module, {path for path, _ in layers})
    if not any(weight.requires_grad for weight in module.parameters()):
        raise ValueError(
            f"The module ({type(module).__name__}) has no parameters to train: there "
            "is nothing to tune."
        )
    for path, layer in layers:
        _convert(layer)
        if isinstance(layer, SelfTuning):
            layer.path = path
        if isinstance(layer, ResponseLayer):
            layer.init_response(n_responses, response_scale, generator)
    return module


def to_torch(module: nn.Module, r: torch.Tensor | None = None) -> nn.Module:
    """Return a copy of a self-tuning module as an ordinary one.

    Parameters
    ----------
    module : torch.nn.Module
        A result of `self_tune`.
    r : tensor of shape (n_responses,), optional
        Input of the responses at which the weights are formed; the general weights if
        not given.

    Returns
    -------
    torch.nn.Module
        The copy, with layers of PyTorch.
    """
    module = copied(module)
    for layer in module.modules():
        if isinstance(layer, ResponseLayer):
            _fill(layer, layer.formed(r))
            layer.init_response(0)
            for name in layer._names():
                for extra in (f"response_{name}", f"{name}_scale"):
                    layer._parameters.pop(extra, None)
        plain = _ORIGINALS.get(type(layer))
        if plain is None:
            continue
        if isinstance(layer, STNDropout):
            plain = _DROPOUTS[layer.n_shared_axes]
        _become(layer, plain)
    return module


def copied(module: nn.Module) -> nn.Module:
    """Return a deep copy, also of tensors that PyTorch does not copy.

    These are buffers without a shape yet, and weights that are computed from others.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    torch.nn.Module
        The copy.
    """
    memo = {}
    for layer in module.modules():
        for buffer in layer._buffers.values():
            if is_lazy(buffer):
                options = {"device": buffer.device, "dtype": buffer.dtype}
                memo[id(buffer)] = type(buffer)(**options)
        for value in vars(layer).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo[id(value)] = value.detach().clone()
    return copy.deepcopy(module, memo)


def self_tuning_layers(module: nn.Module) -> list:
    """Return the self-tuning layers of a module, in the order of their names."""
    return [layer for layer in module.modules() if isinstance(layer, SelfTuning)]


def batch_norms(module: nn.Module) -> list:
    """Return (name, layer) of the layers that normalize rows with one another."""
    return [
        (path, layer)
        for path, layer in module.named_modules()
        if isinstance(layer, batchnorm._BatchNorm)
    ]


def _fill(layer, weights):
    with torch.no_grad():
        for name, weight in weights.items():
            if weight is not None:
                getattr(layer, name).copy_(weight)


def _become(layer, cls):
    """Change the class of a layer, so that options, hooks and device stay."""
    for name in ("columns", "path", "state", "n_responses", "n_shared_axes"):
        vars(layer).pop(name, None)
    layer.__class__ = cls


def _convert(layer):
    """Make a layer self-tuning, in place, if it is of a class that can be."""
    plain = type(layer)
    is_frozen = not all(w.requires_grad for w in layer.parameters(recurse=False))
    if plain not in CONVERSIONS or is_frozen:
        return
    layer.__class__ = CONVERSIONS[plain]
    layer.columns = {}
    if plain in _SHARED_AXES:
        layer.n_shared_axes = _SHARED_AXES[plain]


def _kept(module, keep):
    """Return the names of the layers to leave as they are."""
    keep, names = list(keep), [path for path, _ in module.named_modules()]
    for name in keep:
        if name not in names:
            raise ValueError(
                f"The 'keep' parameter names {name!r}. Layers of this module are "
                f"{[one for one in names if one]}."
            )
    return keep


def _is_within(path, name):
    return path == name or path.startswith(f"{name}.")


def _check(path, layer):
    """Raise if a layer has weights that cannot respond."""
    weights = dict(layer.named_parameters(recurse=False))
    what = f"The layer {path!r} ({type(layer).__name__})"
    if not path:
        what = f"The module itself ({type(layer).__name__})"
    if any(is_lazy(weight) for weight in weights.values()):
        raise ValueError(
            f"{what} does not know the shape of its weights yet. Call the module once, "
            "on a batch, before it is converted."
        )
    weights = [name for name, weight in weights.items() if weight.requires_grad]
    if not weights or isinstance(layer, (*SCALINGS, ResponseLayer)):
        return
    reason = _reason(layer)
    if reason is not None:
        raise ValueError(
            f"{what} cannot be converted: {reason}. Its parameters are {weights}. Use "
            f"another layer, or keep=[{path!r}], with which its weights are trained "
            "but do not respond to hyperparameters."
        )


def _reason(layer):
    """Return why a layer cannot be converted, or None."""
    if type(layer) not in CONVERSIONS:
        names = [cls.__name__ for cls in CONVERSIONS if cls not in _SHARED_AXES]
        return f"layers with a response are {', '.join(names)}"
    computed = [name for name in _weights_of(layer) if name not in layer._parameters]
    if computed:
        how = "computed from others, as by weight_norm or pruning"
        return f"the weights {computed} are {how}"
    given = dict(layer.named_parameters(recurse=False))
    empty = [name for name, weight in given.items() if not weight.numel()]
    if empty:
        return f"the weights {empty} have no numbers"
    if isinstance(layer, nn.LSTM) and layer.proj_size:
        return f"projections are not supported, proj_size={layer.proj_size}"
    if isinstance(layer, nn.Embedding) and layer.max_norm is not None:
        return f"max_norm={layer.max_norm} changes weights outside of training steps"
    if isinstance(layer, nn.Embedding) and layer.sparse:
        return "gradients of its response are not sparse, sparse=True"
    return None


def _weights_of(layer):
    """Return the names of the weights and biases of a layer that can be converted."""
    if isinstance(layer, nn.LSTM):
        return layer._flat_weights_names
    return [name for name in ("weight", "bias") if hasattr(layer, name)]


def _check_sharing(module, converted):
    """Raise if a layer to convert has the weight of another layer."""
    homes = {}
    for path, layer in module.named_modules():
        for name, weight in layer.named_parameters(recurse=False):
            full = f"{path}.{name}" if path else name
            home, first = homes.setdefault(id(weight), (path, full))
            responds = {home, path} & converted
            if first != full and weight.requires_grad and responds:
                raise ValueError(
                    f"The weights {first!r} and {full!r} are one tensor, but each "
                    "layer would respond on its own. Give the layers weights of their "
                    f"own, use one layer in both places, or keep={[home, path]}."
                )
