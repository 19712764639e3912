"""A generalized linear model of some of the rows, for estimates that need no more."""

import numpy as np

from .split_set import build_full_split


def sampled_split(split, n_rows):
    """Return the `GLMSplit` of about every k-th row, `n_rows` of them or all.

    Parameters
    ----------
    split : GLMSplit
        Of all rows.
    n_rows : int

    Returns
    -------
    GLMSplit
    """
    step = max(1, len(split.y) // n_rows)
    index = np.arange(0, len(split.y), step)
    if step == 1 or not np.any(split.train_weight[index]):
        return split
    return build_full_split(
        split.rows.take(slice(None, None, step)),
        split.y[index],
        split.train_weight[index],
        coordinates=split.coordinates,
        feature_shift=split.feature_shift,
        pinning=split.pinning,
        loss=split.loss,
        counts=split.counts,
        plan=split.plan.of_rows(len(index)),
    )
