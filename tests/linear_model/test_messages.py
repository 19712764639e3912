"""Errors and warnings speak in the names that a user knows."""

import ast
import importlib
import inspect
import pkgutil
import re
import traceback
import warnings
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import sklearn_myhpo
from sklearn_myhpo.neural_network import STNMLPClassifier, STNMLPRegressor
from sklearn_myhpo.solvers import MYHPO
from tests.helpers import CLASSIFIERS, ESTIMATORS, data_for
from tests.message_table import PROVOKE, TEXTS

ROOT = Path(sklearn_myhpo.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
#: Folders and files whose messages are tested beside them.
ELSEWHERE = {
    *("additive", "preprocessing"),
    *("data/streams/rows.py", "data/streams/batches.py", "data/streams/checks.py"),
    *("data/streams/reader.py", "data/streams/files.py", "data/folds/class_counts.py"),
    *("data/folds/rules.py", "data/folds/splitters.py", "data/folds/hashes.py"),
    "data/moments/passes.py",
    *("data/streams/block_checks.py", "data/dask/source.py", "data/dask/blocks.py"),
    *(
        "data/dask/tasks.py",
        "data/dask/graph.py",
        "data/dask/faults.py",
        "data/dask/workers.py",
        "linear_model/_streams/dask_score.py",
        "linear_model/_streams/coded.py",
        "linear_model/_streams/dask.py",
    ),
    *("data/tensors/arrays.py", "data/tensors/homes.py", "criteria/_tensor_loo.py"),
    *("data/tensors/checks.py", "data/tensors/memory.py"),
    *("linear_model/_tensors/validation.py", "linear_model/_tensors/scores.py"),
    *("linear_model/_tensors/rows.py", "linear_model/_tensors/fit.py"),
    "linear_model/_tensors/wide.py",
    *("data/folds/listed.py", "linear_model/_streams/sources.py"),
    "linear_model/_row_weights.py",
    *("datasets", "neural_network", "bilevel", "losses", "_warn.py"),
}
#: Functions with a message that nothing can provoke in this table.
UNREACHED = {
    ("_html.py", "__getattr__"),  # Python's protocol, read by nobody
    ("linear_model/_tensors/host_arrays.py", "__get__"),  # the same
    ("linear_model/_checks.py", "check_weights"),  # scikit-learn 1.9 raises before
}
NETWORKS = [STNMLPClassifier, STNMLPRegressor]
PUBLIC = (
    "sklearn_myhpo",
    "sklearn_myhpo.additive",
    "sklearn_myhpo.criteria",
    "sklearn_myhpo.data",
    "sklearn_myhpo.losses",
    "sklearn_myhpo.neural_network",
    "sklearn_myhpo.plotting",
    "sklearn_myhpo.preprocessing",
    "sklearn_myhpo.solvers",
)


def internal_classes():
    """Return the names of the classes that no public module exports."""
    names = set()
    for module in pkgutil.walk_packages(sklearn_myhpo.__path__, "sklearn_myhpo."):
        if module.name.startswith("sklearn_myhpo.neural_network."):
            continue  # some need PyTorch
        for name, value in inspect.getmembers(importlib.import_module(module.name)):
            if inspect.isclass(value) and value.__module__ == module.name:
                names.add(name)
    public = [importlib.import_module(name).__all__ for name in PUBLIC]
    return names - {name for exported in public for name in exported}


#: Words that no message may contain.
INTERNAL = internal_classes() | {"SelfTuningPerceptron"}

#: Options that some or all estimators refuse.
BAD = [
    {"unknown": 1},
    {"cv": "five"},
    {"feature_groups": ["a"]},
    {"criterion": "aic"},
    {"criterion": "alo"},
    {"criterion": "loo"},
    {"criterion": 3},
    {"selection": "max"},
    {"selection": "one_se", "alpha_per_target": True},
    {"shrinkage": -1.0},
    {"shrinkage": "auto", "cv": 0.3, "feature_groups": "each"},
    {"shrinkage": "auto", "criterion": "gcv", "feature_groups": "each"},
    {"fit_intercept": "yes"},
    {"alpha_per_target": "yes"},
    {"alpha_per_target": True, "feature_groups": "each"},
    {"scoring": "nope"},
    {"scoring": ["r2", 3]},
    {"scoring": "roc_auc_ovo_weighted"},
    {"scoring": "r2", "criterion": "gcv"},
    {"scoring": "r2", "criterion": "alo"},
    {"store_cv_results": True, "criterion": "gcv"},
    {"store_cv_results": "yes"},
    {"n_jobs": "all"},
    {"n_jobs": 0, "shrinkage": "auto", "feature_groups": "each"},
    {"refit": "yes"},
    {"lambda_init": "zero"},
    {"lambda_init": 3.0, "lambda_bounds": (0.0, 1.0)},
    {"lambda_bounds": (1.0,)},
    {"max_iter": 0},
    {"tol": -1.0},
    {"warm_start": 2},
    {"random_state": "seed"},
    {"verbose": -1},
    {"steps": "newton"},
    {"response": "linear"},
    {"response": "mean", "lambda_init": 0.0},
    {"metric": "euclidean"},
    {"rho": 0.0},
    {"step_sizes": (1.0,)},
    {"step_sizes": "small"},
    {"backtracking": None},
    {"noise_scale": -1.0},
    {"steps": "gradient", "criterion": "loo"},
    {"solver": "newton"},
    {"solver": MYHPO},
    {"solver": "sho", "criterion": "loo"},
    {"hidden_layer_sizes": 0},
    {"momentum": 2},
]


def assert_plain(text):
    """Fail if a text has a word that only this package's authors know."""
    words = set(re.findall(r"\w+", text))
    assert not words & INTERNAL, text
    assert not re.search(r"\b_[A-Za-z]\w*", text), text


def messages(cls, options):
    """Return the texts of the error and of the warnings of a fit."""
    X, y = data_for(cls if cls in ESTIMATORS else ESTIMATORS[-1])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            cls(**options).fit(X, y)
        except (TypeError, ValueError) as error:
            return [str(error), *(str(one.message) for one in seen)]
        except ImportError:  # of PyTorch, by networks with good options
            return []
    return [str(one.message) for one in seen]


def test_there_are_internal_names():
    """The other tests would pass whatever messages say."""
    assert {"BilevelLinearModel", "RidgeModel", "GLMSplit", "Progress"} <= INTERNAL
    assert not {"MYHPO", "BilevelRidge", "Stochastic"} & INTERNAL


@pytest.mark.parametrize("cls", [*ESTIMATORS, *NETWORKS])
@pytest.mark.parametrize("options", BAD, ids=str)
def test_errors_name_what_the_user_wrote(cls, options):
    """A user would search for a class that no page describes."""
    accepted = cls().get_params()
    found = messages(cls, options)
    for text in found:
        assert_plain(text)
    unknown = [name for name in options if name not in accepted]
    if unknown:
        start = f"{cls.__name__}.__init__() got an unexpected keyword argument "
        assert found[0].startswith(start)
        assert unknown[0] in found[0] or len(unknown) > 1


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("method", ["predict", "to_sklearn", "penalties_frame"])
def test_errors_before_fit(cls, method):
    """The message would name the base class that checks."""
    X, _ = data_for(cls)
    arguments = [X] if method == "predict" else []
    with pytest.raises(NotFittedError) as error:
        getattr(cls(), method)(*arguments)
    assert cls.__name__ in str(error.value)
    assert_plain(str(error.value))


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    "options",
    [
        {"max_iter": 1, "tol": 0.0},
        {"feature_groups": "each", "max_iter": 1, "tol": 0.0},
        {"lambda_bounds": (5.0, 6.0)},
        {"lambda_bounds": (-40.0, -30.0), "feature_groups": "each"},
        {"cv": 0.05},
    ],
    ids=str,
)
def test_warnings_begin_with_the_estimator(cls, options):
    """A warning of one of many fits would not say whose it is."""
    for text in messages(cls, options):
        assert text.startswith(cls.__name__)
        assert_plain(text)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_errors_of_data_are_plain(cls):
    """Faults of the data are the most frequent ones."""
    X, y = data_for(cls)
    bad = [
        (X[:, :0], y, {}),
        (X[:-1], y, {}),
        (X, y, {"sample_weight": np.zeros(len(y))}),
        (X, y, {"X_val": X}),
        (X, y, {"X_val": X[:, :1], "y_val": y}),
        (X, y, {"X_val": X, "y_val": np.column_stack([y, y])}),
        (X, np.zeros(len(y)) if cls in CLASSIFIERS else y * 1e200, {}),
        (X, np.full(len(y), "a"), {}),
    ]
    for features, target, arguments in bad:
        with pytest.raises(ValueError, match=r"\w") as error:
            cls().fit(features, target, **arguments)
        assert_plain(str(error.value))


