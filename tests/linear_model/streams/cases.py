"""Rows, and the minimum of their problem in memory, for tests of fits in passes."""

import warnings

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.data import Batches, RowFolds
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.penalties.factors import make_penalty_factors, with_factors
from sklearn_myhpo.penalties.parsing import make_feature_groups

RNG = np.random.default_rng(0)
N, D = 1500, 6
X = RNG.standard_normal((N, D)) * np.arange(1, D + 1) + 2.0
RAW = (X - 2.0) @ np.array([1.0, -0.5, 0.2, 0.1, 0.0, 0.03])
Y = RAW + 2.0 * RNG.standard_normal(N)
LABEL = np.array(["no", "yes"])[(Y > 0).astype(int)]
THREE = np.digitize(Y, [-1.0, 1.0])
COUNT = RNG.poisson(np.exp(RAW / 3))
AMOUNT = RNG.gamma(2.0, np.exp(RAW / 3) / 2)
ZEROS = np.where(RNG.random(N) < 0.4, 0.0, AMOUNT)
WEIGHT = RNG.integers(0, 4, N) / 2.0
GROUPS = np.arange(D) % 2
#: So few entries that a pass has several blocks.
FEW = {"block_entries": 2400}
FOLDS = RowFolds(4)


def batches(y, weight=None, rows=X, size=97, **options):
    """Return the rows in batches."""
    return Batches.from_arrays(rows, y, weight, batch_size=size, **options)


def fit(model, source, *args, **given):
    """Fit a model to batches of which no fit keeps all rows."""
    with use_limits(**FEW), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(source, *args, **given)


def pairs_of(model, y, rows=X, groups=None):
    """Return the folds of a model, by scikit-learn or by the rule itself."""
    cv = 5 if model.cv is None else model.cv
    if hasattr(cv, "split"):
        return list(cv.split(rows, y, groups))
    if not isinstance(cv, int):
        return cv
    kind = StratifiedKFold if model._is_classifier else KFold
    return list(kind(cv).split(rows, y))


def problem_of(model, y, weight=None, rows=X, pairs=None):
    """Return the problem of a fitted model and the same rows in memory."""
    if model._is_classifier:
        loss, target = model._loss, np.searchsorted(model.classes_, y)
    else:
        loss, target = model._family_loss(), y.astype(float)
    weight = np.ones(len(y)) if weight is None else weight
    if model.class_weight is not None:
        weight = weight * model.class_weight_[target]
    features = {"n_features": rows.shape[1], "feature_names": None}
    groups = make_feature_groups(model.feature_groups, rows, **features)
    factors = make_penalty_factors(model.penalty_factors, rows, **features)
    kept = np.flatnonzero(weight > 0)
    place = np.cumsum(weight > 0) - 1
    pairs = [
        tuple(place[part[weight[part] > 0]] for part in pair)
        for pair in (pairs_of(model, y, rows) if pairs is None else pairs)
    ]
    return BilevelProblem(
        rows[kept],
        target[kept],
        loss,
        with_factors(groups, factors, may_drop=False),
        pairs,
        sample_weight=weight[kept],
        fit_intercept=model.fit_intercept,
        standardize=model.standardize,
        all_directions=False,
    )


def minimum(problem, lambda_):
    """Return the lambda of a minimum, by Newton's method on the hypergradient.

    A fit in memory compares values, and so ends where their rounding begins.
    """
    weights = problem.minimize(lambda_, tol=1e-12)
    for _ in range(8):
        weights = problem.minimize(lambda_, weights, tol=1e-13)
        place = problem.at(lambda_, weights)
        model = place.model(1e-13)
        step = np.linalg.solve(model.tangent + model.bend, model.gradient)
        lambda_ = lambda_ - step
        if np.abs(step).max() < 1e-11:
            break
    weights = problem.minimize(lambda_, weights, tol=1e-13)
    return lambda_, weights


def raw_of(coef, model):
    """Return weights in the form of the loss: of contrasts for several classes."""
    if model._is_classifier and len(model.classes_) > 2:
        return coef.T @ model._loss.contrasts
    return np.atleast_2d(coef).T
