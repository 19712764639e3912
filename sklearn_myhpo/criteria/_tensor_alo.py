"""Approximate leave-one-out of rows in a tensor; an import registers the task.

The symbols are those of `_leave_one_out`, and the pass is that of `streamed`, in the
namespace of the tensor.
"""

import numpy as np

from ..data.tensors.source import TensorBlock
from ..engine.glm.tensor_pass import add_null, visits_of
from ..engine.glm.tensor_sums import TensorTotals, null_shapes, shapes_of
from ..losses.tensors import tensor_loss
from ._leave_one_out import LEAST_GAP
from .streamed import left_out_of_block


@left_out_of_block.register
def tensor_left_out(block: TensorBlock, reading, w, total, given, constants):
    """Return sums over a tensor for the criterion and for the model of all rows."""
    home, o, (size, _) = block.home, reading.n_outputs, reading.shape
    shapes = shapes_of(reading, "", 2) | shapes_of(reading, "held_", 1)
    shapes |= {"held_square": (1,), "value": (1,), "slope_raw": (1, *reading.shape)}
    shapes["spread"] = (1, o * (o + 1) // 2, size, size)
    if constants is not None:
        shapes |= null_shapes(reading, 2) | {"held_null_loss": (1,)}
    out, loss = TensorTotals(home, shapes, o), tensor_loss(reading.loss, home)
    at, inverse, sandwich = map(home.put, (w, *given))
    for visit in visits_of(block, reading, loss, 4 + 2 * o):
        found = _LeftOut(loss, visit, at, total, inverse, sandwich)
        _add_whole(out, found, visit)
        for model in (0, 1) if constants is not None else ():
            add_null(out, model, loss, visit, constants[model])
        if constants is not None:
            raw = home.xp.broadcast_to(home.put(constants[0][None]), found.raw.shape)
            value, _ = loss.value_and_gradient(visit.y, raw)
            out.add("held_null_loss", 0, home.xp.sum(visit.weight[:, 0] * value))
        out.add("value", 0, found.value)
        out.add("spread", 0, _grams(found.pairs(found.spread), visit.rows, home))
        out.add("slope_raw", 0, home.products(visit.rows, found.slope))
    return out


def _add_whole(out, found, visit):
    """Add the sums of the model of all rows; every row trains and is judged."""
    xp, rows, weight = found.xp, visit.rows, visit.weight
    gram = _grams(weight * found.bends, rows, found.home)
    own = {
        "loss": xp.sum(weight[:, 0] * found.loss),
        "slope": found.home.products(rows, weight * found.gradient),
        "gram": gram,
    }
    for name, one in own.items():
        for place in (0, 1):
            out.add(name, place, one)
        out.add(f"held_{name}", 0, one)
    out.add("held_square", 0, xp.sum(weight[:, 0] * found.loss * found.loss))


def _grams(bends, rows, home):
    """Return the products of columns, one matrix per column of weights (n, n_pairs)."""
    each = range(bends.shape[1])
    weighted = (rows * bends[:, one : one + 1] for one in each)
    return home.xp.stack([home.products(one, rows) for one in weighted])


class _LeftOut:
    """Leave-one-out raw predictions of rows, on their device.

    Parameters
    ----------
    loss : TensorLoss
    visit : Visit
    at : array of shape (m, o)
        Weights.
    total : float
        Sum of the weights of all rows.
    inverse, sandwich : array of shape (m o, m o)
        As in `Inverses`.

    Attributes
    ----------
    raw, gradient : array of shape (n, o)
    loss : array of shape (n,)
        Of the model of all rows, like `raw` and `gradient`.
    bends : array of shape (n, n_pairs)
        Its curvature.
    value : array of shape ()
        The criterion.
    spread : array of shape (n, o, o)
        Its derivatives in A_i.
    slope : array of shape (n, o)
        Its derivatives in m_i, including those through L_i.
    """

    def __init__(self, loss, visit, at, total, inverse, sandwich):
        self.xp, self.home, self.o = loss.xp, loss.home, at.shape[1]
        y, rows, share = visit.y, visit.rows, visit.weight / float(total)
        raw = rows @ at
        self.raw, self.bends = raw, loss.curvature(y, raw)
        self.loss, self.gradient = loss.value_and_gradient(y, raw)
        shares, curvature = share[:, :, None], self._squares(self.bends)
        leverage = shares * self._forms(rows, inverse)
        gap = self._gap_inverse(self._product(curvature, leverage))
        u = self._product(gap, self.gradient[:, :, None])
        shift = self._product(leverage, u)[:, :, 0]
        value, slope = loss.value_and_gradient(y, raw + shift)
        self.value = self.xp.sum(share[:, 0] * value)
        force = self._product(gap, shares * slope[:, :, None])
        spread = force * self._turned(u)
        self.spread = 0.5 * shares * (spread + self._turned(spread))
        moved = self._product(leverage, force)[:, :, 0]
        forms, through = self._forms(rows, sandwich), 0.0
        for output, unit in enumerate(np.eye(self.o)):
            unit = self.xp.broadcast_to(self.home.put(unit[None]), raw.shape)
            own = loss.third_slope(y, raw, unit, forms[:, output, :])
            through = through + own
        own = loss.third_slope(y, raw, moved, shift)
        self.slope = force[:, :, 0] + own - share * through

    def _product(self, a, b):
        """Return the products of stacks of small matrices."""
        return a * b if self.o == 1 else a @ b

    def _turned(self, stack):
        """Return a stack of small matrices, each transposed."""
        return self.xp.permute_dims(stack, (0, 2, 1))

    def _squares(self, lower):
        """Return the symmetric matrices (n, o, o) of given lower triangles."""
        o, number = self.o, np.empty((self.o, self.o), dtype=np.int64)
        left, right = np.tril_indices(o)
        number[left, right] = number[right, left] = np.arange(len(left))
        index = self.home.put_index(number.reshape(-1))
        return self.xp.reshape(self.xp.take(lower, index, axis=1), (-1, o, o))

    def pairs(self, stack):
        """Return the lower triangles (n, n_pairs) of symmetric matrices."""
        left, right = np.tril_indices(self.o)
        flat = self.xp.reshape(stack, (-1, self.o**2))
        index = self.home.put_index(left * self.o + right)
        return self.xp.take(flat, index, axis=1)

    def _forms(self, rows, matrix):
        """Return the quadratic forms (n, o, o) of rows in a matrix (m o, m o)."""
        o, size = self.o, rows.shape[1]
        parts = self.xp.reshape(matrix, (size, o, size, o))
        left, right = np.tril_indices(o)
        found = [
            self.xp.sum((rows @ parts[:, a, :, b]) * rows, axis=1)
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        ]
        return self._squares(self.xp.stack(found, axis=1))

    def _gap_inverse(self, own):
        """Return the inverses of I - L_i A_i; L_i A_i has eigenvalues below one."""
        if self.o == 1:
            return 1.0 / self.xp.clip(1.0 - own, min=LEAST_GAP)
        eye = self.home.put((1.0 + LEAST_GAP) * np.eye(self.o))[None, :, :]
        return self.home.linalg("inv", "leaving out rows of several classes")(eye - own)
