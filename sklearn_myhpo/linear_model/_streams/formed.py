"""Rows that are formed in blocks, in `fit`, read in few passes where possible."""

from ...data.folds.listed import list_folds
from ...data.streams.formed import FormedSource
from ...engine.glm.stream_plan import hessian_bytes
from .._checks import check_weights
from .long_rows import first_look
from .pass_bar import PassBar
from .sources import Read, obstacle_to_passes

#: Bytes of the Hessians of all splits, beyond which only their products are used.
MOST_HESSIAN_BYTES = 2**30


def read_formed(model, solver, X, y, sample_weight, metadata):
    """Return the rows of a fit whose columns are formed by blocks, after one pass.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X : FormedDesign
    y : ndarray
    sample_weight : ndarray or None
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.

    Returns
    -------
    Read or None
        None if rows are few, single rows are needed, or Hessians are too large.
    """
    if model.criterion != "validation" or obstacle_to_passes(model, solver):
        return None
    given = X, y
    X, y = model._check_data(X, y)
    weight = check_weights(sample_weight, X)
    metadata = model._metadata_of_splits(X, *metadata)
    pairs = model._choose_pairs(
        given, (X, y), weight, metadata, own=None, criterion=None
    )
    source = FormedSource(X, y, None if sample_weight is None else weight)
    PassBar.watch(model, source)
    with source:
        rows = first_look(model, source, list_folds(pairs, len(y)))
    n_bytes = hessian_bytes(rows.n_weights, rows.rule.n_splits)
    if rows.facts.sample.is_all or n_bytes > MOST_HESSIAN_BYTES:
        return None
    return Read(rows, None, None)
