"""Newton, Gauss-Newton and L-BFGS steps on lambda, with exact inner solutions."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import Implicit, Status, minimize_bilevel
from tests.helpers import PROBLEMS, SPECS, reference_objective, ridge_spec

STEPS = ["newton", "gauss-newton", "lbfgs"]


@pytest.mark.one_in(3)
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


def test_responses_that_do_not_fit_the_memory(by_products):
    """A fit of many features with few groups would end in an AttributeError."""
    spec = SPECS["logistic-groups"]()
    problem = spec.problem()
    assert problem.prefers_products
    paths = [
        minimize_bilevel(spec.problem(), solver, max_iter=3).history["lambda"]
        for solver in (Implicit(), Implicit(steps="lbfgs"))
    ]
    np.testing.assert_array_equal(*paths)
    for steps in ("newton", "gauss-newton"):
        match = rf"steps='{steps}' of Implicit needs .* 3 lambdas .*'auto' or 'lbfgs'"
        with pytest.raises(ValueError, match=match):
            minimize_bilevel(problem, Implicit(steps=steps))


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
