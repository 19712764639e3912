"""Docstrings, signatures and annotations of the public classes and functions."""

import ast
import importlib
import inspect
import typing
from functools import cache
from importlib import resources

import pytest
from sklearn.base import ClassifierMixin

import sklearn_myhpo
from sklearn_myhpo.linear_model._logistic import LogisticModel
from sklearn_myhpo.neural_network import (
    STNClassifier,
    STNMLPClassifier,
    STNMLPRegressor,
    STNRegressor,
)
from tests.helpers import ESTIMATORS as OTHERS
from tests.helpers import MEANS, RIDGES, SQUARED, data_for, fitted_names

docscrape = pytest.importorskip("numpydoc.docscrape")

ESTIMATORS = (*OTHERS, *MEANS)
NETWORKS = (STNMLPClassifier, STNMLPRegressor)
MODULES = (STNClassifier, STNRegressor)
#: Modules whose public names are annotated.
ANNOTATED = (
    "sklearn_myhpo",
    "sklearn_myhpo.additive",
    "sklearn_myhpo.datasets",
    "sklearn_myhpo.linear_model",
    "sklearn_myhpo.neural_network",
    "sklearn_myhpo.plotting",
    "sklearn_myhpo.preprocessing",
)


def is_ridge(cls):
    return cls in RIDGES


def is_squared(cls):
    return cls in SQUARED


def predicts_means(cls):
    return cls in MEANS


def is_softmax(cls):
    return issubclass(cls, LogisticModel)


def is_sho(cls):
    return "noise_scale" in cls().get_params()


def is_general(cls):
    return "solver" in cls().get_params()


def classifies(cls):
    return issubclass(cls, ClassifierMixin)


def by(*questions):
    """Return a function that gives classes of the same kind the same key."""
    return lambda cls: tuple(question(cls) for question in questions)


#: The order of parameters in every signature: first everybody's, then the options of
#: the algorithms.
ORDER = (
    *("family", "power"),
    *("solver", "cv", "feature_groups", "criterion", "selection", "shrinkage"),
    *("fit_intercept", "standardize", "penalty_factors", "class_weight"),
    *("alpha_per_target", "random_state", "verbose"),
    *("scoring", "store_cv_results", "n_jobs", "refit", "store_coef"),
    *("lambda_init", "lambda_bounds", "n_starts", "max_iter", "max_time", "tol"),
    "warm_start",
    *("steps", "response", "metric", "rho", "step_sizes", "backtracking"),
    "noise_scale",
)
#: Entries whose text depends on the kind of estimator, and the kinds; all others are
#: the same in all estimators.
EXCEPTIONS = {
    "C_": by(is_ridge),
    "alpha_": by(is_ridge, predicts_means),
    "alpha_per_target": by(is_ridge),
    "certificate_": by(is_ridge, is_general),
    "classes_": by(is_squared),
    "coef_": by(is_ridge, is_squared, predicts_means),
    "criterion": by(is_squared),
    "cv_losses_": by(is_ridge, is_sho, is_squared),
    "cv_predictions_": by(is_ridge, is_sho, is_squared, predicts_means),
    "intercept_": by(is_ridge, is_squared, predicts_means),
    "lambda_": by(is_ridge, is_softmax),
    "lambda_init": by(is_softmax),
    "lambda_min_, validation_loss_min_": by(is_sho),
    "n_jobs": by(is_ridge, is_sho),
    "optimism_": by(is_ridge),
    "start_losses_": by(is_ridge),
    "step_sizes": by(is_sho),
    "tol": by(is_sho),
    "validation_curve_": by(is_ridge, is_squared),
    "validation_loss_": by(is_ridge, is_sho),
    "validation_loss_standard_error_": by(is_ridge),
}
NETWORK_EXCEPTIONS = {
    "n_outputs_": by(classifies),
    "validation_fraction": by(classifies),
    "validation_loss_": by(classifies),
    "validation_scores_": by(classifies),
}
MODULE_EXCEPTIONS = {
    "criterion": by(classifies),
    "module": by(classifies),
    "validation_fraction": by(classifies),
    "validation_loss_": by(classifies),
    "validation_scores_": by(classifies),
}
#: Methods whose docstrings depend on the loss.
METHOD_EXCEPTIONS = (
    *("decision_function", "partial_fit", "predict", "score", "to_sklearn"),
)


