"""Conversion of the parameter `feature_groups` to groups."""

from collections import Counter
from collections.abc import Hashable

import numpy as np

from .._messages import shown
from .columns import Columns, feature_list, spell
from .groups import FeatureGroups
from .labelled import labels_of

_ALLOWED = (
    'allowed are None (one group), "each" (one group per feature), "transformer" (one '
    "group per transformer of a ColumnTransformer), an array-like of n_features "
    "labels, or a list of (name, columns)"
)


def make_feature_groups(feature_groups, X, *, n_features, feature_names=None):
    """Turn the ``feature_groups`` parameter of an estimator into groups.

    Parameters
    ----------
    feature_groups : None, "each", "transformer", array-like of shape (n_features,) or \
list
        None is one group named "all", "each" one group per feature. "transformer" is
        one group per transformer of the columns, in the order of the columns: from
        the labels of a `sklearn_myhpo.GroupedColumnTransformer`, and otherwise from
        the prefixes before "__" in the feature names. Labels (ints or strings, by
        position) give groups in sorted order of the labels. A list of
        ``(name, columns)`` gives groups in that order, with columns as in
        `sklearn.compose.ColumnTransformer`: a name, an int (negative counts from
        the end), a list of either, a slice (of names: both ends included), a boolean
        mask, or a callable that takes `X` and returns one of these.
    X : {array-like, sparse matrix, dataframe}
        The features as passed by the user, for callables and "transformer".
    n_features : int
        The number of features.
    feature_names : sequence of str of length n_features, default=None
        The names of the features, if there are any.

    Returns
    -------
    FeatureGroups
        Groups; every feature is in exactly one group, and no group is empty.

    Raises
    ------
    TypeError
        If `feature_groups`, a group name or columns have an invalid type.
    ValueError
        If the groups do not fit the features: a feature in no or several groups,
        an unknown column, a wrong length, an empty group, a repeated group name.
    """
    if feature_groups is None:
        return FeatureGroups(np.zeros(n_features, dtype=np.intp), ("all",))
    if isinstance(feature_groups, str):
        if feature_groups == "transformer":
            return _groups_of_transformers(X, n_features, feature_names)
        if feature_groups != "each":
            raise ValueError(
                f"feature_groups={shown(feature_groups)} is not allowed; {_ALLOWED}."
            )
        return FeatureGroups(
            np.arange(n_features, dtype=np.intp),
            tuple(feature_list(range(n_features), feature_names)),
        )
    if isinstance(feature_groups, list | tuple) and any(
        isinstance(item, list | tuple) for item in feature_groups
    ):
        columns = Columns(X, n_features, feature_names)
        return _groups_from_pairs(feature_groups, columns)
    return _groups_from_labels(feature_groups, n_features)


def _groups_of_transformers(X, n_features, feature_names):
    labels = labels_of(X)
    if labels is None or len(labels) != n_features:
        labels = _prefixes(feature_names)
    number = {name: k for k, name in enumerate(dict.fromkeys(labels))}
    numbers = np.array([number[name] for name in labels], dtype=np.intp)
    return FeatureGroups(numbers, tuple(number))


def _prefixes(feature_names):
    """Return the prefixes of ColumnTransformer and FeatureUnion, before "__"."""
    where = 'feature_groups="transformer"'
    if feature_names is None:
        raise ValueError(
            f"{where}, but X is an array without the names of transformers. Use "
            "sklearn_myhpo.GroupedColumnTransformer as the step directly before the "
            "estimator; or, if all output is dense, ColumnTransformer with "
            '.set_output(transform="pandas").'
        )
    parts = [name.partition("__") for name in feature_names]
    bare = [prefix for prefix, separator, _ in parts if not separator]
    if bare:
        raise ValueError(
            f'{where} needs feature names like "num__age", with the transformer before '
            f'"__", but these have none: {spell(bare)}. Use a ColumnTransformer with '
            "verbose_feature_names_out=True, or give labels or (name, columns). After "
            'a PenalizedSplineTransformer leave set_output at "default": frames do not '
            "carry its groups."
        )
    return [prefix for prefix, _, _ in parts]


def _groups_from_labels(labels, n_features):
    # dtype object, because NumPy would convert the NaN of ["a", nan] to a string.
    is_list = isinstance(labels, list | tuple)
    array = np.array(labels, dtype=object) if is_list else np.asarray(labels)
    if array.ndim == 0:
        raise TypeError(f"feature_groups={shown(labels)} is not allowed; {_ALLOWED}.")
    if array.ndim > 1:
        raise ValueError(
            f"feature_groups is an array of shape {array.shape}, but labels must have "
            f"shape ({n_features},); {_ALLOWED}."
        )
    if array.size != n_features:
        raise ValueError(
            f"feature_groups has {array.size} labels, but X has {n_features} features; "
            "one label per feature is needed."
        )
    missing = [index for index, label in enumerate(array) if _is_missing(label)]
    if missing:
        raise ValueError(
            "feature_groups has a missing label (NaN or None) at index "
            f"{spell(missing)}; every feature needs a label."
        )
    try:
        names, numbers = np.unique(array, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            "feature_groups has labels that cannot be sorted; labels must be all ints "
            f"or all strings, got {shown(array.tolist())}."
        ) from error
    return FeatureGroups(numbers.astype(np.intp), tuple(names.tolist()))


def _is_missing(label):
    try:
        return label is None or bool(label != label)
    except (TypeError, ValueError):  # pandas.NA has no truth value
        return True


def _check_pairs(pairs):
    for number, pair in enumerate(pairs):
        where = f"feature_groups: item {number} (counted from 0)"
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(
                f"{where} is {shown(pair)}, but every item must be (name, columns)."
            )
        if not isinstance(pair[0], Hashable):
            raise TypeError(
                f"{where} has the name {shown(pair[0])}, but names must be "
                "hashable, like strings."
            )
    counts = Counter(name for name, _ in pairs)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(
            f"feature_groups has several groups named {spell(repeated)}; group names "
            "must be unique."
        )


def _groups_from_pairs(pairs, columns):
    _check_pairs(pairs)
    labels = np.zeros(columns.n_features, dtype=np.intp)
    memberships = np.zeros(columns.n_features, dtype=np.intp)
    for number, (name, key) in enumerate(pairs):
        members = np.unique(
            columns.resolve(key, f"feature_groups: group {shown(name)}")
        )
        if not members.size:
            raise ValueError(
                f"feature_groups: group {shown(name)} is empty ({shown(key)}); "
                "every group needs at least one feature."
            )
        labels[members] = number
        memberships[members] += 1
    for wrong, where in (
        (memberships == 0, "no group"),
        (memberships > 1, "several groups"),
    ):
        if wrong.any():
            features = feature_list(np.flatnonzero(wrong), columns.feature_names)
            raise ValueError(
                "feature_groups: every feature must be in exactly one group, but "
                f"these are in {where}: {spell(features)}."
            )
    return FeatureGroups(labels, tuple(name for name, _ in pairs))
