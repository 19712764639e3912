"""Self-Tuning Networks against their own fixed points, computed otherwise."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import least_squares
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import MYHPO, STN, Status, minimize_bilevel
from sklearn_myhpo.solvers.stn.response import (
    draw_balanced,
    draw_independent,
    part_gradient,
    perturb,
    train_gradient,
    validation_slope,
)
from tests.helpers import PROBLEMS, SPECS, numerical_gradient

FORMS = ["centred", "perturbed"]
#: Holds lambda and sigma at their first values.
NEVER = 10**6


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


def in_features(problem, phi):
    """Return w_0 and Theta of the first split in terms of features."""
    first = problem.splits[0]
    columns = [first.coordinates.to_features(first.penalized(part)) for part in phi]
    return columns[0], np.stack(columns[1:])


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


@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((name, "centred") for name in PROBLEMS),
        ("ridge-wide-groups", "perturbed"),
        ("logistic-groups", "perturbed"),
        ("multinomial", "perturbed"),
    ],
)
def test_learns_what_others_learn(name, form):
    """The stated accuracy: 1e-5 of the loss, converged, with default options."""
    problem = PROBLEMS[name]()
    result = minimize_bilevel(problem, STN(form=form), max_iter=200, random_state=0)
    assert result.status is Status.CONVERGED
    best = minimize_bilevel(PROBLEMS[name](), MYHPO()).validation_loss
    weights = problem.minimize(result.lambda_, problem.starts())
    assert problem.objective(result.lambda_, weights) <= best * (1 + 1e-5)


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


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups", "multinomial"])
def test_gradients_of_the_sampled_objectives(name):
    """Every step follows these: against differences, with the perturbations fixed."""
    problem = PROBLEMS[name]()
    rng = np.random.default_rng(0)
    split, n_groups = problem.splits[0], problem.n_groups
    lambda_, sigma = rng.normal(-1, 0.3, n_groups), rng.uniform(0.2, 0.5, n_groups)
    phis = [
        rng.normal(0, 0.3, (1 + n_groups, *split.shape)) for split in problem.splits
    ]
    normals = draw_independent(rng, 5, n_groups)
    moves = perturb(normals, lambda_, sigma)

    def respond(phi, move):
        return phi[0] + np.tensordot(move, phi[1:], 1)

    def train(phi):
        losses = [
            split.train_loss(respond(phi, move), lambda_ + move) for move in moves
        ]
        return np.mean(losses)

    expected = numerical_gradient(train, phis[0])
    gradient = train_gradient(split, phis[0], lambda_, moves)
    np.testing.assert_allclose(gradient, expected, atol=1e-8)
    own = part_gradient(split, phis[0], lambda_, moves, slice(0, 1))
    at_lambda = numerical_gradient(lambda w: split.train_loss(w, lambda_), phis[0][0])
    np.testing.assert_allclose(own[0], at_lambda, atol=1e-8)

    def validate(x):
        change, log_sigma = x[:n_groups], x[n_groups:]
        losses = [
            problem.validation_loss(
                [respond(phi, change + np.exp(log_sigma) * z) for phi in phis]
            )
            for z in normals
        ]
        return np.mean(losses)

    slope = validation_slope(problem, phis, moves)
    x = np.concatenate([np.zeros(n_groups), np.log(sigma)])
    expected = numerical_gradient(validate, x)
    np.testing.assert_allclose(np.concatenate(slope), expected, atol=1e-8)


@pytest.mark.parametrize(("n_samples", "n_groups"), [(1, 1), (8, 1), (3, 3), (50, 4)])
def test_balanced_perturbations_have_the_moments_of_normals(n_samples, n_groups):
    """Else the response would be that to other perturbations."""
    normals = draw_balanced(np.random.default_rng(0), n_samples, n_groups)
    assert normals.shape == (2 * n_samples, n_groups)
    np.testing.assert_allclose(normals.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(
        normals.T @ normals / len(normals), np.eye(n_groups), atol=1e-12
    )


def test_independent_perturbations_average_to_the_same():
    """As published: noisy, but the steps decrease, so lambda settles near."""
    name = "ridge-groups"
    lambda_, _, _ = expected_fixed_point(name, "centred", 1e-4)
    solver = STN(sampling="independent")
    result = minimize_bilevel(PROBLEMS[name](), solver, max_iter=200, random_state=0)
    assert result.status is Status.MAX_ITER
    assert "sampling='balanced'" in result.message
    np.testing.assert_allclose(result.lambda_, lambda_, atol=0.05)


def test_published_steps():
    """A user who wants SGD and Adam gets them, and they lead to the same place."""
    name, options = "ridge-holdout", {"form": "perturbed", "tau": 0.1}
    result = minimize_bilevel(
        PROBLEMS[name](),
        STN(step_sizes=(0.1, 0.01), warm_up=50, **options),
        lambda_init=-2.0,
        max_iter=400,
        tol=1e-4,
        random_state=0,
    )
    assert result.status is Status.CONVERGED
    auto = minimize_bilevel(PROBLEMS[name](), STN(**options), random_state=0)
    np.testing.assert_allclose(result.lambda_, auto.lambda_, atol=5e-3)


def test_first_published_step_by_hand():
    """Momentum starts at rest, and Adam's first step is its rate."""
    problem = PROBLEMS["ridge-groups"]()
    solver = STN(step_sizes=(0.01, 0.003), warm_up=0, n_train_steps=1, sigma_max=1.0)
    start = solver.init(problem, np.full(3, -1.0), problem.zeros())
    state, _ = solver.step(problem, start, np.random.default_rng(0))
    split = problem.splits[0]
    slope = split.train_gradient(problem.zeros()[0], start.lambda_)
    np.testing.assert_allclose(state.phis[0][0], -0.01 * slope)
    moved = np.abs(state.lambda_ - start.lambda_)
    # But for the 1e-8 beside slopes of about 1e-6.
    np.testing.assert_allclose(moved, 0.003, rtol=0.02)
    s = np.log(np.expm1(state.sigma)) - np.log(np.expm1(start.sigma))
    np.testing.assert_allclose(np.abs(s), 0.003, rtol=1e-3)


