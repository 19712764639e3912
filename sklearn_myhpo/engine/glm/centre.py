"""Weights near those of all splits, by Newton steps for all rows as one.

A sample of the rows takes the first steps. Its penalty is the one whose loss on new
rows is least by Takeuchi's estimate: the loss of the sample's second-order model and
``phi tr(H^-1 G) / n``, phi the dispersion of the slopes.
"""

from typing import NamedTuple

import numpy as np

from ...data.sampling import every_kth
from ...data.shared_rows import SharedRows
from ..linalg.penalty_path import PenaltyPath
from .passes import Passes

#: Step of lambda between the penalties that are compared.
STEP = 0.5
#: Newton steps of a sample with Hessians of its own.
SAMPLE_STEPS = 2
#: Error of the weights, relative in the norm of the Hessian, that is small enough; most
#: passes for it, and the error after these that is too large.
NEAR, MOST_PASSES, FAR = 0.02, 4, 0.15


class Centre(NamedTuple):
    """Weights, and the penalty that they are for.

    Attributes
    ----------
    lambda_ : float
    weights : ndarray of shape (m, 1)
    raw : ndarray of shape (1, n_samples)
        Raw predictions of all rows.
    """

    lambda_: float
    weights: np.ndarray
    raw: np.ndarray


def find_centre(split, factors, bounds, n_rows):
    """Return the `Centre` of a split of all rows.

    Parameters
    ----------
    split : GLMSplit
        Of one output.
    factors : ndarray of shape (m,)
        The penalty of every coordinate relative to that of lambda.
    bounds : (float, float)
        Of lambda.
    n_rows : int
        Rows of the sample.

    Returns
    -------
    Centre or None
        None where Newton steps do not come near the minimum at once.
    """
    index = every_kth(len(split.y), n_rows)
    some = _Sample(split, index)
    weights, penalty = split.start()[:, 0], None
    if not np.any(some.weight):
        return None
    for _ in range(SAMPLE_STEPS):
        look = some.look(weights, factors)
        if penalty is None:
            penalty = look.best_penalty(bounds)
        weights = look.minimum(penalty)
    share = some.size / _effective(split.train_weight)
    lambda_ = float(np.clip(np.log(0.5 * penalty * share), *bounds))
    return _of_all(split, look.path, factors, lambda_, weights)


def _of_all(split, path, factors, lambda_, weights):
    """Return the centre after steps for all rows, with the Hessian of a sample."""
    rows, penalty = SharedRows(split.rows, 1), 2.0 * np.exp(lambda_)
    passes = Passes(rows, split.loss, split.y, split.train_weight[None], None)
    last = np.inf
    for number in range(MOST_PASSES):
        at = passes.slopes(weights[None, :, None])
        split.counts.n_train_gradients += 1
        felt = penalty * factors * weights
        loss = at.losses[0] + 0.5 * felt @ weights
        slope = at.gradients[0, :, 0] + felt
        step = path.solve(slope[None, None], penalty)[0, 0]
        error = np.sqrt(max(0.5 * (slope @ step), 0.0) / max(abs(loss), 1e-300))
        if not error < last:
            return None
        if error <= NEAR or (number == MOST_PASSES - 1 and error <= FAR):
            return Centre(lambda_, weights[:, None], at.raw[0])
        weights, last = weights - step, error
    return None


def _effective(weight):
    """Return the number of rows that weights stand for."""
    return weight.sum() ** 2 / (weight @ weight)


class _Sample:
    """Some rows of a split."""

    def __init__(self, split, index):
        self.loss, self.y = split.loss, split.y[index]
        self.rows = split.rows if index.step == 1 else split.rows.take(index)
        self.weight = split.train_weight[index]
        self.weight = self.weight / max(self.weight.sum(), np.finfo(float).tiny)
        self.size = _effective(self.weight)

    def look(self, weights, factors):
        """Return the `_Look` at weights (m,)."""
        raw = self.rows.forward(weights[:, None])
        slopes, curvature = self.loss.gradient_and_curvature(self.y, raw)
        slopes, curvature = slopes[:, 0], curvature[:, 0, 0]
        own = self.weight * curvature
        dispersion = (self.weight @ slopes**2) / own.sum()
        gram = self.rows.gram(own)
        right = gram @ weights - self.rows.adjoint((self.weight * slopes)[:, None])[:, 0]
        path = PenaltyPath(gram[None], factors)
        return _Look(path, right, dispersion / self.size)


class _Look(NamedTuple):
    """The second-order model of a sample about some weights.

    Attributes
    ----------
    path : PenaltyPath
    right : ndarray of shape (m,)
        Gram matrix times weights, less the slope there.
    noise : float
        Loss on new rows of a degree of freedom.
    """

    path: PenaltyPath
    right: np.ndarray
    noise: float

    def best_penalty(self, bounds):
        """Return the penalty with the least estimated loss on new rows."""
        penalties = 2.0 * np.exp(np.arange(bounds[1], bounds[0] - STEP, -STEP))
        squares = self.path.turned(self.right[None, None])[0] ** 2
        values = self.path.values
        total = values + penalties[:, None]
        left = values / total
        estimate = (squares / total * (0.5 * left - 1.0) + self.noise * left).sum(axis=1)
        return penalties[np.argmin(estimate)]

    def minimum(self, penalty):
        """Return the weights (m,) of the model at a penalty."""
        return self.path.solve(self.right[None, None], penalty)[0, 0]
