"""Whether the data tell a term from nothing: the statistic and the removal."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi2

from sklearn_myhpo.additive._evidence import Evidence, terms_without_effect

SIZES = (3, 8, 5)
PENALTY = np.repeat([0.1, 60.0, 5.0], SIZES)
TERMS = {
    "one": np.arange(3),
    "two": np.arange(3, 11),
    "three": np.arange(11, 16),
}


def evidence_of(X, y, penalty, noise=1.0):
    """The evidence of a ridge regression without intercept."""
    gram = X.T @ X
    inverse = np.linalg.inv(gram + np.diag(penalty))
    return Evidence(inverse @ X.T @ y, noise**2 * inverse, penalty / noise**2)


def make_rows(n=200):
    """Correlated columns."""
    rng = np.random.default_rng(0)
    return rng, rng.normal(size=(n, 16)) @ rng.normal(size=(16, 16)) / 4


def _draws(rng, X, own, noise=1.0, n=400):
    """Evidence of draws without an effect of a term; those of others are normal."""
    others = np.setdiff1d(np.arange(16), TERMS[own])
    spread = noise / np.sqrt(PENALTY[others])
    for _ in range(n):
        effect = X[:, others] @ (spread * rng.normal(size=len(others)))
        y = effect + noise * rng.normal(size=len(X))
        yield evidence_of(X, y, PENALTY, noise)


@pytest.mark.parametrize("noise", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("name", TERMS)
def test_p_values_without_an_effect(name, noise):
    """Effects that penalties shrink would show as effects of a correlated term."""
    rng, X = make_rows()
    found = [e.p_value(TERMS[name]) for e in _draws(rng, X, name, noise)]
    for level in (0.05, 0.5):
        error = np.sqrt(level * (1 - level) / 400)
        assert abs(np.mean(np.array(found) < level) - level) < 4 * error


def test_share_of_effects():
    """Noise would keep freedom, or effects that are clear together would not."""
    rng, X = make_rows()
    index = np.concatenate([TERMS["one"], TERMS["three"]])
    shares = []
    for size in (0.0, 0.1, 1.0, 10.0):
        own = []
        for _ in range(50):
            y = size * X[:, index] @ rng.normal(size=8) + rng.normal(size=len(X))
            own.append(evidence_of(X, y, PENALTY).share_of_effects(index))
        shares.append(np.mean(own))
        assert 0.0 <= min(own) <= max(own) < 1.0
    assert shares[0] < 0.2 < shares[1] < shares[2] < shares[3]
    assert shares[3] > 0.99


@pytest.mark.parametrize("size", [1, 16])
def test_weights_without_freedom_have_no_effect(size):
    """Rounding errors over rounding errors would be significant."""
    rng, X = make_rows()
    index = np.arange(size)
    penalty = np.full(16, 1e15)
    penalty[size:] = 1.0
    evidence = evidence_of(X, X.sum(axis=1) + rng.normal(size=len(X)), penalty)
    assert evidence.p_value(index) == 1.0
    assert evidence.share_of_effects(index) == 0.0


def test_p_value_without_penalty_is_that_of_wald():
    """The statistic would be none that a statistician knows."""
    rng, X = make_rows()
    y = X[:, 3:11] @ rng.normal(size=8) * 0.05 + rng.normal(size=len(X))
    evidence = evidence_of(X, y, 0.0 * PENALTY)
    index = TERMS["two"]
    covariance = np.linalg.inv(X.T @ X)[np.ix_(index, index)]
    weights = np.linalg.lstsq(X, y, rcond=None)[0][index]
    wald = weights @ np.linalg.inv(covariance) @ weights
    assert_allclose(evidence.p_value(index), chi2.sf(wald, 8), rtol=1e-6)


def test_removal_is_a_fit_without_the_columns():
    """The second p-value would be that of a model that nobody fits."""
    rng, X = make_rows()
    y = X @ rng.normal(size=16) + rng.normal(size=len(X))
    found = evidence_of(X, y, PENALTY).without(TERMS["two"])
    left = np.r_[TERMS["one"], TERMS["three"]]
    expected = evidence_of(X[:, left], y, PENALTY[left])
    own = np.ix_(left, left)
    assert_allclose(found.weights[left], expected.weights, atol=1e-10)
    assert_allclose(found.weights[TERMS["two"]], 0.0, atol=1e-12)
    assert_allclose(found.posterior[own], expected.posterior, atol=1e-12)
    for name in ("one", "three"):
        place = np.searchsorted(left, TERMS[name])
        assert_allclose(found.p_value(TERMS[name]), expected.p_value(place), rtol=1e-6)


def test_useless_terms_go_and_one_stays():
    """A term with an effect would be removed, or a model be left without terms."""
    rng, X = make_rows()
    noise = rng.normal(size=len(X))
    effect = X[:, TERMS["one"]].sum(axis=1)
    evidence = evidence_of(X, effect + noise, PENALTY)
    assert sorted(terms_without_effect(evidence, TERMS, 1e-3)) == ["three", "two"]
    assert len(terms_without_effect(evidence_of(X, noise, PENALTY), TERMS, 1e-9)) == 2
    assert terms_without_effect(evidence, TERMS, 1.0 - 1e-12) in ([], ["two"])
