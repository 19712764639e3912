"""A loss from outside the package: no other edit, no bound of its curvature."""

from functools import cache

import numpy as np
import pytest
from scipy.optimize import minimize

from sklearn_myhpo.diagnostics.certificate import certify
from sklearn_myhpo.losses import Interval, Loss
from sklearn_myhpo.solvers import MYHPO, SOLVERS, Status, minimize_bilevel
from tests.helpers import (
    SHORT_SOLVERS,
    Spec,
    correlated_features,
    folds,
    load_example,
    sparsified,
    weighted,
)

#: Solvers that take step sizes from a bound of the curvature.
BOUNDED = ("sho", "stochastic", "unrolled")
EXACT = ("myhpo", "implicit", "hoag")


PoissonLoss = load_example(
    "plot_poisson_loss.py", "loss", "PoissonLoss", Loss=Loss, Interval=Interval
)


class WithoutConstant(PoissonLoss):
    """The negative log likelihood up to a constant, which may be negative."""

    def value(self, y, raw):
        """Return ``mu - y log mu``."""
        return np.exp(raw[:, 0]) - y * raw[:, 0]


def poisson_spec(n_samples=120, n_groups=1, log_mean=0.0, loss=PoissonLoss, seed=0):
    """Return counts of rows whose groups matter differently."""
    rng = np.random.default_rng(seed)
    X = correlated_features(rng, n_samples, 6)
    size = np.repeat([0.3, 0.2, 0.02], 2)
    y = rng.poisson(np.exp(X @ (size * rng.choice([-1, 1], 6)) + log_mean))
    labels = np.arange(6) * n_groups // 6
    return Spec(X, y.astype(float), loss(), folds(n_samples, 3), labels)


PROBLEMS = {
    "one": poisson_spec,
    "groups": lambda: poisson_spec(n_groups=3),
    "weighted": lambda: weighted(poisson_spec()),
    "weighted-groups": lambda: weighted(poisson_spec(n_groups=3)),
    "sparse": lambda: sparsified(poisson_spec()),
    "sparse-groups": lambda: weighted(sparsified(poisson_spec(n_groups=3))),
    "mostly-zero": lambda: poisson_spec(n_samples=300, log_mean=-3.0),
    "large-counts": lambda: poisson_spec(log_mean=12.0),
}


def referee_weights(spec, lambda_, rows):
    """Return the weights of rows by SciPy, the intercept last, and the mean loss.

    Centred at the mean count, so that large counts are no trouble.
    """
    design = np.column_stack([spec.dense[rows], np.ones(len(rows))])
    y, share = spec.y[rows], spec.weight[rows] / spec.weight[rows].sum()
    mean = share @ y
    penalty = np.append(np.exp(np.broadcast_to(lambda_, spec.n_groups))[spec.labels], 0)

    def training_loss(w):
        raw = design @ w
        mu = mean * np.exp(raw)
        value = share @ (mu - y * raw) + penalty @ w**2
        slope = design.T @ (share * (mu - y)) + 2 * penalty * w
        hessian = (design.T * (share * mu)) @ design + np.diag(2 * penalty)
        return value / mean, slope / mean, hessian / mean

    found = minimize(
        lambda w: training_loss(w)[:2],
        np.zeros(design.shape[1]),
        method="trust-exact",
        jac=True,
        hess=lambda w: training_loss(w)[2],
        options={"gtol": 1e-10},
    ).x
    found[-1] += np.log(mean)
    return found


def referee_loss(spec, lambda_):
    """Return the mean half deviance of the held-out rows, by its definition."""
    total = weight = 0.0
    for train, held_out in spec.pairs:
        w = referee_weights(spec, lambda_, train)
        raw, y = spec.dense[held_out] @ w[:-1] + w[-1], spec.y[held_out]
        terms = np.exp(raw) - y + np.where(y > 0, y * (np.log(y.clip(1)) - raw), 0.0)
        total += spec.weight[held_out] @ terms
        weight += spec.weight[held_out].sum()
    return total / weight


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("solver", EXACT)
def test_weights_and_losses_are_those_of_scipy(solver, name):
    """The proof that the contract is enough: weights, validation loss, refit."""
    spec = PROBLEMS[name]()
    problem = spec.problem()
    result = minimize_bilevel(problem, SOLVERS[solver]())
    assert result.validation_loss <= problem.null_loss * (1 + 1e-9)
    rtol = 1e-3 if solver == "hoag" else 1e-6
    expected = referee_loss(spec, result.lambda_)
    np.testing.assert_allclose(result.validation_loss, expected, rtol=rtol)
    weights = problem.minimize_full(result.lambda_, problem.full.start())
    coef, intercept = problem.full.to_features(weights)
    own = np.append(coef[:, 0], intercept)
    used = np.flatnonzero(spec.weight)
    expected = referee_weights(spec, result.lambda_, used)
    np.testing.assert_allclose(own, expected, rtol=1e-5, atol=1e-7)


@cache
def least_of_a_grid(name):
    """Return the least of SciPy's losses at a dense grid of one lambda."""
    spec = PROBLEMS[name]()
    return min(referee_loss(spec, value) for value in np.linspace(-9.0, 6.0, 61))


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", ["one", "weighted", "sparse", "mostly-zero"])
@pytest.mark.parametrize("solver", EXACT)
def test_one_lambda_is_as_good_as_a_dense_grid(solver, name):
    """A wrong hypergradient would end elsewhere."""
    spec = PROBLEMS[name]()
    result = minimize_bilevel(spec.problem(), SOLVERS[solver]())
    assert result.status is Status.CONVERGED
    assert result.validation_loss <= least_of_a_grid(name) * (1 + 1e-6)


