"""Names and values of the hyperparameters of a network, fixed, scheduled or tuned.

Layer l has a dropout rate on its inputs and a natural log-penalty lambda on its
weights. Tuning uses free coordinates h: h = lambda, and a dropout rate is
``MAX_DROPOUT * sigmoid(h)``, so that no step leaves the range.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._messages import shown

#: Upper limit of a tuned dropout rate (MacKay et al. 2019 use 0.9 and more).
MAX_DROPOUT = 0.9


@dataclass(frozen=True)
class Kind:
    """One kind of hyperparameter; every layer has one of each kind.

    Attributes
    ----------
    name : str
        Prefix of the names.
    default : float
        Start of a tuned value, or the value without tuning.
    low, high : float
        Limits of a value that is not tuned, both included.
    free_low, free_high : float
        Limits of the free coordinate, with or without perturbation.
    is_rate : bool
        Whether the value is ``MAX_DROPOUT * sigmoid(h)`` instead of h.
    """

    name: str
    default: float
    low: float
    high: float
    free_low: float
    free_high: float
    is_rate: bool

    def to_free(self, value):
        """Return the free coordinate; infinite for a rate outside (0, MAX_DROPOUT)."""
        if not self.is_rate:
            return value
        share = value / MAX_DROPOUT
        if not 0 < share < 1:
            return math.copysign(math.inf, share - 0.5)
        return math.log(share) - math.log1p(-share)

    def from_free(self, free):
        """Return the value of a free coordinate."""
        if not self.is_rate:
            return free
        return MAX_DROPOUT / (1.0 + math.exp(-free))


DROPOUT = Kind("dropout", 0.05, 0.0, 0.99, -6.0, 6.0, True)
#: Above lambda = 4, gradient descent at the default learning rate is unstable.
LAMBDA = Kind("lambda", -7.0, -math.inf, 10.0, -20.0, 4.0, False)
KINDS = (DROPOUT, LAMBDA)


class Plan(NamedTuple):
    """Names of the hyperparameters, and their values without tuning.

    Attributes
    ----------
    names : tuple of str
        Dropout rates by layer, then lambdas by layer.
    kinds : tuple of Kind
        One per name.
    is_tuned : ndarray of bool of shape (n_hyperparameters,)
        Whether each hyperparameter is tuned.
    paths : list of ndarray
        One per name: the values over the epochs; the last value stays.
    """

    names: tuple
    kinds: tuple
    is_tuned: np.ndarray
    paths: list

    def at(self, epoch):
        """Return the values during an epoch; tuned hyperparameters have their start.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0.

        Returns
        -------
        ndarray of shape (n_hyperparameters,)
            Values in the order of `names`.
        """
        return np.array([path[min(epoch, len(path) - 1)] for path in self.paths])

    @property
    def tuned_kinds(self):
        """Kinds of the tuned hyperparameters, in the order of the free coordinates."""
        return [self.kinds[index] for index in np.flatnonzero(self.is_tuned)]


def make_plan(n_layers, tune, hyperparameters):
    """Check the parameters `tune` and `hyperparameters` against a network.

    Parameters
    ----------
    n_layers : int
        Number of weight matrices.
    tune : bool or array-like of str
        Whether to tune all or none, or a list of names to tune.
    hyperparameters : dict or None
        From a name or kind to a value, or to values over the epochs.

    Returns
    -------
    Plan
        Names, kinds and values of the hyperparameters.

    Raises
    ------
    ValueError
        If a name or value is invalid; the message has the allowed ones.
    """
    kinds = tuple(kind for kind in KINDS for _ in range(n_layers))
    names = tuple(f"{kind.name}_{layer}" for kind in KINDS for layer in range(n_layers))
    is_tuned = _tuned(tune, names, kinds)
    given = {}
    if hyperparameters is not None:
        if not isinstance(hyperparameters, Mapping):
            raise ValueError(
                "The 'hyperparameters' parameter must be None or a dict from names to "
                f"values. Got {shown(hyperparameters)} instead."
            )
        # Names come last, since a name overrides its kind in any order of the dict.
        for key in sorted(hyperparameters, key=lambda key: key in names):
            for name in _named("hyperparameters", key, names, kinds):
                given[name] = hyperparameters[key]
    paths = [
        _path(name, given.get(name, kind.default), kind, tuned)
        for name, kind, tuned in zip(names, kinds, is_tuned, strict=True)
    ]
    return Plan(names, kinds, is_tuned, paths)


def _tuned(tune, names, kinds):
    """Return a boolean per name, true if it is tuned."""
    if isinstance(tune, bool | np.bool_):
        return np.full(len(names), bool(tune))
    if isinstance(tune, str):
        raise ValueError(
            "The 'tune' parameter must be a bool or a list of names. Got "
            f"{shown(tune)} instead; did you mean [{shown(tune)}]?"
        )
    wanted = {name for key in tune for name in _named("tune", key, names, kinds)}
    return np.array([name in wanted for name in names])


def _named(parameter, key, names, kinds):
    """Return the names of a key, which is a name or a kind."""
    if key in names:
        return [key]
    found = [name for name, kind in zip(names, kinds, strict=True) if kind.name == key]
    if not found:
        allowed = [*(kind.name for kind in KINDS), *names]
        raise ValueError(
            f"The {shown(parameter)} parameter names {shown(key)}. Allowed for this "
            f"network are {allowed}; a name without a number stands for all layers."
        )
    return found


def _path(name, value, kind, tuned):
    """Return the checked values over the epochs."""
    what = f"The 'hyperparameters' parameter gives {name}"
    try:
        path = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        path = np.empty(0)
    if path.ndim != 1 or not path.size:
        raise ValueError(
            f"{what} = {shown(value)}; it must be a number, or numbers over the epochs."
        )
    if not np.all((path >= kind.low) & (path <= kind.high)):
        bad = path[~((path >= kind.low) & (path <= kind.high))][0]
        raise ValueError(
            f"{what} = {bad}; it must be from {kind.low} to {kind.high}"
            + ("." if kind.is_rate else ", a natural log.")
        )
    if not tuned:
        return path
    low, high = kind.from_free(kind.free_low), kind.from_free(kind.free_high)
    if path.size > 1:
        raise ValueError(
            f"{what} a schedule of {path.size} values, but it is tuned. Give one start "
            "value, or remove it from the parameter 'tune'."
        )
    if not low <= path[0] <= high:
        raise ValueError(
            f"{what} = {path[0]}, but it is tuned. Give a value from {low:.4g} to "
            f"{high:.4g}, or remove it from the parameter 'tune'."
        )
    return path
