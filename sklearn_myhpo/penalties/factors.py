"""Conversion of the parameter `penalty_factors` to factors in the penalty."""

import numpy as np

from .._messages import shown
from .columns import Columns, feature_list, spell
from .groups import FeatureGroups

#: Limits of a positive factor. Outside them, squares of rescaled features leave the
#: range of floating point numbers.
LEAST, LARGEST = 1e-50, 1e50
_ALLOWED = (
    "allowed are None (ones), an array-like of n_features numbers, or a list of "
    f"(columns, factor); a factor is 0 (never penalized) or from {LEAST:.0e} to "
    f"{LARGEST:.0e}"
)


def make_penalty_factors(penalty_factors, X, *, n_features, feature_names=None):
    """Turn the ``penalty_factors`` parameter of an estimator into factors.

    Parameters
    ----------
    penalty_factors : None, array-like of shape (n_features,) or list
        None means one for every feature. A list of ``(columns, factor)`` has columns as
        in `sklearn.compose.ColumnTransformer`; features outside these columns have
        factor one.
    X : {array-like, sparse matrix, dataframe}
        The features as passed by the user, for callables.
    n_features : int
        The number of features.
    feature_names : sequence of str of length n_features, default=None
        The names of the features, if there are any.

    Returns
    -------
    ndarray of shape (n_features,) or None
        Factors, at least zero and not all zero; None for ones.

    Raises
    ------
    TypeError
        If `penalty_factors` or columns have an invalid type.
    ValueError
        If a factor is negative, NaN or out of range, if all factors are zero, if their
        number is wrong, or if a column is unknown or named twice.
    """
    if penalty_factors is None:
        return None
    if isinstance(penalty_factors, list | tuple) and any(
        isinstance(item, list | tuple) for item in penalty_factors
    ):
        columns = Columns(X, n_features, feature_names)
        factors = _from_pairs(penalty_factors, columns)
    else:
        factors = _as_numbers(penalty_factors)
        if factors.shape != (n_features,):
            raise ValueError(
                f"penalty_factors has the shape {factors.shape}, but X has "
                f"{n_features} features; {_ALLOWED}."
            )
    _check(factors, feature_names)
    return factors


def _as_numbers(values):
    is_text = isinstance(values, str | bytes | dict | set)
    try:
        numbers = None if is_text else np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        numbers = None
    if numbers is None or numbers.ndim == 0:
        raise TypeError(f"penalty_factors={shown(values)} is not allowed; {_ALLOWED}.")
    return numbers


def _from_pairs(pairs, columns):
    factors = np.ones(columns.n_features)
    times = np.zeros(columns.n_features, dtype=np.intp)
    for number, pair in enumerate(pairs):
        where = f"penalty_factors: item {number} (counted from 0)"
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(
                f"{where} is {shown(pair)}, but every item must be (columns, factor)."
            )
        key, factor = pair
        index = np.unique(columns.resolve(key, where))
        if not index.size:
            raise ValueError(f"{where} names no feature ({shown(key)}); leave it out.")
        try:
            factors[index] = float(factor)
        except (TypeError, ValueError):
            raise TypeError(
                f"{where} has the factor {shown(factor)}; {_ALLOWED}."
            ) from None
        times[index] += 1
    if np.any(times > 1):
        several = feature_list(np.flatnonzero(times > 1), columns.feature_names)
        raise ValueError(
            "penalty_factors: every feature may be named once, but these are in "
            f"several items: {spell(several)}."
        )
    return factors


def _check(factors, feature_names):
    good = (factors == 0) | ((factors >= LEAST) & (factors <= LARGEST))
    if not np.all(good):
        wrong = np.flatnonzero(~good)
        values = ", ".join(f"{value:.3g}" for value in np.unique(factors[wrong])[:3])
        raise ValueError(
            f"penalty_factors has the values {values} for the features "
            f"{spell(feature_list(wrong, feature_names))}; {_ALLOWED}."
        )
    if not np.any(factors):
        raise ValueError(
            "penalty_factors is 0 for all features, so that nothing is penalized and "
            "there is no lambda to learn. Give one feature a positive factor, or use "
            "an estimator without a penalty."
        )


def with_factors(groups, factors, *, may_drop):
    """Return groups with factors in the penalty.

    Parameters
    ----------
    groups : FeatureGroups
        Groups without factors.
    factors : ndarray of shape (n_features,) or None
        Result of `make_penalty_factors`.
    may_drop : bool
        Whether to drop a group without a penalized feature. True for groups that follow
        from the features; otherwise such a group is an error.

    Returns
    -------
    FeatureGroups
        Groups with factors; features with factor zero are in no group.

    Raises
    ------
    ValueError
        If a group has no penalized feature and `may_drop` is false.
    """
    if factors is None:
        return groups
    positive = factors > 0
    sizes = np.bincount(groups.labels[positive], minlength=groups.n_groups)
    kept = np.flatnonzero(sizes)
    if len(kept) < groups.n_groups and not may_drop:
        empty = [groups.names[number] for number in np.flatnonzero(sizes == 0)]
        raise ValueError(
            "penalty_factors is 0 for all features of these groups, so that their "
            f"lambdas have no effect: {spell(empty)}. Put these features into another "
            "group of feature_groups, or give one of them a positive factor."
        )
    number = np.full(groups.n_groups, len(kept))
    number[kept] = np.arange(len(kept))
    labels = np.where(positive, number[groups.labels], len(kept))
    names = tuple(groups.names[index] for index in kept)
    return FeatureGroups(labels, names, factors)
