"""One lambda per target of a ridge problem: lambdas that do not feel each other."""

from typing import NamedTuple

import numpy as np

from ..engine.plan import limits
from ..engine.ridge.diagonal import scale_ratio


class TargetModel(NamedTuple):
    """Validation loss of every target in its own lambda, to second order.

    Attributes
    ----------
    value, gradient : ndarray of shape (k,)
    tangent, bend, metric : ndarray of shape (k,)
        As in `OuterModel`.
    energy : ndarray of shape (k,)
        ``w' P w``.
    train_loss : ndarray of shape (k,)
        The penalty included.
    """

    value: np.ndarray
    gradient: np.ndarray
    tangent: np.ndarray
    bend: np.ndarray
    metric: np.ndarray
    energy: np.ndarray
    train_loss: np.ndarray


class TargetsProblem:
    """The targets of a ridge problem, each with a lambda of its own.

    The objective is the sum of the targets' validation losses. A decomposition per
    split serves all targets, and every question is answered for many at once.

    Parameters
    ----------
    problem : BilevelProblem
        With one group, and splits whose Hessians are diagonal.

    Attributes
    ----------
    splits, split_weights, counts
        As of `problem`.
    n_groups : int
        The number of targets.
    bounds, scan_bounds : ndarray of shape (2, n_targets)
    null_losses : ndarray of shape (n_targets,)
        Validation losses of the best constant models.
    """

    is_separable = True

    def __init__(self, problem):
        self.splits = problem.splits
        self.split_weights = problem.split_weights
        self.counts = problem.counts
        self.n_groups = problem.splits[0].n_outputs
        self.bounds = np.repeat(problem.bounds, self.n_groups, axis=1)
        self.scan_bounds = np.repeat(problem.scan_bounds, self.n_groups, axis=1)
        self.null_losses = self.validation_losses(self.zeros())

    def project(self, lambda_):
        """Return lambda moved into its bounds."""
        return np.clip(lambda_, *self.bounds)

    def zeros(self):
        """Return zero weights for all splits."""
        return [np.zeros(split.shape) for split in self.splits]

    def minimize(self, lambda_):
        """Return the exact inner solutions of all splits, one lambda per target."""
        self.counts.n_inner_solves += len(self.splits)
        penalty = 2.0 * np.exp(lambda_)
        return [
            split.train.linear / (split.train.gram[:, None] + penalty)
            for split in self.splits
        ]

    def validation_losses(self, weights):
        """Return the mean loss of every target over all held-out rows."""
        self.counts.n_values += len(self.splits)
        return sum(
            omega * split.validation.values(w)
            for split, omega, w in zip(
                self.splits, self.split_weights, weights, strict=True
            )
        )

    def validation_loss(self, weights):
        """Return the sum over targets."""
        return float(self.validation_losses(weights).sum())

    def estimate(self, lambda_, weights):
        """Return the sum over targets of the validation loss."""
        return self.validation_loss(weights)

    def is_certain(self, lambda_, estimate):
        """Squares know no certainty."""
        return False

    def relative(self, values, losses, targets):
        """Return values of some targets relative to their losses."""
        # Below ten digits of the null loss a loss counts as zero.
        size = losses + 1e-10 * self.null_losses[targets]
        out = np.zeros(len(targets))
        return np.divide(values, size, out=out, where=values != 0)

    def slopes(self, lambda_, targets):
        """Return losses and their derivatives.

        Parameters
        ----------
        lambda_ : ndarray of shape (k,)
            Of the targets asked for.
        targets : ndarray of shape (k,)
            Their numbers.

        Returns
        -------
        values : ndarray of shape (k,)
            Mean losses over all held-out rows.
        slopes : ndarray of shape (k,)
            Their derivatives in lambda.
        """
        return self._sum(_slope, lambda_, targets, 2)

    def model(self, lambda_, targets):
        """Return the `TargetModel` of some targets at their lambdas.

        Parameters
        ----------
        lambda_ : ndarray of shape (k,)
            Of the targets asked for.
        targets : ndarray of shape (k,)
            Their numbers.

        Returns
        -------
        TargetModel
            With one entry per target asked for.
        """
        size = len(TargetModel._fields)
        return TargetModel(*self._sum(_model, lambda_, targets, size))

    def _sum(self, function, lambda_, targets, n_values):
        """Return the splits' means of what a function returns, in blocks of targets."""
        # What is asked for many targets at once counts once.
        self.counts.n_inner_solves += len(self.splits)
        self.counts.n_values += len(self.splits)
        self.counts.n_validation_gradients += len(self.splits)
        out = np.zeros((n_values, len(targets)))
        size = max(1, limits().target_entries // max(1, self.splits[0].shape[0]))
        for start in range(0, len(targets), size):
            own = slice(start, start + size)
            penalty = 2.0 * np.exp(lambda_[own])
            for split, omega in zip(self.splits, self.split_weights, strict=True):
                out[:, own] += omega * np.stack(function(split, penalty, targets[own]))
        return out


class _Response(NamedTuple):
    """Exact weights of some targets on one split, and what they make of held-out rows.

    `image` is the gradient of the validation loss in the weights.
    """

    inverse: np.ndarray
    w: np.ndarray
    image: np.ndarray
    jacobian: np.ndarray
    value: np.ndarray


def _respond(split, penalty, targets):
    """Return the `_Response` of some targets to their penalties."""
    held_out = split.validation
    inverse = 1.0 / (split.train.gram[:, None] + penalty)
    w = inverse * split.train.linear[:, targets]
    step = w - held_out.reference[:, targets]
    residual_linear = held_out.residual_linear[:, targets]
    image = held_out.gram @ step - residual_linear
    square = np.sum(step * (image - residual_linear), axis=0)
    value = np.maximum(0.5 * (held_out.residual_square[targets] + square), 0.0)
    return _Response(inverse, w, image, -penalty * inverse * w, value)


def _slope(split, penalty, targets):
    """Return the losses of some targets and their derivatives in lambda."""
    own = _respond(split, penalty, targets)
    return own.value, np.sum(own.jacobian * own.image, axis=0)


def _model(split, penalty, targets):
    """Return the entries of a `TargetModel` for one split."""
    own = _respond(split, penalty, targets)
    # v'' = (1 - 2 p / (s + p)) v'
    second = (1.0 - 2.0 * penalty * own.inverse) * own.jacobian
    energy = penalty * np.sum(own.w**2, axis=0)
    train = split.train.values(own.w, targets)
    return (
        own.value,
        np.sum(own.jacobian * own.image, axis=0),
        np.sum(own.jacobian * (split.validation.gram @ own.jacobian), axis=0),
        np.sum(second * own.image, axis=0),
        np.sum(own.jacobian**2 / own.inverse, axis=0),
        energy,
        train + 0.5 * energy,
    )


def refit(split, lambda_):
    """Return the weights of all rows with one lambda per target.

    Parameters
    ----------
    split : QuadraticSplit
        Of all rows.
    lambda_ : ndarray of shape (n_targets,)
        Natural logs of the penalties.

    Returns
    -------
    coef : ndarray of shape (n_features, n_targets)
        Weights.
    intercept : ndarray of shape (n_targets,)
        Intercepts.
    """
    if split.solves_by == "dense":
        if scale_ratio(np.diag(split.train.gram)) > limits().eigen_ratio:
            return _refit_each(split, lambda_)
        split = split.diagonalized()
    penalty = 2.0 * np.exp(lambda_)
    w = split.train.linear / (split.train.gram[:, None] + penalty)
    return split.to_features(w)


def _refit_each(split, lambda_):
    """Return the same by one factorization per target."""
    w = np.empty(split.shape)
    for target, own in enumerate(lambda_):
        w[:, target] = split.minimize(np.array([own]), split.start())[:, target]
    return split.to_features(w)
