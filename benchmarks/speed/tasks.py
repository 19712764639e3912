"""The list of what is compared on what."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from . import data, tools

SIZES = [
    (100000, 200),
    (20000, 300),
    (5000, 1000),
    (1000, 100),
    (5000, 100),
    (500, 2000),
    (200, 10000),
]
#: (rows, features, groups)
GROUPED = [(1000, 100, 10), (2000, 200, 50)]


@dataclass(frozen=True)
class Task:
    """Data and the tools to compare on them, ours first."""

    section: str
    name: str
    kind: str
    load: Callable
    tools: dict


def ridge_tasks():
    """Yield one lambda at every size, with independent and correlated features."""
    for kind in ("independent", "correlated"):
        for rows, columns in SIZES:
            if kind == "correlated" and columns > 1000:
                continue
            load = partial(data.one_strength, rows, columns, kind == "correlated")
            name = f"{rows} x {columns}, {kind}"
            yield Task("Ridge, one lambda", name, "ridge", load, tools.RIDGE)


def many_lambda_tasks():
    """Yield groups, and one lambda per feature."""
    for rows, columns, groups in GROUPED:
        load = partial(data.many_strengths, rows, columns, groups)
        name = f"{rows} x {columns}, {groups} groups"
        yield Task("Ridge, groups of features", name, "ridge", load, tools.GROUPS)
    section = "One lambda per feature"
    load = partial(data.many_strengths, 5000, 1000, 1000)
    yield Task(section, "ridge 5000 x 1000", "ridge", load, tools.EACH_RIDGE)
    load = partial(data.mnist, n_classes=2, groups="each")
    name = "logistic MNIST 0/1, 784 features"
    yield Task(section, name, "logistic", load, tools.EACH_LOGISTIC)


def target_tasks():
    """Yield many targets, with a strength of their own or one for all."""
    load = partial(data.many_targets, 2000, 200, 1000)
    name = "2000 x 200, 1000 targets"
    yield Task("Ridge, many targets", name, "ridge", load, tools.TARGETS)


def logistic_tasks():
    """Yield two classes and many."""
    for name, load in (
        ("breast_cancer", data.breast_cancer),
        ("a9a", partial(data.file, "a9a")),
        ("w8a", partial(data.file, "w8a")),
        ("MNIST 0/1", partial(data.mnist, n_classes=2)),
        ("GTSRB", data.gtsrb),
    ):
        section = "Logistic regression, one lambda"
        yield Task(section, name, "logistic", load, tools.TWO_CLASSES)
    for name, load in (("digits", data.digits), ("MNIST, 15000 rows", data.mnist)):
        section = "Multinomial logistic regression, one lambda"
        yield Task(section, name, "logistic", load, tools.LOGISTIC)


def all_tasks():
    """Return every task, in the order of the tables."""
    return [
        *ridge_tasks(),
        *many_lambda_tasks(),
        *target_tasks(),
        *logistic_tasks(),
    ]
