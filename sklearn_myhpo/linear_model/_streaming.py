"""Learning from one part of the data after another, where the solver can."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .._warn import warn
from ..bilevel.validation import BilevelProblem
from ..data.cv import make_splits
from ..solvers import SOLVERS, Info
from ..solvers.driver import history_row, is_finite
from ..solvers.start.scan import scan_lambda
from ._checks import (
    check_bounds,
    check_weights,
    drop_weightless,
    resolve_criterion,
    resolve_solver,
)


class Stream(NamedTuple):
    """Where `partial_fit` goes on, in terms of features.

    Attributes
    ----------
    groups : FeatureGroups
    lambda_ : ndarray of shape (n_groups,)
    weights, adjoints : list of (coef, intercept)
        Of every split.
    n_steps : int
    largest : tuple or None
        What the solver measured.
    total_weight : float
        Sum of the sample weights so far.
    random : numpy.random.RandomState
        Divides rows and seeds epochs.
    history : list of dict
    counts : dict of str to number
        Of all calls.
    """

    groups: object
    lambda_: np.ndarray
    weights: list
    adjoints: list
    n_steps: int
    largest: tuple | None
    total_weight: float
    random: object
    history: list
    counts: dict


def can_stream(model):
    """Whether the solver of an estimator goes on with new rows.

    Raises
    ------
    AttributeError
        If it does not, as `sklearn.utils.metaestimators.available_if` wants it.
    """
    solver = resolve_solver(model.solver)
    if solver.capabilities.streams:
        return True
    raise AttributeError(
        "partial_fit needs a solver that goes on with new rows, such as "
        "sklearn_myhpo.solvers.Stochastic(method='soba'), 'amigo' or 'stocbio' as "
        f"method. Got {solver!r}; of the names, {sorted(SOLVERS)}, none does."
    )


def learn_part(model, X, target, loss, groups, sample_weight, stream):
    """Return the `Stream` after one epoch on some rows.

    Parameters
    ----------
    model : BilevelLinearModel
        Its parameters say how.
    X : ndarray or sparse array of shape (n_samples, n_features)
        Validated.
    target : ndarray
        As the loss wants it.
    loss : Loss
    groups : FeatureGroups
    sample_weight : array-like of shape (n_samples,) or None
    stream : Stream or None
        Where the last part ended; None for the first one.

    Returns
    -------
    Stream
        With the attributes of the whole run so far.
    """
    solver = resolve_solver(model.solver)
    resolve_criterion(model.criterion, loss, solver)
    random = check_random_state(model.random_state) if stream is None else stream.random
    weights = check_weights(sample_weight, X)
    pairs = _make_splits(model, X, target, weights, stream, random)
    problem = _make_problem(model, X, target, loss, groups, weights, pairs)
    rng = np.random.default_rng(random.randint(np.iinfo(np.int32).max))
    state, loss_before = _start(model, solver, problem, stream)
    with np.errstate(all="ignore"):
        after, info = solver.step(problem, state, rng)
    if is_finite(after, info):
        state = after
    else:
        info = Info(state.lambda_, np.nan, np.nan, np.nan)
        warn(
            f"{type(model).__name__} diverged on these rows, which are left out. Use "
            'step_sizes="auto" or smaller ones.',
            ConvergenceWarning,
        )
    if loss_before is not None:
        info = info._replace(validation_loss=loss_before)
    seen = {} if stream is None else stream.counts
    own = problem.counts.as_dict()
    counts = {name: seen.get(name, 0) + value for name, value in own.items()}
    row = {**history_row(info, problem.counts, 0.0), **counts}
    del row["time"]
    history = [] if stream is None else stream.history
    weight = 0.0 if stream is None else stream.total_weight
    return Stream(
        groups,
        state.lambda_,
        _to_features(problem, state.weights),
        _to_features(problem, state.adjoints),
        state.n_steps,
        state.largest,
        weight + problem.total_weight,
        random,
        [*history, row],
        counts,
    )


def _make_splits(model, X, target, weights, stream, random):
    """Return the splits of some rows, as many as there were of the first ones."""
    # A part need not have every class, so nothing is stratified.
    pairs = make_splits(
        model.cv,
        X,
        target,
        classifier=False,
        rows=np.flatnonzero(weights),
        random_state=random,
    )
    if stream is not None and len(pairs) != len(stream.weights):
        raise ValueError(
            f"cv={model.cv!r} makes {len(pairs)} splits of these rows, but made "
            f"{len(stream.weights)} of the first ones; partial_fit needs as many each "
            "time, as a float or an int gives."
        )
    return pairs


def _make_problem(model, X, target, loss, groups, weights, pairs):
    """Return the problem of some rows."""
    X, target, weights, pairs = drop_weightless(X, target, weights, pairs)
    return BilevelProblem(
        X,
        target,
        loss,
        groups,
        pairs,
        sample_weight=weights,
        fit_intercept=model.fit_intercept,
        lambda_bounds=check_bounds(model.lambda_bounds, model.lambda_init),
        by_rows=True,
    )


def _start(model, solver, problem, stream):
    """Return the state to go on from, and the validation loss of new rows there."""
    if stream is not None:
        problem.widen_bounds(stream.lambda_)
        weights, adjoints = (
            [
                split.from_features(*one)
                for split, one in zip(problem.splits, many, strict=True)
            ]
            for many in (stream.weights, stream.adjoints)
        )
        state = solver.init(problem, stream.lambda_, weights)
        state = state._replace(
            adjoints=adjoints, n_steps=stream.n_steps, largest=stream.largest
        )
        return state, problem.validation_loss(weights)
    if isinstance(model.lambda_init, str):
        lambda_0, weights, *_ = scan_lambda(problem.for_scan())
    else:
        if isinstance(model.lambda_bounds, str):
            problem.widen_bounds(model.lambda_init)
        lambda_0 = problem.project(np.full(problem.n_groups, float(model.lambda_init)))
        weights = problem.zeros()
    return solver.init(problem, lambda_0, weights), None


def _to_features(problem, weights):
    return [
        split.to_features(w) for split, w in zip(problem.splits, weights, strict=True)
    ]
