"""The passes of `stream_pass` over tensors; an import registers them.

Sums over rows are added where the rows live, and come to the host once per pass, as one
array per kind of sum.
"""

import numpy as np

from ...data.blocks import interleaved, lower_triangle
from ...data.statistics import ColumnMoments
from ...data.tensors.arrays import to_host
from ...data.tensors.rows import fold_rows
from ...data.tensors.source import TensorBlock
from ...losses.tensors import tensor_loss
from .stream_facts import FirstTotals, FoldFacts, first_of_block
from .stream_pass import Totals, common_of_block, own_of_block


class TensorTotals:
    """`Totals` whose arrays are where the rows live.

    Parameters
    ----------
    home : Home
    shapes : dict of str to tuple
        Number of places, and the shape of the array of each.
    n_outputs : int
    """

    def __init__(self, home, shapes, n_outputs):
        self.home, self.shapes, self.n_outputs = home, shapes, n_outputs
        self.places = {name: [None] * shape[0] for name, shape in shapes.items()}

    def add(self, name, place, value):
        """Add an array to a sum."""
        known = self.places[name][place]
        self.places[name][place] = value if known is None else known + value

    def plus(self, other):
        """Return the sum."""
        both = TensorTotals(self.home, self.shapes, self.n_outputs)
        for name in self.shapes:
            for one in (self, other):
                for place, value in enumerate(one.places[name]):
                    if value is not None:
                        both.add(name, place, value)
        return both

    def fetched(self):
        """Return the `Totals`."""
        found = {}
        for name, (n, *shape) in self.shapes.items():
            out, places = np.zeros((n, *shape)), self.places[name]
            used = [place for place, value in enumerate(places) if value is not None]
            if used:
                stack = self.home.xp.stack([places[place] for place in used])
                stack = to_host(stack).astype(np.float64)
                out[used] = stack.reshape(len(used), *shape)
            found[name] = self._in_form(name, out)
        return Totals(found)

    def _in_form(self, name, array):
        """Return an array as `Totals` have it."""
        if name.endswith("gram"):
            return interleaved(array)
        if name == "null_bend":
            out = np.empty((len(array), self.n_outputs, self.n_outputs))
            lower, upper = lower_triangle(self.n_outputs)
            out[:, lower, upper] = out[:, upper, lower] = array
            return out
        return array[0] if name.startswith("lambda_") else array


def _shapes(reading, prefix, n):
    """Return the shapes of the sums of losses, slopes and Hessians."""
    size, n_outputs = reading.shape
    n_pairs = n_outputs * (n_outputs + 1) // 2
    return {
        f"{prefix}loss": (n,),
        f"{prefix}slope": (n, size, n_outputs),
        f"{prefix}gram": (n, n_pairs, size, size),
    }


