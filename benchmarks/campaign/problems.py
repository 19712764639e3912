"""Random problems of many kinds, each made by one seed."""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

FAMILIES = ("ridge", "binary", "multinomial")
#: Most rows and columns, by family: the oracle of a logistic problem is slower.
MOST_ROWS = {"ridge": 300, "binary": 200, "multinomial": 120}
MOST_COLUMNS = {"ridge": 60, "binary": 40, "multinomial": 12}


@dataclass(frozen=True)
class Task:
    """One fit, and the data of its oracle.

    Attributes
    ----------
    family, kind : str
    X : ndarray or sparse array of shape (n_samples, n_features)
        As given to the estimator.
    y : ndarray of shape (n_samples,)
    pairs : list of (ndarray, ndarray)
        Training and validation rows; empty with a criterion.
    sample_weight : ndarray of shape (n_samples,) or None
    fit_intercept : bool
    criterion : str
    options : dict
        Further parameters of the estimator.
    cv : object
        Given instead of `pairs`, which it has to lead to; None for the pairs.
    groups : ndarray of shape (n_samples,) or None
        Given to `fit`, for `cv`.
    """

    family: str
    kind: str
    X: object
    y: np.ndarray
    pairs: list
    sample_weight: np.ndarray | None
    fit_intercept: bool
    criterion: str = "validation"
    options: dict = field(default_factory=dict)
    cv: object = None
    groups: np.ndarray | None = None

    @property
    def dense(self):
        """The features in double precision, with rows of zero weight set to zero."""
        X = self.X.toarray() if sparse.issparse(self.X) else self.X
        return np.asarray(X, dtype=np.float64)

    @property
    def weight(self):
        """The weights of the rows, times those of their classes."""
        given = self.sample_weight
        weight = np.ones(len(self.y)) if given is None else given
        by_class = self.options.get("class_weight")
        if by_class is None:
            return weight
        if by_class == "balanced":
            counts = np.bincount(self.y, weight)
            return weight * (weight.sum() / len(counts) / counts)[self.y]
        return (
            weight * np.array([by_class[one] for one in range(len(by_class))])[self.y]
        )

    @property
    def factors(self):
        """The factors of the penalty, (n_features,)."""
        given = self.options.get("penalty_factors")
        return np.ones(self.X.shape[1]) if given is None else np.asarray(given)

    @property
    def labels(self):
        """The group of every feature, from zero."""
        given = self.options.get("feature_groups")
        if given is None:
            return np.zeros(self.X.shape[1], dtype=int)
        return np.unique(given, return_inverse=True)[1]


def make_task(seed):
    """Return the `Task` of a seed."""
    rng = np.random.default_rng(seed)
    family = FAMILIES[rng.choice(3, p=[0.5, 0.35, 0.15])]
    names = [name for name in KINDS if _suits(name, family)]
    kind = names[rng.integers(len(names))]
    X, y = make_rows(rng, family, kind)
    weight = random_weights(rng, y, family) if kind == "weights" else None
    criterion = rng.choice(["loo", "gcv"]) if kind == "criterion" else "validation"
    if kind == "sparse":
        X = sparse.csr_array(X)
    pairs = random_pairs(rng, family, kind, y, weight)
    return Task(
        family,
        kind,
        X,
        y,
        pairs if criterion == "validation" else [],
        weight,
        bool(rng.random() < 0.7),
        str(criterion),
    )


def make_rows(rng, family, kind, most_columns=None):
    """Return features of a kind, not sparse yet, and a target."""
    most_columns = most_columns or MOST_COLUMNS[family]
    n_rows = _log_uniform(rng, 12, MOST_ROWS[family])
    n_columns = _log_uniform(rng, 1, most_columns)
    if kind == "few rows":
        n_rows = rng.integers(5 if family == "ridge" else 8, 14)
    if kind in ("wide", "offset", "units") and rng.random() < 0.5:
        n_columns = min(most_columns, int(n_rows * rng.uniform(0.7, 3.0)) + 1)
    X = _correlated(rng, n_rows, n_columns)
    signal = X @ rng.standard_normal(n_columns) * rng.choice([0.0, 0.3, 1.0, 10.0])
    X = KINDS[kind](rng, X)
    y = _target(rng, family, kind, signal / np.sqrt(n_columns))
    return X, y


def _suits(kind, family):
    only = {
        "tiny or huge y": ("ridge",),
        "noiseless": ("ridge",),
        "criterion": ("ridge",),
        "separable": ("binary", "multinomial"),
        "rare class": ("binary", "multinomial"),
    }
    return family in only.get(kind, FAMILIES)


