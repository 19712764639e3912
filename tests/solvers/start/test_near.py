"""Starts that end next to the minimum."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
)
from sklearn_myhpo._deadline import Deadline, OutOfTimeError
from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import GammaLoss, LogisticLoss, PoissonLoss, TweedieLoss
from sklearn_myhpo.solvers import SOLVERS, minimize_bilevel
from sklearn_myhpo.solvers.phases import Phases
from sklearn_myhpo.solvers.start.near import near_scan
from sklearn_myhpo.solvers.start.points import inner_range
from tests.helpers import Spec, Ticks, folds

N_ROWS = 4800


def spec_of(kind, **options):
    """Return the data of many rows with a signal."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((N_ROWS, 6)) + 0.5 * rng.standard_normal((N_ROWS, 1))
    eta = 0.4 * X @ (rng.standard_normal(6) / 2.0) + 0.2
    if kind == "sparse":
        X = sparse.csr_array(np.where(X > 1.0, X, 0.0))
    mean, counts = np.exp(eta), rng.poisson(np.exp(eta))
    y, loss = {
        "gamma": lambda: (mean * rng.gamma(2.0, 0.5, N_ROWS), GammaLoss()),
        "tweedie": lambda: (counts * rng.gamma(2.0, 0.5, N_ROWS), TweedieLoss(1.6)),
        "classes": lambda: ((counts > 0).astype(int), LogisticLoss()),
        "held out once": lambda: ((counts > 0).astype(int), LogisticLoss()),
    }.get(kind, lambda: (counts.astype(float), PoissonLoss()))()
    options = {"sample_weight": None, **options}
    if kind == "weighted":
        options["sample_weight"] = rng.uniform(0.1, 3.0, N_ROWS)
    if kind == "factors":
        options["factors"] = rng.uniform(0.2, 4.0, 6)
    pairs = folds(N_ROWS, 5, seed=2)
    if kind == "in order":
        parts = np.array_split(np.arange(N_ROWS), 5)
        pairs = [(np.setdiff1d(np.arange(N_ROWS), part), part) for part in parts]
    if kind == "held out once":
        # Some rows are in neither part.
        pairs = [(pairs[0][0][:2900], pairs[0][1])]
    return Spec(X, y, loss, pairs, np.zeros(6, int), **options)


KINDS = ["counts", "gamma", "tweedie", "classes", "sparse", "weighted", "factors"]
KINDS += ["in order", "held out once"]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_is_the_minimum(kind):
    """A fit would end at another lambda than the best, and say that it converged."""
    problem = spec_of(kind).problem(all_directions=False)
    scan = near_scan(problem)
    assert scan is not None

    def objective(lambda_):
        lambda_ = np.array([lambda_])
        return problem.validation_loss(problem.minimize(lambda_, scan.weights))

    around = scan.lambda_[0] + np.array([-1.0, 1.0])
    best = minimize_scalar(objective, bounds=around, options={"xatol": 1e-5})
    place = problem.known.place
    assert place.objective <= best.fun * (1.0 + 1e-8)
    # Its second-order model is that of the objective.
    step = 0.1
    ends = [objective(scan.lambda_[0] + move) for move in (-step, 0.0, step)]
    bend = (ends[0] - 2.0 * ends[1] + ends[2]) / step**2
    model = place.model()
    assert (model.tangent + model.bend)[0, 0] == pytest.approx(bend, rel=0.05)
    exact = problem.minimize(scan.lambda_, scan.weights)
    again = problem.at(scan.lambda_, exact).model(1e-10)
    # The slope at the exact weights is zero, and so is the reported one.
    move = again.gradient[0] / (again.tangent + again.bend)[0, 0]
    assert abs(move) <= 5e-6
    assert abs(model.gradient[0]) <= 1e-8 * best.fun
    full = problem.minimize_full(scan.lambda_, None)
    given = problem.full, scan.lambda_, problem.full.start()
    expected = problem.split_set.minimize_full(*given)
    assert np.max(np.abs(full - expected)) <= 1e-7 * np.max(np.abs(expected))
    for found, expected in zip(model, again, strict=True):
        size = 0.02 * abs(expected[..., 0]) + 1e-7 * best.fun
        assert np.all(np.abs(found - expected) <= size)
    assert problem.known.freedom == pytest.approx(_freedom(problem), rel=0.01)


