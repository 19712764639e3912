"""Gradient descent with momentum, in torch."""

import torch


class GradientDescent:
    """Gradient descent with momentum, as `torch.optim.SGD`.

    A step of PyTorch's class takes longer for hooks and checks than for the numbers of
    a small network.

    Parameters
    ----------
    parameters : list of tensor
        Leaves with the attribute `grad`; those without a gradient do not move.
    lr : float
        Learning rate.
    momentum : float
        Factor of the last move.

    Attributes
    ----------
    param_groups : list of dict
        As of `torch.optim.SGD`: one group, whose learning rate may be changed.
    """

    def __init__(self, parameters, lr, momentum):
        self.param_groups = [{"params": parameters, "lr": lr, "momentum": momentum}]
        #: Parameters of one type with their velocities.
        self._alike = {}
        for each in parameters:
            alike = self._alike.setdefault((each.device, each.dtype), [])
            alike.append((each, each.detach(), torch.zeros_like(each.detach())))

    def step(self):
        """Take a step."""
        (group,) = self.param_groups
        for alike in self._alike.values():
            moving = [
                (numbers, each.grad, velocity)
                for each, numbers, velocity in alike
                if each.grad is not None
            ]
            if not moving:
                continue
            numbers, gradients, velocities = zip(*moving, strict=True)
            torch._fused_sgd_(
                numbers,
                gradients,
                velocities if group["momentum"] else (),
                lr=group["lr"],
                momentum=group["momentum"],
                weight_decay=0.0,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )
