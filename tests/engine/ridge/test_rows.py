"""Several lambdas with more features than rows, by rows and by moments."""

import numpy as np
import pytest

from sklearn_myhpo import BilevelRidge, MYHPORidge
from tests.helpers import covering_pairs


def wide(n_rows=30, n_features=80, n_groups=4, seed=0):
    """Return rows whose groups of features differ in strength, and the groups."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) + rng.standard_normal(n_features)
    groups = np.arange(n_features) * n_groups // n_features
    coef = np.geomspace(1.0, 0.01, n_groups)[groups] * rng.standard_normal(n_features)
    y = X @ coef
    return X, y / y.std() + 0.5 * rng.standard_normal(n_rows), groups


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("model", "fit_intercept", "n_targets", "standardize"),
    covering_pairs([MYHPORidge, BilevelRidge], [True, False], [None, 2], [False, True]),
)
def test_both_ways_end_at_the_same_minimum(
    set_limits, model, fit_intercept, n_targets, standardize
):
    """A fit would depend on a limit of size."""
    X, y, groups = wide()
    if n_targets:
        y = np.column_stack([y, X[:, 0] - y])
    weights = np.random.default_rng(2).integers(0, 3, len(X))
    options = {
        "fit_intercept": fit_intercept,
        "feature_groups": groups,
        "standardize": standardize,
    }
    by_rows = model(**options).fit(X, y, sample_weight=weights)
    set_limits(row_share=0.0)
    by_moments = model(**options).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(
        by_rows.validation_loss_, by_moments.validation_loss_, rtol=1e-8
    )
    # At one lambda of one way, both have the same weights.
    again = model(**options, lambda_init=by_rows.lambda_, max_iter=1, tol=1e3)
    weights_by_moments = again.fit(X, y, sample_weight=weights)
    set_limits(row_share=0.5)
    weights_by_rows = again.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(
        weights_by_rows.coef_, weights_by_moments.coef_, rtol=1e-4, atol=1e-6
    )


def test_columns_without_a_penalty(set_limits):
    """Their elimination would be lost."""
    X, y, groups = wide()
    options = {"feature_groups": groups, "penalty_factors": [([0, 50], 0.0)]}
    by_rows = MYHPORidge(**options).fit(X, y)
    set_limits(row_share=0.0)
    by_moments = MYHPORidge(**options).fit(X, y)
    np.testing.assert_allclose(
        by_rows.validation_loss_, by_moments.validation_loss_, rtol=1e-8
    )