def _freedom(problem):
    """Return the mean trace of the hat matrices of the splits."""
    place, total = problem.known.place, []
    for split, w in zip(problem.splits, place.weights, strict=True):
        inverse = split.hessian(w, place.lambda_).inverse()
        penalty = split.penalty(place.lambda_)[:, 0]
        total.append(len(inverse) - penalty @ np.diag(inverse))
    return np.mean(total)


def test_a_solver_goes_on_from_there():
    """A stricter tolerance would be ignored, or steps be taken for nothing."""
    spec = spec_of("counts")
    problem = spec.problem(all_directions=False)
    rough = minimize_bilevel(problem, SOLVERS["myhpo"](), tol=1e-5)
    assert rough.n_iter == 1
    assert rough.place is problem.known.place
    problem = spec.problem(all_directions=False)
    strict = minimize_bilevel(problem, SOLVERS["myhpo"](), tol=1e-9)
    assert strict.status.has_converged
    assert abs(strict.place.hypergradient()[0]) <= 1e-8 * strict.validation_loss
    np.testing.assert_allclose(strict.lambda_, rough.lambda_, atol=4e-3)


def test_other_problems_are_left_to_a_scan():
    """Models of one lambda would be used for several, or for few rows."""
    spec = spec_of("counts")
    labels = np.arange(6) % 2
    groups = Spec(spec.X, spec.y, spec.loss, spec.pairs, labels)
    assert near_scan(groups.problem(all_directions=False)) is None
    few = np.arange(300)
    few = Spec(spec.X[few], spec.y[few], spec.loss, folds(300, 5), np.zeros(6, int))
    assert near_scan(few.problem(all_directions=False)) is None


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("signal", [0.0, 0.03, 0.5])
def test_losses_that_fall_to_an_end(signal, seed):
    """A fit would take twice as long, or end above a minimum inside."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N_ROWS, 3)) @ rng.standard_normal((3, 3))
    y = rng.poisson(np.exp(signal * X[:, 0])).astype(float)
    spec = Spec(X, y, PoissonLoss(), folds(N_ROWS, 5, seed=seed), np.zeros(3, int))
    low, high = inner_range(spec.problem(all_directions=False))
    for ends in ((low, high + 8.0), (high - 4.0, high + 2.0), (low, low + 6.0)):
        problem = spec.problem(all_directions=False)
        problem.bounds[:, 0] = problem.scan_bounds[:, 0] = ends
        scan = near_scan(problem)
        if scan is None:
            # Noise may leave more minima than are compared.
            assert signal < 0.5
            continue
        place, weights = problem.known.place, scan.weights
        for lambda_ in np.linspace(*ends, 60):
            weights = problem.minimize(np.array([lambda_]), weights)
            there = problem.at(np.array([lambda_]), weights)
            assert place.objective <= there.objective * (1.0 + 1e-8)
        slope = place.model().gradient[0]
        if scan.lambda_[0] == ends[0]:
            assert slope >= 0.0
        elif scan.lambda_[0] == ends[1]:
            assert slope <= 0.0
        else:
            assert abs(place.hypergradient()[0]) <= 1e-7 * place.objective
        if signal == 0.5 and ends[0] != low:
            # This range begins above the minimum.
            assert scan.lambda_[0] == ends[0]


def test_every_split_has_its_own_units():
    """Features would be scaled by held-out rows, from some thousand rows on."""
    spec = spec_of("counts")
    pairs = spec.pairs[:2]
    model = MYHPOPoissonRegressor(standardize=True, cv=pairs).fit(spec.X, spec.y)
    plain = PoissonRegressor(
        alpha=2.0 * np.exp(model.lambda_), solver="newton-cholesky", tol=1e-12
    )
    total = 0.0
    for train, held_out in pairs:
        own = make_pipeline(StandardScaler(), plain).fit(spec.X[train], spec.y[train])
        mean = own.predict(spec.X[held_out])
        total += mean_poisson_deviance(spec.y[held_out], mean) * len(held_out) / 2.0
    rows = sum(len(held_out) for _, held_out in pairs)
    assert model.validation_loss_ == pytest.approx(total / rows, rel=1e-10)


def test_heavy_tails_do_not_mislead():
    """Steps from the model without features would overshoot far."""
    rng = np.random.default_rng(1)
    X = rng.standard_t(2.5, (N_ROWS, 4))
    eta = np.clip(X @ np.array([1.0, -1.0, 0.5, 0.0]), -6.0, 6.0)
    y = rng.poisson(np.exp(eta)).astype(float)
    spec = Spec(X, y, PoissonLoss(), folds(N_ROWS, 5, seed=2), np.zeros(4, int))
    problem = spec.problem(all_directions=False)
    result = minimize_bilevel(problem, SOLVERS["myhpo"]())
    weights, least = result.weights, np.inf
    for lambda_ in np.linspace(*problem.scan_bounds[::-1, 0], 60):
        weights = problem.minimize(np.array([lambda_]), weights)
        least = min(least, problem.validation_loss(weights))
    assert result.validation_loss <= least * (1.0 + 1e-6)


def random_spec(seed):
    """Return data of random size, scale, sparsity, weights, folds and counts."""
    rng = np.random.default_rng(seed)
    n, d = rng.integers(4200, 4800), int(rng.choice([2, 12, 60]))
    X = rng.standard_normal((n, d)) @ (np.eye(d) + 0.3 * rng.standard_normal((d, d)))
    if rng.random() < 0.3:
        X = sparse.csr_array(np.where(X > 1.5, X, 0.0))
    X = X * 10.0 ** rng.uniform(-3.0, 3.0)
    eta = X @ rng.standard_normal(d)
    eta = 0.7 * eta / eta.std() + np.log(rng.choice([0.03, 1.0, 50.0]))
    loss, y = [
        lambda: (PoissonLoss(), rng.poisson(np.exp(eta)).astype(float)),
        lambda: (GammaLoss(), np.exp(eta) * rng.gamma(1.0, 1.0, n)),
        lambda: (LogisticLoss(), (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)),
    ][seed % 3]()
    weight = rng.uniform(0.1, 3.0, n) if rng.random() < 0.5 else None
    pairs = folds(n, int(rng.integers(2, 7)), seed=seed)
    pairs = pairs[:1] if seed % 4 == 3 else pairs
    return Spec(X, y, loss, pairs, np.zeros(d, int), sample_weight=weight)


@pytest.mark.parametrize("seed", range(9))
def test_no_lambda_nearby_is_better(seed):
    """A fit would converge beside the minimum of some data."""
    problem = random_spec(seed).problem(all_directions=False)
    scan = near_scan(problem)
    if scan is None:
        # Left to a scan of other values.
        return
    place, weights = problem.known.place, scan.weights
    for move in (0.0, -1.0, -0.03, 0.03, 1.0):
        lambda_ = scan.lambda_ + move
        loss = problem.validation_loss(problem.minimize(lambda_, weights))
        assert place.objective <= loss * (1.0 + 1e-7)
        if not move:
            assert place.objective == pytest.approx(loss, rel=1e-7)


def test_most_random_problems_end_near():
    """The test above would compare nothing, and fits take several times as long."""
    scans = [
        near_scan(random_spec(seed).problem(all_directions=False)) for seed in range(6)
    ]
    assert sum(scan is not None for scan in scans) >= 4


def test_the_lowest_of_several_minima():
    """Passes would end at the minimum that a sample of the rows likes best."""
    rng = np.random.default_rng(48)
    rng.choice(3), rng.choice(5)
    X = rng.standard_normal((5000, 5)) @ (
        np.eye(5) + rng.choice([0, 0.3, 1]) * rng.standard_normal((5, 5))
    )
    X += rng.choice([0, 3])
    eta = (X - X.mean(axis=0)) @ (
        rng.standard_normal(5) * (rng.random(5) < rng.choice([0.2, 1]))
    )
    eta *= rng.choice([0.05, 0.2, 0.5, 1, 2]) / eta.std()
    y = rng.poisson(np.exp(eta + rng.choice([0, -2, -4]))).astype(float)
    model = MYHPOPoissonRegressor().fit(X, y)
    losses = {
        at: MYHPOPoissonRegressor(lambda_bounds=(at, at + 1e-9)).fit(X, y)
        for at in (-6.02, -4.5, -1.37)
    }
    losses = {at: one.validation_loss_ for at, one in losses.items()}
    assert losses[-4.5] > max(losses[-6.02], losses[-1.37])
    assert model.validation_loss_ <= min(losses.values()) * (1 + 1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_batches_give_the_same(seed):
    """A fit in memory would have other coefficients than one of the rows in batches."""
    spec = random_spec(seed)
    X, y, weight = spec.X, spec.y, spec.sample_weight
    X = X / np.sqrt((X.multiply(X) if sparse.issparse(X) else X**2).mean())
    kind = [MYHPOPoissonRegressor, MYHPOGammaRegressor, MYHPOLogisticRegression]
    model = kind[seed % 3]().fit(X, y, sample_weight=weight)
    batches = Batches.from_arrays(X, y, sample_weight=weight, batch_size=997)
    other = kind[seed % 3]().fit(batches)
    assert model.lambda_ == pytest.approx(other.lambda_, abs=3e-5)
    size = np.max(np.abs(other.coef_))
    np.testing.assert_allclose(model.coef_, other.coef_, rtol=0, atol=1e-6 * size)


def test_a_minimum_that_the_models_do_not_have():
    """A fit would end in the higher one of two minima."""
    rng = np.random.default_rng(5)
    n, d = int(rng.choice([2000, 6000, 20000])), int(rng.choice([3, 10, 30]))
    X = rng.standard_normal((n, d)) @ (np.eye(d) + 0.3 * rng.standard_normal((d, d)))
    X += rng.choice([0, 3])
    eta = (X - X.mean(0)) @ rng.standard_normal(d) / np.sqrt(d)
    eta = eta * rng.choice([0.3, 1, 2]) + rng.choice([0, -2])
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    model = MYHPOLogisticRegression().fit(X, y)
    for at in (-7.36, -9.99):
        bounds = at, at + 1e-9
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            near = MYHPOLogisticRegression(lambda_bounds=bounds).fit(X, y)
        assert model.validation_loss_ <= near.validation_loss_ * (1 + 1e-8)


@pytest.mark.parametrize("n_splits", [1, 3])
def test_weights_far_from_those_of_a_sample(n_splits):
    """Rare features would leave the fit to a slow scan, or let it end elsewhere."""
    rng = np.random.default_rng(11)
    X = (rng.random((N_ROWS, 40)) < rng.uniform(0.003, 0.1, 40)).astype(float)
    eta = X @ rng.normal(0.0, 3.0, 40) - 3.0
    y = (rng.random(N_ROWS) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    pairs = folds(N_ROWS, 3, seed=0)[:n_splits]
    spec = Spec(X, y, LogisticLoss(), pairs, np.zeros(40, int), fit_intercept=False)
    problem, found = spec.problem(all_directions=False), Lambdas()
    scan = near_scan(problem, found)
    place, weights = problem.known.place, scan.weights
    for move in (0.0, -1.0, -0.03, 0.03, 1.0):
        lambda_ = scan.lambda_ + move
        loss = problem.validation_loss(problem.minimize(lambda_, weights))
        assert place.objective <= loss * (1.0 + 1e-7)
    # Lambdas were reported on the way, the last one at the end.
    assert len(found.lambdas) > 4
    np.testing.assert_array_equal(found.lambdas[-1], scan.lambda_)


class Lambdas(Phases):
    """Keeps the lambdas of a scan."""

    def __init__(self):
        self.lambdas = []

    def found(self, lambda_):
        """Keep one."""
        self.lambdas.append(lambda_)


def test_the_end_of_the_time():
    """A fit with too little time would have no lambda, or wait for all passes."""
    lengths = []
    for n_counts in range(1, 40, 3):
        problem = spec_of("counts").problem(all_directions=False)
        with problem.counts.within(Deadline(n_counts, Ticks())):
            try:
                scan = near_scan(problem)
            except OutOfTimeError:
                continue
        assert problem.objective(scan.lambda_, scan.weights) < problem.null_loss
        lengths.append(problem.known is None)
    # First without an answer, then one of some passes, then the end.
    assert len(lengths) < 13
    assert lengths[0]
    assert not lengths[-1]


@pytest.mark.parametrize("kind", ["in order", "factors"])
def test_tridiagonal_models_end_at_the_same_lambda(kind):
    """Many features would have another lambda than few."""
    found = []
    for size in (2, 1000):
        with use_limits(tridiagonal_size=size):
            problem = spec_of(kind).problem(all_directions=False)
            found.append(near_scan(problem).lambda_[0])
    assert found[0] == pytest.approx(found[1], abs=2e-6)
