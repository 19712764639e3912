"""Targets and weights of blocks."""

import numpy as np

from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.data.streams.target import RowTarget

X = np.zeros((4, 1))


def test_numbers():
    """Counts in integers would overflow, or a column be taken for several targets."""
    block = Block(X, np.array([[1], [2], [3], [4]], dtype=np.int8), None, 0, 0)
    y, weight = RowTarget().of(block)
    np.testing.assert_array_equal(y, [1.0, 2.0, 3.0, 4.0])
    assert y.dtype == np.float64
    np.testing.assert_array_equal(weight, 1.0)


def test_classes_and_their_weights():
    """Labels without weight would be those of another class, with its weight."""
    labels, given = np.array(["b", "c", "a", "b"]), np.array([1.0, 0.0, 2.0, 3.0])
    block = Block(X, labels, given, 0, 0)
    target = RowTarget(np.array(["a", "b"]), np.array([10.0, 100.0]))
    index, weight = target.of(block)
    np.testing.assert_array_equal(weight, [100.0, 0.0, 20.0, 300.0])
    np.testing.assert_array_equal(index[weight > 0], [1, 0, 1])
    assert index.dtype.kind == "i"
