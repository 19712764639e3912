"""Devices without double precision: nothing of it goes there, and sums keep digits."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
)
from sklearn_myhpo.data.tensors.arrays import SINGLE_ROWS, Home, fetched
from sklearn_myhpo.engine.limits import use_limits
from tests import tensor_namespace as counted
from tests.tensor_spaces import bring, close, data, dispatching

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"
)


@pytest.fixture(autouse=True)
def _single(monkeypatch):
    """Refuse double precision, as the devices of Apple do."""
    with dispatching(monkeypatch):
        monkeypatch.setattr(counted, "IS_SINGLE", True)
        yield


def counts(y):
    """Return counts, some zero."""
    return np.floor(np.exp(0.3 * y))


FITS = {
    "ridge": (MYHPORidge(), lambda y: y),
    "ridge, groups": (MYHPORidge(feature_groups=[0, 0, 1, 1, 2]), lambda y: y),
    "loo": (MYHPORidge(criterion="loo"), lambda y: y),
    "loo, groups": (
        MYHPORidge(criterion="loo", feature_groups=[0, 0, 1, 1, 2]),
        lambda y: y,
    ),
    "ridge classifier": (MYHPORidgeClassifier(), lambda y: np.digitize(y, [-2, 2])),
    "two classes": (MYHPOLogisticRegression(), lambda y: y > 0),
    "three classes": (MYHPOLogisticRegression(), lambda y: np.digitize(y, [-2, 2])),
    "alo": (MYHPOLogisticRegression(criterion="alo"), lambda y: y > 0),
    "counts": (MYHPOPoissonRegressor(), counts),
    "amounts": (MYHPOGammaRegressor(), lambda y: np.exp(0.3 * y) + 0.1),
    "amounts and zeros": (MYHPOTweedieRegressor(), counts),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", FITS)
def test_fits_are_those_of_the_host(name):
    """A number of double precision would end the fit, or an exponential overflow."""
    X, y, _ = data(1500)
    model, target = FITS[name]
    X = X.astype(np.float32)
    plain, found = both(model, X, target(y))
    assert bring(found.coef_).dtype == np.float32
    # Slopes of leave-one-out are small differences, which have fewer digits.
    close(found.coef_, plain.coef_, 1e-3 if name.startswith("loo") else 1e-4)
    assert found.converged_
    loss = pytest.approx(plain.validation_loss_, rel=1e-5)
    assert found.validation_loss_ == loss
    predicted = bring(found.predict(counted.asarray(X)))
    if predicted.dtype.kind == "f":
        close(predicted, plain.predict(X), 1e-3)


def both(model, X, y):
    """Return the fits of X of the host in double precision, and of the device."""
    plain = clone(model).fit(X.astype(np.float64), y)
    return plain, clone(model).fit(counted.asarray(X), y)


def test_many_rows_keep_their_digits():
    """Products that are added up one after another would lose them."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40 * SINGLE_ROWS + 7, 2)).astype(np.float32) + 1
    exact = rows.astype(np.float64).T @ rows.astype(np.float64)
    found, number = None, 0
    given = counted.asarray(rows)
    home = Home.of(given)
    assert home.is_single
    while number < len(rows):
        part = given[number : number + 3000, :]
        own = home.total(home.products(part, part))
        found = own if found is None else found + own
        number += 3000
    np.testing.assert_allclose(fetched(found), exact, rtol=2e-7)


def test_small_terms_are_not_lost_in_a_sum():
    """A sum in single precision would ignore all terms after the first one."""
    home = Home.of(counted.asarray(np.ones(1, dtype=np.float32)))
    found = home.total(counted.asarray(np.array([1e8], dtype=np.float32)))
    for _ in range(100):
        found = found + home.total(counted.asarray(np.ones(1, dtype=np.float32)))
    assert fetched(found)[0] == 1e8 + 100


def test_origins_keep_their_digits():
    """Rows far from zero would be measured from a rounded origin."""
    X, y, _ = data(400)
    X = (X + 1000.0).astype(np.float32)
    plain, found = both(MYHPORidge(), X, y)
    close(found.coef_, plain.coef_, 1e-4)
    predicted = bring(found.predict(counted.asarray(X)))
    np.testing.assert_allclose(predicted, plain.predict(X), atol=5e-3)


def test_copies_do_not_grow_with_the_blocks():
    """Every block would send its sums to the host."""
    X, y, _ = data(2000)
    X, n_copies = counted.asarray(X.astype(np.float32)), []
    for entries in (2**22, 2**11):
        counted.COPIES.clear()
        with use_limits(tensor_entries=entries, optimism_rows=50):
            model = MYHPORidge(criterion="gcv").fit(X, y)
        n_copies.append(len(counted.COPIES) / model.oracle_counts_["n_passes"])
    assert n_copies[0] == n_copies[1]
