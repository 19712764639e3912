"""Fixed points of Self-Tuning Networks against closed forms and quadrature."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import STN
from tests.helpers import PROBLEMS, SPECS
from tests.solvers.stn.helpers import (
    closed_form,
    expected_fixed_point,
    ridge_moments,
    run,
)

FORMS = ["centred", "perturbed"]


#: Holds lambda and sigma at their first values.
NEVER = 10**6


def in_features(problem, phi):
    """Return w_0 and Theta of the first split in terms of features."""
    first = problem.splits[0]
    columns = [first.coordinates.to_features(first.penalized(part)) for part in phi]
    return columns[0], np.stack(columns[1:])


@pytest.mark.one_in(5)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["ridge-holdout", "ridge-groups", "ridge-targets"])
def test_response_is_the_closed_form(name, form):
    """A wrong response would move lambda to where nothing is optimal.

    What is left is the error of the fourth moments of 100 perturbations, times the
    share of the curvature that they decide, sigma^2.
    """
    spec, problem = SPECS[name](), PROBLEMS[name]()
    lambda_ = np.linspace(-1.5, 0.0, spec.n_groups)
    sigma = np.linspace(0.2, 0.35, spec.n_groups)
    solver = STN(form=form, n_samples=100, warm_up=NEVER)
    state = run(name, solver, 5, lambda_, sigma, problem=problem)
    A, b, _, _ = ridge_moments(spec, spec.pairs[0])
    w, theta = in_features(problem, state.phis[0])
    expected_w, expected = closed_form(A, b, spec.labels, lambda_, sigma, form)
    rtol = 1e-9 if form == "centred" else 2e-4
    np.testing.assert_allclose(w, expected_w, rtol=0, atol=rtol * abs(w).max())
    np.testing.assert_allclose(theta, expected, rtol=0, atol=4e-3 * abs(theta).max())


def test_bias_of_the_forms():
    """The promise of the centred form: exact weights; Theta is biased in both."""
    spec = SPECS["ridge-groups"]()
    A, b, _, _ = ridge_moments(spec, spec.pairs[0])
    lambda_ = np.array([-1.0, 0.0, -0.5])
    p = 2 * np.exp(lambda_)[spec.labels]
    exact = np.linalg.solve(A + np.diag(p), b)
    bias = {}
    for form in FORMS:
        for size in (0.1, 0.2):
            sigma = np.full(3, size)
            w, _ = closed_form(A, b, spec.labels, lambda_, sigma, form)
            bias[form, size] = np.linalg.norm(w - exact) / np.linalg.norm(exact)
    assert bias["centred", 0.2] < 1e-12
    assert 1e-4 < bias["perturbed", 0.1] < 1e-2
    # Of second order in sigma.
    assert 3.5 < bias["perturbed", 0.2] / bias["perturbed", 0.1] < 4.5
    state = run("ridge-groups", STN(warm_up=NEVER), 8, lambda_)
    problem = PROBLEMS["ridge-groups"]()
    np.testing.assert_allclose(in_features(problem, state.phis[0])[0], exact, rtol=1e-8)


def test_closed_form_of_one_lambda_is_the_one_of_the_literature():
    """The two coupled systems for a single lambda, written out."""
    spec = SPECS["ridge-holdout"]()
    A, b, _, _ = ridge_moments(spec, spec.pairs[0])
    lambda_, sigma = np.array([-1.0]), np.array([0.3])
    w, (theta,) = closed_form(A, b, spec.labels, lambda_, sigma, "perturbed")
    p, m0, eye = 2 * np.exp(-1.0), np.exp(0.3**2 / 2), np.eye(len(A))
    np.testing.assert_allclose((A + p * m0 * eye) @ w + p * 0.09 * m0 * theta, b)
    left = (A + p * m0 * 1.09 * eye) @ theta
    np.testing.assert_allclose(left, -p * m0 * w, atol=1e-12)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "tau"),
    [("ridge-holdout", 1e-3), ("ridge-groups", 3e-4), ("ridge-weighted", 1e-4)],
)
def test_ends_at_the_fixed_point_of_the_expectations(name, tau, form):
    """The learned lambda, its bias included, is that of the method, not of a sample.

    40 perturbations find it to a third of the bias, or to 1e-3.
    """
    lambda_, sigma, best = expected_fixed_point(name, form, tau)
    solver = STN(form=form, tau=tau, n_samples=40, sigma_max=1.0)
    state = run(name, solver, 60, best)
    assert state.error <= 1e-6
    bias = np.abs(lambda_ - best).max()
    np.testing.assert_allclose(state.lambda_, lambda_, atol=max(bias / 3, 1e-3))
    np.testing.assert_allclose(state.sigma, sigma, rtol=0.02)


def test_sigma_is_where_entropy_and_curvature_balance():
    """Else tau would mean something else: sigma_g^2 Theta_g' H_V Theta_g = tau."""
    problem = PROBLEMS["ridge-groups"]()
    state = run("ridge-groups", STN(sigma_max=5.0), 40, problem=problem)
    curvature = sum(
        omega * np.diag(split.validation_gram(phi[0], phi[1:]))
        for split, omega, phi in zip(
            problem.splits, problem.split_weights, state.phis, strict=True
        )
    )
    expected = np.sqrt(1e-4 * problem.null_loss / curvature)
    np.testing.assert_allclose(state.sigma, expected, rtol=1e-5)


