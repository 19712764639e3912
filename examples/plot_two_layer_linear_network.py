"""
A network whose best response is known
======================================

Two linear layers and a Jacobian penalty. For the network ``y = s' Q x`` with the
penalty ``exp(lambda) |dy/dx|^2``, Theorem 2 of MacKay et al. (2019) gives the best
weights at every lambda: with ``X = U D V'``, ``Q_0 = V'`` and ``s_0 = D^-1 U'y``, every
hidden unit i is multiplied by a gate, ``sigmoid(-lambda + log(d_i^2 / (2 n)))`` in the
scaling of this package. As ``dy/dx = Q's``, this is equivalent to ridge regression.
Here a network with free gates starts from random weights. It is tuned by the same steps
as `STNMLPRegressor`, and finds both the weights and the lambda.

Needs PyTorch (the extra ``nn``).
"""
# sphinx_gallery_thumbnail_path = '_static/thumbnails/two_layer_linear_network.png'

import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_myhpo.neural_network.distribution import Distribution
from sklearn_myhpo.neural_network.forms import Published
from sklearn_myhpo.neural_network.hyperparameters import LAMBDA, Plan
from sklearn_myhpo.neural_network.tuner import StepSizes, Tuner

N_STEPS = 2000


class TwoLayerLinear:
    """``s' (gate * Q x)`` with ``gate = sigmoid(v r + c)``, r a lambda per example."""

    def __init__(self, n_features, n_hidden, generator):
        def draw(*shape):
            values = torch.randn(shape, generator=generator, dtype=torch.float64)
            return (0.5 * values).requires_grad_()

        self.Q, self.s = draw(n_hidden, n_features), draw(n_hidden)
        self.v, self.c = draw(n_hidden), draw(n_hidden)
        self.general, self.response = [self.Q, self.s], [self.v, self.c]

    def slopes(self, r):
        """Return ``a = Q' (gate * s)`` of every example, shape (n, n_features)."""
        gate = torch.sigmoid(r * self.v + self.c)
        return (gate * self.s) @ self.Q

    def outputs(self, x, r, values=None, noise=None):
        """Return the predictions, shape (n, 1)."""
        return (self.slopes(r) * x).sum(dim=1, keepdim=True)

    def penalty(self, r, values):
        """Return ``exp(lambda) |dy/dx|^2`` of every example, shape (n,)."""
        return values[:, 0].exp() * self.slopes(r).square().sum(dim=1)

    def draw(self, n, generator):
        """Return nothing: there is no dropout."""


def theorem_2(X, y, lambda_):
    """Return the slopes that the closed form of the best response gives."""
    U, d, Vt = np.linalg.svd(X, full_matrices=False)
    s_0 = U.T @ y / d
    gate = 1.0 / (1.0 + np.exp(lambda_ - np.log(d**2 / (2 * len(y)))))
    return Vt.T @ (gate * s_0)


def make_data(seed=0, n_rows=30, n_features=3):
    """Return training and validation parts of a noisy linear problem."""
    rng = np.random.default_rng(seed)
    coef = rng.standard_normal(n_features)
    X = rng.standard_normal((2 * n_rows, n_features)) * np.linspace(
        0.5, 1.5, n_features
    )
    y = X @ coef + 2.0 * rng.standard_normal(2 * n_rows)
    return (X[:n_rows], y[:n_rows]), (X[n_rows:], y[n_rows:])


def self_tune(train, validation, *, lambda_init=-3.0, n_steps=N_STEPS, seed=0):
    """Return the network and the path of lambda."""
    parts = [
        (torch.from_numpy(X), torch.from_numpy(y)[:, None])
        for X, y in (train, validation)
    ]
    generator = torch.Generator().manual_seed(seed)
    network = TwoLayerLinear(parts[0][0].shape[1], parts[0][0].shape[1], generator)
    plan = Plan(("lambda_0",), (LAMBDA,), np.array([True]), [np.array([lambda_init])])
    tuner = Tuner(
        network,
        Distribution(plan, 0.5, torch.float64),
        Published(),
        lambda outputs, y: (outputs - y).square()[:, 0] / 2.0,
        StepSizes(
            learning_rate=0.1,
            momentum=0.9,
            hyper_learning_rate=0.01,
            entropy_weight=0.003,
        ),
        generator,
    )
    path = []
    for step in range(n_steps):
        tuner.train(*parts[0], epoch=0)
        if step >= n_steps // 10:
            tuner.tune(*parts[1])
        path.append(tuner.distribution.h.item())
        if step in (n_steps // 2, 3 * n_steps // 4):
            tuner.scale_learning_rate(0.1)
    return network, np.array(path)


def slopes_at(network, lambda_):
    """Return the slopes of a trained network at a lambda."""
    r = torch.tensor([[lambda_]], dtype=torch.float64)
    return network.slopes(r).detach().numpy()[0]


def best_lambda(train, validation):
    """Return the lambda of least validation loss, from a fine grid."""
    grid = np.linspace(-6, 3, 2001)
    X, y = validation
    losses = [np.mean((y - X @ theorem_2(*train, lambda_)) ** 2) for lambda_ in grid]
    return grid[np.argmin(losses)]


def main():
    """Train, compare with the closed form, and draw the path of lambda."""
    train, validation = make_data()
    network, path = self_tune(train, validation)
    best = best_lambda(train, validation)
    print(f"lambda: learned {path[-1]:.3f}, best on a grid {best:.3f}")
    X, _ = validation
    for lambda_ in (path[-1] - 0.2, path[-1], path[-1] + 0.2):
        exact = X @ theorem_2(*train, lambda_)
        error = np.abs(X @ slopes_at(network, lambda_) - exact).max()
        print(
            f"lambda {lambda_:6.3f}: predictions differ from the closed form by "
            f"{error / np.abs(exact).max():.1e} of the largest, at most"
        )
    _, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    axis.plot(path, label="self-tuning network")
    axis.axhline(best, color="black", linestyle="--", label="best on a grid")
    axis.set(xlabel="step", ylabel="lambda (natural log)")
    axis.legend()
    plt.show()


if __name__ == "__main__":
    main()
