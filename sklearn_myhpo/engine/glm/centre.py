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
SAMPLE_LOOKS, SAMPLE_FAR = 20, 0.3
#: Error of the weights, relative in the norm of the Hessian, that is small enough, and
#: the same relative to their standard error, for the splits' own are no nearer to each
#: other; most passes for it, and the error after these that is too large.
CENTRED, CENTRED_SHARE, CENTRE_PASSES, OFF_CENTRE = 0.006, 0.15, 5, 0.15
#: Error of the first step of all rows, and share of an error that the next step leaves,
#: above which the Hessian of the sample is replaced; most times of that; and relative
#: rise of the loss above which a step was too long.
POOR_STEP, POOR_RATE, MOST_RENEWED, RISEN = 0.4, 0.5, 3, 1e-6
#: Most halvings of a step, and of the weights of a sample that are of no use for all
#: rows.
MOST_HALVED = 10


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
        None where few Newton steps do not come near the minimum.
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
    return _AllRows(split, gram, factors, lambda_).centre(weights, centred)


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


class _AllRows:
    """Steps for all rows, with the Hessian of a sample.

    Where that is far from the Hessian of all rows, and so steps are poor, it is
    replaced.

    Parameters
    ----------
    split : GLMSplit
    gram : ndarray of shape (m, m)
        The Hessian of the data term of a sample.
    factors : ndarray of shape (m,)
    lambda_ : float
    """

    def __init__(self, split, gram, factors, lambda_):
        self.split, self.lambda_ = split, lambda_
        self.penalty = 2.0 * np.exp(lambda_) * factors
        rows, weight = SharedRows(split.rows, 1), split.train_weight[None]
        self.passes = Passes(rows, split.loss, split.y, weight, None)
        self.solver, self.corrections = _solver(gram, self.penalty), []

    def centre(self, weights, centred):
        """Return the `Centre` after steps from weights, or None.

        Parameters
        ----------
        weights : ndarray of shape (m,)
        centred : float
            Error that is small enough.
        """
        before, most = None, (1.0 + RISEN) * self._null_loss()
        last, n_left = POOR_STEP / POOR_RATE, CENTRE_PASSES
        n_renewed, n_halved, is_nearer = 0, 0, False
        while n_left:
            n_left -= 1
            raw, loss, slope = self._look(weights)
            if before is None and not (is_nearer or loss <= most):
                # Rows far from those of the sample.
                weights, is_nearer = self._nearer(weights, raw, most), True
                n_left += 1
                continue
            if before is not None:
                if not loss <= before[1] * (1.0 + RISEN) and n_halved < MOST_HALVED:
                    weights = 0.5 * (weights + before[0])
                    n_left, n_halved = n_left + 1, n_halved + 1
                    continue
                move = (weights - before[0])[None]
                self.corrections.append(Correction.of(move, slope - before[2]))
            before = weights, loss, slope
            step, error = self._step(loss, slope)
            if error > max(POOR_RATE * last, centred) and n_renewed < MOST_RENEWED:
                n_left, n_renewed = n_left + 1, n_renewed + 1
                self._renew(raw)
                step, error = self._step(loss, slope)
            if not np.isfinite(error):
                return None
            if error <= centred or (not n_left and error <= OFF_CENTRE):
                return Centre(self.lambda_, weights[:, None], raw)
            weights, last = weights - step, error
        return None

    def _look(self, weights):
        """Return raw predictions (1, n_samples), the loss and its slope (1, m)."""
        at, felt = self.passes.slopes(weights[None, :, None]), self.penalty * weights
        self.split.counts.n_train_gradients += 1
        loss = at.losses[0] + 0.5 * felt @ weights
        return at.raw[0], loss, at.gradients[..., 0] + felt

    def _null_loss(self):
        """Return the loss of the model without features."""
        split = self.split
        return split.train_weight @ split.loss.value(split.y, self._null_raw().T)

    def _null_raw(self):
        """Return the raw predictions (1, n_samples) of that model."""
        raw = self.split.null_raw()
        return np.broadcast_to(raw[:, None], (1, len(self.split.y)))

    def _nearer(self, weights, raw, most):
        """Return weights nearer to that model, at which the loss is at most `most`.

        Parameters
        ----------
        weights : ndarray of shape (m,)
        raw : ndarray of shape (1, n_samples)
            Their raw predictions.
        most : float
        """
        split, start, share = self.split, self.split.start()[:, 0], 1.0
        null = self._null_raw()
        for _ in range(MOST_HALVED):
            share *= 0.5
            there = start + share * (weights - start)
            values = split.loss.value(split.y, (null + share * (raw - null)).T)
            loss = split.train_weight @ values
            if loss + 0.5 * self.penalty @ there**2 <= most:
                return there
        return start

    def _step(self, loss, slope):
        """Return a step and its error, relative in the norm of the Hessian."""
        step = two_loops(self.corrections, slope[None], self.solver.solve)[0, 0]
        promised = max(0.5 * np.vdot(slope, step), 0.0)
        return step, np.sqrt(promised / max(abs(loss), 1e-300))

    def _renew(self, raw):
        """Take the Hessian of all rows at raw predictions."""
        split = self.split
        curvature = split.loss.curvature(split.y, raw.T)[:, 0, 0]
        gram = split.rows.gram(split.train_weight * curvature)
        self.solver, self.corrections = _solver(gram, self.penalty), []


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