def quadrature_slope(spec, lambda_, sigma, phi):
    """Return expected gradients of logistic losses in phi, for one lambda.

    Training in phi, validation in lambda and log sigma; Gauss-Hermite in eps.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    (train, held_out), X = spec.pairs[0], spec.dense
    X = np.column_stack([X, np.ones(len(X))])
    penalized = np.append(np.ones(X.shape[1] - 1), 0.0)

    def slope(rows, w):
        return X[rows].T @ (1 / (1 + np.exp(-X[rows] @ w)) - spec.y[rows]) / len(rows)

    in_phi, in_lambda, in_log_sigma = np.zeros_like(phi), 0.0, 0.0
    for node, share in zip(nodes, weights, strict=True):
        eps = sigma * node
        w = phi[0] + eps * phi[1]
        force = slope(train, w) + 2 * np.exp(lambda_ + eps) * penalized * w
        in_phi += share * np.stack([force, eps * force])
        pull = phi[1] @ slope(held_out, w)
        in_lambda += share * pull
        in_log_sigma += share * eps * pull
    in_phi[0] = slope(train, phi[0]) + 2 * np.exp(lambda_) * penalized * phi[0]
    return in_phi, in_lambda, in_log_sigma


def test_logistic_fixed_point_by_quadrature():
    """Where no closed form exists, the residuals of all expectations must vanish."""
    name, tau = "logistic-holdout", 1e-3
    spec, problem = SPECS[name](), PROBLEMS[name]()
    state = run(name, STN(tau=tau, n_samples=40), 30, problem=problem)
    assert state.error <= 1e-6
    (split,) = problem.splits
    coef, intercepts = zip(
        *(split.to_features(part) for part in state.phis[0]), strict=True
    )
    phi = np.column_stack([np.stack(coef)[:, :, 0], np.stack(intercepts)[:, 0]])
    (lambda_,), (sigma,) = state.lambda_, state.sigma
    in_phi, in_lambda, in_log_sigma = quadrature_slope(spec, lambda_, sigma, phi)
    assert np.abs(in_phi[0]).max() <= 1e-6
    force = 2 * np.exp(lambda_) * np.abs(phi[0, :-1]).max()
    assert np.abs(in_phi[1]).max() / sigma**2 <= 2e-3 * force
    scale = problem.null_loss
    assert abs(in_lambda) <= 1e-3 * sigma**2 * scale
    np.testing.assert_allclose(in_log_sigma, tau * scale, rtol=1e-3)
