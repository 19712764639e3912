"""Approximate weights of all splits, by Newton steps on all rows together.

A sample of the rows takes the first steps. Its penalty is the one whose loss on new
rows is least by Takeuchi's estimate: the loss of the sample's second-order model and
``phi tr(H^-1 G) / n``, phi the dispersion of the slopes.
"""

from typing import NamedTuple

import numpy as np

from ...data.sampling import every_kth
from ...data.shared_rows import SharedRows
from ..conditioning import holds_roughly
from ..linalg.penalty_path import penalty_path
from ..linalg.stacked import StackedSolver
from .factored_newton import Correction, two_loops
from .passes import Passes

#: Step of lambda between the penalties that are compared.
PENALTY_STEP = 0.5
#: Maximum number of looks at a sample, and error of a step of it that is short.
SAMPLE_LOOKS, SAMPLE_FAR = 10, 0.3
#: Error of the weights, relative in the norm of the Hessian, that is small enough, and
#: the same relative to their standard error, for the splits' own are no nearer to each
#: other; most passes for it, and the error after these that is too large.
CENTRED, CENTRED_SHARE, CENTRE_PASSES, OFF_CENTRE = 0.006, 0.15, 5, 0.15


class Centre(NamedTuple):
    """Weights, and their penalty.

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
    weights = split.start()[:, 0]
    if not np.any(some.weight):
        return None
    found = _of_sample(some, weights, factors, bounds)
    if found is None:
        return None
    gram, weights, penalty, spread = found
    share = some.size / _effective(split.train_weight)
    lambda_ = float(np.clip(np.log(0.5 * penalty * share), *bounds))
    centred = max(CENTRED, CENTRED_SHARE * spread * np.sqrt(share))
    return _of_all(split, gram, factors, lambda_, weights, centred)


def _of_sample(some, weights, factors, bounds):
    """Return what a sample tells after Newton steps.

    A step that raises the loss is halved.

    Returns
    -------
    gram, weights : ndarray
        The Hessian of the data term, and the weights.
    penalty, spread : float
        The penalty, and the standard error of the weights, relative in the norm of the
        Hessian. None for all where the steps take too long.
    """
    before, error, penalty, path = (weights, np.inf), np.inf, 0.0, None
    for _ in range(SAMPLE_LOOKS):
        gram, right, noise, loss = some.look(weights)
        value = loss + 0.5 * penalty * factors @ weights**2
        if not value <= before[1]:
            weights = 0.5 * (weights + before[0])
            continue
        if path is None:
            # Of the first Hessian, which will do for a penalty.
            path, first = penalty_path(gram[None], factors), gram
        if error > SAMPLE_FAR:
            bent = right + (first - gram) @ weights
            penalty, freedom = _best_penalty(path, bent, noise, bounds)
        last = before[1]
        before = weights, loss + 0.5 * penalty * factors @ weights**2
        step = _solver(gram, penalty * factors).solve(right[None])[0] - weights
        felt = step @ gram @ step + penalty * factors @ step**2
        error = np.sqrt(0.5 * felt / max(abs(before[1]), 1e-300))
        is_first, weights = np.isinf(last), weights + step
        if error <= SAMPLE_FAR and not is_first:
            spread = np.sqrt(0.5 * noise * freedom / max(abs(before[1]), 1e-300))
            return gram, weights, penalty, spread
    return None


def _of_all(split, gram, factors, lambda_, weights, centred):
    """Return the centre after steps for all rows, with the Hessian of a sample."""
    rows, penalty = SharedRows(split.rows, 1), 2.0 * np.exp(lambda_)
    solver = _solver(gram, penalty * factors)
    passes = Passes(rows, split.loss, split.y, split.train_weight[None], None)
    last, corrections, before = np.inf, [], None
    for number in range(CENTRE_PASSES):
        at = passes.slopes(weights[None, :, None])
        split.counts.n_train_gradients += 1
        felt = penalty * factors * weights
        loss = at.losses[0] + 0.5 * felt @ weights
        slope = at.gradients[..., 0] + felt
        if before is not None:
            move = (weights - before[0])[None]
            corrections.append(Correction.of(move, slope - before[1]))
        before = weights, slope
        step = two_loops(corrections, slope[None], solver.solve)[0]
        promised = max(0.5 * np.vdot(slope, step), 0.0)
        error = np.sqrt(promised / max(abs(loss), 1e-300))
        if not error < last:
            return None
        if error <= centred or (number == CENTRE_PASSES - 1 and error <= OFF_CENTRE):
            return Centre(lambda_, weights[:, None], at.raw[0])
        weights, last = weights - step[0], error
    return None


def _effective(weight):
    """Return the effective number of rows of weights."""
    return weight.sum() ** 2 / (weight @ weight)


class _Sample:
    """Some rows of a split."""

    def __init__(self, split, index):
        self.loss, self.y = split.loss, split.y[index]
        self.rows = split.rows if index.step == 1 else split.rows.take(index)
        self._gram_rows = self.rows.roughly()
        self.weight = split.train_weight[index]
        self.weight = self.weight / max(self.weight.sum(), np.finfo(float).tiny)
        self.size = _effective(self.weight)

    def look(self, weights):
        """Return the second-order model about weights (m,).

        Returns
        -------
        gram : ndarray of shape (m, m)
        right : ndarray of shape (m,)
            Gram matrix times weights, less the slope there.
        noise : float
            Loss on new rows of a degree of freedom.
        loss : float
        """
        raw = self.rows.forward(weights[:, None])[:, 0]
        values, slopes, curvature, _ = self.loss.derivatives(self.y, raw)
        own = self.weight * curvature
        dispersion = (self.weight @ slopes**2) / own.sum()
        gram = self._gram_rows.gram(own)
        if self._gram_rows is not self.rows and not holds_roughly(gram):
            self._gram_rows = self.rows
            gram = self.rows.gram(own)
        slope = self.rows.adjoint((self.weight * slopes)[:, None])[:, 0]
        right = gram @ weights - slope
        return gram, right, dispersion / self.size, self.weight @ values


def _best_penalty(path, right, noise, bounds):
    """Return the penalty with the least estimated loss on new rows.

    And the degrees of freedom there.
    """
    penalties = 2.0 * np.exp(
        np.arange(bounds[1], bounds[0] - PENALTY_STEP, -PENALTY_STEP)
    )
    turned = path.turned(right[None, None])
    solved, freedom = path.shrunk(turned, penalties)[0], path.freedom(penalties)[0]
    # Of the model's fall, and of the part of it that is not lost by the penalty.
    fall, felt = solved @ turned[0, 0], penalties * np.sum(solved**2, axis=1)
    best = np.argmin(-0.5 * (fall + felt) + noise * freedom)
    return penalties[best], freedom[best]


def _solver(gram, penalty):
    """Return the inverse of ``gram + diag(penalty)``."""
    matrix = gram.copy()
    matrix[np.diag_indices_from(matrix)] += penalty
    return StackedSolver(matrix[None])