def sites():
    """Return the first and the last line of every raise and warning, by file.

    Those of solvers and problems for people who write their own, of data sets and of
    networks are tested in their own folders.
    """
    found = {}
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        if name.split("/")[0] in ELSEWHERE or name in ELSEWHERE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_raise = isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
            is_warning = isinstance(node, ast.Call) and (
                ast.unparse(node.func) in ("self._say", "say", "warn")
            )
            if is_raise or is_warning:
                found[name, node.lineno] = node.end_lineno
    return found


def test_messages():
    """A user would have to guess which parameter, what came and what is allowed.

    Types of NumPy and names of internal classes are noise to a user, and a message that
    no table has is read by nobody before a user reads it.
    """
    faults = {name: list(faults_of(name)) for name in PROVOKE}
    assert {name: found for name, found in faults.items() if found} == {}
    seen = {site for name in PROVOKE for site in provoked(name)[1]}
    missing = {
        (name, first): last
        for (name, first), last in sites().items()
        if not any(name == path and first <= line <= last for path, line in seen)
    }
    functions = {(name, function_at(name, first)) for name, first in missing}
    # Some messages are seen with older versions of scikit-learn only.
    assert functions <= UNREACHED


def function_at(name, line):
    """Return the name of the innermost function with a line of a file."""
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= line <= node.end_lineno
    ]
    return max(around, key=lambda node: node.lineno).name


