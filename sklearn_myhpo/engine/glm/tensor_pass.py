"""The passes of `stream_pass` over tensors; an import registers them.

Sums over rows are added on the device of the rows and are copied to the host once per
pass, as one array per kind of sum.
"""

import numpy as np

from ...data.statistics import ColumnMoments
from ...data.tensors.rows import kind_rows
from ...data.tensors.source import TensorBlock
from ...losses.tensors import tensor_loss
from .stream_facts import FirstTotals, FoldFacts, first_of_block
from .stream_pass import Totals, add_models, common_of_block, multiple, own_of_block
from .tensor_sums import TensorTotals, null_shapes, shapes_of


class Visit:
    """Rows of one kind with what a loss needs of them.

    Attributes
    ----------
    kind : int
    rows : array of shape (n, m)
    X : array of shape (n, n_features)
    y : object
        As the loss prepares it.
    weight : array of shape (n, 1)
    host : (ndarray, ndarray)
        y and the weights, of the host.
    """

    def __init__(self, own, loss, home, kept, column):
        self.kind, self.rows, self.X = own.kind, own.rows, own.X
        y, weight = (one[own.index] for one in column)
        self.host = y, weight
        if own.index_key not in kept:
            kept[own.index_key] = loss.prepare(y), home.put(weight[:, None])
        self.y, self.weight = kept[own.index_key]


def visits_of(block, reading, loss, n_models):
    """Yield the `Visit` of rows that count, by kinds; one per family."""
    width = n_models * reading.n_outputs * (3 + reading.n_outputs)
    if "columns" not in block.kept:
        y, weight = reading.target.of(block)
        kinds = np.where((weight > 0)[:, None], reading.rule.kinds(block), -1)
        block.kept["columns"] = y, weight, kinds
    *column, kinds = block.kept["columns"]
    for family in kinds.T:
        given = family, reading.uses.n_kinds, reading.view, width
        for own in kind_rows(block, *given):
            yield Visit(own, loss, block.home, block.kept, column)


class _Sums:
    """Sums over the rows of a visit at several weights, one after another.

    Parameters
    ----------
    loss : TensorLoss
    visit : Visit
    weights : array of shape (m, n_models n_outputs)
    n_models : int
    """

    def __init__(self, loss, visit, weights, n_models):
        xp, home, rows, weight = loss.xp, loss.home, visit.rows, visit.weight
        raw = rows @ weights
        n_outputs = raw.shape[1] // n_models
        self.raw = [
            raw[:, one * n_outputs : (one + 1) * n_outputs] for one in range(n_models)
        ]
        self.loss, self.square, self.slope, self.gram = [], [], [], []
        for one in self.raw:
            value, slope = loss.value_and_gradient(visit.y, one)
            bends = weight * loss.curvature(visit.y, one)
            self.loss.append(xp.sum(weight[:, 0] * value))
            self.square.append(xp.sum(weight[:, 0] * value * value))
            self.slope.append(home.products(rows, weight * slope))
            grams = [
                home.products(rows * bends[:, pair : pair + 1], rows)
                for pair in range(bends.shape[1])
            ]
            self.gram.append(xp.stack(grams))


def add_null(out, place, loss, visit, constant, count=1):
    """Add the sums of a model without features."""
    xp, n_rows = loss.xp, visit.rows.shape[0]
    weight = multiple(count, visit.weight)
    raw = xp.broadcast_to(loss.home.put(constant[None]), (n_rows, len(constant)))
    value, slope = loss.value_and_gradient(visit.y, raw)
    out.add("null_loss", place, xp.sum(weight[:, 0] * value))
    out.add("null_slope", place, loss.home.products(visit.rows, weight * slope))
    bend = xp.sum(weight * loss.curvature(visit.y, raw), axis=0)
    out.add("null_bend", place, bend)


@common_of_block.register
def tensor_common(block: TensorBlock, reading, weights, constant):
    """Return sums over a tensor at the same weights for all splits, by kinds."""
    return _common(block, reading, weights, constant, None)


def _common(block, reading, weights, constant, look):
    """Return the `TensorTotals`; `look` is called with every visit, where not None."""
    n_kinds, home = reading.uses.n_kinds, block.home
    shapes = shapes_of(reading, "", n_kinds) | null_shapes(reading, n_kinds)
    out = TensorTotals(home, shapes, reading.n_outputs)
    loss, at = tensor_loss(reading.loss, home), home.put(weights)
    for visit in visits_of(block, reading, loss, 1):
        found = _Sums(loss, visit, at, 1)
        for name in ("loss", "slope", "gram"):
            out.add(name, visit.kind, getattr(found, name)[0])
        add_null(out, visit.kind, loss, visit, constant)
        if look is not None:
            look(visit)
    return out


