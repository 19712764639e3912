"""Rows beyond memory that a fit reads in few passes, without any list of rows."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .._messages import shown
from ..data.class_counts import ClassCounts
from ..data.fold_rules import fold_rule, is_rule, stratified_by
from ..data.hashed_sample import RowFacts, facts_of_block
from ..data.limits import row_limits
from ._checks import check_not_missing, check_not_text

#: Rows of the sample that a fit starts from: at least so many, and so many per feature.
SAMPLE_LEAST, SAMPLE_PER_FEATURE = 2**14, 32
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
    """

    are_few = True

    def __init__(self, source, facts):
        sample = facts.sample.in_order()
        rows = sample.X.toarray() if hasattr(sample.X, "toarray") else sample.X
        self.kept = self.sample = np.ascontiguousarray(rows, dtype=np.float64)
        self.head, self.dtype, self.shape = source.head, source.dtype, rows.shape
        self.y, self.sample_weight, self.key = sample.y, sample.weight, sample.key
        self.low, self.high = facts.low, facts.high
        self.n_passes = source.n_passes


def needs_no_list(model, solver, extras):
    """Whether a fit of batches can do without any array that is as long as they are.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    extras : sequence of object
        Arguments of `fit` beside the rows; None where not given.

    Returns
    -------
    bool
    """
    capabilities = solver.capabilities
    centres_alone = model.standardize and not model.fit_intercept
    return (
        model._reads_in_passes
        and all(one is None for one in extras)
        and is_rule(model.cv)
        and isinstance(model.criterion, str)
        and model.criterion == "validation"
        and model.shrinkage == 0
        and not centres_alone
        and capabilities.finds_minimizers
        and not capabilities.all_directions
    )


def read_long_rows(model, source):
    """Return the `LongRows` of a source after one pass, or `KeptRows` of few.

    Parameters
    ----------
    model : BilevelLinearModel
    source : RowSource

    Returns
    -------
    LongRows or KeptRows
    """
    with source:
        _check_first(model, source.first())
        most = _sample_rows(source.n_features)
        cv, has_classes = 5 if model.cv is None else model.cv, model._is_classifier
        waits = source.n_samples is None or has_classes
        rule = None
        if not (isinstance(cv, int | np.integer) and waits):
            rule = fold_rule(cv, source, random_state=model.random_state)
        facts = source.map_reduce(facts_of_block, rule, most, has_classes)
        if facts.sample.is_all:
            return KeptRows(source, facts)
        if rule is None and has_classes:
            rule = stratified_by(facts.counts, int(cv))
        elif rule is None:
            rule = fold_rule(cv, source)
        return LongRows(source, facts, rule)


def _sample_rows(n_features):
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
