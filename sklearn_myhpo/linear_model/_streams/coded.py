"""Classes as targets of ridge regression, for rows that are not in memory."""

from numbers import Integral

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from ...data.cv import check_cv_type
from ...data.folds.class_counts import classes_of_block
from ...data.folds.rules import fold_rule, stratified_by
from ...data.streams.coded_rows import ClassCode, CodedRows, CodedRule, LabelCode
from ...data.streams.joined import JoinedSource
from .._checks import check_not_missing
from .._own_validation import check_known_labels


def coded_rows(model, source, rule_of):
    """Return rows with targets -1 and 1, and their folds, and set the classes.

    Parameters
    ----------
    model : RidgeClassifierModel
        Its `_is_multilabel` says whether y has a column per label.
    source : RowSource
    rule_of : callable
        Takes the source, and returns the rule of its splits; None for that of a number
        `cv`.

    Returns
    -------
    rows : CodedRows
    rule : FoldRule or None
        None if a criterion is minimized.
    """
    y = source.first().y
    check_not_missing(y)
    model._is_coded = False
    if model._is_multilabel:
        code, counts = _code_of_labels(model, y), None
    else:
        code, counts = _code_of_classes(model, source)
    rule = rule_of(source)
    if rule is None and model.criterion == "validation":
        rule = _rule_of_number(model, source, counts)
    return CodedRows(source, code), None if rule is None else CodedRule(rule)


def _code_of_labels(model, y):
    """Return the code of columns of zeros and ones, one per label."""
    model._weigh_classes(y, np.ones(len(y)), None)
    model._check_target(y, np.ones(len(y)))
    return LabelCode()


def _code_of_classes(model, source):
    """Return the code of labels, and the `ClassCounts`, after one pass."""
    check_classification_targets(source.first().y)
    if isinstance(source, JoinedSource):
        counts, more = source.map_parts(classes_of_block)
        check_known_labels(counts, more)
    else:
        counts = source.map_reduce(classes_of_block)
    weights, _ = model._weigh_classes(counts.classes, counts.weight, None)
    model._check_target(counts.classes, weights)
    factors = None if model.class_weight is None else model.class_weight_
    return ClassCode(model.classes_, factors), counts


def _rule_of_number(model, source, counts):
    """Return the rule of the parameter `cv`, given the counts of classes."""
    cv = 5 if model.cv is None else model.cv
    check_cv_type(cv)
    if isinstance(cv, Integral) and counts is not None:
        return stratified_by(counts, int(cv))
    return fold_rule(cv, source, random_state=model.random_state)
