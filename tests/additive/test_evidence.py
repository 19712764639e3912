"""Whether the data tell a term from nothing: the statistic and the removal."""

import numpy as np
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
    return Evidence(
        inverse @ X.T @ y, noise**2 * inverse, noise**2 * inverse @ gram @ inverse
    )


def make_rows(n=200):
    """Correlated columns."""
    rng = np.random.default_rng(0)
    return rng, rng.normal(size=(n, 16)) @ rng.normal(size=(16, 16)) / 4


def test_p_values_without_an_effect():
    """A level of 1 % would remove more or less than 99 % of useless terms."""
    rng, X = make_rows()
    found = {name: [] for name in TERMS}
    for _ in range(400):
        evidence = evidence_of(X, rng.normal(size=len(X)), PENALTY)
        for name, index in TERMS.items():
            found[name].append(evidence.p_value(index))
    for name, values in found.items():
        for level in (0.05, 0.5):
            error = np.sqrt(level * (1 - level) / 400)
            assert abs(np.mean(np.array(values) < level) - level) < 4 * error, name


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
    assert_allclose(found.sampling[own], expected.sampling, atol=1e-12)


def test_useless_terms_go_and_one_stays():
    """A term with an effect would be removed, or a model be left without terms."""
    rng, X = make_rows()
    noise = rng.normal(size=len(X))
    effect = X[:, TERMS["one"]].sum(axis=1)
    evidence = evidence_of(X, effect + noise, PENALTY)
    assert sorted(terms_without_effect(evidence, TERMS, 1e-3)) == ["three", "two"]
    assert len(terms_without_effect(evidence_of(X, noise, PENALTY), TERMS, 1e-9)) == 2
    assert terms_without_effect(evidence, TERMS, 1.0 - 1e-12) in ([], ["two"])