@first_of_block.register
def tensor_first(block: TensorBlock, reading, weights, constant, numbers):
    """Return `tensor_common` and the facts of the folds."""
    n_kinds, loss, xp = reading.uses.n_kinds, reading.loss, block.home.xp
    moments, has_constant = [None] * n_kinds, np.zeros(n_kinds, dtype=bool)
    totals = {
        "weight": np.zeros(n_kinds),
        "n_rows": np.zeros(n_kinds, dtype=np.intp),
        "classes": np.zeros((n_kinds, loss.n_classes or 0), dtype=np.intp),
    }

    def look(visit):
        (y, weight), kind = visit.host, visit.kind
        loss.check_target(y)
        total = float(weight.sum())
        mean = xp.sum(visit.weight * visit.X, axis=0) / total
        moved = visit.X - mean[None, :]
        square = xp.sum(visit.weight * moved * moved, axis=0)
        own, known = ColumnMoments(total, mean, square), moments[kind]
        moments[kind] = own if known is None else known.plus(own)
        has_constant[kind] |= loss.has_constant(y, weight)
        totals["weight"][kind] += total
        totals["n_rows"][kind] += len(y)
        if loss.n_classes:
            totals["classes"][kind] += np.bincount(y, minlength=loss.n_classes)

    sums = _common(block, reading, weights, constant, look)
    first, last = np.searchsorted(numbers, [block.start, block.start + block.n_rows])
    own = numbers[first:last]
    kinds = reading.rule.kinds(block)[own - block.start]
    facts = FoldFacts(Totals(totals), moments, has_constant, own, kinds)
    return FirstTotals(sums, facts)


@own_of_block.register
def tensor_own(block: TensorBlock, reading, weights, constants, moves):
    """Return sums over a tensor at the weights of every split, and of all rows."""
    n_splits, home = reading.n_splits, block.home
    shapes = shapes_of(reading, "", n_splits + 1) | shapes_of(
        reading, "held_", n_splits
    )
    shapes["held_square"] = (n_splits,)
    if constants is not None:
        shapes |= null_shapes(reading, n_splits + 1)
        shapes["held_null_loss"] = (n_splits,)
    n_moves = 0 if moves is None else moves.responses.shape[1]
    if moves is not None:
        shapes |= {"third": (n_splits, n_moves, n_moves), "lambda_slope": (1, n_moves)}
        shapes["lambda_square"] = (1, n_moves, n_moves)
    out = TensorTotals(home, shapes, reading.n_outputs)
    loss, n_models = tensor_loss(reading.loss, home), n_splits + 1
    models, held_out, columns = reading.uses.models, reading.uses.held_out, {}
    for visit in visits_of(block, reading, loss, n_models * (1 + n_moves)):
        trains, held = models[:, visit.kind], held_out[:, visit.kind]
        used = np.flatnonzero(trains + np.append(held, 0))
        if not len(used):
            continue
        if used.tobytes() not in columns:
            columns[used.tobytes()] = home.put(_side_by_side(weights[used]))
        found = _Sums(loss, visit, columns[used.tobytes()], len(used))
        add_models(out.add, found, used, trains, held)
        if constants is not None:
            _add_constants(out, loss, visit, constants, trains, held)
        if moves is not None:
            raw = dict(zip(used.tolist(), found.raw, strict=True))
            _add_derivatives(out, loss, visit, trains[:-1], held, raw, moves)
    return out


def _side_by_side(weights):
    """Return weights (k, m, n_outputs) as columns of one matrix."""
    k, size, n_outputs = weights.shape
    return weights.transpose(1, 0, 2).reshape(size, k * n_outputs)


def _add_constants(out, loss, visit, constants, trains, held):
    """Add the sums of models without features."""
    for split in np.flatnonzero(trains):
        add_null(out, split, loss, visit, constants[split], trains[split])
    for split in np.flatnonzero(held):
        n_rows, constant = visit.rows.shape[0], loss.home.put(constants[split][None])
        raw = loss.xp.broadcast_to(constant, (n_rows, constant.shape[1]))
        value, _ = loss.value_and_gradient(visit.y, raw)
        own = loss.xp.sum(visit.weight[:, 0] * value)
        out.add("held_null_loss", split, multiple(held[split], own))


def _add_derivatives(out, loss, visit, trains, held, raw, moves):
    """Add the sums for derivatives in lambda."""
    xp, home = loss.xp, loss.home
    _, n_moves, _, n_outputs = moves.responses.shape

    def images(split):
        found = visit.rows @ home.put(_side_by_side(moves.responses[split]))
        return xp.reshape(found, (-1, n_moves, n_outputs))

    slopes = 0.0
    for split in np.flatnonzero(held):
        _, slope = loss.value_and_gradient(visit.y, raw[split])
        slope = visit.weight * xp.sum(slope[:, None, :] * images(split), axis=2)
        slopes = slopes + multiple(held[split], slope)
    if held.any():
        out.add("lambda_slope", 0, xp.sum(slopes, axis=0))
        square = home.products(slopes, slopes / visit.weight)
        out.add("lambda_square", 0, square)
    if not moves.wants_third:
        return
    for split in np.flatnonzero(trains):
        along = visit.rows @ home.put(moves.adjoints[split])
        given = visit.y, raw[split], visit.weight, along, images(split)
        out.add("third", split, multiple(trains[split], loss.third(*given)))
