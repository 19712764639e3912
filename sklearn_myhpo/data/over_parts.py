"""Sums over the parts of splits, from sums over the kinds of rows."""

from functools import reduce

import numpy as np


class SumsOver:
    """Sums over parts from sums over kinds of rows."""

    def __init__(self, sums):
        self.sums, self._others = sums, None

    def __call__(self, counts):
        """Return the sum over kinds, each times its count."""
        left_out = np.flatnonzero(counts == 0)
        if len(left_out) == 1 and np.all(np.delete(counts, left_out) == 1):
            if self._others is None:
                self._others = add_others(self.sums)
            return self._others[left_out[0]]
        used = np.flatnonzero(counts)
        return add([_multiple(self.sums[kind], counts[kind]) for kind in used])


def _multiple(sums, count):
    if count == 1:
        return sums
    return type(sums)(*(count * values for values in sums))


def add(parts):
    """Return the NamedTuple of sums over the union of disjoint rows."""
    if len(parts) == 1:
        return parts[0]
    kind = type(parts[0])
    return kind(*(reduce(np.add, values) for values in zip(*parts, strict=True)))


def add_others(parts):
    """Return for every part the sums over all others, without subtraction."""
    before, after = [None], [None]
    for part in parts[:-1]:
        before.append(part if before[-1] is None else add([before[-1], part]))
    for part in parts[:0:-1]:
        after.append(part if after[-1] is None else add([part, after[-1]]))
    return [
        add([side for side in sides if side is not None])
        for sides in zip(before, after[::-1], strict=True)
    ]