def _null_shapes(reading, n):
    """Return the shapes of the same of constants."""
    n_outputs = reading.n_outputs
    return {
        "null_loss": (n,),
        "null_slope": (n, *reading.shape),
        "null_bend": (n, n_outputs * (n_outputs + 1) // 2),
    }


class _Visit:
    """Rows of one fold with what a loss needs of them.

    Attributes
    ----------
    fold : int
    rows : array of shape (n, m)
    X : array of shape (n, n_features)
    y : object
        As the loss prepares it.
    weight : array of shape (n, 1)
    host : (ndarray, ndarray)
        y and the weights, of the host.
    """

    def __init__(self, own, loss, home, kept, column):
        self.fold, self.rows, self.X = own.fold, own.rows, own.X
        y, weight = (one[own.index] for one in column)
        self.host = y, weight
        if own.index_key not in kept:
            kept[own.index_key] = loss.prepare(y), home.put(weight[:, None])
        self.y, self.weight = kept[own.index_key]


def _visits(block, reading, loss, n_models):
    """Yield the `_Visit` of rows that count, by folds."""
    width = n_models * reading.n_outputs * (3 + reading.n_outputs)
    if "columns" not in block.kept:
        y, weight = reading.target.of(block)
        labels = np.where(weight > 0, reading.labels(block), -1)
        block.kept["columns"] = y, weight, labels
    *column, labels = block.kept["columns"]
    for own in fold_rows(block, labels, reading.n_splits + 1, reading.view, width):
        yield _Visit(own, loss, block.home, block.kept, column)


class _Sums:
    """Sums over the rows of a visit at several weights, one after another.

    Parameters
    ----------
    loss : TensorLoss
    visit : _Visit
    weights : array of shape (m, n_models n_outputs)
    n_models : int
    """

    def __init__(self, loss, visit, weights, n_models):
        xp, rows, weight = loss.xp, visit.rows, visit.weight
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
            self.slope.append(rows.T @ (weight * slope))
            grams = [
                (rows * bends[:, pair : pair + 1]).T @ rows
                for pair in range(bends.shape[1])
            ]
            self.gram.append(xp.stack(grams))


def _add_null(out, place, loss, visit, constant):
    """Add the sums of a model without features."""
    xp, weight, n_rows = loss.xp, visit.weight, visit.rows.shape[0]
    raw = xp.broadcast_to(loss.home.put(constant[None]), (n_rows, len(constant)))
    value, slope = loss.value_and_gradient(visit.y, raw)
    out.add("null_loss", place, xp.sum(weight[:, 0] * value))
    out.add("null_slope", place, visit.rows.T @ (weight * slope))
    bend = xp.sum(weight * loss.curvature(visit.y, raw), axis=0)
    out.add("null_bend", place, bend)


@common_of_block.register
def tensor_common(block: TensorBlock, reading, weights, constant):
    """Return sums over a tensor at the same weights for all splits, by folds."""
    return _common(block, reading, weights, constant, None)


def _common(block, reading, weights, constant, look):
    """Return the `TensorTotals`; `look` is called with every visit, where not None."""
    n_folds, home = reading.n_splits + 1, block.home
    shapes = _shapes(reading, "", n_folds) | _null_shapes(reading, n_folds)
    out = TensorTotals(home, shapes, reading.n_outputs)
    loss, at = tensor_loss(reading.loss, home), home.put(weights)
    for visit in _visits(block, reading, loss, 1):
        found = _Sums(loss, visit, at, 1)
        for name in ("loss", "slope", "gram"):
            out.add(name, visit.fold, getattr(found, name)[0])
        _add_null(out, visit.fold, loss, visit, constant)
        if look is not None:
            look(visit)
    return out


@first_of_block.register
def tensor_first(block: TensorBlock, reading, weights, constant, numbers):
    """Return `tensor_common` and the facts of the folds."""
    n_folds, loss, xp = reading.n_splits + 1, reading.loss, block.home.xp
    moments, has_constant = [None] * n_folds, np.zeros(n_folds, dtype=bool)
    totals = {
        "weight": np.zeros(n_folds),
        "n_rows": np.zeros(n_folds, dtype=np.intp),
        "classes": np.zeros((n_folds, loss.n_classes or 0), dtype=np.intp),
    }

    def look(visit):
        (y, weight), fold = visit.host, visit.fold
        loss.check_target(y)
        total = float(weight.sum())
        mean = xp.sum(visit.weight * visit.X, axis=0) / total
        moved = visit.X - mean[None, :]
        square = xp.sum(visit.weight * moved * moved, axis=0)
        own, known = ColumnMoments(total, mean, square), moments[fold]
        moments[fold] = own if known is None else known.plus(own)
        has_constant[fold] |= loss.has_constant(y, weight)
        totals["weight"][fold] += total
        totals["n_rows"][fold] += len(y)
        if loss.n_classes:
            totals["classes"][fold] += np.bincount(y, minlength=loss.n_classes)

    sums = _common(block, reading, weights, constant, look)
    first, last = np.searchsorted(numbers, [block.start, block.start + block.n_rows])
    own = numbers[first:last]
    labels = reading.labels(block)[own - block.start]
    return FirstTotals(
        sums, FoldFacts(Totals(totals), moments, has_constant, own, labels)
    )


@own_of_block.register
def tensor_own(block: TensorBlock, reading, weights, constants, moves):
    """Return sums over a tensor at the weights of every split, and of all rows."""
    n_splits, home = reading.n_splits, block.home
    shapes = _shapes(reading, "", n_splits + 1) | _shapes(reading, "held_", n_splits)
    shapes["held_square"] = (n_splits,)
    if constants is not None:
        shapes |= _null_shapes(reading, n_splits + 1)
        shapes["held_null_loss"] = (n_splits,)
    n_moves = 0 if moves is None else moves.responses.shape[1]
    if moves is not None:
        shapes |= {"third": (n_splits, n_moves, n_moves), "lambda_slope": (1, n_moves)}
        shapes["lambda_square"] = (1, n_moves, n_moves)
    out = TensorTotals(home, shapes, reading.n_outputs)
    loss, n_models = tensor_loss(reading.loss, home), n_splits + 1
    at = home.put(_side_by_side(weights))
    for visit in _visits(block, reading, loss, n_models * (1 + n_moves)):
        found = _Sums(loss, visit, at, n_models)
        _add_models(out, visit, found, n_splits)
        if constants is not None:
            _add_constants(out, loss, visit, constants, n_splits)
        if moves is not None:
            _add_derivatives(out, loss, visit, found.raw, moves)
    return out


def _side_by_side(weights):
    """Return weights (k, m, n_outputs) as columns of one matrix."""
    k, size, n_outputs = weights.shape
    return weights.transpose(1, 0, 2).reshape(size, k * n_outputs)


def _add_models(out, visit, found, n_splits):
    """Add sums to those of the training rows, and of the rows a split holds out."""
    fold = visit.fold
    for name in ("loss", "slope", "gram"):
        each = getattr(found, name)
        for split, value in enumerate(each):
            if split != fold or fold == n_splits:
                out.add(name, split, value)
        if fold < n_splits:
            out.add(f"held_{name}", fold, each[fold])
    if fold < n_splits:
        out.add("held_square", fold, found.square[fold])


def _add_constants(out, loss, visit, constants, n_splits):
    """Add the sums of models without features."""
    xp, fold = loss.xp, visit.fold
    for split in range(n_splits + 1):
        if split != fold or fold == n_splits:
            _add_null(out, split, loss, visit, constants[split])
    if fold < n_splits:
        n_rows, constant = visit.rows.shape[0], constants[fold]
        raw = xp.broadcast_to(loss.home.put(constant[None]), (n_rows, len(constant)))
        value, _ = loss.value_and_gradient(visit.y, raw)
        out.add("held_null_loss", fold, xp.sum(visit.weight[:, 0] * value))


def _add_derivatives(out, loss, visit, raw, moves):
    """Add the sums for derivatives in lambda."""
    xp, home, fold = loss.xp, loss.home, visit.fold
    n_splits, n_moves, _, n_outputs = moves.responses.shape

    def images(split):
        found = visit.rows @ home.put(_side_by_side(moves.responses[split]))
        return xp.reshape(found, (-1, n_moves, n_outputs))

    if fold < n_splits:
        _, slope = loss.value_and_gradient(visit.y, raw[fold])
        slope = visit.weight * xp.sum(slope[:, None, :] * images(fold), axis=2)
        out.add("lambda_slope", 0, xp.sum(slope, axis=0))
        out.add("lambda_square", 0, slope.T @ (slope / visit.weight))
    if not moves.wants_third:
        return
    for split in range(n_splits):
        if split != fold:
            along = visit.rows @ home.put(moves.adjoints[split])
            given = visit.y, raw[split], visit.weight, along, images(split)
            out.add("third", split, loss.third(*given))
