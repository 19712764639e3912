"""The choice of shrinkage by nested splits.

The held-out rows of a split are not used for the models evaluated on them: lambdas
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
from ..solvers.start.newton import shared_minimum
from ..solvers.start.scan import scan_lambda

#: Shrinkages that are tried, from one lambda, to three digits, to no shrinkage.
SHRINKAGES = np.array([1000.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.0])
#: Number of standard errors by which a smaller shrinkage must be better.
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
        How many training parts are split again at once, as in `run_jobs`.
    phases : Phases, default=UNWATCHED
        Receives a report for every split; later splits are ignored after its deadline.

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
    rows, pairs = source.rows, source.index_pairs
    inner_pairs = _inner_pairs(pairs, len(rows))
    tasks = (
        (source, pairs[split][0], inner, phases.deadline)
        for split, inner in enumerate(inner_pairs)
    )
    models = []
    with phases.phase("shrinkage", len(pairs)):
        for found in run_jobs(nested_models, tasks, n_jobs):
            models.append(found)
            phases.step()
    means, squares = rows.compared(models, len(SHRINKAGES))
    worse = means - means.min()
    # This is the variance of a sum over rows.
    variance = squares - worse**2 / rows.total
    chosen = np.argmax(worse <= LEAST_GAIN * np.sqrt(np.maximum(variance, 0.0)))
    return float(SHRINKAGES[chosen]), {
        "shrinkage": SHRINKAGES.copy(),
        "nested_loss": means,
    }


def nested_models(source, train, inner, deadline):
    """Return the models of the training rows of a split, for every shrinkage.

    Parameters
    ----------
    source : ProblemSource
    train : ndarray of int
        The training rows.
    inner : list of (ndarray, ndarray)
        Splits of them.
    deadline : Deadline

    Returns
    -------
    list of (ndarray, ndarray)
        Coefficients (n_features, n_outputs) and intercepts (n_outputs,); none if the
        time is over before all are known.
    """
    problem = _inner_problem(source, train, inner)
    try:
        with problem.counts.within(deadline):
            return list(_models(problem, deadline))
    except OutOfTimeError:
        return []


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
    """Yield coef and intercept for every shrinkage, each started from the last."""
    lambda_, weights, *_ = shared_minimum(problem, scan_lambda(problem))
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
    """Raise if a class is missing from a training part of the nested splits."""
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
