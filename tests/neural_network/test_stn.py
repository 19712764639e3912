"""The mathematics of self-tuning networks, against formed weights and closed forms."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from sklearn_myhpo.neural_network.distribution import SIGMA_BOUNDS, Distribution  # noqa: E402
from sklearn_myhpo.neural_network.forms import FORMS, Centred, Fixed, Published  # noqa: E402
from sklearn_myhpo.neural_network.hyperparameters import (  # noqa: E402
    LAMBDA,
    Plan,
    Site,
    make_plan,
)
from sklearn_myhpo.neural_network.network import ModuleNetwork  # noqa: E402
from sklearn_myhpo.neural_network.nn import STNLinear, respond  # noqa: E402
from sklearn_myhpo.neural_network.perceptron_network import (  # noqa: E402
    ACTIVATION_MODULES,
    perceptron_module,
    perceptron_network,
)
from sklearn_myhpo.neural_network.tuner import StepSizes, TrainingProblem, Tuner  # noqa: E402

DOUBLE = torch.float64
N = 6


def generator(seed=0):
    """Return a generator."""
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=1):
    """Return normal numbers in double precision."""
    return torch.randn(shape, generator=generator(seed), dtype=DOUBLE)


def layer(n_responses=3):
    """Return a layer that responds strongly."""
    torch.manual_seed(0)
    return STNLinear(
        4,
        5,
        n_responses=n_responses,
        response_scale=1.0,
        generator=generator(),
        dtype=DOUBLE,
    )


def perceptron(activation="tanh", n_responses=6, sizes=(4, 5, 3, 2)):
    """Return layers that respond strongly."""
    module = perceptron_module(sizes, activation).to(DOUBLE)
    return perceptron_network(module, n_responses, 1.0, generator())


def at(one, x, r):
    """Return the outputs of a layer at r."""
    with respond(one, r):
        return one(x)


def squared(outputs, y):
    """Return half the squared errors."""
    return (outputs - y).square().sum(dim=1) / 2.0


def training_problem(plan, sigma=0.5, n=N):
    """Return random rows with perturbed hyperparameters of all three layers."""
    distribution = Distribution(plan, sigma, DOUBLE)
    network = perceptron(n_responses=int(plan.is_tuned.sum()))
    with torch.no_grad():
        perturbed = distribution.perturb(n, generator(4))
        h = distribution.h.detach()
        return network, TrainingProblem(
            x=normal(n, 4),
            y=normal(n, 2, seed=2),
            loss=squared,
            h=h,
            perturbed=perturbed,
            values=distribution.values(h.expand(n, -1), 0),
            perturbed_values=distribution.values(perturbed, 0),
            noise=network.draw(n, generator(3)),
        )


def test_penalty_of_every_example_is_that_of_its_weights():
    """The wrong amount of weight decay would be tuned."""
    one, r = layer(), normal(N, 3)
    one.columns = {"lambda": 0}
    network = ModuleNetwork(one, [Site(LAMBDA)])
    values = normal(N, 1, seed=2)
    formed = torch.stack([one.at(each)[0].square().sum() for each in r])
    expected = (values[:, 0].exp() * formed).mean()
    torch.testing.assert_close(network.penalty(r, values), expected, rtol=1e-12, atol=0)
    general = values.exp().mean() * one.weight.square().sum()
    torch.testing.assert_close(network.penalty(None, values), general)


def test_outputs_of_every_example_are_those_of_its_weights():
    """Every example would be predicted with other weights than its own."""
    one, r, x = layer(), normal(N, 3), normal(N, 4, seed=2)
    outputs = at(one, x, r)
    for row in range(N):
        weight, bias = one.at(r[row])
        torch.testing.assert_close(outputs[row], weight @ x[row] + bias)


@pytest.mark.parametrize("how", ["no response", "zero r", "zero scales"])
def test_without_response_it_is_an_ordinary_layer(how):
    """The network of a fit would not be an ordinary one."""
    one, x = layer(), normal(N, 4, seed=2)
    plain = torch.nn.Linear(4, 5, dtype=DOUBLE)
    with torch.no_grad():
        plain.weight.copy_(one.weight)
        plain.bias.copy_(one.bias)
        if how == "zero scales":
            one.weight_scale.zero_()
            one.bias_scale.zero_()
        r = {"no response": None, "zero r": torch.zeros(N, 3, dtype=DOUBLE)}
        torch.testing.assert_close(at(one, x, r.get(how, normal(N, 3))), plain(x))


@pytest.mark.parametrize("activation", ACTIVATION_MODULES)
def test_linearization_is_the_derivative_of_the_outputs(activation):
    """Responses of the centred form would be trained on another function."""
    network, r = perceptron(activation), normal(N, 6)
    x, noise = normal(N, 4, seed=2), network.draw(N, generator(3))
    values = torch.full((N, 6), 0.3, dtype=DOUBLE)

    def outputs_at(r):
        with respond(network.module, r, values=values, noise=noise):
            return network.module(x)

    outputs, tangent = torch.func.jvp(outputs_at, (torch.zeros_like(r),), (r,))
    linearized = network.linearized_outputs(x, r, values, noise)
    torch.testing.assert_close(linearized, outputs + tangent, rtol=1e-12, atol=1e-14)


def test_dropout_keeps_the_mean_and_the_rate():
    """Rates would not be the shares of dropped inputs, or predictions be scaled."""
    one = perceptron("relu", n_responses=0, sizes=[1, 1])
    with torch.no_grad():
        one.layers[0].weight.fill_(1.0)
        one.layers[0].bias.zero_()
    n = 20000
    values = torch.tensor([[0.3, 0.0]], dtype=DOUBLE).repeat(n, 1)
    x = torch.ones(n, 1, dtype=DOUBLE)
    outputs = one.outputs(x, None, values, one.draw(n, generator()))
    # Four standard deviations of a share of 20000.
    assert float((outputs == 0).double().mean()) == pytest.approx(0.3, abs=0.013)
    assert float(outputs.detach().mean()) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("form", ["published", "centred"])
def test_gradients_reach_what_each_loss_moves(form):
    """Weights would stay where they were drawn."""
    network, problem = training_problem(make_plan(3, True, {"lambda": -1.0}))
    moved = []
    for loss, weights in FORMS[form].training_losses(network, problem):
        gradients = torch.autograd.grad(loss, weights)
        assert all(torch.any(gradient != 0) for gradient in gradients)
        moved += weights
    assert len(moved) == len(network.general + network.response)
    assert {id(each) for each in moved} == {
        id(each) for each in network.general + network.response
    }


@pytest.mark.parametrize("form", [Published(), Centred(), Fixed()])
def test_training_gradients_against_finite_differences(form):
    """Steps would not descend the loss that they report."""
    plan = make_plan(3, not isinstance(form, Fixed), {"lambda": -1.0})
    network, problem = training_problem(plan)
    n_losses = len(list(form.training_losses(network, problem)))
    for index in range(n_losses):
        loss, weights = list(form.training_losses(network, problem))[index]
        gradients = torch.autograd.grad(loss, weights)
        for weight, gradient in zip(weights, gradients, strict=True):
            direction = torch.randn(weight.shape, generator=generator(9), dtype=DOUBLE)
            values = []
            for sign in (1, -1):
                with torch.no_grad():
                    weight.add_(direction, alpha=sign * 1e-6)
                    moved = list(form.training_losses(network, problem))[index][0]
                    values.append(float(moved))
                    weight.sub_(direction, alpha=sign * 1e-6)
            numeric = (values[0] - values[1]) / 2e-6
            assert numeric == pytest.approx(
                float((gradient * direction).sum()), rel=1e-6, abs=1e-8
            )


@pytest.mark.parametrize("form", [Published(), Centred()])
def test_tuning_gradient_is_that_of_the_response(form):
    """Hyperparameters would move along another slope than the response predicts."""
    network = perceptron()
    distribution = Distribution(make_plan(3, True, None), 0.5, DOUBLE)
    x, y = normal(N, 4), normal(N, 2, seed=2)
    start = distribution.h.detach().clone()
    noise = normal(N, 6, seed=5)

    def loss(h):
        r = form.response(SimpleNamespace(detach=lambda: start), h + 0.5 * noise)
        return squared(at(network.module, x, r), y).mean()

    gradient = torch.func.grad(loss)(start)
    perturbed = distribution.h + distribution.sigma * noise
    r = form.response(distribution.h, perturbed)
    found = squared(network.outputs(x, r), y).mean()
    (found,) = torch.autograd.grad(found, [distribution.h])
    torch.testing.assert_close(found, gradient)
    for index in range(6):
        step = torch.zeros(6, dtype=DOUBLE)
        step[index] = 1e-6
        with torch.no_grad():
            numeric = (loss(start + step) - loss(start - step)) / 2e-6
        assert numeric.item() == pytest.approx(gradient[index].item(), rel=1e-5)


class OneWeight:
    """``y = (w + theta r) x``: the smallest network with a response."""

    def __init__(self, w, theta):
        self.w = torch.tensor(w, dtype=DOUBLE, requires_grad=True)
        self.theta = torch.tensor(theta, dtype=DOUBLE, requires_grad=True)
        self.general, self.response = [self.w], [self.theta]

    def outputs(self, x, r=None, values=None, noise=None):
        return (self.w + self.theta * r) * x


def one_lambda(start):
    """Return the plan of one tuned lambda."""
    return Plan(("lambda_0",), (LAMBDA,), np.array([True]), [np.array([start])])


def test_sigma_is_stationary_where_the_entropy_balances_the_curvature():
    """sigma would grow or vanish, whatever the validation loss says.

    For a quadratic loss, E L_V = L_V + sigma^2 theta^2 mean(x^2) / 2, so that sigma
    is ``sqrt(tau / (theta^2 mean(x^2)))``; theta is held, and h ends at its minimum.
    """
    tau, theta = 0.02, 0.7
    x, slope = normal(4000, 1), 1.3
    tuner = Tuner(
        OneWeight(0.0, theta),
        Distribution(one_lambda(0.5), 0.5, DOUBLE),
        Published(),
        squared,
        StepSizes(
            learning_rate=0.1,
            momentum=0.0,
            hyper_learning_rate=0.01,
            entropy_weight=tau,
        ),
        generator(),
    )
    sigmas = []
    for _ in range(600):
        tuner.tune(x, slope * x)
        sigmas.append(float(tuner.distribution.sigma.detach()))
    expected = np.sqrt(tau / (theta**2 * float(x.square().mean())))
    assert np.mean(sigmas[-200:]) == pytest.approx(expected, rel=0.02)
    h = float(tuner.distribution.h.detach())
    assert h == pytest.approx(slope / theta, abs=0.02)


@pytest.mark.parametrize(("tau", "end"), [(0.0, 0), (100.0, 1)])
def test_sigma_and_h_stay_in_their_ranges(tau, end):
    """Training would diverge with a growing sigma, or lambda leave to infinity."""
    tuner = Tuner(
        OneWeight(0.0, 1.0),
        Distribution(one_lambda(3.5), 0.5, DOUBLE),
        Published(),
        squared,
        StepSizes(
            learning_rate=0.1,
            momentum=0.0,
            hyper_learning_rate=0.1,
            entropy_weight=tau,
        ),
        generator(),
    )
    x = normal(50, 1)
    for _ in range(200):
        tuner.tune(x, 100.0 * x)  # which wants h = 100
        perturbed = tuner.distribution.perturb(50, tuner.generator)
        assert float(perturbed.detach().max()) <= LAMBDA.free_high
    sigma = float(tuner.distribution.sigma.detach())
    assert float(tuner.distribution.h.detach()) == LAMBDA.free_high
    if tau:
        assert sigma == pytest.approx(SIGMA_BOUNDS[end])
    assert SIGMA_BOUNDS[0] * 0.999 <= sigma <= SIGMA_BOUNDS[1] * 1.001


@pytest.fixture(scope="module")
def example():
    """Return the example of the two-layer linear network as a module."""
    path = Path(__file__).parents[2] / "examples/plot_two_layer_linear_network.py"
    spec = importlib.util.spec_from_file_location("two_layer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ridge(X, y, lambda_):
    """Return the minimum of ``|y - Xa|^2 / (2n) + exp(lambda) |a|^2``."""
    n, d = X.shape
    return np.linalg.solve(X.T @ X / n + 2 * np.exp(lambda_) * np.eye(d), X.T @ y / n)


@pytest.mark.parametrize("lambda_", [-6.0, -1.0, 2.0])
def test_theorem_2_is_ridge_regression(example, lambda_):
    """The closed form that the example compares with would be wrong."""
    (X, y), _ = example.make_data()
    a = example.theorem_2(X, y, lambda_)
    np.testing.assert_allclose(a, ridge(X, y, lambda_), rtol=1e-12)
    step = 1e-6
    numeric = (
        example.theorem_2(X, y, lambda_ + step)
        - example.theorem_2(X, y, lambda_ - step)
    ) / (2 * step)
    U, d, Vt = np.linalg.svd(X, full_matrices=False)
    gate = 1 / (1 + np.exp(lambda_) * 2 * len(y) / d**2)
    jacobian = -Vt.T @ (gate * (1 - gate) * (U.T @ y / d))
    np.testing.assert_allclose(numeric, jacobian, rtol=1e-6, atol=1e-9)


def test_theorem_2_weights_predict_as_the_closed_form(example):
    """The gated network would not be able to hold the best response.

    (Q, s) and (M Q, M^-T s) are the same function, so predictions are compared.
    """
    (X, y), (X_new, _) = example.make_data()
    network = example.TwoLayerLinear(X.shape[1], X.shape[1], generator())
    U, d, Vt = np.linalg.svd(X, full_matrices=False)
    with torch.no_grad():
        network.Q.copy_(torch.from_numpy(Vt))
        network.s.copy_(torch.from_numpy(U.T @ y / d))
        network.v.fill_(-1.0)
        network.c.copy_(torch.from_numpy(np.log(d**2 / (2 * len(y)))))
    x = torch.from_numpy(X_new)
    lambdas = normal(len(X_new), 1)
    outputs = network.outputs(x, lambdas).detach().numpy()[:, 0]
    expected = [
        row @ ridge(X, y, float(lambda_))
        for row, lambda_ in zip(X_new, lambdas[:, 0], strict=True)
    ]
    np.testing.assert_allclose(outputs, expected, rtol=1e-10)


def test_self_tuning_finds_the_closed_form(example):
    """The alternating steps would not lead to what the theorem promises.

    From random weights and gates, and a lambda three below the best; what is left is
    the noise of perturbed steps (sigma ends near .2).
    """
    train, validation = example.make_data()
    network, path = example.self_tune(train, validation, n_steps=1200)
    assert abs(path[-1] - example.best_lambda(train, validation)) < 0.3
    X, _ = validation
    for shift, error in ((0.0, 0.05), (-0.2, 0.1), (0.2, 0.1)):
        lambda_ = path[-1] + shift
        exact = X @ ridge(*train, lambda_)
        predicted = X @ example.slopes_at(network, lambda_)
        assert np.abs(predicted - exact).max() < error * np.abs(exact).max()
