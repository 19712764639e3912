"""The division of rows among splits."""

import numpy as np
import pytest

from sklearn_myhpo.data.blocks import sums_by_label
from sklearn_myhpo.data.over_parts import add, add_others
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.data.sums import Sums


def make_sums(n_atoms, seed=0):
    """Return random sums."""
    rng = np.random.default_rng(seed)
    return [
        Sums(rng.random((4, 4)), rng.random((3, 1)), rng.random())
        for _ in range(n_atoms)
    ]


@pytest.mark.parametrize("n_atoms", [2, 3, 7])
def test_sums_over_the_other_parts(n_atoms):
    """A training fold would miss rows or hold its own validation rows."""
    parts = make_sums(n_atoms)
    for number, others in enumerate(add_others(parts)):
        expected = add(parts[:number] + parts[number + 1 :])
        for a, b in zip(others, expected, strict=True):
            np.testing.assert_allclose(a, b)


@pytest.mark.parametrize("overlap", [False, True])
def test_the_parts_of_one_split(overlap):
    """Sums over a split alone would be over other rows, or over many kinds of them."""
    rng = np.random.default_rng(0)
    folds = np.array_split(rng.permutation(30), 6)
    pairs = [
        (np.concatenate([folds[k - 1], *folds[:k], *folds[k + 1 :]]), folds[k])
        for k in range(6)
    ]
    if overlap:
        pairs = [(rng.integers(0, 30, 25), rng.integers(0, 30, 9)) for _ in range(12)]
    parts = divide_rows(pairs, rng.uniform(0.5, 2, 30))
    for number in range(len(pairs)):
        alone = parts.only(number)
        for found, expected in zip(
            alone.weights(0), parts.weights(number), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
        if not overlap:
            assert alone.counts.shape[2] <= 4
    for found in parts.only(-1).weights(0):
        np.testing.assert_array_equal(found, parts.sample_weight)


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("overlap", [False, True])
def test_rows_of_one_side(overlap, in_order):
    """A row without weight would count, or one that is held out twice count once."""
    rng = np.random.default_rng(0)
    rows = np.arange(30) if in_order else rng.permutation(30)
    folds = np.array_split(rows, 3)
    pairs = [(np.concatenate([folds[k - 1], folds[k - 2]]), folds[k]) for k in range(3)]
    pairs[0] = pairs[0][0], np.append(pairs[0][1], pairs[0][1][:2])
    if overlap:
        pairs = [(rng.integers(0, 30, 25), rng.integers(0, 30, 9)) for _ in range(12)]
    weight = rng.uniform(0.5, 2, 30)
    weight[folds[0][1]] = 0.0
    parts = divide_rows(pairs, weight)
    for split, (train, held_out) in enumerate(pairs):
        index, own = parts.held_out(split)
        expected = weight * np.bincount(held_out, minlength=30)
        np.testing.assert_array_equal(index, np.flatnonzero(expected))
        np.testing.assert_allclose(own, expected[index])
        expected = weight * np.bincount(train, minlength=30)
        np.testing.assert_allclose(
            parts.train_shares()[split], expected / expected.sum()
        )
        np.testing.assert_allclose(parts.training(split), expected)


@pytest.mark.parametrize("n_rows", [0, 1, 40])
@pytest.mark.parametrize("in_order", [False, True])
def test_sums_of_labels(n_rows, in_order):
    """A fold that comes in several runs would lose some of its rows."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 5, n_rows)
    labels = np.roll(np.sort(labels), 3) if in_order else labels
    values = rng.random(n_rows)
    expected = [values[labels == label].sum() for label in range(6)]
    np.testing.assert_allclose(sums_by_label(labels, values, 6), expected)
