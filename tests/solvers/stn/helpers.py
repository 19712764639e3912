"""Closed forms of Self-Tuning Networks for ridge, and runs of the solver."""

import numpy as np
from scipy.optimize import least_squares

from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.helpers import (
    PROBLEMS,
    SPECS,
)


def ridge_moments(spec, pair):
    """Return A, b of the training rows and A_V, b_V of the held-out ones, centred."""
    train, _ = pair
    weight, X, y = spec.weight, spec.dense, spec.y
    share = weight[train] / weight[train].sum()
    x_mean, y_mean = share @ X[train], share @ y[train]
    out = []
    for rows in pair:
        share = (weight[rows] / weight[rows].sum())[:, None]
        Z = X[rows] - x_mean
        out += [Z.T @ (share * Z), Z.T @ (share * (y[rows] - y_mean))]
    return out


def closed_form(A, b, labels, lambda_, sigma, form):
    """Return w_0 (d, t) and Theta (G, d, t) that minimize the expected training loss.

    From E e^eps = m, E eps e^eps = sigma^2 m and E eps^2 e^eps = sigma^2 (1 +
    sigma^2) m of one normal eps, and independence of the eps of other groups.
    """
    n_groups, d = len(lambda_), len(A)
    m = np.exp(sigma**2 / 2)
    p = 2 * np.exp(lambda_)[labels]
    matrix = np.zeros(((1 + n_groups) * d, (1 + n_groups) * d))
    matrix[:d, :d] = A + np.diag(p * (m[labels] if form == "perturbed" else 1.0))
    for g in range(n_groups):
        own, block = labels == g, slice((1 + g) * d, (2 + g) * d)
        factor = np.where(own, 1 + sigma[g] ** 2, 1.0)
        matrix[block, block] = A + np.diag(p * m[labels] * factor)
        matrix[block, :d] = np.diag(p * m[labels] * own)
        if form == "perturbed":
            matrix[:d, block] = np.diag(p * m[labels] * sigma[g] ** 2 * own)
    right = np.vstack([b, np.zeros((n_groups * d, b.shape[1]))])
    phi = np.linalg.solve(matrix, right).reshape(1 + n_groups, d, -1)
    return phi[0], phi[1:]


def expected_fixed_point(name, form, tau):
    """Return lambda and sigma at which all expectations are stationary, for ridge."""
    spec, null_loss = SPECS[name](), PROBLEMS[name]().null_loss
    moments = [ridge_moments(spec, pair) for pair in spec.pairs]
    omega = [spec.weight[held_out].sum() for _, held_out in spec.pairs]

    def residual(x):
        lambda_, sigma = x[: spec.n_groups], np.exp(x[spec.n_groups :])
        slope, curvature = np.zeros((2, spec.n_groups))
        for (A, b, A_V, b_V), share in zip(moments, omega, strict=True):
            w, theta = closed_form(A, b, spec.labels, lambda_, sigma, form)
            slope += share * np.einsum("gdt,dt->g", theta, A_V @ w - b_V)
            image = np.einsum("de,get->gdt", A_V, theta)
            curvature += share * np.einsum("gdt,gdt->g", theta, image)
        slope, curvature = np.array([slope, curvature]) / (sum(omega) * null_loss)
        return np.concatenate([slope / tau, np.log(sigma**2 * curvature / tau)])

    best = minimize_bilevel(PROBLEMS[name](), MYHPO(), tol=1e-8)
    start = np.concatenate([best.lambda_, np.full(spec.n_groups, np.log(0.2))])
    found = least_squares(residual, start, bounds=(start - 2, start + 2), xtol=1e-14)
    assert np.abs(found.fun).max() <= 1e-8
    return found.x[: spec.n_groups], np.exp(found.x[spec.n_groups :]), best.lambda_


def run(name, solver, max_iter, lambda_=None, sigma=None, seed=0, problem=None):
    """Return the last state of so many rounds, or of fewer if it has converged."""
    problem = problem or PROBLEMS[name]()
    if lambda_ is None:
        lambda_ = np.full(problem.n_groups, -1.0)
    state = solver.init(problem, lambda_, problem.zeros())
    if sigma is not None:
        state = state._replace(sigma=sigma)
    rng = np.random.default_rng(seed)
    for _ in range(max_iter):
        state, _ = solver.step(problem, state, rng)
        if state.error <= 1e-6:
            break
    return state
