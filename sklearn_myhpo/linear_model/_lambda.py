"""The parameters `lambda_bounds` and `lambda_init`, for all groups or for each."""

from numbers import Real

import numpy as np

from .._messages import shown
from ..bilevel.bounds import MAX_LAMBDA
from ..penalties.columns import spell

_PAIR = (
    '"auto" or two numbers (low, high) with low < high, infinite ones included, '
    f"that leave room between -{MAX_LAMBDA:g} and {MAX_LAMBDA:g}"
)


def check_lambda(lambda_bounds, lambda_init, groups):
    """Return the checked parameters, with `lambda_init` inside `lambda_bounds`.

    Parameters
    ----------
    lambda_bounds : "auto", (float, float) or dict
    lambda_init : "auto", float, dict or array-like of shape (n_groups,)
        With a lambda per class, an array has the shape of the attribute `lambda_`.
    groups : FeatureGroups

    Returns
    -------
    lambda_bounds : "auto" or (low, high)
        Each a float, or of shape (n_groups,) and infinite for automatic bounds.
    lambda_init : "auto", float or ndarray of shape (n_groups,)

    Raises
    ------
    ValueError
        If a name is unknown or missing, a number is out of range, or a start is
        outside its bounds.
    """
    bounds = _check_bounds(lambda_bounds, groups.of_features)
    if groups.width == 1:
        start = _check_start(lambda_init, groups)
    else:
        start = _check_start_of_classes(lambda_init, groups)
        bounds = _of_classes(bounds, groups.width)
    if isinstance(start, str) or isinstance(bounds, str):
        return bounds, start
    low, high = bounds
    outside = np.broadcast_to((start < low) | (start > high), groups.n_groups)
    if outside.any():
        where = ""
        if isinstance(lambda_bounds, dict) or np.ndim(start):
            names = [groups.names[number] for number in np.flatnonzero(outside)]
            where = f" of the {_lambdas(names, groups)}"
        raise ValueError(
            f"The 'lambda_init' parameter{where} must be inside lambda_bounds="
            f"{shown(lambda_bounds)}. Got {shown(lambda_init)} instead."
        )
    return bounds, start


def _check_bounds(lambda_bounds, groups):
    if isinstance(lambda_bounds, str):
        return lambda_bounds
    if not isinstance(lambda_bounds, dict):
        return _check_pair(lambda_bounds)
    _check_names("lambda_bounds", lambda_bounds, groups)
    low, high = np.full((2, groups.n_groups), [[-np.inf], [np.inf]])
    for number, name in enumerate(groups.names):
        pair = lambda_bounds.get(name, "auto")
        if not (isinstance(pair, str) and pair == "auto"):
            low[number], high[number] = _check_pair(
                pair, f" of the group {shown(name)}"
            )
    return low, high


def _check_pair(pair, where=""):
    """Return two numbers, low and high."""
    good = isinstance(pair, list | tuple) and len(pair) == 2
    good = good and all(isinstance(one, Real) and not np.isnan(one) for one in pair)
    good = good and pair[0] < pair[1]
    if not good or pair[0] > MAX_LAMBDA or pair[1] < -MAX_LAMBDA:
        raise ValueError(
            f"The 'lambda_bounds' parameter{where} must be {_PAIR}. Got {shown(pair)} "
            "instead."
        )
    low, high = (float(bound) for bound in pair)
    return low, high


def _check_start(lambda_init, groups):
    if isinstance(lambda_init, str | Real):
        return lambda_init
    if isinstance(lambda_init, dict):
        _check_names("lambda_init", lambda_init, groups)
        missing = [name for name in groups.names if name not in lambda_init]
        if missing:
            raise ValueError(
                f"lambda_init names no value for the {_groups(missing)}; name "
                'all groups, or use "auto" or one number for all.'
            )
        lambda_init = [lambda_init[name] for name in groups.names]
    try:
        start = np.array(lambda_init, dtype=np.float64)
    except (TypeError, ValueError):
        start = np.array(np.nan)
    if start.ndim == 1 and len(start) != groups.n_groups:
        raise ValueError(
            f"lambda_init has {len(start)} numbers, but needs {groups.n_groups}, one "
            "for each group, in the order of feature_group_names_: "
            f"{spell(groups.names)}."
        )
    if start.ndim != 1 or not np.all(np.abs(start) <= MAX_LAMBDA):
        raise ValueError(
            "The 'lambda_init' parameter must be \"auto\", a number, a dict from the "
            "name of every group to a number, or an array-like of n_groups numbers, "
            f"all from -{MAX_LAMBDA:g} to {MAX_LAMBDA:g}. Got "
            f"{shown(lambda_init)} instead."
        )
    return start


def _check_start_of_classes(lambda_init, groups):
    """Return a start for every group and class, or one for all."""
    features, width = groups.of_features, groups.width
    if isinstance(lambda_init, str | Real):
        return lambda_init
    if isinstance(lambda_init, dict):
        return np.repeat(_check_start(lambda_init, features), width)
    shape = np.shape(lambda_init)
    shapes = [(features.n_groups, width)] + [(width,)] * (features.n_groups == 1)
    if shape not in shapes:
        raise ValueError(
            f"lambda_init has the shape {shape}, but with alpha_per_target=True and "
            f"{width} classes it needs {shapes[-1]}, the shape of lambda_; or give one "
            "number, or a dict from the name of every group to a number."
        )
    return _check_start(np.ravel(lambda_init).tolist(), groups)


def _of_classes(bounds, width):
    """Return the bounds of every group and class, from those of the groups."""
    if isinstance(bounds, str) or not np.ndim(bounds[0]):
        return bounds
    return tuple(np.repeat(bound, width) for bound in bounds)


def _lambdas(names, groups):
    """Return the names of lambdas in words: groups, classes, or both."""
    if groups.width == 1:
        return _groups(names)
    is_one = groups.of_features.n_groups == 1
    return f"{'class' if is_one else 'group and class'} {spell(names)}"


def _groups(names):
    """Return names of groups in words."""
    return f"group{'' if len(names) == 1 else 's'} {spell(names)}"


def _check_names(parameter, given, groups):
    unknown = [name for name in given if name not in groups.names]
    if unknown:
        raise ValueError(
            f"{parameter} names the unknown {_groups(unknown)}; the groups are "
            f"{spell(groups.names, most=10)}."
        )
