"""Checks of splits for rows that are read in passes."""

from numbers import Integral

import numpy as np

from ..._messages import shown
from ...data.cv import warn_if_rare
from ...data.folds.rules import Stratified


def check_splits(model, rule, facts):
    """Raise if a split lacks rows of a part, or a class in the training part.

    Parameters
    ----------
    model : BilevelLinearModel
    rule : FoldRule
    facts : FoldFacts
    """
    totals, uses, n_splits = facts.totals, rule.uses, rule.n_splits
    is_number = model.cv is None or isinstance(model.cv, Integral)
    if model._is_classifier and isinstance(rule, Stratified) and is_number:
        sizes, labels = totals["classes"].sum(axis=0), model.classes_.tolist()
        warn_if_rare(n_splits, sizes, lambda one: shown(labels[one]), model._say)
    name = f"cv={shown(model.cv)}: fold"
    parts = uses.train, uses.held_out
    n_rows = [table @ totals["n_rows"] for table in parts]
    of_classes = uses.train @ totals["classes"]
    present = totals["classes"].sum(axis=0) > 0
    for fold in range(n_splits):
        if not n_rows[1][fold] and n_rows[1].any():
            # Left out, as by a fit of rows in memory.
            continue
        where = f"{name} {fold} (counted from 0)"
        if not uses.refits_all:
            where = "X_val"
        for part, count in zip(("training", "validation"), n_rows, strict=True):
            if not count[fold]:
                raise ValueError(
                    f"{where}: the {part} part has no row with positive sample "
                    "weight; both parts need at least one."
                )
        missing = np.flatnonzero((of_classes[fold] == 0) & present)
        if len(missing):
            label = shown(model.classes_[missing].tolist()[0])
            raise ValueError(
                f"{where}: the training part has no row of class {label}; every "
                "class must occur in every training part, as the loss of held-out "
                "rows of an unknown class is infinite. What would work: drop rare "
                "classes or merge them, or fewer folds."
            )
        if not facts.has_constant[uses.train[fold] > 0].any():
            if model.criterion != "validation" or not facts.has_constant.any():
                raise ValueError(
                    "y is zero in all rows with a positive weight, and a mean of zero "
                    f"has no logarithm. {model._name()} needs a positive y."
                )
            if not uses.refits_all:
                raise ValueError(
                    "y is zero in all rows with a positive weight, only y_val is "
                    f"not. {model._name()} needs a positive y to train on."
                )
            raise ValueError(
                f"{where}: the training part has only rows with y = 0, and a mean "
                "of zero has no logarithm. Use cv=RowFolds(5) of "
                "sklearn_myhpo.data, or fewer folds."
            )
