"""The rows of a tensor as a source: sums in blocks are those of all rows."""

import numpy as np
import pytest

from sklearn_myhpo.data.folds.listed import list_folds
from sklearn_myhpo.data.moments.fold_moments import centre_of_block, moments_of_block
from sklearn_myhpo.data.tensors import moments  # noqa: F401  registers the tasks
from sklearn_myhpo.data.tensors.arrays import Home, fetched, is_tensor
from sklearn_myhpo.data.tensors.source import TensorSource, ends_of_block
from sklearn_myhpo.data.tensors.wide import WideRows
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._units import unit_exponents
from tests import tensor_namespace as counted
from tests.helpers import as_sums
from tests.tensor_spaces import bring, load_space

N_ROWS, N_FEATURES = 53, 4


@pytest.fixture(autouse=True)
def _compat():
    load_space("tests.tensor_namespace")


def blocks_of(n_rows):
    """Make blocks of so few rows."""
    return use_limits(tensor_entries=n_rows * N_FEATURES)


def rows():
    """Return X, y and weights, some zero."""
    rng = np.random.default_rng(0)
    weight = rng.uniform(size=N_ROWS)
    weight[::6] = 0.0
    return rng.normal(size=(N_ROWS, N_FEATURES)) + 2.0, rng.normal(size=N_ROWS), weight


@pytest.mark.parametrize("n_rows", [1, 7, 100])
@pytest.mark.parametrize("kind", ["in order", "mixed"])
def test_moments_are_sums_over_all_rows_of_a_label(n_rows, kind):
    """Folds would get each other's rows, or lose some at the ends of blocks."""
    X, y, weight = rows()
    labels = np.sort(np.arange(N_ROWS) % 3)
    if kind == "mixed":
        labels = np.random.default_rng(1).permutation(labels)
    with blocks_of(n_rows):
        source = TensorSource(counted.asarray(X), y, weight)
        first = source.first()
        centre = centre_of_block(first, unit_exponents, is_about_means=True)
        pairs = [
            (np.flatnonzero(labels != own), np.flatnonzero(labels == own))
            for own in range(3)
        ]
        rule = list_folds(pairs, N_ROWS)
        found = source.map_reduce(moments_of_block, rule, centre, 5, 100)
    # Kinds have numbers of their own.
    kind_of = [rule.columns[labels == own, 0][0] for own in range(3)]
    columns = np.column_stack([X - centre.x, np.ones(N_ROWS), y - centre.y])
    scale = 2.0**-centre.weight_exponent
    for label in range(3):
        own = columns[labels == label]
        matrix = own.T @ (scale * weight[labels == label, None] * own)
        expected = as_sums(matrix, X.shape[1] + 1)
        np.testing.assert_allclose(found.matrices[kind_of[label]], expected, rtol=1e-12)
        assert found.counts[kind_of[label]] == np.count_nonzero(weight[labels == label])
    sample = found.sample.joined()
    np.testing.assert_array_equal(sample.number, np.arange(0, N_ROWS, 5))
    np.testing.assert_array_equal(sample.X, X[::5])
    np.testing.assert_array_equal(sample.kind, rule.columns[::5])


@pytest.mark.parametrize("n_rows", [1, 7, 100])
def test_ends_are_those_of_all_rows(n_rows):
    """Constant features would not be seen as such."""
    X, y, weight = rows()
    with blocks_of(n_rows):
        source = TensorSource(counted.asarray(X), y, weight)
        low, high, total = source.map_reduce(ends_of_block)[:3]
    np.testing.assert_array_equal(low, X.min(axis=0))
    np.testing.assert_array_equal(high, X.max(axis=0))
    np.testing.assert_allclose(total, X.sum(axis=0))


@pytest.mark.parametrize("centres", [False, True])
@pytest.mark.parametrize("device_size", [1, 1000])
def test_rows_in_their_own_space_have_the_same_products(centres, device_size):
    """A fit in the space of the rows would not be that of the features."""
    X = rows()[0][:3]
    with blocks_of(1):
        wide = WideRows([counted.asarray(X)], centres, device_size)
    about = X - X.mean(axis=0) if centres else X
    np.testing.assert_allclose(wide.rows @ wide.rows.T, about @ about.T, atol=1e-12)
    coef = np.arange(1.0, 1.0 + wide.rows.shape[1])[None]
    found, intercept = (bring(one) for one in wide.features(coef, np.array([0.5])))
    raw = X @ found[0] + intercept[0]
    np.testing.assert_allclose(raw, wide.rows @ coef[0] + 0.5, atol=1e-12)


def test_results_of_any_form_come_to_the_host():
    """A task would return arrays that the engine cannot compute with."""
    given = {"a": [counted.asarray([1.0])], "b": (2.0, counted.asarray([3.0]))}
    found = fetched(given)
    assert isinstance(found["a"][0], np.ndarray)
    assert isinstance(found["b"][1], np.ndarray)


def test_devices_without_double_precision_use_single(monkeypatch):
    """Apple's devices would fail with the first number of double precision."""

    def zeros(*shape, dtype, device):
        if dtype == counted.float64:
            raise TypeError("no float64")
        return counted.asarray(np.zeros(shape, dtype))

    monkeypatch.setattr(counted, "zeros", zeros)
    home = Home.of(counted.asarray(np.ones(2, dtype=np.float32)))
    assert home.double == counted.float32
    assert home.put(np.ones(3)).dtype == np.float32


def test_only_arrays_of_other_libraries_are_tensors():
    """Lists and frames would be asked for their namespace."""
    for value in (None, [1.0], np.ones(2), "X"):
        assert not is_tensor(value)
