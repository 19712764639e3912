"""The splits of a generalized linear model, built from rows and their parts."""

from .split import GLMSplit, HeldOut


def build_glm_splits(rows, y, parts, *, penalty_scales=None, **shared):
    """Return one `GLMSplit` per split.

    Parameters
    ----------
    rows : Design
        Centred if there is an intercept.
    y : ndarray
        Target as the loss expects it.
    parts : RowParts
    penalty_scales : sequence of (ndarray or None), optional
        Factors of the penalty of every split.
    **shared
        Further parameters of `GLMSplit`.

    Returns
    -------
    list of GLMSplit
    """
    shares = parts.train_shares()
    splits = []
    for number, share in enumerate(shares):
        index, weight = parts.held_out(number)
        held_out = HeldOut(index, weight / weight.sum())
        own = {"train_weight": share, "held_out": held_out}
        if penalty_scales is not None:
            own["penalty_scale"] = penalty_scales[number]
        splits.append(GLMSplit(rows=rows, y=y, **own, **shared))
    return splits


def build_full_split(rows, y, sample_weight, **shared):
    """Return the `GLMSplit` trained and validated on all rows."""
    share = sample_weight / sample_weight.sum()
    own = HeldOut.of(sample_weight)
    return GLMSplit(rows=rows, y=y, train_weight=share, held_out=own, **shared)
