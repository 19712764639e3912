"""One pass over rows beyond memory: losses, slopes and Hessians of all splits.

A pass runs one task per block of rows and adds up the results. The size of a result
does not depend on the number of rows.
"""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ...data.blocks import interleaved, lower_triangle, rows_by_label
from .third import third_of


class Reading(NamedTuple):
    """View of rows by a problem: their coordinates, targets, weights and folds.

    Attributes
    ----------
    view : RowView
    target : RowTarget
        Makes targets and weights of a block.
    rule : object
        Makes the fold of every row of a block.
    loss : Loss
    n_outputs : int
    """

    view: object
    target: object
    rule: object
    loss: object
    n_outputs: int

    @property
    def n_splits(self):
        """Number of splits."""
        return self.rule.n_splits

    @property
    def uses(self):
        """The `FoldUses`."""
        return self.rule.uses

    @property
    def shape(self):
        """Shape of a weight array."""
        return self.view.n_coordinates, self.n_outputs

    def visits(self, block, n_models):
        """Yield (kind, rows, targets, weights) of the rows that count, by kinds.

        In every family of splits a row is visited once.

        Parameters
        ----------
        block : Block
        n_models : int
            Weight arrays and moves that the rows are multiplied with.
        """
        y, weight = self.target.of(block)
        kinds, used = self.rule.kinds(block), None
        if not np.all(weight > 0):
            used = np.flatnonzero(weight)
            y, weight, kinds = y[used], weight[used], kinds[used]
        width = n_models * self.n_outputs * (3 + self.n_outputs)
        n_kinds = self.uses.n_kinds
        for rows, design in self.view.parts(block.X, used, width):
            for family in kinds[rows].T:
                for kind, index in rows_by_label(family, n_kinds):
                    yield kind, design.take(index), y[rows][index], weight[rows][index]


class Totals:
    """Arrays by name, which are added one by one.

    Parameters
    ----------
    arrays : dict of str to ndarray
    """

    def __init__(self, arrays):
        self.arrays = arrays

    def __getitem__(self, name):
        return self.arrays[name]

    def plus(self, other):
        """Return the sum."""
        return Totals(
            {name: one + other.arrays[name] for name, one in self.arrays.items()}
        )


class _Sums(NamedTuple):
    """Sums over some rows at several weights, one after another.

    Attributes
    ----------
    loss, square : ndarray of shape (k,)
        Of losses, and of their squares.
    slope : ndarray of shape (k, m, n_outputs)
    gram : ndarray of shape (k, m n_outputs, m n_outputs)
    raw : ndarray of shape (k, n_rows, n_outputs)
    """

    loss: np.ndarray
    square: np.ndarray
    slope: np.ndarray
    gram: np.ndarray
    raw: np.ndarray


@singledispatch
def common_of_block(block, reading, weights, constant):
    """Return sums over a block at the same weights for all splits, by kinds.

    Parameters
    ----------
    block : Block
    reading : Reading
    weights : ndarray of shape (m, n_outputs)
    constant : ndarray of shape (n_outputs,)
        Raw prediction of a model without features.

    Returns
    -------
    Totals
        "loss", "slope", "gram", and those of the constant, of every kind.
    """
    n_kinds = reading.uses.n_kinds
    out = zeros_of(reading, "", n_kinds) | null_zeros(reading, n_kinds)
    for kind, rows, y, weight in reading.visits(block, 1):
        found = sums_of(reading.loss, rows, y, weight, weights[None])
        for name in ("loss", "slope", "gram"):
            out[name][kind] += getattr(found, name)[0]
        add_null(out, kind, reading.loss, rows, y, weight, constant)
    return Totals(out)


@singledispatch
def own_of_block(block, reading, weights, constants, moves):
    """Return sums over a block at the weights of every split, and of all rows.

    Parameters
    ----------
    block : Block
    reading : Reading
    weights : ndarray of shape (n_splits + 1, m, n_outputs)
        Those of all rows last.
    constants : ndarray of shape (n_splits + 1, n_outputs) or None
        Raw predictions of the models without features; None if they are not needed.
    moves : Moves or None
        Of the weights of every split, for derivatives in lambda.

    Returns
    -------
    Totals
        "loss", "slope", "gram" of the training rows of every split and of all rows;
        the same, beginning with "held_", of the rows that a split holds out. Of moves
        "third", the third derivatives of the training losses along (q, J_a, J_b), and
        "lambda_slope", "lambda_square", sums of the slopes in lambda of held-out rows,
        and of their products over the weights.
    """
    n_splits, loss, uses = reading.n_splits, reading.loss, reading.uses
    out = zeros_of(reading, "", n_splits + 1) | zeros_of(reading, "held_", n_splits)
    out["held_square"] = np.zeros(n_splits)
    if constants is not None:
        out |= null_zeros(reading, n_splits + 1)
        out["held_null_loss"] = np.zeros(n_splits)
    n_moves = 0
    if moves is not None:
        n_moves = moves.responses.shape[1]
        out["third"] = np.zeros((n_splits, n_moves, n_moves))
        out["lambda_slope"] = np.zeros(n_moves)
        out["lambda_square"] = np.zeros((n_moves, n_moves))
    n_models = (n_splits + 1) * (1 + n_moves)

    def add(name, model, own):
        out[name][model] += own

    for kind, rows, y, weight in reading.visits(block, n_models):
        trains, held = uses.models[:, kind], uses.held_out[:, kind]
        used = np.flatnonzero(trains + np.append(held, 0))
        if not len(used):
            continue
        given = loss, rows, y, weight
        found = sums_of(*given, weights[used])
        add_models(add, found, used, trains, held)
        if constants is not None:
            for split in np.flatnonzero(trains):
                add_null(out, split, *given, constants[split], trains[split])
            for split in np.flatnonzero(held):
                raw = np.broadcast_to(constants[split], (len(y), reading.n_outputs))
                own = held[split] * (weight @ loss.value(y, raw))
                out["held_null_loss"][split] += own
        if moves is not None:
            raw = dict(zip(used.tolist(), found.raw, strict=True))
            _add_derivatives(out, trains[:-1], held, *given, raw, moves)
    return Totals(out)


