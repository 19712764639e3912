"""The shapes, their data, and the tools that are compared on them."""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import sparse

from benchmarks.speed.data import (
    Data,
    classification,
    many_targets,
    one_strength,
    with_test_rows,
)
from benchmarks.speed.tasks import Task
from benchmarks.speed.tools import (
    FASTRIDGE,
    HIMALAYA_RIDGE,
    LOGISTIC,
    RIDGE,
    RIDGE_CV_PER_TARGET,
    our_logistic,
    our_ridge_per_target_by,
    ours,
)

#: Features of a sparse row that are not zero.
PER_ROW = 20
#: himalaya's `RidgeCV` multiplies matrices of all pairs of training and held-out rows.
HIMALAYA_ROWS = 10_000


class Logistic(NamedTuple):
    """A shape of logistic regression."""

    n_samples: int
    n_features: int
    n_classes: int = 2
    kind: str = "dense"
    n_groups: int = 1

    def __str__(self):
        """Return the name in the table."""
        text = f"{self.n_samples} x {self.n_features}"
        if self.n_classes > 2:
            text += f", {self.n_classes} classes"
        if self.n_groups > 1:
            text += f", {self.n_groups} groups"
        return text if self.kind == "dense" else f"{text}, {self.kind}"


class Ridge(NamedTuple):
    """A shape of ridge regression; many targets have a lambda each."""

    n_samples: int
    n_features: int
    is_correlated: bool = False
    n_targets: int = 1
    criterion: str = "cv"

    def __str__(self):
        """Return the name in the table."""
        text = f"{self.n_samples} x {self.n_features}"
        if self.is_correlated:
            text += ", correlated"
        if self.n_targets > 1:
            text += f", {self.n_targets} targets, {self.criterion}"
        return text


LOGISTIC_SHAPES = (
    Logistic(200, 20),
    Logistic(1000, 20),
    Logistic(1000, 200),
    Logistic(5000, 30),
    Logistic(10_000, 50),
    Logistic(10_000, 500),
    Logistic(100_000, 20),
    Logistic(100_000, 200),
    Logistic(1_000_000, 50),
    Logistic(20_000, 100, kind="low rank"),
    Logistic(20_000, 100, kind="correlated"),
    Logistic(20_000, 2000, kind="sparse"),
    Logistic(500, 20, 3),
    Logistic(2000, 50, 5),
    Logistic(20_000, 50, 10),
    Logistic(200_000, 20, 5),
    Logistic(2000, 500, 20),
    Logistic(10_000, 50, n_groups=10),
    Logistic(100_000, 200, n_groups=10),
)
RIDGE_SHAPES = (
    Ridge(200, 20),
    Ridge(1000, 20),
    Ridge(100_000, 20),
    Ridge(5000, 1000, is_correlated=True),
    Ridge(500, 5000),
    Ridge(200, 50, n_targets=300, criterion="loo"),
    Ridge(200, 50, n_targets=300, criterion="gcv"),
    Ridge(200, 50, n_targets=2000, criterion="loo"),
    Ridge(200, 50, n_targets=2000, criterion="gcv"),
)
#: Shapes that are measured once more beside busy processes.
LOADED = (Logistic(100_000, 20), Ridge(100_000, 20))


def features(rng, n_samples, shape):
    """Return features of a kind."""
    size = shape.n_features
    if shape.kind == "sparse":
        density = PER_ROW / size
        rows = sparse.random(n_samples, size, density, "csr", random_state=rng)
        return sparse.csr_array(rows)
    if shape.kind == "low rank":
        left = rng.standard_normal((n_samples, size // 10))
        noise = 0.1 * rng.standard_normal((n_samples, size))
        return left @ rng.standard_normal((size // 10, size)) + noise
    X = rng.standard_normal((n_samples, size))
    if shape.kind == "correlated":
        X[:, 1:] = 0.9 * X[:, :-1] + 0.45 * X[:, 1:]
    return X


def classes(shape):
    """Return the data of a shape of logistic regression."""
    rng = np.random.default_rng(7)
    X = features(rng, with_test_rows(shape.n_samples), shape)
    scores = X @ rng.standard_normal((shape.n_features, shape.n_classes))
    scores *= 2.0 / scores.std()
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    own, rest = slice(shape.n_samples), slice(shape.n_samples, None)
    data: Data = classification(X[own], y[own], X[rest], y[rest])
    groups = np.arange(shape.n_features) % shape.n_groups
    return data._replace(groups=groups if shape.n_groups > 1 else None)


def logistic_tools(shape):
    """Return our tool first; groups have no peer, and bbai takes no sparse rows."""
    own = "MYHPOLogisticRegression"
    if shape.n_groups > 1:
        return {own: ours(our_logistic)}
    names = [own, "LogisticRegressionCV"]
    if shape.kind != "sparse":
        names.append("bbai LogisticRegression")
    return {name: LOGISTIC[name] for name in names}


def ridge_tools(shape):
    """Return our tool first; bbai has no targets."""
    if shape.n_targets > 1:
        own = partial(our_ridge_per_target_by, criterion=shape.criterion)
        tools = {"MYHPORidge": ours(own), "RidgeCV": RIDGE_CV_PER_TARGET}
    else:
        names = "MYHPORidge", "RidgeCV", "bbai RidgeRegression"
        tools = {name: RIDGE[name] for name in names}
    if shape.n_samples <= HIMALAYA_ROWS:
        tools["himalaya RidgeCV"] = HIMALAYA_RIDGE
    return tools | {"fastridge RidgeEM": FASTRIDGE}


def task_of(shape, n_busy=0):
    """Return the task of a shape, with the first two tools beside busy processes."""
    if isinstance(shape, Ridge):
        section, kind, tools = "Ridge", "ridge", ridge_tools(shape)
        if shape.n_targets > 1:
            load = partial(many_targets, *shape[:2], shape.n_targets)
        else:
            load = partial(one_strength, *shape[:3])
    else:
        section, kind, tools = "Logistic regression", "logistic", logistic_tools(shape)
        load = partial(classes, shape)
    name = str(shape)
    if n_busy:
        name += f", beside {n_busy} busy processes"
        tools = dict(list(tools.items())[:2])
    return Task(section, name, kind, load, tools)
