"""Learned responses of linear networks, against the derivatives of ridge regression."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402

from sklearn_myhpo.neural_network.forms import FORMS  # noqa: E402
from sklearn_myhpo.neural_network.hyperparameters import Site  # noqa: E402
from sklearn_myhpo.neural_network.kinds import LAMBDA  # noqa: E402
from sklearn_myhpo.neural_network.network import ModuleNetwork  # noqa: E402
from sklearn_myhpo.neural_network.nn import self_tune  # noqa: E402
from sklearn_myhpo.neural_network.tuner import TrainingProblem  # noqa: E402

D, N, START, SIGMA = 3, 60, -1.5, 0.03


class JacobianPenalty(ModuleNetwork):
    """Linear layers with the penalty ``exp(lambda) |dy/dx|^2`` of Theorem 2."""

    #: Whether slopes are linear in r, as outputs are in the centred form. Otherwise
    #: the products of two responses would be penalized, but have no loss.
    is_linear = False

    def slopes(self, r=None):
        """Return dy/dx at one r."""
        if not self.is_linear or r is None:
            return _product(layer.at(r)[0] for layer in self.layers)
        slope = self.slopes()
        for moved in self.layers:
            slope = slope + _product(
                layer.added("weight", r) if layer is moved else layer.weight
                for layer in self.layers
            )
        return slope

    def penalty(self, r, values):
        if r is None:
            return values[:, 0].exp() * self.slopes().square().sum()
        distinct, index = r.unique(dim=0, return_inverse=True)
        norms = torch.stack([self.slopes(one).square().sum() for one in distinct])
        return values[:, 0].exp() * norms[index]


def _product(weights):
    slope = torch.eye(D, dtype=torch.float64)
    for weight in weights:
        slope = weight @ slope
    return slope[0]


def closed_form(X, y, lambda_):
    """Return slopes and their derivative: V gate s_0 and -V gate (1 - gate) s_0."""
    U, d, Vt = np.linalg.svd(X, full_matrices=False)
    s_0 = U.T @ y / d
    gate = 1.0 / (1.0 + np.exp(lambda_ - np.log(d**2 / (2 * len(y)))))
    return Vt.T @ (gate * s_0), -Vt.T @ (gate * (1.0 - gate) * s_0)


def minimize(network, loss, weights):
    """Minimize a loss over some weights."""
    optimizer = torch.optim.LBFGS(
        weights,
        max_iter=400,
        tolerance_grad=1e-13,
        tolerance_change=1e-18,
        line_search_fn="strong_wolfe",
    )

    def closure():
        # In units in which a perturbation of the size sigma is of the order one.
        value = loss() / SIGMA**2
        optimizer.zero_grad()
        gradients = network.gradients(value, weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        return value

    optimizer.step(closure)


@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("form", ["centred", "published"])
def test_learned_response_is_the_closed_form(n_layers, form):
    """Hyperparameters would follow a slope that is none of the best response.

    One layer is ridge regression; two are the network of Theorem 2 of MacKay et al.
    (2019), whose gates are not built in here. The losses of the form are minimized,
    with every row at ``lambda - sigma`` and at ``lambda + sigma``; what is left is a
    bias of the order of sigma^2.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, D)) * [0.7, 1.0, 1.4]
    y = X @ [1.0, -2.0, 1.5] + 0.5 * rng.standard_normal(N)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(1)
    layers = [nn.Linear(D, D, bias=False)] * (n_layers - 1)
    module = nn.Sequential(*layers, nn.Linear(D, 1, bias=False)).double()
    network = JacobianPenalty(
        self_tune(module, 1, response_scale=0.01, generator=generator), [Site(LAMBDA)]
    )
    network.is_linear = form == "centred"
    h = torch.full((1,), START).double()
    perturbed = h + SIGMA * torch.tensor([[-1.0], [1.0]]).repeat_interleave(N, 0)
    problem = TrainingProblem(
        x=torch.from_numpy(X).repeat(2, 1),
        y=torch.from_numpy(y).repeat(2),
        loss=lambda outputs, y: (outputs[:, 0] - y).square() / 2.0,
        h=h,
        perturbed=perturbed.double(),
        values=h[None],
        perturbed_values=perturbed.double(),
        noise=network.draw(2 * N, generator),
    )
    steps = [weights for _, weights in FORMS[form].training_losses(network, problem)]
    for index, weights in enumerate(steps):
        minimize(
            network,
            lambda index=index: list(FORMS[form].training_losses(network, problem))[
                index
            ][0],
            weights,
        )
    slopes, derivative = learned(network, form)
    expected, exact = closed_form(X, y, START)
    np.testing.assert_allclose(slopes, expected, rtol=2e-3)
    np.testing.assert_allclose(derivative, exact, rtol=5e-3)


def learned(network, form):
    """Return slopes and their derivative in lambda."""
    start = 0.0 if form == "centred" else START
    step = SIGMA / 10
    r = [torch.full((1,), start + move).double() for move in (0.0, -step, step)]
    with torch.no_grad():
        at, low, high = (network.slopes(one).numpy() for one in r)
    return at, (high - low) / (2 * step)
