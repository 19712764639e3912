"""Which shrinkage predicts best: splits within splits.

The rows that a split holds out play no part in the models judged on them: lambdas
are learned from its training rows alone, split again by the held-out parts of the
other splits, and the refitted model is tried on the rows left out (nested
cross-validation, Stone 1974, Varma & Simon 2006).
"""

import numpy as np

from .._deadline import OutOfTimeError
from .._messages import shown
from ..data.jobs import run_jobs
from ..data.selected import select
from ..solvers import MYHPO, minimize_bilevel
from ..solvers.phases import UNWATCHED
from ..solvers.start.scan import scan_lambda

#: Shrinkages that are tried, from one lambda, to three digits, to no shrinkage.
SHRINKAGES = np.array([1000.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.0])
#: Standard errors by which less shrinkage must be better to be preferred.
LEAST_GAIN = 0.5
#: Accuracy and iterations of the lambdas that are compared.
NESTED_TOL, NESTED_MAX_ITER = 1e-4, 30


def choose_shrinkage(source, n_jobs=None, phases=UNWATCHED):
    """Return the shrinkage with the lowest nested loss, and the losses of all.

    Parameters
    ----------
    source : ProblemSource
        Data and splits, and a function that makes problems of them.
    n_jobs : int or None, default=None
        How many training parts are split again at once, as of `run_jobs`.
    phases : Phases, default=UNWATCHED
        Is told of every split; after its deadline splits have no say.

    Returns
    -------
    shrinkage : float
        The largest that is not worse than the best by `LEAST_GAIN` standard errors.
    path : dict of str to ndarray of shape (n_shrinkages,)
        "shrinkage", and "nested_loss", the mean loss of the rows left out.

    Raises
    ------
    ValueError
        If a training part cannot be split again by the other splits.
    """
    if source.criterion is not None:
        raise ValueError(
            "shrinkage='auto' compares losses of held-out rows, and the criterion "
            "holds none out. Use criterion='validation', or a number for shrinkage."
        )
    rows, pairs = source.rows, source.pairs
    losses = np.zeros((len(SHRINKAGES), len(rows)))
    inner_pairs = _inner_pairs(pairs, len(rows))
    tasks = (
        (source, split, inner, phases.deadline)
        for split, inner in enumerate(inner_pairs)
    )
    with phases.phase("shrinkage", len(pairs)):
        for left_out, found in run_jobs(nested_losses, tasks, n_jobs):
            losses[:, left_out] += found
            phases.step()
    means = losses.sum(axis=1)
    worse = means - means.min()
    more = losses - losses[np.argmin(means)]
    # The variance of a sum over rows; a row of weight k is k rows.
    variance = np.sum(more**2 / rows.sample_weight, axis=1) - worse**2 / rows.total
    chosen = np.argmax(worse <= LEAST_GAIN * np.sqrt(np.maximum(variance, 0.0)))
    return float(SHRINKAGES[chosen]), {
        "shrinkage": SHRINKAGES.copy(),
        "nested_loss": means,
    }


def nested_losses(source, split, inner, deadline):
    """Return the losses of the rows that a split holds out, for every shrinkage.

    Parameters
    ----------
    source : ProblemSource
    split : int
        Which one.
    inner : list of (ndarray, ndarray)
        Splits of its training rows.
    deadline : Deadline

    Returns
    -------
    left_out : ndarray of shape (n_held_out,)
        The rows; none if the time is over before all losses are known.
    losses : ndarray of shape (n_shrinkages, n_held_out)
        Parts of the rows in the mean loss.
    """
    rows, (train, _) = source.rows, source.pairs[split]
    share, losses = rows.share(split), []
    problem = _inner_problem(source, train, inner)
    try:
        with problem.counts.within(deadline):
            for coef, intercept in _models(problem, deadline):
                left_out, loss = rows.losses(split, coef, intercept)
                losses.append(share[left_out] * loss)
    except OutOfTimeError:
        return np.empty(0, dtype=np.intp), np.empty((len(SHRINKAGES), 0))
    return left_out, np.array(losses)


def _inner_problem(source, train, inner):
    """Return the problem of the training rows of a split, split again."""
    rows = source.rows
    counts = np.bincount(train, minlength=len(rows))
    own = np.flatnonzero(counts)
    _check_classes(source, own, inner)
    return source.of_splits(
        select(rows.design, own),
        rows.y[own],
        pairs=inner,
        sample_weight=rows.sample_weight[own] * counts[own],
        all_directions=False,
    )


def _models(problem, deadline):
    """Yield coef and intercept for every shrinkage, each from the one before."""
    lambda_, weights, *_ = scan_lambda(problem)
    reference = problem.objective(lambda_, weights)
    start = problem.full.start()
    for shrinkage in SHRINKAGES:
        problem.shrink(shrinkage, reference)
        result = minimize_bilevel(
            problem,
            MYHPO(),
            lambda_init=lambda_,
            weights_init=weights,
            max_iter=NESTED_MAX_ITER,
            max_time=deadline,
            tol=NESTED_TOL,
        )
        lambda_, weights = result.lambda_, result.weights
        start = problem.minimize_full(lambda_, start)
        yield problem.full.to_features(start)


def _check_classes(source, own, inner):
    """Raise where a class has no rows in a training part within a training part."""
    if source.classes is None:
        return
    classes = np.unique(source.target)
    for train, _ in inner:
        missing = np.setdiff1d(classes, source.target[own[train]])
        if len(missing):
            label = source.classes[missing[0]]
            raise ValueError(
                "shrinkage='auto' splits every training part again, and a part of one "
                f"has no rows of the class {shown(label)}. Use fewer folds, or a "
                "number for shrinkage."
            )


def _inner_pairs(pairs, n_samples):
    """Yield, for every split, the other splits within its training rows."""
    for index, (train, _) in enumerate(pairs):
        inside = np.zeros(n_samples, dtype=bool)
        inside[train] = True
        number = np.cumsum(inside) - 1
        inner = [
            tuple(number[part[inside[part]]] for part in pair)
            for other, pair in enumerate(pairs)
            if other != index
        ]
        if not inner or any(len(part) == 0 for pair in inner for part in pair):
            raise ValueError(
                "shrinkage='auto' splits every training part again by the held-out "
                "rows of the other splits, and needs three splits or more for that. "
                f"Got {len(pairs)} from cv. Use cv=5, or a number for shrinkage."
            )
        yield inner
