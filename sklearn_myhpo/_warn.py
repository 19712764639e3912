"""Warnings that point at the line of the user's that caused them."""

import sys
import warnings

#: Modules whose frames are not the user's: this package, and what wraps its methods.
_INSIDE = "sklearn_myhpo", "sklearn.callback", "contextlib"


def warn(message, category):
    """Warn of the first line outside of the package.

    Parameters
    ----------
    message : str
        What happened, and what to do.
    category : type
        A `Warning`.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _is_inside(name):
    return any(name == one or name.startswith(f"{one}.") for one in _INSIDE)
