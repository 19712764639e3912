"""Sums over rows, added on the device of the rows, one array per kind of sum."""

import numpy as np

from ...data.blocks import interleaved, lower_triangle
from ...data.tensors.arrays import Compensated, to_host
from .stream_pass import Totals

#: Names of sums of one place, beside those of derivatives in lambda.
SINGLE = ("value", "slope_raw", "spread")


class TensorTotals:
    """`Totals` whose arrays are on the device of the rows.

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
        known, value = self.places[name][place], self.home.total(value)
        self.places[name][place] = value if known is None else known + value

    def plus(self, other):
        """Return the sum."""
        both = TensorTotals(self.home, self.shapes, self.n_outputs)
        for name in self.shapes:
            pairs = zip(self.places[name], other.places[name], strict=True)
            both.places[name] = [_either(*pair) for pair in pairs]
        return both

    def fetched(self):
        """Return the `Totals`."""
        found = {}
        for name, (n, *shape) in self.shapes.items():
            out, places = np.zeros((n, *shape)), self.places[name]
            used = [place for place, value in enumerate(places) if value is not None]
            if used:
                stack = self._stacked([places[place] for place in used])
                out[used] = stack.reshape(len(used), *shape)
            found[name] = self._in_form(name, out)
        return Totals(found)

    def _stacked(self, sums):
        """Return sums as one array of the host."""
        if not self.home.is_single:
            return to_host(self.home.xp.stack(sums)).astype(np.float64)
        both = [[one.value for one in sums], [one.rest for one in sums]]
        return Compensated(*map(self.home.xp.stack, both)).fetched()

    def _in_form(self, name, array):
        """Return an array as `Totals` have it."""
        if name.endswith("gram"):
            return interleaved(array)
        if name == "spread":
            array = interleaved(array)
        if name == "null_bend":
            out = np.empty((len(array), self.n_outputs, self.n_outputs))
            lower, upper = lower_triangle(self.n_outputs)
            out[:, lower, upper] = out[:, upper, lower] = array
            return out
        return array[0] if name in SINGLE or name.startswith("lambda_") else array


def _either(first, second):
    """Return the sum of two arrays, or that which is not None."""
    if first is None or second is None:
        return second if first is None else first
    return first + second


def shapes_of(reading, prefix, n):
    """Return the shapes of the sums of losses, slopes and Hessians."""
    size, n_outputs = reading.shape
    n_pairs = n_outputs * (n_outputs + 1) // 2
    return {
        f"{prefix}loss": (n,),
        f"{prefix}slope": (n, size, n_outputs),
        f"{prefix}gram": (n, n_pairs, size, size),
    }


def null_shapes(reading, n):
    """Return the shapes of the same of constants."""
    n_outputs = reading.n_outputs
    return {
        "null_loss": (n,),
        "null_slope": (n, *reading.shape),
        "null_bend": (n, n_outputs * (n_outputs + 1) // 2),
    }
