"""The namespaces that tests of tensors run with, and how arrays move there and back."""

import importlib
import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import scipy
import sklearn
from sklearn.base import clone
from sklearn.utils.fixes import parse_version

from sklearn_myhpo.data.tensors.arrays import to_host

#: Names of modules; those that are not installed are skipped.
SPACES = ("tests.tensor_namespace", "torch", "array_api_strict")
each_space = pytest.mark.parametrize("space", SPACES)


def load_space(name):
    """Return a namespace, or skip the test."""
    if parse_version(scipy.__version__) < parse_version("1.14"):
        pytest.skip("scikit-learn dispatches arrays with SciPy 1.14 and newer")
    try:
        importlib.import_module("sklearn.externals.array_api_compat")
    except ImportError:
        pytest.importorskip("array_api_compat")
    return pytest.importorskip(name)


def put(xp, values):
    """Return an array of a namespace; None of None."""
    return None if values is None else xp.asarray(np.asarray(values))


def bring(value):
    """Return an array of any namespace as NumPy's, and a number as it is."""
    return value if isinstance(value, float) else to_host(value)


@contextmanager
def dispatching(monkeypatch):
    """Turn scikit-learn's dispatch of arrays on."""
    load_space("tests.tensor_namespace")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with sklearn.config_context(array_api_dispatch=True), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=sklearn.exceptions.ConvergenceWarning
        )
        yield


def data(n_samples=240, n_features=5):
    """Return X with correlated columns far from zero, y, and weights, some zero."""
    rng = np.random.default_rng(0)
    mix = np.eye(n_features) + 0.3 * rng.normal(size=(n_features, n_features))
    X = rng.normal(size=(n_samples, n_features)) @ mix + 3.0
    y = (X - 3.0) @ np.linspace(1.0, -0.5, n_features) + 2.0 * rng.normal(
        size=n_samples
    )
    weight = rng.uniform(0.1, 2.0, size=n_samples)
    weight[::7] = 0.0
    return X, y, weight


def close(first, second, tol=1e-10):
    """Compare arrays of any namespace, relative to the largest entry."""
    first, second = (np.asarray(bring(one), dtype=float) for one in (first, second))
    assert first.shape == second.shape
    assert np.abs(first - second).max() <= tol * max(1.0, np.abs(second).max())


def fit_both(model, X, y, weight=None, **params):
    """Return fits of NumPy's arrays and of those of a namespace."""
    xp = params.pop("xp")
    with sklearn.config_context(array_api_dispatch=False):
        plain = clone(model).fit(X, y, weight, **params)
    return plain, model.fit(put(xp, X), put(xp, y), put(xp, weight), **params)
