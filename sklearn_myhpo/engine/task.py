"""The data and choices from which splits are built, and the result."""

from typing import NamedTuple

import numpy as np

from ..data.design import Design
from ..data.parts import RowParts
from ..data.statistics import Standard
from .plan import Plan
from .split import Split
from .split_set import SplitSet


class Built(NamedTuple):
    """The inner problems of all splits.

    Attributes
    ----------
    split_set : SplitSet
    full : Split
        Trained and validated on all rows, for the refit.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    plan : Plan
    least_moment : float or None
        Smallest second moment along any direction; None for that of a feature.
    axes : list of Axes or None
        In which the splits are diagonal; None where they are those of some targets
        alone, or Hessians are not diagonal.
    """

    split_set: SplitSet
    full: Split
    second_moments: np.ndarray
    plan: Plan
    least_moment: float | None = None
    axes: list | None = None


class Task(NamedTuple):
    """Data, loss and plan of the splits to build.

    Attributes
    ----------
    y : ndarray
    loss : Loss
    groups : FeatureGroups
    parts : RowParts
    counts : OracleCounts
    plan : Plan
    standard : Standard or None
        How every split standardizes rows that are in units of all rows; None if they
        are in the units of the split, or of X.
    source : Design or None
        X itself, for statistics that the moments have lost; None if features are in
        their final units.
    alone : int or None
        Number of the split if this is one of several tasks with one split each; -1 for
        all rows.
    tries_rows : bool
        Whether solutions may be combinations of rows.
    row_space : (DenseDesign, Coordinates) or None
        The rows in the row spaces of wide groups, where they are known.
    reference : ndarray of shape (m, n_outputs) or None
        Weights there that are close to the least squares solution.
    factors_rows : bool
        Whether ill-conditioned ridge is solved from QR factors of the rows; not with
        units of every split.
    axes : list of Axes or None
        Those of other targets of the same rows, and of all rows; None if not known.
    """

    y: np.ndarray
    loss: object
    groups: object
    parts: RowParts
    counts: object
    plan: Plan
    standard: Standard | None = None
    source: Design | None = None
    alone: int | None = None
    tries_rows: bool = True
    row_space: tuple | None = None
    reference: np.ndarray | None = None
    factors_rows: bool = False
    axes: list | None = None
