"""Rows that are formed by blocks, in `fit`: read in few passes where that serves."""

import numpy as np

from ..data.folds.rules import listed_folds
from ..data.formed import FormedDesign
from ..data.streams.formed import FormedSource
from ._checks import check_weights
from ._long_rows import LongRows, gives_models, read_long_rows
from ._pass_bar import PassBar


def read_formed(model, solver, X, y, sample_weight, metadata, has_own_validation):
    """Return the rows of a fit whose columns are formed by blocks, after one pass.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X : object
        Argument of `fit`.
    y : ndarray
    sample_weight : ndarray or None
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    has_own_validation : bool
        Whether `fit` got a validation set.

    Returns
    -------
    LongRows or None
        None for another X, and where single rows are looked at, as by folds that are
        no division of the rows.
    """
    if not isinstance(X, FormedDesign) or has_own_validation:
        return None
    if not gives_models(model, solver):
        return None
    given = X, y
    X, y = model._check_data(X, y)
    weight = check_weights(sample_weight, X)
    metadata = model._metadata_of_splits(X, *metadata)
    pairs = model._choose_pairs(
        given, (X, y), weight, metadata, own=None, criterion=None
    )
    rule = listed_folds(pairs, np.flatnonzero(weight), len(y))
    if rule is None:
        return None
    source = FormedSource(X, y, None if sample_weight is None else weight)
    PassBar.watch(model, source)
    found, *_ = read_long_rows(model, source, rule=rule) or [None]
    return found if isinstance(found, LongRows) else None