@cache
def provoked(name):
    """Return the messages of a row of the table, and the lines that they come from."""
    found, lines, real = [], set(), warnings.warn

    def warn(message, category=UserWarning, stacklevel=1, **options):
        lines.update(map(position, traceback.extract_stack()))
        real(message, category, stacklevel + 1, **options)

    with (
        warnings.catch_warnings(record=True) as seen,
        mock.patch.object(sklearn_myhpo._warn.warnings, "warn", warn),
    ):
        warnings.simplefilter("always")
        try:
            PROVOKE[name]()
        except Exception as error:
            if isinstance(error, AttributeError) and error.__cause__ is not None:
                error = error.__cause__  # scikit-learn's, raised from ours
            found.append((type(error).__name__, str(error)))
            while error is not None:
                lines.update(map(position, traceback.extract_tb(error.__traceback__)))
                error = error.__cause__
    found += [(one.category.__name__, str(one.message)) for one in seen]
    return found, lines


def position(frame):
    """Return the file below the package and the line of a frame."""
    path = Path(frame.filename)
    inside = path.is_relative_to(ROOT)
    return path.relative_to(ROOT).as_posix() if inside else None, frame.lineno


def pattern(text):
    """Return a text of the table as a regular expression."""
    return re.escape(text).replace("…", ".+?")


def test_the_table_is_complete():
    """A message without a text would be checked by nothing."""
    assert list(PROVOKE) == list(TEXTS)


#: Of Python's own categories some come from scikit-learn.
PLAIN_WARNINGS = "UserWarning", "FutureWarning"


def faults_of(name):
    """Yield what is wrong with the messages of a row of the table."""
    found, _ = provoked(name)
    kind, text = TEXTS[name]
    if not any(
        kind == own and re.fullmatch(pattern(text), said) for own, said in found
    ):
        yield found
    for kind, text in found:
        assert_plain(text)
        if re.search(r"\b(np|numpy)\.\w+\(|\barray\(|\bdtype\b|<class '", text):
            yield f"names of Python: {text}"
        if re.search(r"\s\s|\n|\.\.$", text):
            yield f"spaces or full stops: {text}"
        is_ours = kind.endswith("Warning") and kind not in PLAIN_WARNINGS
        if is_ours and not re.match(r"(MYHPO|SHO|Bilevel)\w+ ", text):
            yield f"does not begin with the estimator: {text}"