def test_several_lambdas_are_certified():
    """The certificate's derivatives need the third derivative with y."""
    spec = PROBLEMS["groups"]()
    problem = spec.problem()
    result = minimize_bilevel(problem, MYHPO())
    certificate, _ = certify(problem, result)
    assert certificate.converged
    assert certificate.relative_hypergradient < 1e-5
    assert np.all(certificate.inner_residuals < 1e-6)
    numbers = []
    for move in 1e-3 * np.eye(3):
        pair = [referee_loss(spec, result.lambda_ + s * move) for s in (1, -1)]
        numbers.append((pair[0] - pair[1]) / 2e-3)
    np.testing.assert_allclose(certificate.hypergradient, numbers, atol=1e-6)
    one = minimize_bilevel(poisson_spec().problem(), MYHPO())
    assert result.validation_loss <= one.validation_loss * (1 + 1e-9)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", [name for name in SOLVERS if name not in BOUNDED])
def test_other_solvers_lower_the_loss(name):
    """A solver that silently needs a bound would fail here."""
    problem = poisson_spec().problem()
    result = minimize_bilevel(problem, SHORT_SOLVERS[name])
    assert result.validation_loss < 0.98 * problem.null_loss


@pytest.mark.parametrize("name", BOUNDED)
def test_solvers_of_bounded_steps_say_so(name):
    """A step size from a curvature that is no bound would diverge."""
    kind = SOLVERS[name]
    problem = poisson_spec().problem(by_rows=kind().capabilities.needs_rows)
    with pytest.raises(ValueError, match=r"(?i)" + name + r".*poisson.*'implicit'"):
        minimize_bilevel(problem, kind())


def test_gradient_steps_of_myhpo_say_so():
    """Algorithm 1 with automatic step sizes."""
    problem = poisson_spec().problem()
    with pytest.raises(ValueError, match=r"steps='gradient'.*poisson"):
        minimize_bilevel(problem, MYHPO(steps="gradient"))


def test_derivatives_agree_with_differences():
    """Derivatives of the example; registered losses have tests of their own."""
    loss, step = PoissonLoss(), 1e-5
    y = np.array([0.0, 1.0, 7.0, 1e6])
    raw = np.array([[-0.3], [0.4], [1.9], [13.8]])

    def central(function):
        return (function(y, raw + step) - function(y, raw - step)) / (2 * step)

    one = np.ones_like(raw)
    slope, bend = loss.gradient(y, raw)[:, 0], loss.curvature(y, raw)[:, 0, 0]
    np.testing.assert_allclose(slope, central(loss.value), rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(bend, central(loss.gradient)[:, 0], rtol=1e-8)
    third = loss.third(y, raw, one, one, one)
    np.testing.assert_allclose(third, central(loss.curvature)[:, 0, 0], rtol=1e-8)


@pytest.mark.parametrize("size", [-1e3, 1e3])
def test_extreme_predictions_stay_finite(size):
    """An overflow in a long step would end in NaN weights."""
    loss, y = PoissonLoss(), np.array([0.0, 3.0, 1e6])
    raw = np.full((3, 1), size)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.all(np.isfinite(loss.value(y, raw)))
        assert np.all(np.isfinite(loss.gradient(y, raw)))
        assert np.all(np.isfinite(loss.curvature(y, raw)))


def test_no_bound_takes_the_curvature_of_the_null_model():
    """The unit of automatic bounds of lambda: the weighted mean count."""
    loss, y = PoissonLoss(), np.array([0.0, 2.0, 7.0])
    weight = np.array([1.0, 2.0, 1.0])
    np.testing.assert_allclose(loss.curvature_scale(y, weight), 11 / 4)


def test_a_negative_loss_is_refused():
    """A step is accepted relative to the loss; below zero no step ever is."""
    spec = poisson_spec(log_mean=2.0, loss=WithoutConstant)
    with pytest.raises(ValueError, match=r"mean poisson loss .* is -.*not be negative"):
        spec.problem()


def test_a_loss_that_becomes_negative_ends_the_run():
    """Positive at the null model, as with counts below e in the mean."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 6))
    y = rng.poisson(np.exp(X[:, 0] * 1.3 - 0.1)).astype(float)
    labels = np.zeros(6, int)
    spec = Spec(X, y, WithoutConstant(), folds(200, 3), labels)
    problem = spec.problem()
    assert problem.null_loss > 0
    with pytest.raises(ValueError, match=r"mean poisson loss .* is -.*not be negative"):
        minimize_bilevel(problem, MYHPO())
    # Half the deviance has the same weights and converges.
    proper = Spec(X, y, PoissonLoss(), folds(200, 3), labels).problem()
    assert minimize_bilevel(proper, MYHPO()).status is Status.CONVERGED


def test_counts_out_of_range_are_refused():
    """A negative count would end in NaN."""
    spec = poisson_spec()
    y = spec.y.copy()
    y[3] = -1.0
    bad = Spec(spec.X, y, spec.loss, spec.pairs, spec.labels)
    with pytest.raises(ValueError, match=r"poisson loss needs a y .*\[0, inf\).*-1"):
        bad.problem()
