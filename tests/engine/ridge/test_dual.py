"""Ridge from products of rows."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._checks import drop_weightless
from tests.engine.helpers import assert_same_problem
from tests.helpers import (
    covering_pairs,
    ridge_spec,
    sparsified,
    weighted,
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


def plain_ridge(spec, lambda_, rows):
    """Return scikit-learn's model of some rows."""
    weight = spec.weight[rows]
    plain = Ridge(
        alpha=2.0 * weight.sum() * np.exp(lambda_),
        fit_intercept=spec.fit_intercept,
        solver="cholesky",
    )
    return plain.fit(spec.X[rows], spec.y[rows], sample_weight=weight)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("fit_intercept", "n_targets", "is_weighted"),
    covering_pairs([True, False], [2, 3], [True, False]),
)
def test_several_targets_in_one_krylov_space(fit_intercept, n_targets, is_weighted):
    """The loss or the refit of some target would be that of another model."""
    spec = ridge_spec(
        n_samples=300,
        n_features=6000,
        n_targets=n_targets,
        fit_intercept=fit_intercept,
    )
    # One target is a sum of others, as with classes.
    y = np.column_stack([spec.y, -spec.y.sum(axis=1)])
    spec = replace(spec, y=y)
    if is_weighted:
        spec = weighted(spec)
    data = spec.X, spec.y, spec.weight, spec.pairs
    _, y, weight, pairs = drop_weightless(*data)
    spec = replace(spec, X=spec.X[spec.weight > 0], y=y, pairs=pairs)
    spec = replace(spec, sample_weight=weight)
    with use_limits(krylov_share=0.9):
        fast = spec.problem(all_directions=False)
    n_train = min(len(train) for train, _ in pairs)
    assert max(split.shape[0] for split in fast.splits) < 0.9 * n_train
    for lambda_ in (-6.0, 1.0):
        total = 0.0
        for train, held_out in pairs:
            plain = plain_ridge(spec, lambda_, train)
            off = y[held_out] - plain.predict(spec.X[held_out])
            total += 0.5 * weight[held_out] @ np.sum(off**2, axis=1)
        weights = fast.minimize(np.array([lambda_]), fast.zeros())
        exact = total / sum(weight[held_out].sum() for _, held_out in pairs)
        np.testing.assert_allclose(fast.validation_loss(weights), exact, rtol=1e-9)
        full = fast.minimize_full(np.array([lambda_]), fast.full.start())
        coef, intercept = fast.full.to_features(full)
        plain = plain_ridge(spec, lambda_, np.arange(len(y)))
        size = np.abs(plain.coef_).max()
        np.testing.assert_allclose(coef.T, plain.coef_, atol=1e-9 * size)
        atol = 1e-8 * np.abs(y).max()
        np.testing.assert_allclose(intercept, plain.intercept_, atol=atol)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("per_target", [True, False])
def test_refit_of_several_targets_of_few_rows(fit_intercept, per_target):
    """All rows are refitted in other coordinates than those of the folds."""
    spec = ridge_spec(n_samples=24, n_features=60, n_targets=3)
    options = {"fit_intercept": fit_intercept, "alpha_per_target": per_target}
    model = MYHPORidge(cv=spec.pairs, **options).fit(spec.X, spec.y)
    plain = Ridge(alpha=model.alpha_, fit_intercept=fit_intercept, solver="svd")
    plain.fit(spec.X, spec.y)
    size = np.abs(plain.coef_).max()
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-9 * size)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=1e-8)
