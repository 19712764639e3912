"""A sample of the rows that a model predicts worst, drawn by importance."""

from typing import NamedTuple

import numpy as np

from ...data.streams.weighed_sample import WeighedSample

#: Least importance of a row, as a share of its importance in the model without
#: features.
LEAST_IMPORTANCE = 0.02
#: Mean square of a far row's coordinates, in units of that of all rows.
FAR = 4.0
#: Random directions in which the lengths of rows are measured.
N_PROBES = 8


class Drawing(NamedTuple):
    """How rows are drawn.

    Attributes
    ----------
    most : int
        Rows of the sample.
    probes : ndarray of shape (m, k)
        Random directions, in which rows have a mean square of one.
    """

    most: int
    probes: np.ndarray

    @classmethod
    def of(cls, most, view, X, weight):
        """Return that for rows like some of X, seen by a `RowView`."""
        shape, share = (view.n_coordinates, N_PROBES), weight / weight.sum()
        signs = np.random.default_rng(0).choice([-1.0, 1.0], shape)
        unit = np.sqrt(view.of(X).squares(share[:, None])[:, 0])
        return cls(most, signs / np.where(unit > 0, unit, np.inf)[:, None])


class Drawn(NamedTuple):
    """Results of a pass, with a sample.

    Attributes
    ----------
    totals : Totals
    sample : WeighedSample
    """

    totals: object
    sample: WeighedSample

    def plus(self, other):
        """Return the sum of both."""
        return Drawn(self.totals.plus(other.totals), self.sample.plus(other.sample))


def drawing_of_block(block, task, given, reading, weights, constant, drawing):
    """Return the results of a task, with a sample: a task.

    Parameters
    ----------
    block : Block
    task : callable
    given : tuple
        Its arguments.
    reading, weights, constant, drawing
        As in `surprising_of_block`.

    Returns
    -------
    Drawn
    """
    sample = surprising_of_block(block, reading, weights, constant, drawing)
    return Drawn(task(block, *given), sample)


def surprising_of_block(block, reading, weights, constant, drawing):
    """Return the `WeighedSample` of a block: a task.

    The importance of a row is the slope plus the curvature of its loss, times its
    length. Where classes are nearly separable, the few rows between them determine
    nearly all of the weights. A move of the weights changes the slopes of far rows
    most.

    Parameters
    ----------
    block : Block
    reading : Reading
    weights : ndarray of shape (m, n_outputs)
    constant : ndarray of shape (n_outputs,)
        Raw prediction of a model without features.
    drawing : Drawing

    Returns
    -------
    WeighedSample
    """
    y, weight = reading.target.of(block)
    used = np.flatnonzero(weight)
    given = y[used], weight[used], reading, weights, constant, drawing
    importance = importance_of(block.X, used, *given)
    kind = reading.rule.kinds(block)[used]
    return WeighedSample.of(block, used, kind, importance, drawing.most)


def importance_of(X, used, y, weight, reading, weights, constant, drawing):
    """Return the importance of rows of X, as in `surprising_of_block`.

    Parameters
    ----------
    X : ndarray or CSR array
    used : ndarray of int of shape (n,)
        Rows.
    y, weight : ndarray of shape (n,)
        Targets as of the loss, and weights of these rows.
    reading, weights, constant, drawing
        As in `surprising_of_block`.

    Returns
    -------
    ndarray of shape (n,)
    """
    importance = np.empty(len(used))
    for rows, design in reading.view.parts(X, used, 4 * reading.n_outputs**2):
        raw = design.forward(weights)
        null = np.broadcast_to(constant, raw.shape)
        size, least = (_size(reading.loss, y[rows], one) for one in (raw, null))
        square = np.mean(design.forward(drawing.probes) ** 2, axis=1)
        square = np.maximum(square / (FAR * len(drawing.probes)), 1.0)
        importance[rows] = np.sqrt(square) * size + LEAST_IMPORTANCE * square * least
    return weight * importance


def _size(loss, y, raw):
    """Return the slope and the curvature of every row, added up."""
    _, slope = loss.value_and_gradient(y, raw)
    bend = np.einsum("noo->n", loss.curvature(y, raw))
    return np.linalg.norm(slope, axis=1) + bend
