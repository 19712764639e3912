"""Construction and checks of a user's module; needs PyTorch."""

import inspect
from contextlib import contextmanager

import torch

from .._messages import shown
from .nn._convert import batch_norms, copied, self_tuning_layers
from .nn._dropout import STNVariationalDropout
from .nn._lstm import STNLSTM

#: Number of rows in trial batches of a module.
TRIED_ROWS = 2, 3


def build(module, options, facts):
    """Return a copy or a new module for a fit.

    Parameters
    ----------
    module : torch.nn.Module or callable
        The module, which is copied; or its class or a function that returns it.
    options : dict
        Arguments for the class or function.
    facts : dict
        Arguments from the data, passed to parameters with these names.

    Returns
    -------
    torch.nn.Module
        A compiled module as it was before.

    Raises
    ------
    TypeError
        If it is neither, or the arguments do not fit.
    """
    if isinstance(module, torch.nn.Module):
        if options:
            raise TypeError(
                f"{[f'module__{name}' for name in options]} are arguments for a class "
                "or function, but 'module' is a module already. Give its class."
            )
        return copied(with_values(module))
    if not callable(module):
        raise TypeError(
            "The 'module' parameter must be a torch.nn.Module, or a class or function "
            f"that returns one. Got {shown(module)}."
        )
    try:
        known = inspect.signature(module).parameters
    except ValueError:
        known = {}  # Some classes have no signature.
    facts = {name: value for name, value in facts.items() if name in known}
    built = module(**{**facts, **options})
    if not isinstance(built, torch.nn.Module):
        raise TypeError(
            f"The 'module' parameter, {shown(module)}, must return a torch.nn.Module. "
            f"It returned {type(built).__name__}."
        )
    return with_values(built)


def with_values(module):
    """Return a module whose layers can be replaced, and whose weights have values.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    torch.nn.Module
        The same, or the one that it wraps.

    Raises
    ------
    ValueError
        If there is none.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise ValueError(
            f"The module ({type(module).__name__}) is compiled by torch.jit, so that "
            "its layers cannot be converted. Give the module before that."
        )
    # The layers of a module of torch.compile are those of the module that it wraps.
    module = module._modules.get("_orig_mod", module)
    for name, weight in module.named_parameters():
        if weight.is_meta:
            raise ValueError(
                f"The weight {name!r} of the module is on the device 'meta', without "
                "values. Make the module on the CPU; the parameter 'device' moves it."
            )
    return module


@contextmanager
def named_failure(module, what, always=False):
    """Name the layer in which a block fails.

    Parameters
    ----------
    module : torch.nn.Module
        The module that the block runs.
    what : str
        Beginning of the message.
    always : bool
        Whether errors outside of a layer get the message too.

    Yields
    ------
    None

    Raises
    ------
    ValueError
        If the block raises another error; the message names the innermost layer.
    """
    running, handles = [], []
    for path, layer in module.named_modules():
        entry = path, type(layer).__name__
        handles += [
            layer.register_forward_pre_hook(
                lambda *_, entry=entry: running.append(entry)
            ),
            layer.register_forward_hook(lambda *_: running.pop() and None),
        ]
    try:
        yield
    except Exception as error:
        if not running:
            if not always:
                raise
            raise ValueError(f"{what}: {error}") from error
        path, name = running[-1]
        where = f"in the layer {path!r} ({name})" if path else f"in {name} itself"
        raise ValueError(f"{what} {where}: {error}") from error
    finally:
        for handle in handles:
            handle.remove()


def try_module(module, x):
    """Return the outputs of a module for a batch, without training.

    Parameters
    ----------
    module : torch.nn.Module
        The module; lazy layers learn their shapes.
    x : tensor of shape (n, ...)
        The batch.
    """
    was_training = module.training
    what = f"The module failed on features of shape {tuple(x.shape)}"
    try:
        with torch.no_grad(), named_failure(module.eval(), what):
            return module(x)
    finally:
        module.train(was_training)


def check_outputs(outputs, n_outputs, y, task):
    """Raise if outputs do not match the targets.

    Parameters
    ----------
    outputs : tensor
        Result of `try_module`.
    n_outputs : int
        Number of classes, or of targets.
    y : tensor
        Targets of the same rows.
    task : str
        "classification" or "regression".
    """
    if not isinstance(outputs, torch.Tensor):
        raise ValueError(
            f"The module must return one tensor. It returned {type(outputs).__name__}."
        )
    if not torch.isfinite(outputs).all():
        raise ValueError("The module returns NaN or infinity before it is trained.")
    n_rows, shape = len(y), tuple(outputs.shape)
    if task == "classification":
        wanted = (n_rows, n_outputs, *y.shape[1:])
        if shape != wanted:
            raise ValueError(
                f"The module must return a number per class, of shape {wanted} for "
                f"{n_rows} rows of {n_outputs} classes. It returned {shape}."
            )
    elif not shape or shape[0] != n_rows or outputs[0].numel() != n_outputs:
        raise ValueError(
            f"The module must return a number per target, of shape "
            f"{(n_rows, n_outputs)} for {n_rows} rows. It returned {shape}."
        )


def batch_axes(module, batches):
    """Return the self-tuning layers whose batch axis is not that of the examples.

    Parameters
    ----------
    module : torch.nn.Module
        Self-tuning module.
    batches : list of tensor
        Batches of `TRIED_ROWS` rows.

    Returns
    -------
    list of (str, str)
        Names and reasons.
    """
    seen = {}

    def record(layer, inputs):
        seen.setdefault(layer, []).append(inputs[0].shape)

    layers = self_tuning_layers(module)
    handles = [layer.register_forward_pre_hook(record) for layer in layers]
    try:
        for batch in batches:
            try_module(module, batch)
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for layer, shapes in seen.items():
        axis = _batch_axis(layer)
        sizes = {shape[axis] if len(shape) > axis else None for shape in shapes}
        if sizes != {len(batch) for batch in batches}:
            found.append((layer.path, f"its axis {axis} is not that of the examples"))
    return found


def _batch_axis(layer):
    """Return the axis of the examples of the inputs of a layer."""
    sequences = (STNLSTM, STNVariationalDropout)
    return int(isinstance(layer, sequences) and not layer.batch_first)


def shared_reasons(module, batches):
    """Return why examples of a batch cannot have their own perturbations.

    Parameters
    ----------
    module, batches
        As in `batch_axes`.

    Returns
    -------
    list of (str, str, str)
        Names of layers, their classes, and reasons.
    """
    classes = {path: type(layer).__name__ for path, layer in module.named_modules()}
    reasons = [
        (path, "it normalizes rows by one another") for path, _ in batch_norms(module)
    ]
    reasons += batch_axes(module, batches)
    return [(path, classes[path], why) for path, why in reasons]
