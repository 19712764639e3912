"""The start of a fit to rows beyond memory: the fit to a sample."""

from dataclasses import replace
from numbers import Integral
from typing import NamedTuple

import numpy as np

from ...data.cv import make_splits
from ...data.rows import Rows
from ...data.sources import as_design
from ...exceptions import SortedRowsWarning
from ...solvers import minimize_bilevel
from .._checks import drop_weightless
from .._problem import ProblemSource

#: Accuracy of the fit of a sample.
SAMPLE_TOL = 1e-4


class SampledRows(NamedTuple):
    """A sample of rows, in their order, as arrays.

    Attributes
    ----------
    sample : HashedSample
    target : ndarray of shape (n,)
        As the loss wants it.
    weight : ndarray of shape (n,)
        Weights of the rows. Those of rare classes, which are over-represented in the
        sample, are smaller.
    """

    sample: object
    target: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, facts, target):
        """Return the sample of the first pass.

        Parameters
        ----------
        facts : RowFacts
        target : RowTarget
        """
        sample = facts.sample.in_order()
        y, weight = target.of(sample)
        if facts.counts is not None:
            index = np.searchsorted(facts.counts.classes, sample.y.reshape(len(y)))
            # Labels that occur only in validation rows have no weight.
            index = index.clip(max=len(facts.counts.classes) - 1)
            own = np.bincount(index, minlength=len(facts.counts.classes))
            share = facts.counts.sizes / np.maximum(own, 1)
            weight = weight * (share / share.max())[index]
        # The weights of a sample may all be zero although those of all rows are not.
        return cls(sample, y, weight if np.any(weight) else np.ones(len(y)))

    @classmethod
    def of_drawn(cls, drawn, target):
        """Return `DrawnRows`, weighed by how many rows each stands for."""
        y, weight = target.of(drawn)
        return cls(drawn, y, weight * drawn.count)

    def source(self, model, loss, groups, bounds, pairs):
        """Return the `ProblemSource` of the sample."""
        design, target, weights, pairs = drop_weightless(
            as_design(_in_double(self.sample.X)), self.target, self.weight, pairs
        )
        return ProblemSource(
            design=design,
            target=target,
            loss=loss,
            groups=groups,
            weights=weights,
            kept=np.flatnonzero(self.weight),
            pairs=pairs,
            classes=getattr(model, "classes_", None),
            criterion=None,
            fit_intercept=model.fit_intercept,
            standardize=model.standardize,
            lambda_bounds=bounds,
            lambda_init="auto",
            dtype=self.sample.X.dtype,
            needs_rows=False,
            all_directions=False,
            has_own_validation=False,
        )

    def pairs(self, model, uses):
        """Return splits of the sample that correspond to the folds of all rows."""
        cv = 5 if model.cv is None else model.cv
        is_number = isinstance(cv, Integral) and uses.refits_all
        if self.sample.kind is None or is_number:

            def say(text, category):
                # The sample has fewer rows of a class than all rows.
                if category is SortedRowsWarning:
                    model._say(text, category)

            rows = Rows(
                self.sample.X,
                self.sample.y,
                target=self.sample.y.reshape(len(self.target)),
                is_classifier=model._is_classifier,
                n_features=self.sample.X.shape[1],
                weights=self.weight,
            )
            return make_splits(cv, rows, say=say)
        return uses.pairs(self.sample.kind)


def _in_double(X):
    """Return rows in double precision."""
    return X.astype(np.float64, copy=False)


class Start(NamedTuple):
    """The start of the passes.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
    coef : ndarray of shape (n_features, n_outputs)
    intercept : ndarray of shape (n_outputs,)
    is_known : bool
        Whether they come from a fit to all rows.
    """

    lambda_: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    is_known: bool = False


def start_of_sample(model, rows, uses, loss, groups, bounds, solver, n_rows):
    """Return the `Start` from a fit to a sample.

    Parameters
    ----------
    model : BilevelLinearModel
    rows : SampledRows
    uses : FoldUses
    loss : Loss
    groups : FeatureGroups
    bounds : "auto" or (low, high)
    solver : Solver
    n_rows : int
        Number of all rows.

    Returns
    -------
    Start or None
        None where the sample cannot be fitted.
    """
    try:
        pairs = rows.pairs(model, uses)
    except ValueError:
        # Such as too few rows of a class.
        return None
    fit = _fit_of_sample(model, rows, pairs, loss, groups, bounds, solver)
    if fit is None:
        return None
    # The best strength is about the same in all, and so falls per row.
    lambda_ = fit.lambda_ + np.log(len(rows.target) / n_rows)
    return Start(lambda_, *fit.final)


class _SampleFit(NamedTuple):
    """The fit of a sample.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
    each, final : (coef, intercept)
        Of every split, in lists or stacked, and of all rows.
    """

    lambda_: np.ndarray
    each: tuple
    final: tuple


def _fit_of_sample(model, rows, pairs, loss, groups, bounds, solver):
    """Return the `_SampleFit` of `SampledRows`; None where they cannot be fitted."""
    if not all(np.any(rows.weight[part]) for pair in pairs for part in pair):
        return None
    try:
        source = rows.source(model, loss, groups, bounds, pairs)
        problem = source.make()
        result = minimize_bilevel(
            problem,
            solver,
            max_iter=model.max_iter,
            tol=max(SAMPLE_TOL, model.tol),
            random_state=model._seed(),
        )
    except (ValueError, np.linalg.LinAlgError):
        return None
    each = problem.to_features(result.weights)
    final = source.final_weights(problem, result.lambda_, each, True)
    if not all(np.all(np.isfinite(one)) for one in (result.lambda_, *final)):
        return None
    return _SampleFit(result.lambda_, each, final)


def start_of_drawn(model, drawn, target, streamed, bounds, solver):
    """Return lambda and weights of every split, by a fit of rows drawn by importance.

    Parameters
    ----------
    model : BilevelLinearModel
    drawn : DrawnRows
    target : RowTarget
    streamed : StreamedRows
    bounds : "auto" or (low, high)
    solver : Solver

    Returns
    -------
    lambda_ : ndarray of shape (n_groups,)
    at : ndarray of shape (n_splits + 1, m, n_outputs)
        Weights, those of all rows last.
    None
        Where the sample cannot be fitted.
    """
    rows = SampledRows.of_drawn(drawn, target)
    loss, uses = streamed.reading.loss, streamed.uses

    pairs = uses.pairs(rows.sample.kind)
    fit = _fit_of_sample(model, rows, pairs, loss, streamed.groups, bounds, solver)
    if fit is None:
        return None
    ends = [*fit.each, fit.final]
    at = np.stack([streamed.frame.from_features(*one) for one in ends])
    raw = streamed.reading.view.of(rows.sample.X).forward(at[-1])
    square = rows.weight**2 * np.sum(loss.gradient(rows.target, raw) ** 2, axis=1)
    # The slope has less noise with all rows than with the sample, so that the penalty
    # is weaker by this ratio. It is one where every sampled row stands for itself only.
    share = np.sum(square * drawn.chance) / np.sum(square)
    lambda_ = fit.lambda_ + (np.log(share) if 0 < share < 1 else 0.0)
    return (lambda_, at) if np.all(np.isfinite(at)) else None


def with_splits(source, rows, facts, uses):
    """Return the `ProblemSource` of a sample with the folds that its rows have.

    Parameters
    ----------
    source : ProblemSource
    rows : SampledRows
    facts : FoldFacts
    uses : FoldUses
    """
    order = np.argsort(facts.numbers)
    return replace(source, pairs=uses.pairs(facts.kinds[order][rows.weight > 0]))
