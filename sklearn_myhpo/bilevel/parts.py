"""The parts of a problem, and its scales."""

from dataclasses import dataclass

import numpy as np

from ..engine.split import Split
from ..engine.split_set import SplitSet
from ..losses.base import Loss
from ..penalties.groups import FeatureGroups
from .bounds import automatic_bounds
from .counts import OracleCounts

#: Rounding of a mean loss that is zero, relative to the curvature.
NEGATIVE = 1e-8


@dataclass(frozen=True)
class ProblemParts:
    """The parts of a problem.

    Attributes
    ----------
    loss : Loss
        Of the rows.
    groups : FeatureGroups
        The lambda of every feature.
    counts : OracleCounts
        Counters used by the splits.
    split_set : SplitSet
        Training and validation losses.
    full : Split
        All rows, for the refit.
    curvature_scale : float
        A typical curvature of the loss.
    split_weights : ndarray of shape (n_splits,)
        Share of every split in the means over splits.
    total_weight : float
        Sum of the sample weights.
    n_held_out : float
        Number of rows in the mean of the objective.
    """

    loss: Loss
    groups: FeatureGroups
    counts: OracleCounts
    split_set: SplitSet
    full: Split
    curvature_scale: float
    split_weights: np.ndarray
    total_weight: float
    n_held_out: float


@dataclass(frozen=True)
class Scales:
    """Scales of the losses, weights and lambdas of a problem.

    Attributes
    ----------
    null_loss : float
        Objective of the best constant model of the training rows.
    curvature : float
        Trace of the data term's Hessian, unpenalized features included: a bound, or a
        typical value where the loss has no bound of its curvature.
    group_curvature : ndarray of shape (n_groups,)
        The same for every group.
    log_curvature : float
        Mean log of the curvature of the penalized features that vary.
    auto_bounds : ndarray of shape (2, n_groups)
        The range in which lambda has an effect.
    """

    null_loss: float
    curvature: float
    group_curvature: np.ndarray
    log_curvature: float
    auto_bounds: np.ndarray


def measure_scales(
    parts: ProblemParts,
    second_moments: np.ndarray,
    n_train: int,
    least_moment: float | None = None,
) -> Scales:
    """Return the scales of a problem.

    Parameters
    ----------
    parts : ProblemParts
        Of the problem.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    n_train : int
        Smallest number of training rows.
    least_moment : float or None
        Smallest second moment of any direction; None for that of a feature.

    Returns
    -------
    Scales
        In units of the loss, and natural logs.
    """
    null_loss = parts.split_weights @ parts.split_set.null_validation_losses()
    curvature = parts.curvature_scale * second_moments
    total = float(curvature.sum()) or 1.0
    own = parts.groups.sum_by_group(curvature)
    # Unpenalized features do not depend on lambda.
    felt = curvature[parts.groups.is_penalized]
    positive = felt[felt > 0]
    return Scales(
        checked_loss(parts, null_loss),
        total,
        # A group of constant features has no scale: it takes the scale of the data.
        np.where(own > 0, own, felt.sum() or 1.0),
        float(np.mean(np.log(positive))) if len(positive) else 0.0,
        automatic_bounds(
            felt,
            parts.groups.n_groups,
            len(second_moments) >= n_train,
            None if least_moment is None else parts.curvature_scale * least_moment,
        ),
    )


def checked_loss(parts: ProblemParts, loss: float) -> float:
    """Return a mean loss of held-out rows.

    Parameters
    ----------
    parts : ProblemParts
        Of the problem.
    loss : float
        The mean.

    Returns
    -------
    float
        The mean.

    Raises
    ------
    ValueError
        If it is negative.
    """
    # Squares are summed from second moments, whose rounding may be large.
    if loss < -NEGATIVE * parts.curvature_scale and not parts.loss.is_quadratic:
        raise ValueError(
            f"The mean {parts.loss.name} loss of the held-out rows is {loss:.3g}, and "
            "a loss must not be negative: a step is accepted by its decrease relative "
            "to the loss. Subtract the smallest value of the loss from it, as in half "
            "a unit deviance."
        )
    return loss
