"""Fixed tasks of time and of memory: name -> function that returns (model, X, y)."""

import tempfile
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.model_selection import StratifiedKFold

from benchmarks.speed import data
from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
)

MODELS = {"ridge": MYHPORidge, "logistic": MYHPOLogisticRegression}
RIDGE_SIZES = [
    (200, 20),
    (1000, 100),
    (5000, 100),
    (20000, 300),
    (100000, 200),
    (500, 2000),
    (200, 10000),
]
LOGISTIC_SIZES = [(200, 20), (1000, 20), (10000, 50), (100000, 20)]
MEMORY_SIZES = [(200000, 50), (20000, 1000), (2000, 20000)]
#: Passes over the rows of the stochastic solver.
N_PASSES = 3
#: Rows of the first fits, which pay for what libraries load.
WARM_ROWS = 60


def of_data(load, *, family="ridge", **parameters):
    """Return a task of MY-HPO on the folds and the groups of some data."""
    found = load()
    y = found.y > 0 if family == "logistic" and found.y.dtype == float else found.y
    model = MODELS[family](
        cv=found.folds, feature_groups=found.groups, random_state=0, **parameters
    )
    return model, found.X, y


def classes(n_samples, n_features, n_classes, density=1.0):
    """Return overlapping classes, of sparse features below a density of one."""
    rng = np.random.default_rng(0)
    shape = n_samples, n_features
    if density < 1:
        X = sparse.random_array(shape, density=density, format="csr", rng=rng)
    else:
        X = rng.standard_normal(shape)
    scores = X @ rng.standard_normal((n_features, n_classes))
    scores = 2.0 * scores / scores.std() + rng.gumbel(size=scores.shape)
    y = np.argmax(scores, axis=1)
    folds = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros(len(y)), y)
    return data.Data(X, y, X[:0], y[:0], list(folds))


def streamed(family, n_samples, n_features):
    """Return a task of the stochastic solver: float32 in memory, or rows in a file."""
    found = data.one_strength(n_samples, n_features)
    options = {"solver": "stochastic", "max_iter": N_PASSES, "random_state": 0}
    if family == "ridge":
        X = found.X.astype(np.float32)
        return BilevelRidge(cv=found.folds, **options), X, found.y
    with tempfile.TemporaryFile() as file:  # which the map keeps
        X = np.memmap(file, dtype=float, mode="w+", shape=found.X.shape)
    X[:] = found.X
    return BilevelLogisticRegression(cv=found.folds, **options), X, found.y > 0


def defaults(family, n_samples, n_features):
    """Return a task with all options at their defaults."""
    X = np.random.default_rng(0).standard_normal((n_samples, n_features))
    rng = np.random.default_rng(1)
    signal = X @ rng.standard_normal(n_features) / np.sqrt(n_features)
    y = signal + rng.standard_normal(n_samples)
    return MODELS[family](), X, y > 0 if family == "logistic" else y


def warm_up():
    """Fit small data of both families."""
    for family in MODELS:
        model, X, y = defaults(family, WARM_ROWS, 3)
        model.fit(X, y)


def _time_tasks():
    one, many = data.one_strength, data.many_strengths
    tasks = {
        f"ridge {n} x {d}": partial(of_data, partial(one, n, d)) for n, d in RIDGE_SIZES
    }
    tasks |= {
        "ridge 5000 x 1000, correlated": partial(
            of_data, partial(one, 5000, 1000, True)
        ),
        "ridge 1000 x 100, 10 groups": partial(of_data, partial(many, 1000, 100, 10)),
        "ridge 1000 x 200, each feature": partial(
            of_data, partial(many, 1000, 200, 200)
        ),
        "ridge 2000 x 200, 300 targets": partial(
            of_data, partial(data.many_targets, 2000, 200, 300), alpha_per_target=True
        ),
    }
    for criterion in ("gcv", "loo"):
        tasks[f"ridge 5000 x 100, {criterion}"] = partial(
            of_data, partial(one, 5000, 100), criterion=criterion
        )
    logistic = partial(of_data, family="logistic")
    tasks |= {
        f"logistic {n} x {d}": partial(logistic, partial(one, n, d))
        for n, d in LOGISTIC_SIZES
    }
    return tasks | {
        "logistic breast_cancer": partial(logistic, data.breast_cancer),
        "logistic digits": partial(logistic, data.digits),
        "logistic 500 x 20, 3 classes": partial(logistic, partial(classes, 500, 20, 3)),
        "logistic 5000 x 20000, sparse": partial(
            logistic, partial(classes, 5000, 20000, 2, 0.002)
        ),
        "logistic 10000 x 50, 10 groups": partial(
            logistic, partial(many, 10000, 50, 10)
        ),
        "ridge 100000 x 50, float32, stochastic": partial(
            streamed, "ridge", 100000, 50
        ),
        "logistic 100000 x 50, file, stochastic": partial(
            streamed, "logistic", 100000, 50
        ),
    }


TIME_TASKS = _time_tasks()
MEMORY_TASKS = {
    f"{family} {n} x {d}, defaults": partial(defaults, family, n, d)
    for family in MODELS
    for n, d in MEMORY_SIZES
}
TASKS = TIME_TASKS | MEMORY_TASKS
