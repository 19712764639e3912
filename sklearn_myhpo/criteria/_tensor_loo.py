"""Leave-one-out for ridge whose rows are in a tensor: sums over rows on its device.

What does not depend on lambda follows from second moments: the singular values, and
U' y. Rows of U are formed on the device of X.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np

from ..data.blocks import slices
from ..data.streams.source import Sums
from ..data.tensors.source import TensorSource
from ._base import BoundRidgeCriterion, Curve, filter_factors, quotient_derivatives
from ._tensor_point import TensorLooPoint
from ._tensor_rows import RowsOfModel
from .loo import INTERPOLATED, LeaveOneOut

#: Largest number of entries of a tensor at which the rows of U are kept beside it.
MOST_KEPT = 2**28


def at_home(criterion, facts):
    """Return a criterion, or its form for rows that are in a tensor.

    Parameters
    ----------
    criterion : Criterion
    facts : CondensedFacts or None
        Facts about the condensed rows that represent the tensor.
    """
    if facts is None or not isinstance(facts.rows.source, TensorSource):
        return criterion
    return TensorLeaveOneOut(facts) if criterion.needs_rows else criterion


@dataclass(frozen=True)
class TensorLeaveOneOut(LeaveOneOut):
    """`LeaveOneOut` of a tensor that condensed rows represent.

    Attributes
    ----------
    facts : CondensedFacts
    """

    facts: object
    needs_rows: ClassVar[bool] = False
    leaves_out: ClassVar[bool] = False

    def bind(self, whole):
        """Return the `LooOfTensor`."""
        return LooOfTensor(whole, self.facts)


class RowsOfU(NamedTuple):
    """How rows of U are formed from rows of X, and sums over all rows.

    Attributes
    ----------
    rows : RowsOfModel
        Of the coordinates, over the singular values.
    along : ndarray of shape (k, n_targets)
        U' y.
    has_outside : bool
        Whether some targets lie outside the column space of X.
    """

    rows: RowsOfModel
    along: np.ndarray
    has_outside: bool

    def of(self, block):
        """Return U (b, k), and gap (b, 1) and residuals (b, t) without a penalty.

        Parameters
        ----------
        block : TensorBlock
        """
        known = block.kept.get("rows of U")
        if known is not None and known[0] is self:
            return known[1]
        home, xp, here = block.home, block.home.xp, self.rows.of(block)
        root = xp.sqrt(here.share)
        left, target = root * here.z, root * here.target
        gap = 1.0 - xp.sum(left * left, axis=1)[:, None] - here.leverage
        # Below rounding errors both are set to zero.
        is_left = xp.astype(gap >= INTERPOLATED, home.double)
        gap = gap * is_left if self.has_outside else gap * 0.0
        outside = target - left @ home.put(self.along)
        outside = outside * xp.astype(gap > 0, home.double)
        found = left, gap, outside
        if self.rows.source.n_samples * len(self.rows.x_mean) <= MOST_KEPT:
            block.kept["rows of U"] = self, found
        return found


class LooOfTensor(BoundRidgeCriterion):
    """Leave-one-out of the rows of a tensor.

    Parameters
    ----------
    whole : Whole
        The condensed rows that represent the tensor.
    facts : CondensedFacts
    """

    learns_targets = True

    def __init__(self, whole, facts):
        super().__init__(whole)
        self._rows_of = partial(RowsOfModel.of_split, whole=whole, facts=facts)
        self._source, spectrum = facts.rows.source, whole.spectrum
        self._rows = self._points = None
        if spectrum is not None:
            rows = self._rows_of(spectrum.split)
            rows = rows._replace(combine=rows.combine / np.sqrt(spectrum.squares))
            self._rows = RowsOfU(rows, spectrum.along, spectrum.n_outside > 0)

    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, in one pass."""
        squares = self.whole.spectrum.squares
        orders = filter_factors(squares, penalties)[: 3 if second else 2]
        sums = self._source.map_reduce(curve_of_block, self._rows, orders).parts[0]
        return Curve(*sums)

    def target_curves(self, penalties, targets, *, second=True):
        """Return the criterion of every target at a lambda of its own, in one pass."""
        squares = self.whole.spectrum.squares
        shared, number = np.unique(penalties, return_inverse=True)
        orders = filter_factors(squares, shared)[: 3 if second else 2]
        given = self._rows, orders, number.reshape(-1), targets
        return Curve(*self._source.map_reduce(targets_of_block, *given).parts[0])

    def at(self, lambda_, w, hessian):
        """Return the `TensorLooPoint` at a lambda, after a pass."""
        if self._points is None:
            self._points = self._rows_of(self.whole.split)
        return TensorLooPoint(self.whole, self._points, lambda_, w, hessian)


def curve_of_block(block, rows, orders):
    """Return sums over a block at shared lambdas: a task.

    Parameters
    ----------
    block : TensorBlock
    rows : RowsOfU
    orders : ndarray of shape (2 or 3, k, n_lambdas)
        Filter factors and their derivatives.

    Returns
    -------
    Sums
    """
    left, gap, outside = rows.of(block)
    home, total = block.home, None
    below = [(left * left) @ home.put(one) for one in orders]
    below[0] = below[0] + gap
    for target, along in enumerate(rows.along.T):
        above = [left @ home.put(one * along[:, None]) for one in orders]
        above[0] = above[0] + outside[:, target : target + 1]
        own = _sums(above, below, home)
        total = own if total is None else total + own
    return Sums((home.total(total),))


def targets_of_block(block, rows, orders, number, targets):
    """Return sums over a block, for targets with a lambda each: a task.

    Parameters
    ----------
    block, rows, orders
        As in `curve_of_block`.
    number : ndarray of int of shape (n_targets,)
        Index of the lambda of each target.
    targets : ndarray of int of shape (n_targets,)

    Returns
    -------
    Sums
    """
    home, total = block.home, None
    found, columns = rows.of(block), home.put_index(targets)
    weighted = [home.put(one[:, number] * rows.along[:, targets]) for one in orders]
    orders = [home.put(one) for one in orders]
    index = home.put_index(number)
    for part in slices(block.n_rows, 8 * len(targets)):
        left, gap, outside = (one[part, :] for one in found)
        below = [(left * left) @ one for one in orders]
        below[0] = below[0] + gap
        below = [home.xp.take(one, index, axis=1) for one in below]
        above = [left @ one for one in weighted]
        above[0] = above[0] + home.xp.take(outside, columns, axis=1)
        own = _sums(above, below, home)
        total = own if total is None else total + own
    return Sums((home.total(total),))


def _sums(above, below, home):
    """Return half the sums of squares of quotients, and their derivatives."""
    xp, tiny = home.xp, float(np.finfo(np.float32).tiny)
    below = [xp.clip(below[0], min=tiny), *below[1:]]
    e = quotient_derivatives(above, below, 1.0 / below[0])
    found = [0.5 * xp.sum(e[0] * e[0], axis=0), xp.sum(e[0] * e[1], axis=0)]
    if len(e) > 2:
        found.append(xp.sum(e[1] * e[1], axis=0))
        found.append(xp.sum(e[0] * e[2], axis=0))
    return xp.stack(found)
