"""One lambda per target of a ridge problem: lambdas that do not interact."""

from typing import NamedTuple

import numpy as np

from ..engine.limits import limits
from ..engine.linalg.newton import NEWTON_TOL
from ..engine.ridge.diagonal import scale_ratio
from ..engine.split import Split
from .contract import Offers, OuterProblem
from .evaluation import Evaluation
from .problem import Problem


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


class TargetsProblem(OuterProblem):
    """The targets of a ridge problem, each with a lambda of its own.

    The objective is the sum of the targets' validation losses. A decomposition per
    split serves all targets, and every evaluation is for many targets together.

    Parameters
    ----------
    problem : Problem
        With one group, and splits whose Hessians are diagonal.

    Attributes
    ----------
    null_losses : ndarray of shape (n_targets,)
        Validation losses of the best constant models.
    """

    def __init__(self, problem: Problem):
        n_targets = problem.splits[0].n_outputs
        super().__init__(
            problem.loss,
            problem.counts,
            problem.splits,
            split_weights=problem.split_weights,
            n_held_out=problem.n_held_out,
            bounds=np.repeat(problem.bounds, n_targets, axis=1),
            scan_bounds=np.repeat(problem.scan_bounds, n_targets, axis=1),
            offers=Offers(is_separable=True),
        )
        self.null_losses = self.null_values()

    @property
    def everything(self) -> np.ndarray:
        """The numbers of all targets."""
        return np.arange(self.n_groups)

    def at(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> "TargetsEvaluation":
        """Return the evaluation of the problem at a lambda and weights."""
        return TargetsEvaluation(self, lambda_, weights)

    def minimize(
        self,
        lambda_: np.ndarray,
        starts: list[np.ndarray] | None = None,
        tol: float = NEWTON_TOL,
    ) -> list[np.ndarray]:
        """Return the exact inner solutions of all splits, one lambda per target.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_targets,)
            Natural logs of the penalties.
        starts, tol : object
            Of no effect on closed forms.

        Returns
        -------
        list of ndarray
            One array per split.
        """
        self.counts.n_inner_solves += len(self.splits)
        penalty = 2.0 * np.exp(lambda_)
        return [
            split.train.linear / (split.train.gram[:, None] + penalty)
            for split in self.splits
        ]

    def null_values(self) -> np.ndarray:
        """Return the validation losses of the best constant models."""
        return self.validation_losses(self.zeros())

    def values(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
        """Return the objective of every target at a lambda and the weights there."""
        return self.validation_losses(weights)

    def validation_losses(self, weights: list[np.ndarray]) -> np.ndarray:
        """Return the mean loss of every target over all held-out rows."""
        self.counts.n_values += len(self.splits)
        return self.mean(
            split.validation.values(w)
            for split, w in zip(self.splits, weights, strict=True)
        )

    def relative(
        self, values: np.ndarray, losses: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        """Return values of some targets relative to their losses."""
        # Below ten digits of the null loss a loss counts as zero.
        size = losses + 1e-10 * self.null_losses[targets]
        out = np.zeros(len(targets))
        return np.divide(values, size, out=out, where=values != 0)

    def target_slopes(
        self, lambda_: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and their derivatives.

        Parameters
        ----------
        lambda_ : ndarray of shape (k,)
            Of the targets.
        targets : ndarray of shape (k,)
            Their numbers.

        Returns
        -------
        values : ndarray of shape (k,)
            Mean losses over all held-out rows.
        slopes : ndarray of shape (k,)
            Their derivatives in lambda.
        """
        values, slopes = self._mean_of(self._slope, lambda_, targets, 2)
        return values, slopes

    def target_models(self, lambda_: np.ndarray, targets: np.ndarray) -> TargetModel:
        """Return the `TargetModel` of some targets at their lambdas.

        Parameters
        ----------
        lambda_ : ndarray of shape (k,)
            Of the targets.
        targets : ndarray of shape (k,)
            Their numbers.

        Returns
        -------
        TargetModel
            With one entry per target.
        """
        size = len(TargetModel._fields)
        return TargetModel(*self._mean_of(self._model, lambda_, targets, size))

    def _slope(self, split, penalty, targets):
        """Return the losses of some targets and their derivatives in lambda."""
        own = _respond(split, penalty, targets)
        return own.value, np.sum(own.jacobian * own.image, axis=0)

    def _model(self, split, penalty, targets):
        """Return the entries of a `TargetModel` for one split."""
        own = _respond(split, penalty, targets)
        # v'' = (1 - 2 p / (s + p)) v'
        second = (1.0 - 2.0 * penalty * own.inverse) * own.jacobian
        return (
            own.value,
            np.sum(own.jacobian * own.image, axis=0),
            np.sum(own.jacobian * (split.validation.gram @ own.jacobian), axis=0),
            np.sum(second * own.image, axis=0),
            *target_sizes(split, penalty, targets, own.inverse, own.w),
        )

    def _mean_of(self, function, lambda_, targets, n_values):
        """Return the splits' means of a function, in blocks of targets."""
        # One evaluation of many targets counts once.
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


class TargetsEvaluation(Evaluation):
    """The sum of the targets' validation losses at one lambda per target."""

    def __init__(
        self, problem: TargetsProblem, lambda_: np.ndarray, weights: list[np.ndarray]
    ):
        super().__init__(problem, lambda_, weights)
        self._estimate = None

    @property
    def estimate(self) -> float:
        """The sum of the targets' mean losses over all held-out rows."""
        if self._estimate is None:
            losses = self.problem.values(self.lambda_, self.weights)
            self._estimate = float(losses.sum())
        return self._estimate

    def hypergradient(self, rtol: float = 0.0) -> np.ndarray:
        """Return the derivative of every target's loss in its lambda.

        Parameters
        ----------
        rtol : float
            Of no effect on closed forms.

        Returns
        -------
        ndarray of shape (n_targets,)
            At the exact weights.
        """
        return self.problem.target_slopes(self.lambda_, self.problem.everything)[1]


class _Response(NamedTuple):
    """Exact weights of some targets on one split, and their held-out losses.

    `image` is the gradient of the validation loss in the weights.
    """

    inverse: np.ndarray
    w: np.ndarray
    image: np.ndarray
    jacobian: np.ndarray
    value: np.ndarray


def target_sizes(split, penalty, targets, inverse, w):
    """Return metric, energy and training loss of some targets.

    Parameters
    ----------
    split : QuadraticSplit
        With a diagonal Hessian.
    penalty : ndarray of shape (k,)
        Of the targets.
    targets : ndarray of shape (k,)
        Their numbers.
    inverse : ndarray of shape (m, k)
        Of the Hessian of every target.
    w : ndarray of shape (m, k)
        The exact weights.

    Returns
    -------
    tuple of ndarray of shape (k,)
        As in `TargetModel`.
    """
    energy = penalty * np.sum(w**2, axis=0)
    metric = np.sum(penalty**2 * w**2 * inverse, axis=0)
    return metric, energy, split.train.values(w, targets) + 0.5 * energy


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


def refit(split: Split, lambda_: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
