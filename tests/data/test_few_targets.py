"""Few targets with the sums of many, batches of targets, and rows in a basis."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_myhpo.data.few_targets import (
    largest_square,
    target_slices,
    turned_targets,
)
from sklearn_myhpo.data.row_basis import row_basis
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.linalg.krylov import range_subspace

RNG = np.random.default_rng(0)


@settings(max_examples=20, deadline=None)
@given(
    n_samples=st.integers(1, 8),
    n_targets=st.integers(1, 40),
    rank=st.integers(0, 5),
    entries=st.integers(1, 100),
)
def test_turned_targets_have_the_same_products(n_samples, n_targets, rank, entries):
    """Lambda would be learned for other targets."""
    y = RNG.standard_normal((n_samples, rank)) @ RNG.standard_normal((rank, n_targets))
    origin = RNG.standard_normal(n_targets)
    with use_limits(target_batch_entries=entries):
        found = turned_targets(y, origin)
    assert found.shape == (n_samples, min(n_samples, n_targets))
    centred = y - origin
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-10)


@pytest.mark.parametrize(("n_rows", "size"), [(10, 10), (1000, 4)])
def test_batches_cover_all_targets(n_rows, size):
    """Targets would be left out, or memory would not be bounded."""
    with use_limits(target_batch_entries=100, least_targets=4):
        found = list(target_slices(23, n_rows))
    assert [one.start for one in found] == list(range(0, 23, size))
    assert found[-1].stop == 23


def test_the_largest_square_is_that_of_the_rows():
    """Targets whose squares overflow would be taken."""
    y, weight = RNG.standard_normal((50, 3)), RNG.uniform(size=50)
    with use_limits(block_entries=20):
        found = largest_square(y, weight)
        assert largest_square(y[:, 0], weight) <= found * (1 + 1e-12)
        assert np.isinf(largest_square(1e200 * y, weight))
    assert found == pytest.approx(np.max(weight @ y**2), rel=1e-12)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_rows_in_their_basis_are_the_same_rows(fit_intercept):
    """Predictions of a model in the basis would be others."""
    X, weight = RNG.standard_normal((6, 20)) + 3.0, RNG.uniform(0.5, 1.0, 6)
    unit = RNG.uniform(0.5, 2.0, 20)
    design = as_design(X).in_units(unit)
    found = row_basis(design, weight, fit_intercept, range_subspace)
    mean = weight @ X / weight.sum() if fit_intercept else 0.0
    centred = X - mean
    rows = found.design.X
    np.testing.assert_allclose(rows @ rows.T, (centred * unit**2) @ centred.T)
    coef = RNG.standard_normal((rows.shape[1], 2))
    features, lack = found.features(coef)
    np.testing.assert_allclose(centred @ features, rows @ coef, atol=1e-10)
    np.testing.assert_allclose(lack, mean * np.ones(20) @ features, atol=1e-10)
    np.testing.assert_allclose(found.mean_of(coef), lack, atol=1e-10)
    sums = unit[:, None] ** 2 * (X.T @ found.rows(coef))
    np.testing.assert_allclose(sums, features, atol=1e-10)


def test_rows_whose_span_is_unclear_have_no_basis():
    """Weights would be the rounding of products."""
    X = RNG.standard_normal((5, 9)) * np.geomspace(1.0, 1e-6, 5)[:, None]
    assert row_basis(as_design(X), np.ones(5), False, range_subspace) is None
