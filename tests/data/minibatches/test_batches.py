"""Random batches of rows."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.data.minibatches.batches import sample_batches
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.stacked import StackedDesign, stack
from sklearn_myhpo.data.streamed import StreamedDesign
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import SPECS, ridge_spec


@pytest.mark.parametrize(("n", "size"), [(1, 64), (7, 64), (100, 64), (1000, 64)])
def test_batches_are_a_partition(n, size):
    """A row that is in no batch would be lost, one in two would count twice."""
    strata = np.arange(n) % 4 == 0
    batches = sample_batches(np.random.default_rng(0), n, size, strata)
    again = sample_batches(np.random.default_rng(0), n, size, strata)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(n))
    assert max(map(len, batches)) <= size
    assert all(map(np.array_equal, batches, again))
    shares = [strata[batch].sum() for batch in batches]
    assert max(shares) - min(shares) <= 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_streamed_rows_are_rows(dtype):
    """Blocks of a file, centred on the way, against all rows in memory."""
    X = ridge_spec().X.astype(dtype) + dtype(100)
    weight = np.random.default_rng(0).random(len(X))
    plain = DenseDesign(X.astype(float)).at_means(weight, True)
    with use_limits(block_entries=60):
        streamed = StreamedDesign(X).at_means(weight, True)
        w = np.ones((X.shape[1] + 1, 2))
        values = np.random.default_rng(1).random((len(X), 2))
        np.testing.assert_allclose(streamed.shift, plain.shift, rtol=1e-13)
        for name, argument in [
            ("forward", w),
            ("adjoint", values),
            ("gram", weight),
            ("squares", values),
        ]:
            found, expected = (
                getattr(one, name)(argument) for one in (streamed, plain)
            )
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)
        for name in ("to_dense", "row_products"):
            found, expected = (getattr(one, name)() for one in (streamed, plain))
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("name", ["ridge-sparse", "multinomial", "logistic-5-fold"])
@pytest.mark.parametrize(
    "limits",
    [
        {"kept_entries": 0},
        {"kept_entries": 0, "read_rows": 20},
        {"dense_batch_entries": 0},
        {"block_entries": 50},
    ],
)
def test_how_batches_are_read_changes_nothing(name, limits):
    """Kept or not, sparse or dense: the same rows give the same sums."""
    found = []
    for given in ({}, limits):
        with use_limits(**given):
            problem = SPECS[name]().problem(by_rows=True)
            batches = problem.sample_row_batches(np.random.default_rng(0), 9)
            m, k = problem.splits[0].shape
            z = np.random.default_rng(1).standard_normal((2, len(problem.splits), k, m))
            numbers = np.arange(len(batches))[::-1]
            sums = [
                one.adjoint(one.scalars(one.forward(z)))
                for one in batches.visit(numbers)
            ]
            moments = batches.largest_moments()
            curvature = batches.largest_curvature(1.0 / np.maximum(moments, 1e-3))
            whole = batches.everything(z)
            found.append((np.array(sums), moments, curvature, *whole[:5]))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kept", [{}, {"kept_entries": 0}])
@pytest.mark.parametrize("name", ["multinomial", "logistic-5-fold"])
def test_rows_in_two_places_keep_their_targets(name, kept):
    """With a validation set of one's own, rows would be learned with others' y."""
    spec, found = SPECS[name](), []
    stacked = stack(as_design(spec.X[:30].copy()), spec.X[30:].copy())
    assert isinstance(stacked, StackedDesign)
    for X in (spec.X, stacked):
        with use_limits(**kept):
            problem = replace(spec, X=X).problem(by_rows=True)
            batches = problem.sample_row_batches(np.random.default_rng(0), 9)
            m, k = problem.splits[0].shape
            z = np.random.default_rng(1).standard_normal((2, len(problem.splits), k, m))
            found.append(
                [
                    one.adjoint(one.scalars(one.forward(z)))
                    for one in batches.visit(np.arange(len(batches)))
                ]
            )
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)


def test_rows_of_no_part_are_in_no_batch():
    """Rows that no split names would pull the sums."""
    spec = ridge_spec(n_samples=60, n_features=4)
    pairs = [(np.arange(0, 30), np.arange(30, 45))]
    problem = replace(spec, pairs=pairs).problem(by_rows=True)
    batches = problem.sample_row_batches(np.random.default_rng(0), 8)
    np.testing.assert_array_equal(np.sort(batches.order), np.arange(45))
    m, k = problem.splits[0].shape
    z = np.random.default_rng(1).standard_normal((2, 1, k, m))
    whole = batches.everything(z)
    (split,) = problem.splits
    none = np.full(problem.n_groups, -np.inf)
    expected = split.train_gradient(z[0, 0].T.copy(), none)
    np.testing.assert_allclose(whole.gradients[0, 0].T, expected, atol=1e-12)


def test_questions_are_counted_as_parts_of_a_pass():
    """A budget of passes would be that of something else."""
    problem = SPECS["logistic-5-fold"]().problem(by_rows=True)
    batches = problem.sample_row_batches(np.random.default_rng(0), 8)
    numbers = np.arange(len(batches))
    assert sum(1 for _ in batches.visit(numbers, "n_train_gradients")) == len(batches)
    assert problem.counts.n_train_gradients == pytest.approx(len(problem.splits))
    list(batches.visit(numbers))
    assert problem.counts.n_gradients == pytest.approx(len(problem.splits))
