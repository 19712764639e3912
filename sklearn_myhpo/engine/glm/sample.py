"""A generalized linear model of a sample of the rows, for rough estimates."""

import numpy as np

from ...data.sampling import every_kth
from .splits import build_full_split


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
    rows = every_kth(len(split.y), n_rows)
    y, weight = split.y[rows], split.train_weight[rows]
    if rows.step == 1 or not np.any(weight):
        return split
    return build_full_split(
        split.rows.take(rows),
        y,
        weight,
        coordinates=split.coordinates,
        feature_shift=split.feature_shift,
        pinning=split.pinning,
        loss=split.loss,
        counts=split.counts,
        plan=split.plan.of_rows(len(y)),
    )
