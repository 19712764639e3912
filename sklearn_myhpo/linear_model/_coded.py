"""Classes of rows that are not in memory, as targets of ridge regression."""

from sklearn.utils.multiclass import check_classification_targets

from ..data.folds.class_counts import count_classes
from ..data.folds.rules import fold_rule
from ..data.streams.coded_rows import ClassCode, CodedRows, CodedRule
from ._checks import check_not_missing


def coded_rows(model, source):
    """Return rows with targets -1 and 1, and their folds, and set the classes.

    Parameters
    ----------
    model : RidgeClassifierModel
    source : RowSource

    Returns
    -------
    rows : CodedRows
    rule : CodedRule

    Raises
    ------
    ValueError
        If y is not one column of labels.
    """
    y = source.first().y
    if y.ndim == 2 and y.shape[1] > 1:
        raise ValueError(
            "y from Dask must have one label per row for a ridge classifier. Got "
            f"{y.shape[1]} columns; fit one estimator to each."
        )
    check_not_missing(y)
    check_classification_targets(y)
    model._is_multilabel = model._is_coded = False
    counts = count_classes(source)
    weights, _ = model._weigh_classes(counts.classes, counts.weight, None)
    model._check_target(counts.classes, weights)
    factors = None if model.class_weight is None else model.class_weight_
    rule = fold_rule(
        model.cv, source, is_classifier=True, random_state=model.random_state
    )
    return CodedRows(source, ClassCode(model.classes_, factors)), CodedRule(rule)
