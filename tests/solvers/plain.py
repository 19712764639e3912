"""MY-HPO and SHO from the equations of the papers, without the package."""

import numpy as np
from scipy.special import expit

from sklearn_myhpo.losses import LogisticLoss
from tests.helpers import (
    class_spec,
    ridge_spec,
)

N_ITER = 5


def tiny(name):
    """Return a small problem in the paper's setting: hold-out, no intercept."""
    options = {"n_folds": 1, "fit_intercept": False, "seed": 4}
    return {
        "ridge": lambda: ridge_spec(n_samples=20, n_features=4, **options),
        "ridge-groups": lambda: ridge_spec(
            n_samples=20, n_features=6, n_groups=2, **options
        ),
        "ridge-wide": lambda: ridge_spec(n_samples=8, n_features=12, **options),
        "ridge-wide-groups": lambda: ridge_spec(
            n_samples=8, n_features=24, n_groups=2, **options
        ),
        "logistic": lambda: class_spec(n_samples=40, n_features=3, **options),
        "logistic-groups": lambda: class_spec(
            n_samples=40, n_features=4, n_groups=2, **options
        ),
        "logistic-wide": lambda: class_spec(n_samples=10, n_features=14, **options),
    }[name]()


TINY = [
    "ridge",
    "ridge-groups",
    "ridge-wide",
    "ridge-wide-groups",
    "logistic",
    "logistic-groups",
    "logistic-wide",
]


class Plain:
    """Losses of design section 2.2 on one hold-out split, without the package."""

    def __init__(self, spec):
        (self.train, self.held_out), self.X = spec.pairs[0], spec.dense
        self.labels, self.n_groups = spec.labels, spec.n_groups
        self.logistic = isinstance(spec.loss, LogisticLoss)
        self.y = 2.0 * spec.y - 1.0 if self.logistic else spec.y[:, 0]

    def penalty(self, lambda_):
        return 2.0 * np.exp(lambda_)[self.labels]

    def data(self, w, rows):
        """Return mean loss, gradient and Hessian over some rows."""
        X, y = self.X[rows], self.y[rows]
        if self.logistic:
            margin = y * (X @ w)
            value, slope = np.logaddexp(0, -margin), -y * expit(-margin)
            bend = expit(margin) * expit(-margin)
        else:
            residual = X @ w - y
            value, slope, bend = 0.5 * residual**2, residual, np.ones(len(y))
        return value.mean(), X.T @ slope / len(y), X.T @ (bend[:, None] * X) / len(y)

    def training(self, w, lambda_):
        value, gradient, hessian = self.data(w, self.train)
        p = self.penalty(lambda_)
        return value + 0.5 * p @ w**2, gradient + p * w, hessian + np.diag(p)

    def jacobian(self, values):
        """Return one column per group, the values of its features in it."""
        return np.where(
            self.labels[:, None] == np.arange(self.n_groups), values[:, None], 0.0
        )


def newton(derivatives, x):
    """Minimize a convex function given gradient and Hessian."""
    for _ in range(60):
        gradient, hessian = derivatives(x)
        x = x - np.linalg.solve(hessian, gradient)
    return x


def myhpo_as_published(plain, rho=1.0, lambda_0=-1.0, step_sizes=None):
    """Run design section 3.1: exact steps, or gradient steps of given sizes."""
    v = w = u = np.zeros(len(plain.labels))
    lambda_ = np.full(plain.n_groups, lambda_0)
    history = []
    for _ in range(N_ITER):
        v, w, u, lambda_, row = published_iteration(
            plain, v, w, u, lambda_, rho, step_sizes
        )
        history.append(row)
    return {name: np.array([row[name] for row in history]) for name in history[0]}


def published_iteration(plain, v, w, u, lambda_, rho, step_sizes):
    """Run steps 1 to 4 once."""
    eye = np.eye(len(v))

    def inner(v):
        return plain.training(v, lambda_)[1:]

    def consensus(w):
        gradient, hessian = inner(w)
        return gradient + u + rho * (w - v), hessian + rho * eye

    def outer(lambda_):
        G = phi_0 + phi_1 * lambda_[plain.labels]
        _, gradient, hessian = plain.data(G, plain.held_out)
        force = gradient - u - rho * (w - G)
        return J.T @ force, J.T @ (hessian + rho * eye) @ J

    # 1. the response, G(lambda) = v
    v = newton(inner, v) if step_sizes is None else v - step_sizes[0] * inner(v)[0]
    mean = np.array([v[plain.labels == g].mean() for g in range(plain.n_groups)])
    phi_0 = mean[plain.labels]
    phi_1 = (v - phi_0) / lambda_[plain.labels]
    J = plain.jacobian(phi_1)
    # 2. the weights, 3. lambda
    if step_sizes is None:
        w = newton(consensus, w)
        new = newton(outer, lambda_)
    else:
        w = w - step_sizes[1] * consensus(w)[0]
        new = lambda_ - step_sizes[2] * outer(lambda_)[0]
    # 4. the dual
    r = w - (phi_0 + phi_1 * new[plain.labels])
    s = rho * phi_1 * (new - lambda_)[plain.labels]
    row = {
        "lambda": new,
        "w": w,
        "train_loss": plain.training(w, new)[0],
        "validation_loss": plain.data(w, plain.held_out)[0],
        "primal_residual": np.linalg.norm(r),
        "dual_residual": np.linalg.norm(s),
    }
    return v, w, u + rho * r, new, row


def sho_as_published(plain, seed, step_sizes, noise_scale, n_iter):
    """Run design section 3.4."""
    rng = np.random.default_rng(seed)
    alpha, beta = step_sizes
    phi_1 = phi_0 = np.zeros(len(plain.labels))
    lambda_, history = np.full(plain.n_groups, -1.0), []
    for _ in range(n_iter):
        sample = lambda_ + noise_scale * rng.standard_normal(plain.n_groups)
        per_feature = sample[plain.labels]
        gradient = plain.training(per_feature * phi_1 + phi_0, sample)[1]
        phi_1 = phi_1 - alpha * per_feature * gradient
        phi_0 = phi_0 - alpha * gradient
        w = lambda_[plain.labels] * phi_1 + phi_0
        slope = plain.data(w, plain.held_out)[1]
        lambda_ = lambda_ - beta * (plain.jacobian(phi_1).T @ slope)
        w = lambda_[plain.labels] * phi_1 + phi_0
        history.append((lambda_, w))
    return [np.array(values) for values in zip(*history, strict=True)]
