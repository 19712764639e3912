"""Checks of tensors: of real numbers, with values, without a record of gradients."""

from .arrays import Home
from .memory import memory_advice


def check_tensor(X):
    """Raise where an array of another library is none of real numbers for X.

    Parameters
    ----------
    X : array

    Raises
    ------
    TypeError, ValueError
        If X has other numbers than float32 or float64, or gradients are recorded.
    """
    check_values(X, "X")
    home = Home.of(X)
    xp = home.xp
    if X.dtype not in (xp.float32, home.double):
        kind = "complex" if xp.isdtype(X.dtype, "complex floating") else "other"
        advice = "Give its real and imaginary parts as columns."
        if kind == "other":
            advice = f"Convert it: {home.name}.asarray(X, dtype={home.name}.float32)."
        raise TypeError(
            f"X of {home.name} must have the dtype float32 or float64. Got {X.dtype}. "
            + advice
        )
    check_no_gradient(X, "X")
    if len(X.shape) != 2:
        raise ValueError(f"X must have two axes. Got the shape {tuple(X.shape)}.")
    with memory_advice():
        # A sum that is too large for its precision says nothing.
        if X.shape[0] * X.shape[1] and not bool(xp.isfinite(xp.sum(X))):
            _check_each(X, xp)


def _check_each(X, xp):
    """Raise a ValueError where an entry is no finite number: their sum is not."""
    if bool(xp.any(xp.isnan(X))):
        raise ValueError("Input X contains NaN.")
    if bool(xp.any(xp.isinf(X))):
        raise ValueError("Input X contains infinity.")


def check_values(array, name):
    """Raise a ValueError where a tensor of PyTorch is no dense array of values."""
    if str(getattr(array, "device", "")) == "meta":
        raise ValueError(
            f"{name} is on the device meta of PyTorch, where tensors have a shape and "
            "no values. Make it on a device such as cpu or cuda."
        )
    if getattr(array, "is_nested", False):
        raise ValueError(
            f"{name} is a nested tensor, whose rows may have different lengths. Use "
            f"{name}.to_padded_tensor(0.0)."
        )
    layout = str(getattr(array, "layout", "torch.strided"))
    if layout not in ("torch.strided", "torch._mkldnn"):
        raise ValueError(
            f"{name} is a sparse tensor, of the layout {layout}. Use "
            f"{name}.to_dense(), or a sparse matrix of SciPy."
        )


def check_no_gradient(array, name):
    """Raise a ValueError where PyTorch records what is done with an array."""
    if getattr(array, "requires_grad", False):
        raise ValueError(
            f"{name} requires gradients (requires_grad=True), which fits and "
            f"predictions do not give. Use {name}.detach()."
        )
