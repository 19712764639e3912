"""Few targets with the sums of many, and batches of targets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_myhpo.data.few_targets import (
    largest_square,
    target_slices,
    turned_targets,
)
from sklearn_myhpo.engine.limits import use_limits

RNG = np.random.default_rng(0)


@settings(max_examples=12, deadline=None)
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
