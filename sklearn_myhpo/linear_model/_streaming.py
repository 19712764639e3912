"""Learning from parts of the data (`partial_fit`)."""

from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .._messages import shown
from .._progress import kept_on_error
from ..bilevel.validation import BilevelProblem
from ..solvers import Info
from ..solvers.driver import history_row, is_finite
from ..solvers.protocol import DivergedError
from ..solvers.start.alone import find_start
from ._checks import check_weights, drop_weightless, resolve_solver
from ._lambda import check_lambda
from ._problem import mean_over_splits
from ._results.cv_results import no_cv_results, refuse_cv_results


class Stream(NamedTuple):
    """State of `partial_fit` after some parts, in terms of features.

    Attributes
    ----------
    groups : FeatureGroups
    lambda_ : ndarray of shape (n_groups,)
    weights, adjoints : list of (coef, intercept)
        One pair per split.
    n_steps : int
    largest : tuple or None
        Measurements of the solver.
    total_weight : float
        Sum of the sample weights so far.
    random : numpy.random.RandomState
        Divides rows and seeds epochs.
    history : list of dict
        A row per part.
    counts : dict of str to number
        Sums over all parts.
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
    """Whether the solver of an estimator can continue with new rows.

    Raises
    ------
    AttributeError
        If it cannot, as `sklearn.utils.metaestimators.available_if` requires.
    """
    solver = resolve_solver(model.solver)
    if solver.capabilities.streams:
        return True
    raise AttributeError(
        "partial_fit needs a solver that goes on with new rows: "
        "sklearn_myhpo.solvers.Stochastic with any method but 'saba'. "
        f"Got solver={shown(model.solver)}."
    )


class StreamingMixin:
    """The work of `partial_fit`; a mixin for the base class of the estimators.

    Subclasses have `_check_part(y, sample_weight, classes, is_first)`, which returns
    the loss, y in the form of the loss, and the weights of the rows.
    """

    def _fit_part(self, X, y, sample_weight, groups, classes=None):
        """Learn from some rows, and set the fitted attributes."""
        self._validate_params()
        refuse_cv_results(self)
        if self.standardize:
            raise ValueError(
                "standardize=True is not possible with partial_fit: the standard "
                "deviations of all training rows are not known before the last part. "
                "Use standardize=False, and scale every part alike, or fit."
            )
        with kept_on_error(self):
            is_first, given = self._stream is None, (X, y)
            X, y = self._check_data(X, y, reset=is_first)
            weights = check_weights(sample_weight, X)
            metadata = self._metadata_of_splits(X, groups, {})
            checked = self._check_part(y, weights, classes, is_first)
            loss, target, weights = checked
            features = self._make_groups(given[0]) if is_first else self._stream.groups
            random = self._random_of_parts()
            pairs = self._make_pairs(
                given,
                (X, y),
                weights,
                metadata,
                random_state=random,
                needs_classes=False,
            )
            data = drop_weightless(X, target, weights, pairs)
            stream = self._take_epoch(data, loss, features, random)
            self._set_stream(stream, X.dtype)
        return self

    def _random_of_parts(self):
        """Return the random state that is kept from part to part."""
        if self._stream:
            return self._stream.random
        return check_random_state(self.random_state)

    def _take_epoch(self, data, loss, groups, random):
        """Return the `Stream` after one epoch of the solver on some rows."""
        solver, stream = resolve_solver(self.solver), self._stream
        self._choose_criterion(loss, solver)
        problem = self._problem_of_part(*data, loss, groups)
        rng = np.random.default_rng(random.randint(np.iinfo(np.int32).max))
        if stream:
            state = _resume(problem, solver, stream)
            # The weights have not seen these rows, so the validation loss is unbiased.
            loss_before = problem.validation_loss(state.weights)
        else:
            state, loss_before = self._first_state(problem, solver), None
        try:
            with np.errstate(all="ignore"):
                after, info = solver.step(problem, state, rng)
        except DivergedError:
            after = None
        if after is not None and is_finite(after, info):
            state = after
        else:
            info = Info(state.lambda_, np.nan, np.nan, np.nan)
            self._say(
                "diverged on these rows and skipped them. Use "
                'step_sizes="auto" or smaller ones.',
                ConvergenceWarning,
            )
        if loss_before is not None:
            info = info._replace(validation_loss=loss_before)
        return _extend(stream, problem, groups, state, info, random)

    def _problem_of_part(self, X, target, weights, pairs, loss, groups):
        """Return the problem of some rows, with as many splits as the first part."""
        if self._stream and len(pairs) != len(self._stream.weights):
            raise ValueError(
                f"cv={shown(self.cv)} makes {len(pairs)} splits of these rows, but "
                f"made {len(self._stream.weights)} of the first ones; partial_fit "
                "needs as many each time, as a float or an int gives."
            )
        bounds, _ = check_lambda(self.lambda_bounds, self.lambda_init, groups)
        return BilevelProblem(
            X,
            target,
            loss,
            groups,
            pairs,
            sample_weight=weights,
            fit_intercept=self.fit_intercept,
            lambda_bounds=bounds,
            by_rows=True,
        )

    def _first_state(self, problem, solver):
        """Return the state of the solver before the first part."""
        if isinstance(self.lambda_init, str):
            lambda_0, weights, _ = find_start(problem)
        else:
            given = self.lambda_bounds, self.lambda_init, problem.groups
            _, start = check_lambda(*given)
            problem.widen_bounds(start)
            lambda_0 = np.full(problem.n_groups, start, dtype=float)
            lambda_0, weights = problem.project(lambda_0), problem.zeros()
        return solver.init(problem, lambda_0, weights)

    def _set_stream(self, stream, dtype):
        """Set the fitted attributes after a part."""
        self._stream, self._last_fit, self._facts = stream, None, None
        history = {
            name: np.array([row[name] for row in stream.history])
            for name in stream.history[0]
        }
        self._set_learned(stream.groups, stream.lambda_, history)
        coef, intercept = mean_over_splits(stream.weights)
        alpha = self._alpha_of(stream.total_weight, self.lambda_)
        self._set_weights(coef, intercept, alpha, dtype)
        self.validation_loss_ = float(history["validation_loss"][-1])
        self._set_minimum(self.lambda_, self.validation_loss_, None)
        self.n_iter_, self.converged_ = len(stream.history), False
        self.oracle_counts_ = stream.counts
        self.certificate_ = self.optimism_ = self.validation_curve_ = None
        self.plan_ = self.start_losses_ = None
        self.row_weights_ = self.row_groups_ = None
        vars(self).update(no_cv_results())
        self.shrinkage_, self.shrinkage_path_ = 0.0, None


def _resume(problem, solver, stream):
    """Return the state of the solver at the end of the last part, for new rows."""
    problem.widen_bounds(stream.lambda_)
    weights, adjoints = (
        [
            split.from_features(*one)
            for split, one in zip(problem.splits, many, strict=True)
        ]
        for many in (stream.weights, stream.adjoints)
    )
    state = solver.init(problem, stream.lambda_, weights)
    return state._replace(
        adjoints=adjoints, n_steps=stream.n_steps, largest=stream.largest
    )


def _extend(stream, problem, groups, state, info, random):
    """Return the `Stream` after one more part; `stream` is None before the first."""
    own = problem.counts.as_dict()
    seen, history, weight = {}, [], 0.0
    if stream:
        seen, history, weight = stream.counts, stream.history, stream.total_weight
    counts = {name: seen.get(name, 0) + value for name, value in own.items()}
    row = {**history_row(info, problem.counts, 0.0), **counts}
    del row["time"]
    return Stream(
        groups,
        state.lambda_,
        problem.to_features(state.weights),
        problem.to_features(state.adjoints),
        state.n_steps,
        state.largest,
        weight + problem.total_weight,
        random,
        [*history, row],
        counts,
    )
