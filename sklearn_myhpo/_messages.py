"""Parts of messages: values as a user would type them, and how to install packages."""

import dataclasses
import importlib
import inspect
import reprlib

import numpy as np


class _Plain(reprlib.Repr):
    """Short texts of values, those of NumPy written as plain Python ones."""

    def __init__(self):
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 120

    def repr1(self, x, level):
        """Return the text of a value, called for the parts of containers too."""
        if isinstance(x, type):
            return f"<class {x.__name__}>"
        if inspect.isroutine(x):
            return x.__name__
        if isinstance(x, slice):
            ends = (self.repr1(one, level) for one in (x.start, x.stop, x.step))
            return f"slice({', '.join(ends)})"
        if getattr(x, "shape", ()) and not _is_line(x):
            return f"{type(x).__name__} of shape {x.shape}"
        if isinstance(x, np.ndarray):
            # One extra entry makes reprlib mark that the list goes on.
            x = x[: self.maxlist + 1].tolist() if x.ndim else x[()]
        if isinstance(x, np.generic):
            is_time = x.dtype.kind in "mM"
            item = str(x) if is_time else x.item()
            x = float(x) if isinstance(item, np.floating) else item
        if dataclasses.is_dataclass(x):
            return self._of_options(x, level)
        return super().repr1(x, level)

    def _of_options(self, x, level):
        """Return the text of a solver or a criterion, a dataclass of options."""
        options = (
            f"{field.name}={self.repr1(getattr(x, field.name), level - 1)}"
            for field in dataclasses.fields(x)
            if field.repr
        )
        return f"{type(x).__qualname__}({', '.join(options)})"


def _is_line(x):
    """Whether an array has at most one axis, and no names."""
    return isinstance(x, np.ndarray) and x.ndim < 2


def shown(value):
    """Return a value as text for a message: short, and without types of NumPy.

    Parameters
    ----------
    value : object
        A label, a name, or what a user gave for a parameter.

    Returns
    -------
    str
        What a user would type, shortened where it is long.
    """
    return _Plain().repr(value)


def import_optional(module, purpose, *, extra=None):
    """Import a module of an optional package, or say how to install it.

    Parameters
    ----------
    module : str
        For example "matplotlib.pyplot".
    purpose : str
        What needs it: the beginning of the message.
    extra : str, default=None
        The extra of this package that holds it.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If it is not installed. This package may not be on an index, so that its extras
        are installed from the source.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        message = (
            f"{purpose} needs the package {package}, which is not installed. Use "
            f"pip install {package}"
        )
        if extra is not None:
            message += (
                f", or pip install '.[{extra}]' in the source directory of "
                "sklearn-myhpo"
            )
        raise ImportError(f"{message}.") from error
