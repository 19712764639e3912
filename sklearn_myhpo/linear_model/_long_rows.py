"""Rows beyond memory that a fit reads in few passes, without any list of rows."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .._messages import shown
from ..data.cv import check_cv_type
from ..data.folds.class_counts import ClassCounts
from ..data.folds.rules import fold_rule, is_rule, stratified_by
from ..data.limits import row_limits
from ..data.moments.passes import check_some_weight
from ..data.streams.design import BatchesDesign
from ..data.streams.hashed_sample import RowFacts, facts_of_block
from ..engine.glm.stream_plan import hessian_bytes
from ._checks import check_not_missing, check_not_text

#: Rows of the sample that a fit starts from: at least so many, and so many per feature.
SAMPLE_LEAST, SAMPLE_PER_FEATURE = 2**14, 32
#: Bytes of rows in double precision up to which mapped ones are copied.
MOST_COPIED = 2**30
#: Bytes of the Hessians of all splits up to which they are formed.
MOST_BYTES = 2**30
#: Blocks whose entries the sample may have.
SAMPLE_BLOCKS = 4


class LongRows(NamedTuple):
    """Rows that are not kept, and what the first pass has found.

    Attributes
    ----------
    source : RowSource
    facts : RowFacts
    rule : object
        Of the folds.
    """

    source: object
    facts: RowFacts
    rule: object

    @property
    def counts(self) -> ClassCounts:
        """Numbers of rows of every class, and sums of their weights."""
        return self.facts.counts


class KeptRows:
    """All rows of batches, where these are few; as `BatchRows` after its passes.

    Parameters
    ----------
    source : RowSource
    facts : RowFacts
        With a sample of all rows.
    has_list : bool
        Whether `cv` divides the rows as in memory.
    """

    are_few = True
    n_passes = 1

    def __init__(self, source, facts, has_list):
        sample = facts.sample.in_order()
        rows = sample.X.toarray() if hasattr(sample.X, "toarray") else sample.X
        self.kept = self.sample = np.ascontiguousarray(rows, dtype=np.float64)
        self.head, self.dtype, self.shape = source.head, source.dtype, rows.shape
        self.y, self.sample_weight = sample.y, sample.weight
        self.labels = None if has_list else sample.label
        self.low, self.high = facts.low, facts.high


def needs_no_list(model, solver, metadata, has_own_validation):
    """Whether a fit of batches can do without any array that is as long as they are.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    has_own_validation : bool
        Whether `fit` got a validation set.

    Returns
    -------
    bool
    """
    capabilities = solver.capabilities
    centres_alone = model.standardize and not model.fit_intercept
    return (
        model._reads_in_passes
        and metadata[0] is None
        and not (metadata[1] or has_own_validation)
        and is_rule(model.cv)
        and isinstance(model.criterion, str)
        and model.criterion == "validation"
        and model.shrinkage == 0
        and model.n_starts == 1
        and not centres_alone
        and capabilities.finds_minimizers
        and not capabilities.all_directions
    )


def needs_no_copy(model, X):
    """Whether X is too large to be copied, and folds are the same where it is not.

    Parameters
    ----------
    model : BilevelLinearModel
        Of which `needs_no_list` is true.
    X : object
        The argument of `fit`.

    Returns
    -------
    bool
    """
    if not isinstance(X, np.ndarray) or 8 * X.size <= MOST_COPIED:
        return False
    is_float = isinstance(model.cv, Real) and not isinstance(model.cv, Integral)
    looks_up = model.scoring is not None or model.store_cv_results
    return not (is_float or looks_up)


def read_long_rows(model, source, most_bytes=None):
    """Return X, y and weights of a fit of a source, after one pass.

    None where Hessians are too large, so that only products of them may be asked for.

    Parameters
    ----------
    model : BilevelLinearModel
    source : RowSource
    most_bytes : int, default=None
        Of the Hessians; None for as many as pay beside products of them.

    Returns
    -------
    X : LongRows or BatchesDesign
        The latter of few rows, which are kept.
    y : ndarray or None
        None with `LongRows`; so are the weights.
    sample_weight : ndarray or None
    """
    with source:
        rows = first_look(model, source)
    if isinstance(rows, KeptRows):
        return BatchesDesign(rows), rows.y, rows.sample_weight
    n_outputs = max(1, len(rows.counts.classes) - 1) if model._is_classifier else 1
    n_bytes = hessian_bytes(source.n_features * n_outputs, rows.rule.n_splits)
    if n_bytes <= (MOST_BYTES if most_bytes is None else most_bytes):
        return rows, None, None
    return None


def first_look(model, source):
    """Return what a pass finds that needs no weights of a model.

    Parameters
    ----------
    model : BilevelLinearModel
    source : RowSource

    Returns
    -------
    LongRows or KeptRows
        The latter of few rows.
    """
    cv, has_classes = 5 if model.cv is None else model.cv, model._is_classifier
    check_cv_type(cv)
    _check_first(model, source.first())
    most = sample_rows(source.n_features)
    is_number = isinstance(cv, Integral)
    rule = None
    if not (is_number and (source.n_samples is None or has_classes)):
        rule = fold_rule(cv, source, random_state=model.random_state)
    facts = source.map_reduce(facts_of_block, rule, most, has_classes)
    check_some_weight(facts.has_weight)
    if facts.sample.is_all:
        return KeptRows(source, facts, is_number)
    if rule is None and has_classes:
        rule = stratified_by(facts.counts, int(cv))
    elif rule is None:
        rule = fold_rule(cv, source)
    return LongRows(source, facts, rule)


def pairs_of_labels(labels):
    """Return training and validation rows of folds, -1 or more than all for none."""
    found = np.unique(labels[labels >= 0])
    return [
        (np.flatnonzero(labels != fold), np.flatnonzero(labels == fold))
        for fold in found
    ]


def sample_rows(n_features):
    """Return the number of rows of a sample."""
    most = SAMPLE_BLOCKS * row_limits().block_entries // max(1, n_features)
    return max(2, min(most, max(SAMPLE_LEAST, SAMPLE_PER_FEATURE * n_features)))


def _check_first(model, block):
    """Raise where y of the first rows is none that an estimator takes."""
    y = block.y
    if y.ndim != 1 and y.shape[1:] != (1,):
        raise ValueError(
            f"y should be a 1d array, got an array of shape {y.shape} instead."
        )
    check_not_missing(y)
    if model._is_classifier:
        check_classification_targets(y)
    else:
        check_not_text(y)
        if y.dtype.kind not in "fiub":
            raise ValueError(f"y must be numeric for a regressor. Got {shown(y[:3])}.")