def own_methods(cls):
    """Return the public methods of a class that the package defines, by name."""
    found = {}
    for name in dir(cls):
        static = inspect.getattr_static(cls, name)
        function = getattr(static, "__func__", static)
        # `available_if` hides the function in a descriptor.
        function = getattr(function, "fn", function)
        if name[0] == "_" or not inspect.isfunction(function):
            continue
        if function.__module__.startswith("sklearn_myhpo"):
            found[name] = inspect.unwrap(function)
    return found


def own_callables(module):
    """Return the public functions and methods of a module, by name."""
    namespace = vars(importlib.import_module(module))
    found = {}
    for name in namespace.get("__all__", ()):
        value = namespace[name]
        if inspect.isfunction(value):
            found[name] = inspect.unwrap(value)
        elif not issubclass(value, Warning):
            if "__init__" in vars(value):
                found[f"{name}.__init__"] = value.__init__
            methods = own_methods(value).items()
            found.update({f"{name}.{method}": one for method, one in methods})
    return found


@cache
def entries(cls, section):
    """Return the entries of a section: name -> (type, text)."""
    doc = docscrape.ClassDoc(cls, config={"show_class_members": False})
    return {
        entry.name: (entry.type, " ".join(" ".join(entry.desc).split()))
        for entry in doc[section]
    }


def assert_consistent(classes, section, exceptions):
    """Compare entries of the same name, except between kinds of estimators."""
    seen, used = {}, set()
    for cls in classes:
        for name, text in entries(cls, section).items():
            kind = exceptions[name](cls) if name in exceptions else ()
            used.add(name)
            first, expected = seen.setdefault((name, kind), (cls, text))
            assert text == expected, f"{name} of {cls.__name__} and {first.__name__}"
    return used


@pytest.mark.parametrize("section", ["Parameters", "Attributes"])
def test_entries_of_the_same_name_agree(section):
    """A reader would believe that a parameter means two things."""
    used = assert_consistent(ESTIMATORS, section, EXCEPTIONS)
    assert len(used) > 15
    assert_consistent(NETWORKS, section, NETWORK_EXCEPTIONS)
    assert_consistent(MODULES, section, MODULE_EXCEPTIONS)


def test_exceptions_are_needed():
    """A text that became the same everywhere would go unguarded."""
    for classes, exceptions in (
        (ESTIMATORS, EXCEPTIONS),
        (NETWORKS, NETWORK_EXCEPTIONS),
        (MODULES, MODULE_EXCEPTIONS),
    ):
        for name in exceptions:
            texts = {
                found[name]
                for cls in classes
                for section in ("Parameters", "Attributes")
                if name in (found := entries(cls, section))
            }
            assert len(texts) > 1 or name == "C_", name


def test_methods_of_the_same_name_agree():
    """The same method would be described in two ways."""
    seen = {}
    for cls in ESTIMATORS:
        for name, function in own_methods(cls).items():
            kinds = is_ridge(cls), is_squared(cls), predicts_means(cls)
            kind = kinds if name in METHOD_EXCEPTIONS else None
            text = inspect.getdoc(function)
            assert text, f"{cls.__name__}.{name}"
            assert text == seen.setdefault((name, kind), text), name
    assert {"fit", "partial_fit", "predict", "history_frame"} <= {n for n, _ in seen}


