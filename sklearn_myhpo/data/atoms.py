"""Disjoint sets of rows, and sums over them."""

from functools import reduce

import numpy as np


def add(parts):
    """Return the NamedTuple of sums over the union of disjoint rows."""
    if len(parts) == 1:
        return parts[0]
    kind = type(parts[0])
    return kind(*(reduce(np.add, values) for values in zip(*parts, strict=True)))


def add_others(parts):
    """Return for every part the sums over all others; nothing is subtracted."""
    before, after = [None], [None]
    for part in parts[:-1]:
        before.append(part if before[-1] is None else add([before[-1], part]))
    for part in parts[:0:-1]:
        after.append(part if after[-1] is None else add([part, after[-1]]))
    return [
        add([side for side in sides if side is not None])
        for sides in zip(before, after[::-1], strict=True)
    ]


def disjoint_atoms(parts):
    """Return sets of rows that the parts are made of, and how to put them together.

    A training fold is the sum of the other folds and not all rows minus its own:
    nothing cancels.

    Returns
    -------
    atoms : list of ndarray of shape (n_samples,)
        Row weights.
    combine : callable
        Given the sums over every atom, returns those over every part.
    """
    *pairs, (total, _) = parts
    if len(pairs) == 1 and _are_complementary(parts):

        def combine_halves(sums):
            whole = add(sums)
            return [tuple(sums), (whole, whole)]

        return list(pairs[0]), combine_halves
    if _are_folds(parts):

        def combine_folds(sums):
            whole = add(sums)
            return [*zip(add_others(sums), sums, strict=True), (whole, whole)]

        return [validation for _, validation in pairs], combine_folds

    def combine_pairs(sums):
        whole = sums[-1]
        return [*zip(sums[:-1:2], sums[1:-1:2], strict=True), (whole, whole)]

    return [weight for pair in pairs for weight in pair] + [total], combine_pairs


def _are_complementary(parts):
    """Whether every pair is made of all rows."""
    *pairs, (total, _) = parts
    return all(np.array_equal(train + held_out, total) for train, held_out in pairs)


def _are_folds(parts):
    """Whether validation parts make up all rows, and each training part the rest."""
    *pairs, (total, _) = parts
    held_out = sum(validation for _, validation in pairs)
    return _are_complementary(parts) and np.array_equal(held_out, total)