def _log_uniform(rng, low, high):
    return round(np.exp(rng.uniform(np.log(low), np.log(high))))


def _correlated(rng, n_rows, n_columns):
    X = rng.standard_normal((n_rows, n_columns))
    if rng.random() < 0.5:
        common = rng.standard_normal((n_rows, 1 + n_columns // 10))
        X += (
            rng.uniform(0, 3)
            * common
            @ rng.standard_normal((common.shape[1], n_columns))
        )
    return X


def _plain(rng, X):
    return X


def _offset(rng, X):
    return X + rng.choice([-1.0, 1.0], X.shape[1]) * 10.0 ** rng.uniform(2, 7)


def _units(rng, X):
    return X * 10.0 ** rng.uniform(-9, 9, X.shape[1])


def _duplicated(rng, X):
    return X[:, rng.integers(X.shape[1], size=X.shape[1])]


def _nearly_dependent(rng, X):
    size = 10.0 ** rng.uniform(-10, -2)
    half = (X.shape[1] + 1) // 2
    copies = X[:, rng.integers(half, size=X.shape[1])]
    return copies + size * rng.standard_normal(X.shape)


def _constant(rng, X):
    X = X.copy()
    value = rng.choice([0.0, 1.0, 1 / 3, 1e6])
    X[:, rng.random(X.shape[1]) < 0.3] = value
    return X


def _heavy_tails(rng, X):
    if rng.random() < 0.5:
        return np.sinh(2.0 * X)
    return X * np.abs(rng.standard_cauchy(X.shape))


def _mostly_zero(rng, X):
    return np.where(rng.random(X.shape) < rng.uniform(0.02, 0.3), X, 0.0)


def _single(rng, X):
    return X.astype(np.float32)


#: Kinds of problems, and what each does to Gaussian columns.
KINDS = {
    "gaussian": _plain,
    "few rows": _plain,
    "wide": _plain,
    "offset": _offset,
    "units": _units,
    "duplicated": _duplicated,
    "nearly dependent": _nearly_dependent,
    "constant columns": _constant,
    "heavy tails": _heavy_tails,
    "sparse": _mostly_zero,
    "single precision": _single,
    "weights": _plain,
    "own folds": _plain,
    "tiny or huge y": _plain,
    "noiseless": _plain,
    "criterion": _plain,
    "separable": _plain,
    "rare class": _plain,
}


def _target(rng, family, kind, signal):
    noise = rng.standard_normal(len(signal))
    if family == "ridge":
        size = 1e-6 if kind == "noiseless" else rng.choice([0.1, 1.0])
        y = signal + size * noise + rng.choice([0.0, 1.0, 100.0])
        if kind == "heavy tails":
            y = y + np.where(rng.random(len(y)) < 0.05, 30.0, 0.0)
        return y * 10.0 ** rng.uniform(-140, 140) if kind == "tiny or huge y" else y
    n_classes = 2 if family == "binary" else rng.integers(3, 5)
    scores = signal[:, None] * rng.standard_normal(n_classes)
    if kind == "separable":
        scores = 10.0 * scores
    elif kind == "rare class":
        scores[:, 0] -= 2.0
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    # Four members of every class at least, so that every training part has some.
    members = rng.permutation(len(y))[: 2 * n_classes]
    y[members] = np.arange(len(members)) % n_classes
    return y


def random_weights(rng, y, family):
    """Return weights of rows, a tenth of them zero."""
    weight = rng.uniform(0.1, 3.0, len(y))
    kept = rng.random(len(y)) > 0.1
    if family != "ridge":
        # Every class keeps some rows.
        kept |= np.bincount(y, weights=kept)[y] < 2
    return np.where(kept, weight, 0.0)


def random_pairs(rng, family, kind, y, weight):
    """Return splits whose training parts have every class, of rows with weight."""
    rows = np.arange(len(y)) if weight is None else np.flatnonzero(weight)
    n_folds = int(rng.integers(2, min(7, len(rows))))
    order = rng.permutation(rows)
    if family != "ridge":
        order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(order), dtype=int)
    fold[np.arange(len(order))] = np.arange(len(order)) % n_folds
    if kind == "own folds":
        fold = np.where(rng.random(len(fold)) < 0.3, 0, fold)
    pairs = []
    for number in range(n_folds):
        train, held = order[fold != number], order[fold == number]
        complete = family == "ridge" or set(y[train]) == set(y[rows])
        if len(held) and len(train) > 1 and complete:
            pairs.append((np.sort(train), np.sort(held)))
    if kind == "own folds" and rng.random() < 0.3:
        pairs = pairs[:1]
    return pairs