def test_parameters_of_methods_agree():
    """X would mean one thing in one method and another in the next."""
    seen = {}
    for cls in (*ESTIMATORS, *NETWORKS):
        for name, function in own_methods(cls).items():
            # A part of the data, networks, and scores have requirements of their own.
            kind = name if name in ("fit", "partial_fit", "score") else None
            kinds = is_ridge(cls), cls in NETWORKS, predicts_means(cls)
            kind = (kind, *kinds) if kind else None
            for entry in docscrape.FunctionDoc(function)["Parameters"]:
                text = entry.type, entry.desc
                assert text == seen.setdefault((entry.name, kind), text), name


@pytest.mark.parametrize("cls", [*ESTIMATORS, *NETWORKS])
def test_parameters_in_one_order(cls):
    """The docstring, the signature and get_params would not list the same."""
    signature = list(inspect.signature(cls).parameters)
    assert list(entries(cls, "Parameters")) == signature
    assert sorted(signature) == sorted(cls().get_params())
    assert "__init__" in vars(cls)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(cls).parameters.items()
    }
    for name, (kind, _) in entries(cls, "Parameters").items():
        shown = kind.rpartition("default=")[2]
        assert ast.literal_eval(shown) == defaults[name], name


@pytest.mark.parametrize("cls", MODULES)
def test_parameters_of_networks_in_one_order(cls):
    """The docstring, the signature and get_params would not list the same."""
    signature = inspect.signature(cls).parameters
    assert list(entries(cls, "Parameters")) == [
        *(name for name in signature if name != "arguments"),
        "**arguments",
    ]
    assert sorted(cls(None).get_params()) == sorted(set(signature) - {"arguments"})
    for name, (kind, _) in entries(cls, "Parameters").items():
        if "default=" in kind:
            shown = kind.rpartition("default=")[2]
            assert ast.literal_eval(shown) == signature[name].default, name


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_common_parameters_first(cls):
    """A user would find cv behind the options of an algorithm."""
    names = list(inspect.signature(cls).parameters)
    assert names == [name for name in ORDER if name in names]
    kinds = {p.kind for p in inspect.signature(cls).parameters.values()}
    assert kinds == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_fitted_attributes_are_documented(cls):
    """A documented attribute would be missing, or one without a meaning be there."""
    pandas = pytest.importorskip("pandas")
    X, y = data_for(cls)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    model = cls(cv=3, random_state=0).fit(frame, y)
    names = {name for entry in entries(cls, "Attributes") for name in entry.split(", ")}
    found = fitted_names(model)
    if "store_coef" in model.get_params():
        assert not found & {"dual_coef_", "X_fit_"}
        without = fitted_names(model.set_params(store_coef=False).fit(frame, y))
        assert "coef_" not in without
        found |= without
    assert found == names


@pytest.mark.parametrize("module", ANNOTATED)
def test_public_callables_are_annotated(module):
    """Editors could not complete or check a call."""
    found = own_callables(module)
    assert found
    for name, function in found.items():
        names = set(inspect.signature(function).parameters) - {"self", "cls"}
        missing = {*names, "return"} - set(function.__annotations__)
        assert not missing, f"{module}.{name}"


@pytest.mark.parametrize("module", ANNOTATED)
def test_annotations_can_be_resolved(module):
    """A type checker would not find a name that is not imported."""
    pandas = pytest.importorskip("pandas")
    axes = pytest.importorskip("matplotlib.axes")
    names = {"pandas": pandas, "Axes": axes.Axes}
    for function in own_callables(module).values():
        hints = typing.get_type_hints(function, localns=names)
        assert "return" in hints


def test_package_says_that_it_is_typed():
    """Type checkers ignore annotations without the marker."""
    assert resources.files(sklearn_myhpo).joinpath("py.typed").is_file()


def test_signature_is_that_of_the_estimator():
    """Help would show the arguments of an inner class, or none."""
    for cls in ESTIMATORS:
        assert cls.__init__.__qualname__ == f"{cls.__name__}.__init__"
        assert "max_iter: 'int' = 200" in str(inspect.signature(cls))
