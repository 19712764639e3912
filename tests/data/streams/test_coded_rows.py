"""Labels as targets -1 and 1, where the rows are."""

import numpy as np
import pytest

from sklearn_myhpo.data import Batches, RowFolds
from sklearn_myhpo.data.folds.rules import stratified
from sklearn_myhpo.data.streams.coded_rows import ClassCode, CodedRows, CodedRule
from sklearn_myhpo.data.streams.source import BatchSource, Sums

X = np.arange(14.0).reshape(7, 2)
LABEL = np.array(["b", "a", "c", "a", "b", "c", "a"])
WEIGHT = np.array([1.0, 2.0, 1.0, 0.5, 1.0, 1.0, 1.0])


def source():
    """Return the rows in batches of three."""
    return BatchSource(Batches.from_arrays(X, LABEL, WEIGHT, batch_size=3))


class Seen(Sums):
    """Lists that are joined."""

    def plus(self, other):
        return Seen(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))


def seen(block, rule):
    """Return targets, weights and folds: a task."""
    return Seen((block.y.tolist(), block.weight.tolist(), rule.kinds(block).tolist()))


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        (["a", "b"], [[1], [-1], None, [-1], [1], None, [-1]]),
        (
            ["a", "b", "c"],
            [[2.0 * (one == label) - 1.0 for one in "abc"] for label in LABEL],
        ),
    ],
)
def test_targets_are_those_of_the_classes(classes, wanted):
    """Classes would be mixed up, or rows of others would count."""
    factors = np.arange(2.0, 2.0 + len(classes))
    rows = CodedRows(source(), ClassCode(np.array(classes), factors))
    y, weight, _ = rows.map_reduce(seen, CodedRule(RowFolds(2))).parts
    for number, (found, right) in enumerate(zip(y, wanted, strict=True)):
        if right is None:
            assert weight[number] == 0
        else:
            assert found == right
            factor = factors[classes.index(LABEL[number])]
            assert weight[number] == WEIGHT[number] * factor
    assert rows.n_passes == 1
    assert rows.first().y.shape[1] == len(wanted[0])


def test_folds_see_the_labels():
    """Stratified folds would be those of the numbers -1 and 1."""
    given = source()
    rule = stratified(given, 2)
    wanted = given.map_reduce(seen, rule).parts[2]
    rows = CodedRows(given, ClassCode(np.array(["a", "b", "c"]), None))
    assert rows.map_reduce(seen, CodedRule(rule)).parts[2] == wanted