def add_models(add, found, used, trains, held):
    """Add sums over rows of a kind to the parts that have them.

    Parameters
    ----------
    add : callable
        Takes the name of a sum, a model and what is added to it.
    found : _Sums
        At the weights of `used` models.
    used : ndarray of int
    trains : ndarray of int of shape (n_splits + 1,)
        How often training parts have the rows.
    held : ndarray of int of shape (n_splits,)
        How often validation parts have them.
    """
    for place, model in enumerate(used):
        for prefix, counts in (("", trains), ("held_", held)):
            count = counts[model] if model < len(counts) else 0
            for name in ("loss", "slope", "gram") if count else ():
                own = getattr(found, name)[place]
                add(prefix + name, model, multiple(count, own))
        if model < len(held) and held[model]:
            own = multiple(held[model] ** 2, found.square[place])
            add("held_square", model, own)


def multiple(count, array):
    """Return an integer times an array; for 1 the array itself, not a copy."""
    return array if count == 1 else float(count) * array


class Moves(NamedTuple):
    """Moves of the weights of every split.

    Attributes
    ----------
    responses : ndarray of shape (n_splits, k, m, n_outputs)
        J, in every lambda.
    adjoints : ndarray of shape (n_splits, m, n_outputs)
        q.
    wants_third : bool
        Whether to compute third derivatives.
    """

    responses: np.ndarray
    adjoints: np.ndarray
    wants_third: bool


def _add_derivatives(out, trains, held, loss, rows, y, weight, raw, moves):
    """Add the sums for derivatives in lambda."""
    slopes = 0.0
    for split in np.flatnonzero(held):
        images = images_of(rows, moves.responses[split])
        slope = weight[:, None] * loss.gradient(y, raw[split])
        slopes = slopes + held[split] * np.einsum("no,nko->nk", slope, images)
    if held.any():
        out["lambda_slope"] += slopes.sum(axis=0)
        out["lambda_square"] += slopes.T @ (slopes / weight[:, None])
    if not moves.wants_third:
        return
    for split in np.flatnonzero(trains):
        along = rows.forward(moves.adjoints[split])
        images = images_of(rows, moves.responses[split])
        found = third_of(loss, y, weight, raw[split], along, images)
        out["third"][split] += trains[split] * found


def images_of(rows, responses):
    """Return the raw predictions (n_rows, k, n_outputs) of moves (k, m, n_outputs)."""
    k, size, n_outputs = responses.shape
    raw = rows.forward(responses.transpose(1, 0, 2).reshape(size, -1))
    return raw.reshape(-1, k, n_outputs)


def zeros_of(reading, prefix, n):
    """Return arrays for the sums of losses, slopes and Hessians."""
    shape, size = reading.shape, int(np.prod(reading.shape))
    return {
        f"{prefix}loss": np.zeros(n),
        f"{prefix}slope": np.zeros((n, *shape)),
        f"{prefix}gram": np.zeros((n, size, size)),
    }


def null_zeros(reading, n):
    """Return arrays for the same of constants."""
    return {
        "null_loss": np.zeros(n),
        "null_slope": np.zeros((n, *reading.shape)),
        "null_bend": np.zeros((n, reading.n_outputs, reading.n_outputs)),
    }


def sums_of(loss, rows, y, weight, weights):
    """Return the `_Sums` of rows at weights (k, m, n_outputs)."""
    n_models, size, n_outputs = weights.shape
    raw = rows.forward(weights.transpose(1, 0, 2).reshape(size, -1))
    raw = np.ascontiguousarray(raw.reshape(-1, n_models, n_outputs).transpose(1, 0, 2))
    lower, upper = lower_triangle(n_outputs)
    total, square = np.empty((2, n_models))
    slopes = np.empty((len(y), n_models, n_outputs))
    bends = np.empty((len(y), n_models, len(lower)))
    for number, one in enumerate(raw):
        value, slope = loss.value_and_gradient(y, one)
        curvature = loss.curvature(y, one)[:, lower, upper]
        total[number], square[number] = weight @ value, weight @ value**2
        np.multiply(weight[:, None], slope, out=slopes[:, number])
        np.multiply(weight[:, None], curvature, out=bends[:, number])
    slope = rows.adjoint(slopes.reshape(len(y), -1))
    slope = slope.reshape(size, n_models, n_outputs).transpose(1, 0, 2)
    grams = rows.grams(bends.reshape(len(y), -1))
    grams = interleaved(grams.reshape(n_models, len(lower), size, size))
    return _Sums(total, square, slope, grams, raw)


def add_null(out, place, loss, rows, y, weight, constant, count=1):
    """Add the sums of a model without features."""
    weight = count * weight
    raw = np.broadcast_to(constant, (len(y), len(constant)))
    value, slope = loss.value_and_gradient(y, raw)
    out["null_loss"][place] += weight @ value
    out["null_slope"][place] += rows.adjoint(weight[:, None] * slope)
    out["null_bend"][place] += np.tensordot(weight, loss.curvature(y, raw), 1)
