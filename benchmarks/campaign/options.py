"""Random problems of an estimator's options, each made by one seed.

The rows are those of `problems.py`, of its milder kinds; the option is another one.
"""

import warnings
from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    check_cv,
)

from .problems import Task, make_rows, random_pairs, random_weights

#: Kinds of rows, and whether an option is tried on them.
MILD = (
    "gaussian",
    "few rows",
    "wide",
    "duplicated",
    "constant columns",
    "heavy tails",
    "sparse",
    "single precision",
    "offset",
)
#: Most features with several lambdas, whose grids cost more.
MOST_GROUPED = 12


def make_options_task(seed):
    """Return the `Task` of a seed."""
    rng = np.random.default_rng([seed, 1])
    family = ("ridge", "binary", "multinomial")[rng.choice(3, p=[0.4, 0.4, 0.2])]
    names = [name for name, (_, families) in OPTIONS.items() if family in families]
    kind = names[rng.integers(len(names))]
    rows_kind = str(rng.choice(MILD))
    most = MOST_GROUPED if kind == "feature groups" else None
    X, y = make_rows(rng, family, rows_kind, most)
    weight = random_weights(rng, y, family) if rng.random() < 0.4 else None
    if rows_kind == "sparse":
        X = sparse.csr_array(X)
    pairs = random_pairs(rng, family, rows_kind, y, weight)
    task = Task(family, kind, X, y, pairs, weight, bool(rng.random() < 0.7))
    return OPTIONS[kind][0](rng, task)


def _feature_groups(rng, task):
    """Two or three groups of features."""
    n_features = task.X.shape[1]
    n_groups = min(n_features, 2 if rng.random() < 0.7 else 3)
    labels = rng.integers(n_groups, size=n_features)
    labels[rng.permutation(n_features)[:n_groups]] = np.arange(n_groups)
    return _with_options(task, feature_groups=labels)


def _standardize(rng, task):
    """Features by the statistics of training rows."""
    return _with_options(task, standardize=True)


def _penalty_factors(rng, task):
    """Factors over four decades, and features that are never penalized."""
    n_features = task.X.shape[1]
    factors = 10.0 ** rng.uniform(-2, 2, n_features)
    n_train = min(len(train) for train, _ in task.pairs)
    # Few rows without a penalty may be separable, or leave no degrees of freedom.
    is_safe = task.family == "ridge" and n_train > 3 * min(2, n_features)
    if n_features > 1 and is_safe and rng.random() < 0.5:
        factors[rng.permutation(n_features)[: min(2, n_features - 1)]] = 0.0
    return _with_options(task, penalty_factors=factors)


def _both(rng, task):
    """Standardized features with factors."""
    return _standardize(rng, _penalty_factors(rng, task))


def _class_weight(rng, task):
    """Weights of classes by name or number."""
    numbers = 10.0 ** rng.uniform(-1, 1, int(task.y.max()) + 1)
    by_class = dict(enumerate(numbers.tolist()))
    given = "balanced" if rng.random() < 0.5 else by_class
    return _with_options(task, class_weight=given)


def _criterion(rng, task):
    """No rows held out; weights in half of the cases."""
    names = ["loo", "gcv"] if task.family == "ridge" else ["alo"]
    task = replace(task, criterion=str(rng.choice(names)), pairs=[])
    if rng.random() < 0.3:
        task = _standardize(rng, task)
    return task


def _splitter(rng, task):
    """Splitters by position, by groups, or at random."""
    n_rows = len(task.y)
    groups = rng.integers(max(3, n_rows // 4), size=n_rows)
    is_ridge = task.family == "ridge"
    splitters = [
        PredefinedSplit(rng.integers(-1, 3, size=n_rows)),
        ShuffleSplit(3, test_size=0.3, random_state=int(rng.integers(1000))),
        GroupKFold(3),
        RepeatedKFold(n_splits=3, n_repeats=2, random_state=int(rng.integers(1000))),
        KFold(3, shuffle=True, random_state=int(rng.integers(1000))),
        TimeSeriesSplit(3),
        3,
        None,
    ]
    if n_rows <= 40:
        splitters += [LeaveOneOut(), LeaveOneGroupOut()]
    if not is_ridge:
        splitters += [StratifiedGroupKFold(3)]
    cv = splitters[rng.integers(len(splitters))]
    given = (np.zeros((n_rows, 1)), task.y, groups)
    checked = check_cv(5 if cv is None else cv, task.y, classifier=not is_ridge)
    if not _is_possible(task, _split(checked, given)):
        cv = checked = KFold(2) if is_ridge else StratifiedKFold(2)
    pairs = _split(checked, given)
    return replace(task, cv=cv, pairs=pairs, groups=groups if _wants(cv) else None)


def _wants(splitter):
    """Whether a splitter takes groups."""
    return "Group" in type(splitter).__name__


def _split(splitter, given):
    X, y, groups = given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return list(splitter.split(X, y, groups if _wants(splitter) else None))
        except ValueError:
            return []


def _listed_pairs(rng, task):
    """Pairs of rows that repeat, overlap or are left out, in any order and type."""
    pairs = []
    n_rows = len(task.y)
    for _ in range(int(rng.integers(1, 5))):
        order = rng.permutation(n_rows)
        n_held = int(rng.integers(1, max(2, n_rows // 3)))
        held, train = order[:n_held], order[n_held:]
        if rng.random() < 0.5:
            train = rng.choice(train, len(train))
        pairs.append((train.astype(np.int32), held.tolist()))
    if not _is_possible(task, pairs):
        pairs = task.pairs
    pairs = [(np.asarray(train), np.asarray(held)) for train, held in pairs]
    return replace(task, cv=list(pairs), pairs=pairs)


def _is_possible(task, pairs):
    """Whether every training part has all classes, and every part rows with weight."""
    everything = set(task.y[task.weight > 0])
    for train, held in pairs:
        own = np.asarray(train)[task.weight[train] > 0]
        complete = len(own) > 1
        if task.family != "ridge":
            complete = set(task.y[own]) == everything
        if not complete or not np.any(task.weight[held] > 0):
            return False
    return bool(pairs)


def _with_options(task, **options):
    return replace(task, options={**task.options, **options})


_ALL, _CLASSES = ("ridge", "binary", "multinomial"), ("binary", "multinomial")
#: Kinds of problems: what sets the option, and the families that have it.
OPTIONS = {
    "feature groups": (_feature_groups, _ALL),
    "standardize": (_standardize, _ALL),
    "penalty factors": (_penalty_factors, _ALL),
    "both": (_both, _ALL),
    "class weight": (_class_weight, _CLASSES),
    "criterion": (_criterion, _ALL),
    "splitter": (_splitter, _ALL),
    "listed pairs": (_listed_pairs, _ALL),
}
