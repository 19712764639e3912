"""Names and values of the hyperparameters of a network, fixed, scheduled or tuned.

Layers have a dropout rate or a natural log-penalty lambda; a network may also have
kinds of `augmentation`. Tuning uses the free coordinates h of the kinds.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .._messages import shown
from .kinds import DROPOUT, LAMBDA, Kind


class Site(NamedTuple):
    """A part of a network with a hyperparameter.

    Attributes
    ----------
    kind : Kind
        Of the hyperparameter.
    label : str
        Name of the layer, or empty for the whole network.
    default : float or None
        Value of the layer in the given module; None for the default of the kind.
    """

    kind: Kind
    label: str = ""
    default: float | None = None

    @property
    def name(self):
        """Name of the hyperparameter."""
        return f"{self.kind.name}_{self.label}" if self.label else self.kind.name


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


def perceptron_sites(n_layers):
    """Return the sites of a perceptron: dropout rates and lambdas by layer."""
    return [
        Site(kind, str(layer))
        for kind in (DROPOUT, LAMBDA)
        for layer in range(n_layers)
    ]


def make_plan(sites, tune, hyperparameters):
    """Check the parameters `tune` and `hyperparameters` against a network.

    Parameters
    ----------
    sites : list of Site, or int
        Places for hyperparameters; or the number of layers of a perceptron.
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
    if isinstance(sites, int):
        sites = perceptron_sites(sites)
    if hyperparameters is not None and not isinstance(hyperparameters, Mapping):
        raise ValueError(
            "The 'hyperparameters' parameter must be None or a dict from names to "
            f"values. Got {shown(hyperparameters)} instead."
        )
    if isinstance(tune, str):
        raise ValueError(
            "The 'tune' parameter must be a bool or a list of names. Got "
            f"{shown(tune)} instead; did you mean [{shown(tune)}]?"
        )
    # Names come last, since a name overrides its kind in any order of the dict.
    all_names = {site.name for site in sites}
    hyperparameters = dict(
        sorted((hyperparameters or {}).items(), key=lambda item: item[0] in all_names)
    )
    is_listed = not isinstance(tune, bool | np.bool_)
    wanted = _sites_of("tune", tune if is_listed else [], sites)
    given = {
        site: value
        for key, value in hyperparameters.items()
        for site in _sites_of("hyperparameters", [key], sites)
    }
    sites = [s for s in sites if not s.kind.is_optional or s in wanted or s in given]
    is_tuned = [site in wanted if is_listed else bool(tune) for site in sites]
    paths = [
        _path(site.name, given.get(site, _start(site, tuned)), site.kind, tuned)
        for site, tuned in zip(sites, is_tuned, strict=True)
    ]
    return Plan(
        tuple(site.name for site in sites),
        tuple(site.kind for site in sites),
        np.array(is_tuned, dtype=bool),
        paths,
    )


def _sites_of(parameter, keys, sites):
    """Return the sites of keys, which are names or kinds."""
    found = []
    for key in keys:
        named = [site for site in sites if site.name == key]
        named = named or [site for site in sites if site.kind.name == key]
        if not named:
            kinds = dict.fromkeys(site.kind.name for site in sites)
            allowed = list(dict.fromkeys([*kinds, *(site.name for site in sites)]))
            raise ValueError(
                f"The {shown(parameter)} parameter names {shown(key)}. Allowed for "
                f"this network are {allowed}; a name without a layer stands for all "
                "layers."
            )
        found += named
    return found


def _start(site, tuned):
    """Return the value if none is given: that of the layer, if it can be tuned."""
    kind, value = site.kind, site.default
    is_free = value is not None and (
        kind.free_low <= kind.to_free(value) <= kind.free_high
    )
    return value if is_free or (value is not None and not tuned) else kind.default


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
            f"{what} = {bad}; it must be from {kind.low} to {kind.high}{kind.unit}."
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
