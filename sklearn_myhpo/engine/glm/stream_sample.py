"""A sample of the rows that a model predicts worst, drawn by importance."""

import numpy as np

from ...data.streams.weighed_sample import WeighedSample

#: Least importance of a row, as a share of its importance in the model without
#: features.
LEAST_IMPORTANCE = 0.02


def surprising_of_block(block, reading, weights, constant, most):
    """Return the `WeighedSample` of a block: a task.

    The importance of a row is the slope plus the curvature of its loss. Where classes
    are nearly separable, the few rows between them determine nearly all of the weights.

    Parameters
    ----------
    block : Block
    reading : Reading
    weights : ndarray of shape (m, n_outputs)
    constant : ndarray of shape (n_outputs,)
        Raw prediction of a model without features.
    most : int
        Rows of the sample.

    Returns
    -------
    WeighedSample
    """
    y, weight = reading.target.of(block)
    used = np.flatnonzero(weight)
    importance = np.empty(len(used))
    for rows, design in reading.view.parts(block.X, used, 4 * reading.n_outputs**2):
        own = y[used[rows]]
        raw = design.forward(weights)
        null = np.broadcast_to(constant, raw.shape)
        size, least = (_size(reading.loss, own, one) for one in (raw, null))
        importance[rows] = size + LEAST_IMPORTANCE * least
    kind = reading.rule.kinds(block)[used]
    return WeighedSample.of(block, used, kind, weight[used] * importance, most)


def _size(loss, y, raw):
    """Return the slope and the curvature of every row, added up."""
    _, slope = loss.value_and_gradient(y, raw)
    bend = np.einsum("noo->n", loss.curvature(y, raw))
    return np.linalg.norm(slope, axis=1) + bend
