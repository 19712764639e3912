"""Rows beyond memory, read in few passes and without a list of rows."""

from numbers import Integral
from typing import NamedTuple

from sklearn.utils.multiclass import check_classification_targets

from ..._messages import shown
from ...data.cv import check_cv_type
from ...data.folds.class_counts import ClassCounts
from ...data.folds.rules import fold_rule, stratified_by
from ...data.limits import row_limits
from ...data.moments.passes import check_some_weight
from ...data.streams.hashed_sample import RowFacts, facts_of_block
from ...data.streams.joined import JoinedSource, OwnValidation
from .._checks import check_not_missing, check_not_text
from .._own_validation import check_known_labels

#: Rows of the sample from which a fit starts: the minimum, and rows per weight.
SAMPLE_LEAST, SAMPLE_PER_WEIGHT = 2**14, 32
#: Maximum size of the sample, in blocks.
SAMPLE_BLOCKS = 4


class LongRows(NamedTuple):
    """Rows that are not kept, and the facts from the first pass.

    Attributes
    ----------
    source : RowSource
    facts : RowFacts
        The classes are those of the training rows.
    rule : FoldRule
    given : TensorGiven or None
        Held-out rows of a tensor, where `scoring` or `store_cv_results` ask for them.
    """

    source: object
    facts: RowFacts
    rule: object
    given: object = None

    @property
    def counts(self) -> ClassCounts:
        """Numbers of rows of every class, and sums of their weights."""
        return self.facts.counts

    @property
    def n_weights(self):
        """Number of weights of a model: those of all classes but one."""
        n_classes = 2 if self.counts is None else len(self.counts.classes)
        return self.source.n_features * max(1, n_classes - 1)

    @property
    def has_own_validation(self):
        """Whether the only split is the user's validation set."""
        return isinstance(self.rule, OwnValidation)


def first_look(model, source, rule):
    """Return the facts from a pass that needs no weights of a model.

    Parameters
    ----------
    model : BilevelLinearModel
    source : RowSource
    rule : FoldRule or None
        None for that of the parameter `cv`.

    Returns
    -------
    LongRows
        Its rule is None if the sample has all rows and `cv` is a number of folds.
    """
    cv, has_classes = 5 if model.cv is None else model.cv, model._is_classifier
    _check_first(model, source.first())
    is_number = rule is None and isinstance(cv, Integral)
    if rule is None:
        check_cv_type(cv)
        if not (is_number and (source.n_samples is None or has_classes)):
            rule = fold_rule(cv, source, random_state=model.random_state)
    facts = _facts(source, rule, has_classes)
    check_some_weight(facts.has_weight)
    if facts.sample.is_all and is_number:
        rule = None
    elif rule is None and has_classes:
        rule = stratified_by(facts.counts, int(cv))
    elif rule is None:
        rule = fold_rule(cv, source)
    return LongRows(source, facts, rule)


def _facts(source, rule, has_classes):
    """Return the `RowFacts`; those of classes are of training rows."""
    given = facts_of_block, rule, sample_rows(source.n_features), has_classes
    if not isinstance(source, JoinedSource):
        return source.map_reduce(*given)
    own, more = source.map_parts(*given)
    if has_classes:
        check_known_labels(own.counts, more.counts)
    return own.plus(more)._replace(counts=own.counts)


def sample_rows(n_features, n_outputs=1):
    """Return the number of rows of a sample of a loss with some outputs."""
    most = SAMPLE_BLOCKS * row_limits().block_entries // max(1, n_features)
    least = max(SAMPLE_LEAST, SAMPLE_PER_WEIGHT * n_features * n_outputs)
    return max(2, min(most, least))


def _check_first(model, block):
    """Raise if y of the first rows is not valid for the estimator."""
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
