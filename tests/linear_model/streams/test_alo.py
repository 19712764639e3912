"""Approximate leave-one-out of batches in few passes, against fits in memory."""

import numpy as np
import pytest

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
)
from sklearn_myhpo.criteria import ApproximateLeaveOneOut
from tests.helpers import start_from
from tests.linear_model.streams.cases import (
    GROUPS,
    RAW,
    WEIGHT,
    N,
    X,
    batches,
    fit,
)

RNG = np.random.default_rng(1)
Y = RAW / 4 + 3.0 * RNG.standard_normal(N)
LABEL = np.array(["no", "yes"])[(Y > 0).astype(int)]
THREE = np.digitize(Y, [-1.5, 1.5])
COUNT = RNG.poisson(np.exp(RAW / 20))
AMOUNT = RNG.gamma(2.0, np.exp(RAW / 20) / 2)


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    """Let the fit start from some 200 rows."""
    start_from(monkeypatch, 200)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("model", "y", "weight"),
    [
        (MYHPOLogisticRegression(), LABEL, WEIGHT),
        (MYHPOLogisticRegression(feature_groups=GROUPS, standardize=True), LABEL, None),
        (MYHPOLogisticRegression(class_weight="balanced"), THREE, None),
        (MYHPOLogisticRegression(feature_groups=GROUPS), THREE, WEIGHT),
        (MYHPOLogisticRegression(penalty_factors=[1, 1, 2, 0, 1, 0.5]), LABEL, None),
        (
            MYHPOLogisticRegression(fit_intercept=False),
            LABEL,
            None,
        ),
        (MYHPOPoissonRegressor(), COUNT, WEIGHT),
        (MYHPOGammaRegressor(), AMOUNT, None),
    ],
    ids=[
        "two",
        "groups",
        "three",
        "three-groups",
        "factors",
        "about-zero",
        "n",
        "gamma",
    ],
)
def test_minimum_of_the_criterion(model, y, weight):
    """Another lambda would be learned, or the rows be kept to look at each of them."""
    options = {**model.get_params(), "criterion": ApproximateLeaveOneOut()}
    source = batches(y, weight)
    found = fit(type(model)(**options), source)
    plain = type(model)(**{**options, "tol": 1e-10}).fit(X, y, weight)
    assert found.converged_
    # Twelve from a sample that is not as small as this one.
    assert source.n_passes <= 14
    assert found.history_["n_passes"][-1] == source.n_passes
    # A fit in memory ends where values are the same to rounding, near the minimum, and
    # the slope below is what says how near passes came.
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-5)
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-6)
    np.testing.assert_allclose(found.intercept_, plain.intercept_, atol=1e-6)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-10)
    assert set(vars(found)) == set(vars(plain))
    own, other = found.certificate_, plain.certificate_
    assert own.converged
    assert own.relative_hypergradient < 1e-8
    assert own.n_free == other.n_free
    assert found.optimism_ is None
    assert found.validation_loss_standard_error_ is None
    assert found.summary().effective_dof == pytest.approx(
        plain.summary().effective_dof, rel=1e-4
    )


def test_slope_is_that_of_the_criterion():
    """Passes would end where the criterion has no minimum."""
    values = []
    for move in (-1e-3, 0.0, 1e-3):
        bounds = (-3.0 + move, -2.999999 + move)
        model = MYHPOLogisticRegression(criterion="alo", lambda_bounds=bounds)
        fit(model, batches(THREE))
        values.append((model.lambda_, model.validation_loss_, model.certificate_))
    lambdas, losses, certificates = zip(*values, strict=True)
    difference = (losses[2] - losses[0]) / (lambdas[2] - lambdas[0])
    slope = certificates[1].hypergradient[0]
    assert slope == pytest.approx(difference, rel=1e-3)


def test_sizes_of_batches_change_no_digit():
    """Results of two runs could not be compared."""
    one, other = (
        fit(MYHPOLogisticRegression(criterion="alo"), batches(LABEL, size=size))
        for size in (61, 500)
    )
    assert one.lambda_ == other.lambda_
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_start_of_the_user():
    """A start of one's own, and a warm one, would be taken no notice of."""
    source = batches(COUNT)
    model = MYHPOPoissonRegressor(criterion="alo", warm_start=True, lambda_init=-4.0)
    first = fit(model, source).lambda_
    n_passes = source.n_passes
    assert fit(model, source).lambda_ == pytest.approx(first, abs=1e-7)
    assert source.n_passes - n_passes <= n_passes


def test_what_a_criterion_has_no_use_for():
    """Options would be left out silently."""
    with pytest.raises(ValueError, match="selection='one_se' needs the standard err"):
        fit(
            MYHPOLogisticRegression(criterion="alo", selection="one_se"),
            batches(LABEL),
        )
    with pytest.raises(ValueError, match=r"criterion='alo' holds no rows out"):
        fit(MYHPOLogisticRegression(criterion="alo", steps="gradient"), batches(LABEL))


def test_counts_that_are_all_zero():
    """The message would name folds, of which there are none."""
    with pytest.raises(ValueError, match="y is zero in all rows with a positive weig"):
        fit(MYHPOPoissonRegressor(criterion="alo"), batches(np.zeros(N)))


def test_rows_of_a_cluster():
    """The criterion would be refused, or computed by a single machine."""
    da = pytest.importorskip("dask.array")
    chunks = da.from_array(X, chunks=(400, 6)), da.from_array(COUNT, chunks=400)
    found = MYHPOPoissonRegressor(criterion="alo").fit(*chunks)
    plain = MYHPOPoissonRegressor(criterion="alo", tol=1e-10).fit(X, COUNT)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-6)
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-7)
