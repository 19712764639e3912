"""Which features are cyclic, and which are paired."""

import numpy as np

from .._messages import shown
from ..penalties.columns import Columns, feature_list, spell

#: Differences of values beyond this may overflow.
LARGEST_VALUE = 1e300


def resolve_periods(cyclic, n_features, names):
    """Return the period of every feature.

    Parameters
    ----------
    cyclic : bool, list of columns or dict
        The parameter of the transformer.
    n_features : int
    names : sequence of str or None

    Returns
    -------
    list of ((float, float) or None)
        NaN for the range of the values; None for features that are not cyclic.
    """
    periods = [None] * n_features
    if isinstance(cyclic, bool | np.bool_):
        return [(np.nan, np.nan)] * n_features if cyclic else periods
    columns = Columns(None, n_features, names)
    if not isinstance(cyclic, dict):
        for index in columns.resolve(list(cyclic), "cyclic"):
            periods[index] = np.nan, np.nan
        return periods
    for key, period in cyclic.items():
        try:
            low, high = (float(end) for end in period)
            is_valid = np.isfinite(low) and np.isfinite(high) and low < high
        except (TypeError, ValueError):
            is_valid = False
        if not is_valid:
            raise ValueError(
                "cyclic must give (low, high) with low < high for every column. Got "
                f"{shown(period)} for {shown(key)}."
            )
        for index in columns.resolve(key, "cyclic"):
            periods[index] = low, high
    return periods


def resolve_pairs(pairs, n_features, names):
    """Return the indices of pairs of features.

    Parameters
    ----------
    pairs : list of pairs of columns or None
        The parameter of the transformer.
    n_features : int
    names : sequence of str or None

    Returns
    -------
    list of (int, int)
    """
    found, columns = [], Columns(None, n_features, names)
    for number, pair in enumerate(() if pairs is None else pairs):
        where = f"pairs: item {number} (counted from 0)"
        is_pair = isinstance(pair, list | tuple | np.ndarray) and len(pair) == 2
        index = []
        if is_pair:
            index = [int(i) for key in pair for i in columns.resolve(key, where)]
        if len(index) != 2 or index[0] == index[1]:
            raise ValueError(
                f"{where} is {shown(pair)}, but every item must be two different "
                "columns."
            )
        if set(index) in map(set, found):
            raise ValueError(f"{where}, {shown(pair)}, is in pairs already.")
        found.append(tuple(index))
    return found


def check_range(rows, names):
    """Raise a ValueError if values are too large for differences.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    names : sequence of str or None
    """
    # In single precision the bound is infinite.
    with np.errstate(invalid="ignore", over="ignore"):
        wrong = np.flatnonzero(np.any(np.abs(rows) > LARGEST_VALUE, axis=0))
    if len(wrong):
        raise ValueError(
            f"X has values beyond {LARGEST_VALUE:.0e} in the features "
            f"{spell(feature_list(wrong, names))}. Rescale them."
        )


def check_not_missing(rows, names):
    """Raise a ValueError that says what to do about missing values.

    Parameters
    ----------
    rows : ndarray of shape (n, n_features)
    names : sequence of str or None
    """
    missing = np.isnan(rows)
    wrong = np.flatnonzero(missing.any(axis=0))
    if len(wrong):
        raise ValueError(
            f"X has missing values (NaN) in {missing.any(axis=1).sum()} of {len(rows)} "
            f"rows, in the features {spell(feature_list(wrong, names))}. Use "
            "missing='indicator', which gives missing values an effect of their own, "
            "or fill them before."
        )
