"""Rows in an orthonormal basis of their span."""

import numpy as np
import pytest

from sklearn_myhpo.data.row_basis import row_basis
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.linalg.krylov import range_subspace

RNG = np.random.default_rng(0)


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
    assert rows.shape == (6, 6 - fit_intercept)
    np.testing.assert_allclose(rows @ rows.T, (centred * unit**2) @ centred.T)
    coef = RNG.standard_normal((rows.shape[1], 2))
    features, lack = found.features(coef)
    np.testing.assert_allclose(centred @ features, rows @ coef, atol=1e-10)
    np.testing.assert_allclose(lack, mean * np.ones(20) @ features, atol=1e-10)
    np.testing.assert_allclose(found.mean_of(coef), lack, atol=1e-10)
    dual, total = found.rows(coef)
    sums = unit[:, None] ** 2 * (X.T @ dual)
    np.testing.assert_allclose(sums, features, atol=1e-10)
    np.testing.assert_allclose(dual.sum(axis=0), total, atol=1e-10)


def test_rows_whose_span_is_unclear_have_no_basis():
    """Weights would be the rounding of products."""
    X = RNG.standard_normal((5, 9)) * np.geomspace(1.0, 1e-6, 5)[:, None]
    assert row_basis(as_design(X), np.ones(5), False, range_subspace) is None
