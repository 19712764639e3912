"""The data source of the example."""

from typing import NamedTuple

import numpy as np

from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.data.design import Design
from sklearn_myhpo.data.formed import FormedDesign
from sklearn_myhpo.data.moments.condensed_design import CondensedDesign
from sklearn_myhpo.data.selected import SelectedDesign
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.stacked import StackedDesign
from sklearn_myhpo.data.streamed import StreamedDesign
from tests.helpers import load_example

#: The documented data source.
Shards = load_example(
    "plot_own_data_source.py",
    "design",
    "Shards",
    Design=Design,
    DenseDesign=DenseDesign,
)


def sharded(X):
    """Return the rows of X in arrays of different length."""
    ends = [1, len(X) // 3, len(X) // 3 + 2, len(X) - 4]
    parts = [part for part in np.split(X, ends) if len(part)]
    shards = [(lambda part=part: part, len(part)) for part in parts]
    return Shards(shards, X.shape[1])


def _selected(base):
    """Return a function that selects rows X among rows that must not count."""

    def make(X):
        among = np.full((2 * len(X) + 1, X.shape[1]), 1e3)
        among[1::2] = X
        return SelectedDesign(base(among), np.arange(1, len(among), 2))

    return make


def _with_gaps(X):
    """Return rows that are every other column of an array."""
    wide = np.full((len(X), 2 * X.shape[1]), 1e3)
    wide[:, ::2] = X
    return StreamedDesign(wide[:, ::2])


def _stacked(X):
    """Return rows in three parts, of different sources."""
    first, second, third = np.split(X, [7, 8])
    return StackedDesign([as_design(first), StreamedDesign(second), sharded(third)])


def _formed(X):
    """Return rows that are made of halves of them."""
    half = X / 2.0
    return FormedDesign(lambda index: 2.0 * half[index], len(X), X[:3])


def _condensed(X):
    """Return rows about an origin of their own."""
    centre = np.arange(1.0, X.shape[1] + 1)
    return CondensedDesign(X - centre, centre, 10 * len(X))


#: Designs that read dense rows, by the source.
SOURCES = {
    "dense": as_design,
    "shards": sharded,
    "gaps": _with_gaps,
    "selected": _selected(as_design),
    "selected-gaps": _selected(_with_gaps),
    "selected-stacked": _selected(_stacked),
    "stacked": _stacked,
    "formed": _formed,
    "selected-formed": _selected(_formed),
    "condensed": _condensed,
    "in-memory": lambda X: _selected(_stacked)(X).in_memory(),
}


class Labels(NamedTuple):
    """Fold of every row of some blocks, by the number of their first."""

    parts: dict

    def plus(self, other):
        """Return those of both."""
        return Labels({**self.parts, **other.parts})


def labels_of_block(block, rule):
    """Return the `Labels` of a block."""
    return Labels({block.start: rule.labels(block)})


def labels_of_all(source, rule):
    """Return the fold of every row of a source."""
    parts = source.map_reduce(labels_of_block, rule).parts
    return np.concatenate([parts[start] for start in sorted(parts)])
