"""The sizes, their data, and our estimators for them."""

from typing import NamedTuple

import numpy as np

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge


class Point(NamedTuple):
    """The size of a problem; `classes` are targets of ridge."""

    rows: int
    features: int
    classes: int
    folds: int = 5
    groups: int = 1


class Curve(NamedTuple):
    """The sizes of one quantity about the base point of a shape, by kind."""

    shape: str
    kind: str
    quantity: str
    sizes: tuple


#: Shape -> kind -> base point.
BASES = {
    shape: {"ridge": Point(*size, 1), "logistic": Point(*size, 2)}
    for shape, size in {"tall": (20000, 50), "wide": (400, 2000)}.items()
}
#: Shape -> quantity -> sizes, each twice the one before.
SIZES = {
    "tall": {
        "rows": (20000, 40000, 80000, 160000),
        "features": (25, 50, 100, 200),
        "classes": (2, 4, 8, 16),
        "folds": (2, 4, 8, 16),
        "groups": (1, 2, 4, 8, 16, 32),
    },
    "wide": {
        "rows": (100, 200, 400, 800),
        "features": (1000, 2000, 4000, 8000),
        "classes": (2, 4, 8, 16),
        "folds": (2, 4, 8, 16),
        "groups": (1, 2, 4, 8, 16, 32),
    },
}
QUANTITIES = tuple(SIZES["tall"])
#: Blocks of features whose signals span decades, so that every grouping of whole blocks
#: has strengths to learn, and the data do not change with the groups.
N_BLOCKS = 32
WEAKEST = 1e-3
#: Standard deviation of the scores of classes, and of targets whose noise has one.
SIGNAL = 2.0


def all_curves(sizes=SIZES):
    """Return the curves, base point by base point."""
    return [
        Curve(shape, kind, quantity, values)
        for shape, of_shape in sizes.items()
        for kind in BASES[shape]
        for quantity, values in of_shape.items()
    ]


def points(curve, bases=BASES):
    """Return the points of a curve."""
    base = bases[curve.shape][curve.kind]
    return [base._replace(**{curve.quantity: size}) for size in curve.sizes]


def blocks(features):
    """Return the block of each feature."""
    return np.arange(features) * N_BLOCKS // features


def load(kind, point):
    """Return X, and y of targets or classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((point.rows, point.features))
    place = blocks(point.features)
    signal = rng.permutation(np.geomspace(1.0, WEAKEST, N_BLOCKS))[place]
    coef = signal[:, None] * rng.standard_normal((point.features, point.classes))
    scores = X @ coef
    scores *= SIGNAL / scores.std(axis=0)
    if kind == "logistic":
        return X, np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    y = scores + rng.standard_normal(scores.shape)
    return X, y[:, 0] if point.classes == 1 else y


def ours(kind, point):
    """Return our unfitted estimator."""
    groups = blocks(point.features) * point.groups // N_BLOCKS
    make = MYHPORidge if kind == "ridge" else MYHPOLogisticRegression
    return make(
        cv=point.folds,
        feature_groups=groups if point.groups > 1 else None,
        random_state=0,
    )
