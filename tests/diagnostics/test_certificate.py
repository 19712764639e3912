"""The certificate says what can be checked about a fit, and says it readably."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import BilevelRidge, MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.diagnostics.certificate import certify
from sklearn_myhpo.solvers import Implicit, minimize_bilevel
from tests.helpers import (
    ESTIMATORS,
    PROBLEMS,
    SPECS,
    data_for,
    no_warnings,
    reference_objective,
)


def certificate_of(problem, **options):
    """Return the certificate of a run and its result."""
    result = minimize_bilevel(problem, Implicit(), **options)
    return certify(problem, result)[0], result


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", PROBLEMS)
def test_numbers_are_those_of_their_definitions(name):
    """A fit would be certified by numbers of another place."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    certificate, result = certificate_of(problem, max_iter=200)
    assert certificate.converged
    assert certificate.relative_hypergradient <= 1.001e-6
    assert certificate.names == tuple(range(spec.n_groups))
    residuals = [
        np.linalg.norm(split.train_gradient(w, result.lambda_))
        / np.linalg.norm(split.train_gradient(split.start(), result.lambda_))
        for split, w in zip(problem.splits, result.weights, strict=True)
    ]
    np.testing.assert_allclose(certificate.inner_residuals, residuals, atol=1e-6)
    assert certificate.inner_residuals.max() < 1e-5
    free = ~(certificate.lower | certificate.upper)
    if free.any():
        least = _least_curvature(spec, result.lambda_, np.flatnonzero(free))
        assert certificate.least_curvature * result.validation_loss == pytest.approx(
            least, rel=0.05, abs=1e-4 * result.validation_loss
        )


def _least_curvature(spec, lambda_, free, step=0.05):
    """Return the smallest eigenvalue of second differences of the objective."""
    size = len(free)
    units = np.zeros((size, len(lambda_)))
    units[np.arange(size), free] = step
    matrix = np.empty((size, size))
    for a in range(size):
        for b in range(size):
            corners = [
                s * t * reference_objective(spec, lambda_ + s * units[a] + t * units[b])
                for s in (1, -1)
                for t in (1, -1)
            ]
            matrix[a, b] = sum(corners) / (4 * step**2)
    return np.linalg.eigvalsh(matrix)[0]


@no_warnings
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_estimator_has_one(cls):
    """A stored or cloned model would lose it, or fail on it."""
    X, y = data_for(cls)
    model = cls(cv=2, random_state=0, feature_groups="each").fit(X, y)
    certificate = model.certificate_
    assert certificate.converged is model.converged_
    assert certificate.names == tuple(model.feature_group_names_)
    assert certificate.hypergradient.shape == (4,)
    assert certificate.inner_residuals.shape == (2,)
    loaded = pickle.loads(pickle.dumps(model))
    assert str(loaded.certificate_) == str(certificate)
    assert not hasattr(clone(model), "certificate_")


@no_warnings
def test_unfinished_fit_is_not_certified():
    """A stopped run would pass for a minimum."""
    X, y = data_for(MYHPORidge)
    model = BilevelRidge(
        solver="implicit", max_iter=1, lambda_init=-8.0, feature_groups="each", cv=3
    ).fit(X, y)
    assert not model.certificate_.converged
    assert not model.certificate_.is_minimum
    assert model.certificate_.relative_hypergradient > 1e-6
    assert "converged:      no" in str(model.certificate_)


