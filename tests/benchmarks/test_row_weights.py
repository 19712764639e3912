"""The benchmark of weights of rows, on small digits in the place of MNIST."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.utils import Bunch

from benchmarks import row_weights as benchmark


@pytest.fixture(autouse=True)
def small_digits(monkeypatch):
    """Give digits of 8 x 8 pixels as MNIST: 1000 for training, the others for tests."""
    X, y = load_digits(return_X_y=True)

    def fetch(subset="train15k"):
        rows = slice(0, 1000) if subset == "train15k" else slice(1000, None)
        return Bunch(data=X[rows] * 16.0, target=y[rows])

    monkeypatch.setattr(benchmark, "fetch_mnist", fetch)


def test_labels_are_wrong_as_often_as_asked():
    """Errors would be told of another share of wrong labels."""
    rows = benchmark.Rows(0.4, 400, seed=1)
    right = benchmark.Rows(0.0, 400, seed=1)
    np.testing.assert_array_equal(rows.y != right.y, rows.is_wrong)
    assert rows.is_wrong.mean() == pytest.approx(0.4, abs=0.08)
    np.testing.assert_array_equal(rows.y_clean, right.y_clean)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_table():
    """A way to use the rows would lack its error, or have that of another one."""
    errors, facts = benchmark.compare(0.5, 200, seed=0)
    assert set(facts) == {"wrong < .5", "right > .5", "seconds"}
    assert len(errors) == 8
    assert errors["`row_groups`"] < errors["plain"]
    assert errors["right rows, and clean rows"] < errors["right rows only"]
    assert facts["wrong < .5"] > 0.7
