"""Warnings with the line of the user's code as their location."""

import sys
import warnings

#: Modules to skip in the stack: this package and the wrappers of its methods.
_INSIDE = "sklearn_myhpo", "sklearn.callback", "contextlib"


def warn(message, category):
    """Issue a warning with the first caller outside the package as its location.

    Parameters
    ----------
    message : str
        The problem, and advice.
    category : type
        A subclass of `Warning`.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_inside(name):
    return any(name == one or name.startswith(f"{one}.") for one in _INSIDE)
