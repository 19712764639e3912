"""Advice for devices with too little memory."""

from contextlib import contextmanager

from ..._messages import shown

#: Ends of the messages about arrays that are too large for a device.
_SMALLER = (
    "Use X in float32, which takes half of the memory, or fewer columns; or give the "
    "rows in parts that fit, as sklearn_myhpo.data.Batches of NumPy arrays."
)
#: Texts in the errors of full devices.
_FULL = ("out of memory", "allocate memory")


@contextmanager
def memory_advice():
    """Add advice to the errors of a device with too little memory."""
    try:
        yield
    except Exception as error:
        is_full = isinstance(error, MemoryError)
        is_full = is_full or type(error).__name__ == "OutOfMemoryError"
        # PyTorch's on the CPU and on Apple's devices have no type of their own.
        if not (is_full or any(text in str(error) for text in _FULL)):
            raise
        raise MemoryError(f"{shown(str(error))} {_SMALLER}") from error
