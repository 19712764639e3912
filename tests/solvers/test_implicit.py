"""Newton, Gauss-Newton and L-BFGS steps on lambda, with exact inner solutions."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from sklearn_myhpo.engine.linalg.lbfgs import inverse_product, minimize_lbfgs
from sklearn_myhpo.solvers import Implicit, Status, minimize_bilevel
from sklearn_myhpo.solvers.steps.box import minimize_in_box
from tests.helpers import PROBLEMS, SPECS, reference_objective, ridge_spec

STEPS = ["newton", "gauss-newton", "lbfgs"]


@pytest.mark.parametrize("name", PROBLEMS)
def test_all_steps_end_at_the_same_minimum(name):
    """Three roads: another end of one of them would be a wrong derivative."""
    losses = []
    for steps in STEPS:
        problem = PROBLEMS[name]()
        result = minimize_bilevel(
            problem, Implicit(steps=steps), max_iter=300, tol=1e-7
        )
        assert result.status is Status.CONVERGED
        weights = problem.minimize(result.lambda_, problem.starts())
        slope = problem.hypergradient(result.lambda_, weights)
        slope = problem.projected(result.lambda_, slope)
        assert np.abs(slope).max() <= 1.01e-7 * result.validation_loss
        losses.append(reference_objective(SPECS[name](), result.lambda_))
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)


def curvatures(spec, lambda_):
    """Return slope, second derivative and J' H_V J of one lambda by differences."""
    problem = spec.problem()
    (split,) = problem.splits

    def weights(value):
        return problem.minimize(np.array([value]), problem.starts())[0]

    def loss(value):
        return reference_objective(spec, value)

    step = 1e-3
    low, middle, high = (loss(lambda_ + move) for move in (-step, 0.0, step))
    jacobian = (weights(lambda_ + step) - weights(lambda_ - step)) / (2 * step)
    there, move = weights(lambda_), 1e-4
    along = [
        split.validation_loss(there + sign * move * jacobian) for sign in (-1, 0, 1)
    ]
    gram = (along[0] - 2 * along[1] + along[2]) / move**2
    return (high - low) / (2 * step), (low - 2 * middle + high) / step**2, gram


@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-holdout"])
@pytest.mark.parametrize(("steps", "which"), [("newton", 1), ("gauss-newton", 2)])
def test_first_step_is_that_of_the_curvature(steps, which, name):
    """Newton divides by the whole second derivative, Gauss-Newton by its first term."""
    best = minimize_bilevel(PROBLEMS[name](), Implicit()).lambda_[0]
    found = curvatures(SPECS[name](), best + 0.05)
    result = minimize_bilevel(
        PROBLEMS[name](), Implicit(steps=steps), lambda_init=best + 0.05, max_iter=1
    )
    wanted = -found[0] / found[which]
    assert abs(wanted) < 1.0  # inside the trust region
    np.testing.assert_allclose(result.lambda_ - best - 0.05, wanted, rtol=1e-3)


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
def test_newton_converges_quadratically(name):
    """A wrong term of the second derivative would make it linear."""
    result = minimize_bilevel(
        PROBLEMS[name](), Implicit(steps="newton"), lambda_init=-1.0, tol=1e-10
    )
    size = result.history["hypergradient_norm"] / result.validation_loss
    before, after = size[size > 1e-9][-2:]
    # Gauss-Newton, which converges linearly, is at 1e4 and more here.
    assert after <= 1e3 * before**2
    assert result.n_iter <= 15


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("start", [-12.0, 6.0])
@pytest.mark.parametrize("name", ["ridge-groups", "logistic-holdout"])
def test_descends_from_where_nothing_is_convex(name, start, steps):
    """Undamped Newton would climb there, or leave for infinity."""
    problem = PROBLEMS[name]()
    result = minimize_bilevel(
        problem, Implicit(steps=steps), lambda_init=start, max_iter=200
    )
    losses = result.history["validation_loss"]
    assert np.all(np.diff(losses) <= 1e-8 * losses[0])
    assert result.status is Status.CONVERGED
    first = reference_objective(SPECS[name](), start)
    assert result.validation_loss < first


@pytest.mark.parametrize(
    ("n_groups", "steps"), [(30, "newton"), (31, "lbfgs")], ids=["few", "many"]
)
def test_auto_chooses_by_the_number_of_lambdas(n_groups, steps):
    """One linear solve per lambda is cheap for few of them only."""
    spec = ridge_spec(n_samples=80, n_features=n_groups, n_groups=n_groups)
    paths = [
        minimize_bilevel(spec.problem(), solver, max_iter=3).history["lambda"]
        for solver in (Implicit(), Implicit(steps=steps))
    ]
    np.testing.assert_array_equal(*paths)


def test_inverse_product_is_that_of_bfgs():
    """The two loops are the matrices of BFGS, never formed."""
    rng = np.random.default_rng(0)
    curvature = np.diag([1.0, 3.0, 10.0, 0.1])
    steps = rng.standard_normal((3, 4))
    pairs = [(s, curvature @ s) for s in steps]
    s, y = pairs[-1]
    inverse = np.eye(4) * (s @ y) / (y @ y)
    for s, y in pairs:
        left = np.eye(4) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    gradient = rng.standard_normal(4)
    np.testing.assert_allclose(inverse_product(pairs, gradient), inverse @ gradient)
    np.testing.assert_array_equal(inverse_product([], gradient), gradient)


@pytest.mark.parametrize("first_step", [1e-6, 1.0, 1e6])
def test_minimize_lbfgs_finds_the_root_of_the_gradient(first_step):
    """However wrong the first step is, as where the scale of a problem is unknown."""
    scale, target = np.array([1.0, 30.0, 0.2]), np.array([2.0, -1.0, 0.5])

    def gradient(x):
        return scale * np.arcsinh(x - target)

    x, slope = minimize_lbfgs(gradient, np.zeros(3), 1e-9, first_step)
    assert np.linalg.norm(slope) <= 1e-9
    np.testing.assert_allclose(x, target, atol=1e-8)


def test_minimize_lbfgs_stops_where_rounding_does():
    """A limit that no gradient can meet must end, not run for ever."""
    x, slope = minimize_lbfgs(lambda x: np.sinh(x - 1 / 3), np.ones(2), 0.0, 1.0)
    np.testing.assert_allclose(x, 1 / 3, atol=1e-12)
    assert np.all(np.abs(slope) < 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_minimize_in_box_agrees_with_scipy(seed):
    """Steps of Newton and of MY-HPO end here: at a bound or inside."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((8, 6))
    target = rng.standard_normal(8)
    low, high = -rng.uniform(0.1, 0.5, 6), rng.uniform(0.1, 0.5, 6)
    low[0], high[1] = -np.inf, np.inf
    found = minimize_in_box(root.T @ root, -root.T @ target, low, high)
    wanted = lsq_linear(root, target, bounds=(low, high), tol=1e-13).x
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": "gradient"}, ["'steps'", "gauss-newton", "lbfgs", "gradient"]),
        ({"memory": 0}, ["'memory'", "0"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        Implicit(**options)
    for word in words:
        assert word in str(error.value)
