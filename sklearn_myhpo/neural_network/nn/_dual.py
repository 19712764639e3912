"""Dual tensors, values with tangents, within a level of forward differentiation.

The functions of `torch.autograd.forward_ad` import modules in every call, which takes
longer than a small layer.
"""

import torch


def halves(x):
    """Return value and tangent of a tensor; None for a tangent that is not there."""
    return torch._VF._unpack_dual(x, level=0)


def joined(value, tangent):
    """Return a dual tensor; the value itself where the tangent is None."""
    if tangent is None:
        return value
    return torch._VF._make_dual(value, tangent, level=0)