def test_large_published_steps_diverge_and_say_so():
    """Nothing may return NaN: the last finite iterate is kept."""
    result = minimize_bilevel(
        PROBLEMS["ridge-groups"](), STN(step_sizes=(1e3, 1e3)), lambda_init=-1.0
    )
    assert result.status is Status.DIVERGED
    assert np.all(np.isfinite(result.lambda_))
    assert all(np.all(np.isfinite(w)) for w in result.weights)


def test_does_not_depend_on_units():
    """Kilometres instead of millimetres give the same model, by a shifted lambda."""
    X, y = load_diabetes(return_X_y=True)
    options = {"solver": "stn", "random_state": 0, "feature_groups": [0] * 5 + [1] * 5}
    one = BilevelRidge(**options).fit(X, y)
    assert one.converged_
    for scale, unit in ((1e6, 1e-4), (1e-6, 1e3)):
        two = BilevelRidge(**options).fit(X * scale, y * unit)
        shift = 2 * np.log(scale)
        np.testing.assert_allclose(two.lambda_, one.lambda_ + shift, rtol=1e-4)
        np.testing.assert_allclose(two.predict(X * scale) / unit, one.predict(X))


def test_features_of_very_different_scale():
    """Standardizing may not be needed: no step size is tuned to a scale."""
    X, y = load_diabetes(return_X_y=True)
    X = X * np.logspace(-3, 3, 10)
    model = BilevelRidge(solver="stn", random_state=0).fit(X, y)
    best = BilevelRidge(random_state=0).fit(X, y)
    assert model.converged_
    assert model.validation_loss_ <= best.validation_loss_ * (1 + 1e-5)


def test_dense_is_sparse():
    """The same numbers in another format are the same data."""
    spec = SPECS["logistic-sparse"]()
    assert sparse.issparse(spec.X)
    one, two = (
        minimize_bilevel(s.problem(), STN(), random_state=0)
        for s in (spec, replace(spec, X=spec.dense))
    )
    np.testing.assert_allclose(one.lambda_, two.lambda_, atol=1e-5)


@pytest.mark.parametrize("sampling", ["balanced", "independent"])
def test_reproducible(sampling):
    """One seed, one model; and the seed is what decides."""
    name = "ridge-groups"
    results = [
        minimize_bilevel(
            PROBLEMS[name](), STN(sampling=sampling), max_iter=12, random_state=seed
        )
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(results[0].lambda_, results[1].lambda_)
    assert not np.array_equal(results[0].lambda_, results[2].lambda_)


def test_safeguards_hold():
    """sigma stays under its cap where nothing is felt of it, and above zero."""
    cap = run("ridge-at-bound", STN(sigma_max=0.5), 15)
    assert np.all(cap.sigma <= 0.5)
    assert np.any(cap.sigma == 0.5)
    floor = run("ridge-holdout", STN(tau=1e-20), 40)
    assert np.all(floor.sigma == 1e-4)
    far = perturb(np.array([[1.0], [-1.0]]), np.array([699.0]), np.array([5.0]))
    np.testing.assert_array_equal(far, [[1.0], [-5.0]])


def test_separable_classes_do_not_diverge():
    """Weights that want to be infinite are where undamped Newton steps fail."""
    X = np.random.default_rng(0).standard_normal((40, 5))
    y = (X[:, 0] > 0).astype(int)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = BilevelLogisticRegression(
            solver="stn", random_state=0, max_iter=30, feature_groups=[0, 0, 1, 1, 1]
        ).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    assert model.score(X, y) == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"form": "delta"}, ["'form'", "centred", "perturbed", "delta"]),
        ({"sampling": "sobol"}, ["'sampling'", "balanced", "independent"]),
        ({"n_samples": 0}, ["'n_samples'", "auto", "0"]),
        ({"tau": 0.0}, ["'tau'", "0.0"]),
        ({"tau": np.nan}, ["'tau'", "nan"]),
        ({"sigma_init": 0.0}, ["'sigma_init'", "0.0"]),
        ({"sigma_init": 2.0}, ["'sigma_init'", "sigma_max=0.5", "2.0"]),
        ({"sigma_max": -1.0}, ["'sigma_max'", "-1.0"]),
        ({"n_train_steps": 0}, ["'n_train_steps'", "0"]),
        ({"n_valid_steps": 1.5}, ["'n_valid_steps'", "1.5"]),
        ({"warm_up": -1}, ["'warm_up'", "-1"]),
        ({"step_sizes": (1.0,)}, ["'step_sizes'", "2", "beta"]),
        ({"step_sizes": (1.0, -1.0)}, ["'step_sizes'", "positive"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        STN(**options)
    for word in words:
        assert word in str(error.value)


def test_too_few_balanced_perturbations():
    """Fewer perturbations than lambdas leave parts of the response unknown."""
    with pytest.raises(ValueError, match="number of lambdas, here 3"):
        minimize_bilevel(PROBLEMS["ridge-groups"](), STN(n_samples=2))
