"""Ridge from products of rows."""

from dataclasses import replace

import pytest

from tests.engine.helpers import assert_same_problem
from tests.helpers import (
    ridge_spec,
    sparsified,
)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_sparse_rows_by_their_products(fit_intercept, n_targets):
    """Sparse data with more features than rows would be slow, or be made dense."""
    spec = sparsified(
        ridge_spec(
            n_samples=24,
            n_features=60,
            n_targets=n_targets,
            fit_intercept=fit_intercept,
        )
    )
    fast = spec.problem(all_directions=False)
    assert {split.solves_by for split in fast.splits} == {"diagonal"}
    assert fast.splits[0].coordinates.design.is_sparse
    assert_same_problem(fast, replace(spec, X=spec.dense).problem(), rtol=1e-8)
