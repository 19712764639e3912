"""Groups of training rows with gross errors, which no weight has to be learned for.

Lambda is learned before the weights of rows, with equal ones. A target a thousand times
too large would decide it alone, and the weights would be learned for a model that is
shrunk to nothing, or that follows this row. The clean rows tell such groups at once: by
the losses in a model of the clean rows, and by the sizes of the features.
"""

from dataclasses import replace

import numpy as np

from ..engine.glm.row_groups import RowGroups

#: Mean loss of a group above which its rows are gross errors, relative to the larger
#: one of the median row and of the clean rows in a model without features. For the
#: squared loss these are ten standard deviations.
GROSS = 100.0
#: Mean square of the features of a group, in the units of the clean rows, above which
#: its rows are gross errors, relative to the median row; and random directions along
#: which it is estimated.
FAR_OUT, N_DIRECTIONS = 1e4, 16
#: Largest share of the training rows that is left out: the median row is right then.
MOST_GROSS = 0.5


def without_gross_rows(source):
    """Return the source of a fit without the rows of groups with gross errors.

    These rows are in no part and in no group, as if they had the sample weight zero.

    Parameters
    ----------
    source : ProblemSource
        With `row_groups` and one split, whose held-out rows are clean.
    """
    (train, clean), groups = source.pairs[0], source.row_groups
    losses, squares, typical = _facts(source, clean)
    own, weight = groups.labels[train], source.weights[train]
    sizes = np.bincount(own, weight, groups.n_groups)

    def exceeds(values, most, typical):
        typical = max(typical, np.median(values[train]))
        sums = np.bincount(own, weight * values[train], groups.n_groups)
        return ~(sums <= most * typical * sizes)

    with np.errstate(over="ignore"):
        is_gross = exceeds(losses, GROSS, typical) | exceeds(squares, FAR_OUT, 1.0)
    kept = ~is_gross[own]
    few = weight[~kept].sum() > MOST_GROSS * weight.sum()
    if kept.all() or few or np.count_nonzero(np.bincount(own[kept])) < 2:
        return source
    labels = groups.labels.copy()
    labels[train[~kept]] = groups.n_groups
    groups = RowGroups(labels, groups.names)
    return replace(source, pairs=[(train[kept], clean)], row_groups=groups)


def _facts(source, clean):
    """Return the loss of every row in a model of the clean ones, and its size.

    And the mean loss of the clean rows in a model without features.
    """

    def problem_of(design, target, part, weights):
        given = design, target, [(part, part)], weights
        return source.of_splits(*given, all_directions=False, by_rows=True)

    # A penalty as strong as the clean rows, so that few of them do for many features.
    rows = source.design.take(clean), source.target[clean]
    own = problem_of(*rows, np.arange(len(clean)), source.weights[clean])
    lambda_ = np.log(np.maximum(own.group_curvature, np.finfo(float).tiny))
    problem = problem_of(source.design, source.target, clean, source.weights)
    (weights,) = problem.minimize(problem.project(lambda_), problem.starts())
    split = problem.splits[0]
    with np.errstate(over="ignore"):
        losses = source.loss.value(split.y, split.raw(weights))
    sizes = _sizes(split.rows, own.splits[0], clean)
    return losses.reshape(len(split.y), -1).sum(axis=1), sizes, problem.null_loss


def _sizes(rows, own, clean):
    """Return the mean square of the features of every row about the clean ones."""
    squares, share = own.rows.mean_squares, own.train_weight[:, None]
    squares = np.maximum(squares - own.rows.adjoint(share)[:, 0] ** 2, 0.0)
    unit = np.sqrt(np.maximum(squares + squares.mean(), np.finfo(float).tiny))
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((len(unit), N_DIRECTIONS)) / unit[:, None]
    images = rows.forward(directions)
    return np.mean((images - images[clean].mean(axis=0)) ** 2, axis=1)
