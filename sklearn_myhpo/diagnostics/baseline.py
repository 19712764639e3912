"""The validation loss of a model without features."""

import numpy as np

from ..data.blocks import as_slice
from ..data.few_targets import target_slices


def baseline_loss(loss, y, parts, fit_intercept, *, per_target=False):
    """Return the mean held-out loss of the best model with an intercept alone.

    The intercept is that of the training rows of every split; zero without one.

    Parameters
    ----------
    loss : Loss
    y : ndarray
        As the loss expects it.
    parts : RowParts
        The splits.
    fit_intercept : bool
    per_target : bool, default=False
        Whether every target of a squared loss has a loss of its own.

    Returns
    -------
    float, or ndarray of shape (n_targets,) if `per_target`
    """
    if loss.is_quadratic:
        each = np.empty(y.shape[1])
        for part in target_slices(y.shape[1], len(y)):
            each[part] = _squares(y[:, part], parts, fit_intercept)
        return each if per_target else each.sum()
    total = 0.0
    for split in range(parts.n_splits):
        train, held_out = parts.weights(split)
        start = np.zeros(loss.n_outputs(y))
        if fit_intercept:
            used = np.flatnonzero(train)
            start = np.atleast_1d(loss.intercept_start(y[used], train[used]))
        own = np.flatnonzero(held_out)
        raw = np.broadcast_to(start, (len(own), len(start)))
        total += held_out[own] @ loss.value(y[own], raw)
    return total / parts.totals[:, 1].sum()


def _squares(y, parts, fit_intercept):
    """Return the mean held-out squared losses of some targets (n_samples, k)."""
    total = np.zeros(y.shape[1])
    for split in range(parts.n_splits):
        start = 0.0
        if fit_intercept:
            train = parts.training(split)
            start = train @ y / train.sum()
        own, weight = parts.held_out(split)
        total += weight @ (0.5 * (y[as_slice(own)] - start) ** 2)
    return total / parts.totals[:, 1].sum()
