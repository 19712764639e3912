"""The namespaces that tests of tensors run with, and how arrays move there and back."""

import importlib

import numpy as np
import pytest
import scipy
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