@no_warnings
def test_bounds_are_named():
    """A user would not see which features drop out and which want no penalty."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 8))
    y = X @ [3.0, -3.0, 0, 0, 0, 0, 0, 0] + 0.01 * rng.standard_normal(200)
    names = ["keep"] * 2 + [f"drop{k}" for k in range(6)]
    options = {"feature_groups": names, "lambda_bounds": (-3.0, -1.0)}
    model = MYHPORidge(random_state=0, **options).fit(X, y)
    certificate = model.certificate_
    assert certificate.at_lower_bound == ("keep",)
    assert set(certificate.at_upper_bound) <= {f"drop{k}" for k in range(6)}
    assert len(certificate.at_upper_bound) >= 3
    text = str(certificate)
    assert "keep (less penalty is better)" in text
    assert "(more penalty is better)" in text
    assert repr(certificate) == text
    # Both slopes are relative to the same number: nothing of other units beside them.
    is_outward = certificate.lower | certificate.upper
    slopes = np.abs(certificate.hypergradient) / model.validation_loss_
    inward, outward = slopes[~is_outward].max(initial=0), slopes[is_outward].max()
    assert certificate.outward_hypergradient == pytest.approx(outward, rel=1e-6)
    assert (
        f"hypergradient:  {inward:.1e} times the objective; "
        f"{outward:.1e} times it out of the bounds"
    ) in text


@no_warnings
def test_no_free_lambda_is_said():
    """There is no curvature to speak of where nothing can move."""
    X, y = data_for(MYHPORidge)
    # Where weak penalties win, every lambda this small does as well as any other.
    model = MYHPORidge(cv=3, lambda_bounds=(-40.0, -30.0), random_state=0).fit(X, y)
    assert model.certificate_.least_curvature is None
    assert "no lambda is free" in str(model.certificate_)
    assert model.certificate_.at_upper_bound == ("all",)


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.FlatObjectiveWarning")
def test_a_flat_objective_has_no_free_lambda():
    """One lambda at a bound where nothing falls would be too many to tell."""
    y = np.random.default_rng(0).standard_normal(30)
    certificate = MYHPORidge(random_state=0).fit(np.ones((30, 2)), y).certificate_
    assert certificate.n_free == 0
    assert not certificate.at_upper_bound
    assert "no lambda is free" in str(certificate)


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_groups_without_effect_are_named(cls):
    """A lambda that means nothing would pass for one that was learned."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    X[:, 2:] = 7.0
    y = X[:, 0] + rng.standard_normal(60) > 0
    model = cls(feature_groups=["a", "a", "same", "same"], random_state=0).fit(X, y)
    assert model.certificate_.flat.tolist() == [False, True]
    assert "none in same: no effect" in str(model.certificate_)


def test_the_steepest_group_is_named():
    """Of many lambdas nobody would know which one is still on its way."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 4))
    y = X @ [3.0, 3.0, 0.1, 0.1] + rng.standard_normal(80)
    model = BilevelRidge(
        solver="implicit", feature_groups=["a", "a", "b", "b"], random_state=0
    )
    model.set_params(lambda_init=3.0, max_iter=1)
    with pytest.warns(ConvergenceWarning, match="derivative is largest .* of group a"):
        model.fit(X, y)


def test_a_maximum_is_no_minimum():
    """Any stationary point would be praised."""
    problem = PROBLEMS["ridge-groups"]()
    certificate, _ = certificate_of(problem, max_iter=200)
    assert certificate.is_minimum
    assert "a minimum" in str(certificate)
    assert "not a minimum" not in str(certificate)
    problem.shrinkage = problem.shrinkage._replace(strength=-100.0)
    weights = problem.minimize(np.full(3, -2.0), problem.starts())
    _, result = certificate_of(PROBLEMS["ridge-groups"](), max_iter=200)
    result = result._replace(place=problem.at(np.full(3, -2.0), weights))
    certificate, _ = certify(problem, result)
    assert not certificate.is_minimum
    assert "not a minimum" in str(certificate)


def test_a_slope_is_no_minimum():
    """A solver that ends by an approximated slope would certify itself."""
    rng = np.random.default_rng(10)
    X = rng.standard_normal((150, 5))
    y = X @ [2.0, -1.0, 0.5, 0.0, 0.0] + rng.standard_normal(150)
    solver = Implicit(adjoint="nystrom", rank=1)
    groups = ["a", "a", "b", "b", "b"]
    model = BilevelRidge(solver=solver, feature_groups=groups, cv=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="by an approximate derivative"):
        certificate = model.fit(X, y).certificate_
    best = MYHPORidge(feature_groups=groups, cv=3).fit(X, y).validation_loss_
    assert model.converged_
    assert certificate.relative_hypergradient > 1e-3
    assert model.validation_loss_ > best * (1.0 + 1e-4)
    assert not certificate.is_minimum
    assert not str(certificate).count("a minimum\n")


@no_warnings
def test_certificate_is_not_counted():
    """Methods would be compared by checks of their results as well."""
    X, y = data_for(MYHPOLogisticRegression)
    model = MYHPOLogisticRegression(cv=2, random_state=0, refit=False).fit(X, y)
    last = model.history_["n_gradients"][-1]
    assert model.oracle_counts_["n_gradients"] == last
