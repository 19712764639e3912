"""Values in messages are what a user would type."""

import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.model_selection import KFold

from sklearn_myhpo._messages import import_optional, shown
from sklearn_myhpo.criteria import SURE


@dataclass(frozen=True)
class Options:
    """Stand-in for a solver of a user's own."""

    size: object
    names: object = ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (np.float64(1.0), "1.0"),
        (np.float32(0.5), "0.5"),
        (np.longdouble(1.5), "1.5"),
        (np.int8(-3), "-3"),
        (np.bool_(True), "True"),
        (np.str_("it's"), '"it\'s"'),
        (np.datetime64("2020-01-01"), "'2020-01-01'"),
        (np.array(3.0), "3.0"),
        (np.arange(3), "[0, 1, 2]"),
        (np.arange(20), "[0, 1, 2, 3, 4, 5, ...]"),
        (np.array(["a", None], dtype=object), "['a', None]"),
        (np.ones((2, 3)), "ndarray of shape (2, 3)"),
        (pd.DataFrame({"a": [1]}), "DataFrame of shape (1, 1)"),
        (sparse.csr_array((4, 5)), "csr_array of shape (4, 5)"),
        ((np.float64(0.0), [np.str_("a")]), "(0.0, ['a'])"),
        ({np.str_("a"): (np.int64(1), 2.0)}, "{'a': (1, 2.0)}"),
        (slice(np.int64(1), None), "slice(1, None, None)"),
        (KFold, "<class KFold>"),
        (KFold(3), "KFold(n_splits=3, random_state=None, shuffle=False)"),
        (shown, "shown"),
        (None, "None"),
        (Options(np.int64(2), [np.str_("a")]), "Options(size=2, names=['a'])"),
    ],
)
def test_shown(value, text):
    """A user would read "np.float64(1.0)" where the label is 1."""
    assert shown(value) == text


def test_options_of_criteria_are_plain():
    """Options that come from a computation are NumPy's."""
    assert "noise_variance=1.5" in shown(SURE(noise_variance=np.float64(1.5)))


def test_import_optional(monkeypatch):
    """The pip command of a package on no index would fail."""
    assert import_optional("numpy.linalg", "A test") is np.linalg
    monkeypatch.setitem(sys.modules, "absent", None)
    with pytest.raises(ImportError) as error:
        import_optional("absent.part", "A test", extra="test")
    assert str(error.value) == (
        "A test needs the package absent, which is not installed. Use pip install "
        "absent, or pip install '.[test]' in the source directory of sklearn-myhpo."
    )
    with pytest.raises(ImportError, match=r"Use pip install absent\.$"):
        import_optional("absent", "A test")
