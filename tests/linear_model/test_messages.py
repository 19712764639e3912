"""Errors and warnings speak in the names that a user knows."""

import importlib
import inspect
import pkgutil
import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import sklearn_myhpo
from sklearn_myhpo.neural_network import STNMLPClassifier, STNMLPRegressor
from sklearn_myhpo.solvers import MYHPO
from tests.helpers import CLASSIFIERS, ESTIMATORS, data_for

NETWORKS = [STNMLPClassifier, STNMLPRegressor]
PUBLIC = (
    "sklearn_myhpo",
    "sklearn_myhpo.criteria",
    "sklearn_myhpo.neural_network",
    "sklearn_myhpo.plotting",
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
    assert {"BilevelLinearModel", "RidgeModel", "SquaredLoss", "Progress"} <= INTERNAL
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
