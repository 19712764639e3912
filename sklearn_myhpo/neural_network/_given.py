"""The device, optimizer and loss that users give by class or name; needs PyTorch."""

import inspect
from functools import partial

import torch

from .._messages import shown
from ._training import MEASURES


def device_of(name):
    """Return a device by its name.

    Parameters
    ----------
    name : str
        The parameter `device`.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If PyTorch does not know it, or cannot use it here.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:  # its class depends on the reason
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"The 'device' parameter is {shown(name)}, which PyTorch cannot use here: "
            f"{reason}. 'cpu' is always there."
        ) from error
    return device


def optimizer_of(estimator):
    """Return a function that takes weights and lr and makes an optimizer, or None.

    Parameters
    ----------
    estimator : SelfTuningModule
        Source of the class and of its arguments.

    Returns
    -------
    callable or None
    """
    options = estimator._arguments("optimizer")
    if estimator.optimizer is None:
        if not options:
            return None
        return partial(torch.optim.SGD, momentum=estimator.momentum, **options)

    def make(weights, lr):
        what = f"The 'optimizer' parameter, {shown(estimator.optimizer)},"
        try:
            optimizer = estimator.optimizer(weights, lr=lr, **options)
        except TypeError as error:
            raise TypeError(
                f"{what} failed with the arguments {['lr', *options]}: {error}"
            ) from error
        closure = inspect.signature(optimizer.step).parameters.get("closure")
        if closure is not None and closure.default is inspect.Parameter.empty:
            raise ValueError(
                f"{what} computes losses of its own in a step, with a closure. Choose "
                "one that takes steps from gradients, such as torch.optim.Adam."
            )
        return optimizer

    return make


def loss_of(estimator):
    """Return a function that takes outputs and targets and returns losses of rows.

    Parameters
    ----------
    estimator : SelfTuningModule
        Source of the class and of its arguments.

    Returns
    -------
    callable
    """
    if estimator.criterion is None:
        return MEASURES[estimator._task].loss
    options = {"reduction": "none", **estimator._arguments("criterion")}
    what = f"The 'criterion' parameter, {shown(estimator.criterion)},"
    try:
        criterion = estimator.criterion(**options)
    except TypeError as error:
        raise TypeError(
            f"{what} must be a class of losses, such as torch.nn.CrossEntropyLoss. It "
            f"failed with the arguments {list(options)}: {error}"
        ) from error
    is_real = estimator._task == "regression"

    def loss(outputs, y):
        shaped = outputs.reshape(y.shape) if is_real else outputs
        try:
            losses = criterion(shaped, y)
        except (RuntimeError, ValueError, IndexError) as error:
            raise ValueError(
                f"{what} failed on outputs of shape {tuple(shaped.shape)} and targets "
                f"of shape {tuple(y.shape)} and type {y.dtype}: {error}"
            ) from error
        if losses.ndim == 0 or len(losses) != len(y):
            raise ValueError(
                "The 'criterion' parameter must give a loss per row with "
                f"reduction='none'. {type(criterion).__name__} gave the shape "
                f"{tuple(losses.shape)} for {len(y)} rows."
            )
        return losses.reshape(len(y), -1).mean(dim=1)

    return loss
