"""Leave-one-out of ridge at one lambda per group, for rows in a tensor.

The symbols are those of `_leave_one_out`. One pass finds the value and its slope,
and another one the second derivatives.
"""

from functools import cached_property

import numpy as np

from ..bilevel.outer import OuterModel
from ..data.blocks import slices
from ..data.streams.source import Sums
from ._base import Point, responses, sum_blocks, weight_terms
from ._leave_one_out import LEAST_GAP


class TensorLooPoint(Point):
    """Leave-one-out of the rows of a tensor at one lambda per group.

    Parameters
    ----------
    whole : Whole
        The condensed rows that represent the tensor.
    rows : RowsOfModel
        In the coordinates of its split.
    lambda_ : ndarray of shape (n_groups,)
    w : ndarray of shape (m, n_targets)
        Exact weights of all rows.
    hessian : Hessian
    """

    def __init__(self, whole, rows, lambda_, w, hessian):
        self.split, self._rows = whole.split, rows
        self.lambda_, self.w, self.hessian = lambda_, w, hessian
        units = np.eye(len(w))[:, :, None]
        inverse = hessian.solve(units).reshape(len(w), len(w))
        self._given = 0.5 * (inverse + inverse.T), w
        found = rows.source.map_reduce(slopes_of_block, rows, *self._given)
        self._value, gram, self._right = found.parts
        self._sandwich = self._given[0] @ gram @ self._given[0]

    @property
    def value(self):
        """The criterion."""
        return float(self._value)

    @cached_property
    def _adjoint(self):
        """H^-1 applied to the derivative of the criterion in the weights."""
        return self.hessian.solve(self._right)

    @cached_property
    def gradient(self):
        """Its derivative in lambda, ``-sum_{j in g} p_j (w_j q_j + M_jj)``."""
        p, diagonal = self.split.penalty(self.lambda_), np.diag(self._sandwich)
        moved = self.w * self._adjoint
        return -self.split.by_group(p * diagonal[:, None]) - self.split.by_group(
            p * moved
        )

    def model(self):
        """Return the second-order `OuterModel` in lambda, exact, after a pass."""
        split, (inverse, _) = self.split, self._given
        forces, jacobian = responses(split, self.lambda_, self.w, self.hessian)
        given = split, self.lambda_, self.w, self._adjoint, forces, jacobian
        terms, n_groups = weight_terms(*given), len(jacobian)
        p = split.penalty(self.lambda_)[:, 0]
        labels = split.groups.labels
        member = (labels[:, None] == np.arange(n_groups)) * p[:, None]
        columns = np.moveaxis(jacobian, 1, 0).reshape(len(self.w), -1)
        given = self._rows, *self._given, member, columns
        tangent, mixed = self._rows.source.map_reduce(bends_of_block, *given).parts
        pairs = np.outer(p, p) * inverse * self._sandwich
        twice = 2.0 * sum_blocks(pairs, labels, n_groups)
        bend = mixed + mixed.T + twice + np.diag(self.gradient)
        bend = bend - terms.cross - terms.cross.T
        return OuterModel(self.gradient, tangent, bend, terms.metric)


def _left_out(here, inverse, w, xp):
    """Return rows times H^-1, and ``1 / (1 - A_i)``, u and residuals of rows.

    Parameters
    ----------
    here : RowsHere
    inverse : array of shape (m, m)
    w : array of shape (m, n_targets)
    xp : module
    """
    turned = here.z @ inverse
    used = xp.sum(turned * here.z, axis=1)[:, None]
    gap = 1.0 - here.share * used - here.leverage
    inverse_gap = 1.0 / xp.clip(gap, min=LEAST_GAP)
    residual = inverse_gap * (here.z @ w - here.target)
    return turned, inverse_gap, residual


def slopes_of_block(block, rows, inverse, w):
    """Return the value, the S and the derivative in the weights over a block: a task.

    Parameters
    ----------
    block : TensorBlock
    rows : RowsOfModel
    inverse : ndarray of shape (m, m)
        H^-1.
    w : ndarray of shape (m, n_targets)

    Returns
    -------
    Sums
    """
    home, xp, here = block.home, block.home.xp, rows.of(block)
    _, gap, residual = _left_out(here, home.put(inverse), home.put(w), xp)
    square = here.share * xp.sum(residual * residual, axis=1)[:, None]
    force = here.share * gap * residual
    found = (
        0.5 * xp.sum(square),
        home.products(here.share * gap * square * here.z, here.z),
        home.products(here.z, force),
    )
    return Sums(tuple(map(home.total, found)))


def bends_of_block(block, rows, inverse, w, member, columns):
    """Return ``dz' l''(z) dz`` and ``force . dA_a du_b`` over a block: a task.

    Parameters
    ----------
    block, rows, inverse, w
        As in `slopes_of_block`.
    member : ndarray of shape (m, n_groups)
        Penalties of the coordinates, in the column of their group.
    columns : ndarray of shape (m, n_groups * n_targets)
        Responses of the weights.

    Returns
    -------
    Sums
    """
    home, xp, everything = block.home, block.home.xp, rows.of(block)
    inverse, weights, member, columns = map(home.put, (inverse, w, member, columns))
    (n_groups, t), total = (member.shape[1], w.shape[1]), None
    for part in slices(block.n_rows, 4 * n_groups * t + len(w)):
        here = type(everything)(*(one[part, :] for one in everything))
        turned, gap, residual = _left_out(here, inverse, weights, xp)
        slopes = -here.share * ((turned * turned) @ member)
        raw = xp.reshape(here.z @ columns, (-1, n_groups, t))
        moves = gap[:, :, None] * (raw + slopes[:, :, None] * residual[:, None, :])
        force = here.share * gap * residual
        along = slopes[:, :, None] * force[:, None, :]
        along, moves, bent = (
            xp.reshape(xp.permute_dims(one, (0, 2, 1)), (-1, n_groups))
            for one in (along, moves, here.share[:, :, None] * moves)
        )
        found = home.products(moves, bent), home.products(along, moves)
        own = Sums(tuple(map(home.total, found)))
        total = own if total is None else total.plus(own)
    return total
