"""Splits that standardize by their own training rows, against scikit-learn's scaler."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.engine.glm.split_set import GLMSplitSet
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, SquaredLoss
from sklearn_myhpo.penalties.groups import FeatureGroups
from tests.helpers import covering_pairs, folds, numerical_gradient


def features(n_samples=60, n_features=6, seed=0, density=None):
    """Return columns of other units and means, of which one is constant."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    if density is not None:
        X *= rng.random(X.shape) < density
    else:
        X += rng.uniform(-3, 3, n_features)
    X *= np.exp(rng.uniform(-6, 6, n_features))
    X[:, 1] = 0.0 if density is not None else 0.1
    return X


def constant_in_training(X, pairs):
    """Return X with a column that varies in one held-out part alone."""
    X = X.copy()
    X[:, 2] = 0.3
    X[pairs[0][1], 2] = np.linspace(-1.0, 2.0, len(pairs[0][1]))
    return X


def far_in_validation(X, pairs):
    """Return X with a column that varies a lot in one held-out part alone."""
    X = constant_in_training(X, pairs)
    X[pairs[0][1], 2] *= 1e3
    return X


def nearly_alike(X, pairs):
    """Return X with two columns of which one is nearly a multiple of the other."""
    X = X.copy()
    noise = np.random.default_rng(1).standard_normal(len(X))
    X[:, 3] = X[:, 4] * (2.0 + 1e-7 * noise)
    return X


CASES = {
    "tall": {},
    "nearly alike": {"changed": nearly_alike},
    "large means": {"shift": 1e6},
    "constant in training": {"changed": constant_in_training},
    "far in validation": {"changed": far_in_validation},
    "groups": {"labels": [0, 1, 0, 2, 1, 2]},
    "factors": {"labels": [0, 1, 0, 3, 1, 2], "factors": [2, 1, 0.5, 0, 3, 1]},
    "unpenalized": {"labels": [0, 1, 0, 0, 1, 0], "factors": [2, 0, 0.5, 2, 0, 1]},
    "wide": {"n_samples": 15, "n_features": 40},
    "wide groups": {"n_samples": 15, "n_features": 40, "labels": [0, 1] * 20},
    "wide, constant in training": {
        "n_samples": 15,
        "n_features": 40,
        "changed": constant_in_training,
    },
    "wide, far in validation": {
        "n_samples": 15,
        "n_features": 40,
        "labels": [0, 1] * 20,
        "changed": far_in_validation,
    },
    "wide factors": {
        "n_samples": 15,
        "n_features": 40,
        "labels": [0, 1] * 20,
        "factors": [0, 1, *[0.5, 3.0] * 19],
    },
    "mostly zero": {"density": 0.3, "kept_dense": True},
    "sparse": {"density": 0.3},
    "sparse groups": {"density": 0.3, "labels": [0, 1, 0, 2, 1, 2]},
    "sparse wide": {"density": 0.2, "n_samples": 30, "n_features": 50},
    "overlapping": {"n_splits": 12, "overlap": True},
    "hold-out": {"n_splits": 1},
}
#: Choices of the engine that other sizes of the same problems would make.
LIMITS = {
    "as planned": {},
    "without moments": {"moments_size": 0},
    "iterative": {"moments_size": 0, "dense_size": 0},
    "factored seldom": {"own_pairs": 0},
    "shared Hessians": {"formed_cost": 0},
    "products": {"formed_cost": 0, "few_lambdas": 0, "most_responses": 0},
    "sparse inside": {"moments_size": 0, "many_entries": 0, "mostly_zero": 0.9},
    "one matrix": {"own_pairs": 0, "saved_products": 0.0},
    "in blocks": {"block_entries": 40, "pass_entries": 10, "pair_entries": 0},
}


class Case:
    """A problem, and its solutions by scikit-learn's scaler and closed forms."""

    def __init__(self, loss, name, weighted, fit_intercept):
        options = dict(CASES[name])
        shape = {
            key: options.pop(key)
            for key in ("n_samples", "n_features", "density")
            if key in options
        }
        X = features(**shape)
        n_samples, n_features = X.shape
        rng = np.random.default_rng(1)
        self.pairs = folds(n_samples, options.get("n_splits", 4))
        if options.get("overlap"):
            halves = (rng.permutation(n_samples) for _ in range(12))
            cut = n_samples // 3
            self.pairs = [(np.sort(p[cut:]), np.sort(p[:cut])) for p in halves]
        if "changed" in options:
            X = options["changed"](X, self.pairs)
        self.is_sparse = "density" in shape and not options.get("kept_dense")
        std = np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
        score = (X - X.mean(axis=0)) / std @ rng.standard_normal(n_features)
        score += rng.standard_normal(n_samples)
        self.loss = loss
        if loss.is_quadratic:
            self.y = np.column_stack([score + 4.0, rng.standard_normal(n_samples)])
        else:
            edges = np.quantile(score, np.arange(1, 3) / 3)
            self.y = np.digitize(score, edges[: loss.n_outputs_of_classes - 1])
        self.X = X + options.get("shift", 0.0) * std
        self.weight = rng.uniform(0.5, 2, n_samples) if weighted else np.ones(n_samples)
        self.fit_intercept = fit_intercept
        self.labels = np.array(options.get("labels", [0] * n_features), dtype=np.intp)
        self.factors = np.array(options.get("factors", np.ones(n_features)), float)
        n_groups = len(set(self.labels[self.factors > 0]))
        self.labels = np.where(self.factors > 0, self.labels, n_groups)
        self.groups = FeatureGroups(
            self.labels, tuple(map(str, range(n_groups))), self.factors
        )

    def problem(self, all_directions=False):
        X = sparse.csr_array(self.X) if self.is_sparse else self.X
        return BilevelProblem(
            X,
            self.y,
            self.loss,
            self.groups,
            self.pairs,
            sample_weight=self.weight,
            fit_intercept=self.fit_intercept,
            standardize=True,
            all_directions=all_directions,
        )

    def model(self, lambda_, rows):
        """Return coef and intercept in the units of X, of a pipeline of these rows."""
        weight, y = self.weight[rows], self.y[rows]
        scaler = StandardScaler(with_mean=not self.is_sparse)
        Z = scaler.fit(self.X[rows], sample_weight=weight).transform(self.X[rows])
        penalty = np.append(2.0 * np.exp(lambda_), 0.0)[self.labels] * self.factors
        if self.loss.is_quadratic:
            coef, intercept = self._ridge(Z, y, weight, penalty)
        else:
            coef, intercept = self._logistic(Z, y, weight, penalty)
        coef = coef / scaler.scale_[:, None]
        if not self.is_sparse:
            intercept = intercept - scaler.mean_ @ coef
        return coef, intercept

    def _ridge(self, Z, y, weight, penalty):
        """Solve augmented least squares by singular values."""
        share = weight / weight.sum()
        z_mean = share @ Z if self.fit_intercept else np.zeros(Z.shape[1])
        y_mean = share @ y if self.fit_intercept else np.zeros(y.shape[1])
        root = np.sqrt(share)[:, None]
        rows = np.vstack([root * (Z - z_mean), np.diag(np.sqrt(penalty))])
        right = np.vstack([root * (y - y_mean), np.zeros((Z.shape[1], y.shape[1]))])
        coef = np.linalg.lstsq(rows, right, rcond=1e-15)[0]
        return coef, y_mean - z_mean @ coef

    def _logistic(self, Z, y, weight, penalty):
        """Fit scikit-learn's own with the penalties as units of the columns."""
        unit = 1.0 / np.sqrt(np.where(penalty > 0, penalty, 1e-9))
        plain = LogisticRegression(
            C=1.0 / weight.sum(),
            fit_intercept=self.fit_intercept,
            solver="newton-cholesky",
            tol=1e-13,
            max_iter=1000,
        ).fit(Z * unit, y, sample_weight=weight)
        coef, intercept = plain.coef_.T * unit[:, None], plain.intercept_
        return coef, np.broadcast_to(intercept, coef.shape[1:])

    def loss_of_rows(self, lambda_):
        """Return the weighted mean loss over all held-out rows."""
        total = weight = 0.0
        for train, held_out in self.pairs:
            coef, intercept = self.model(lambda_, train)
            raw, y = self.X[held_out] @ coef + intercept, self.y[held_out]
            if self.loss.is_quadratic:
                losses = 0.5 * np.sum((y - raw) ** 2, axis=1)
            elif raw.shape[1] == 1:
                losses = np.logaddexp(0.0, (1 - 2 * y) * raw[:, 0])
            else:
                losses = np.logaddexp.reduce(raw, axis=1)
                losses -= raw[np.arange(len(y)), y]
            total += self.weight[held_out] @ losses
            weight += self.weight[held_out].sum()
        return total / weight


class TwoClasses(LogisticLoss):
    n_outputs_of_classes = 2


class ThreeClasses(MultinomialLoss):
    n_outputs_of_classes = 3


LOSSES = {
    "ridge": SquaredLoss,
    "logistic": TwoClasses,
    "multinomial": partial(ThreeClasses, 3),
}


def case_of(loss, name, weighted=False, fit_intercept=True):
    return Case(LOSSES[loss](), name, weighted, fit_intercept)


def lambdas_of(case, at):
    return at + 0.3 * np.arange(case.groups.n_groups)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("loss", "name", "weighted", "fit_intercept"),
    covering_pairs(LOSSES, CASES, [True, False], [True, False]),
)
def test_losses_are_those_of_pipelines(loss, name, weighted, fit_intercept):
    """Held-out rows would leak into the units, or lambda would mean something else."""
    case = case_of(loss, name, weighted, fit_intercept)
    problem = case.problem(all_directions=weighted)
    for at in (-7.0, -3.0, 0.0, 2.0):
        lambda_ = lambdas_of(case, at)
        weights = problem.minimize(lambda_, tol=1e-14)
        found = problem.validation_loss(weights)
        # scikit-learn's scaler squares columns before it subtracts large means.
        rtol = 1e-6 if name == "large means" else 1e-10
        # Its Hessians lose the digits of one that varies a thousand times as much.
        rtol = 1e-7 if "far" in name else rtol
        # The oracle penalizes unpenalized features a little.
        rtol = rtol if loss == "ridge" else max(rtol, 1e-7)
        if loss != "ridge" and name == "wide factors":
            rtol = 3e-6
        np.testing.assert_allclose(found, case.loss_of_rows(lambda_), rtol=rtol)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("labels", [[0] * 40, [0, 1] * 20])
@pytest.mark.parametrize("loss", LOSSES)
def test_large_means_of_wide_rows(loss, labels, weighted, fit_intercept, monkeypatch):
    """Row spaces would be those of the means."""
    options = {"n_samples": 15, "n_features": 40, "shift": 1e6, "labels": labels}
    monkeypatch.setitem(CASES, "wide large means", options)
    case = case_of(loss, "wide large means", weighted, fit_intercept)
    problem = case.problem()
    for at in (-7.0, -3.0, 0.0, 2.0):
        lambda_ = lambdas_of(case, at)
        found = problem.validation_loss(problem.minimize(lambda_, tol=1e-14))
        np.testing.assert_allclose(found, case.loss_of_rows(lambda_), rtol=1e-6)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("engine", "name", "fit_intercept"),
    covering_pairs(
        product(LOSSES, LIMITS),
        [
            "tall",
            "factors",
            "constant in training",
            "sparse",
            "mostly zero",
            "wide",
            "wide groups",
            "overlapping",
        ],
        [True, False],
    ),
)
def test_every_engine(engine, name, fit_intercept):
    """Other sizes would find other models."""
    loss, limits = engine
    case = case_of(loss, name, True, fit_intercept)
    with use_limits(**LIMITS[limits]):
        problem = case.problem()
        lambda_ = lambdas_of(case, -2.0)
        weights = problem.minimize(lambda_, tol=1e-14)
        found = problem.validation_loss(weights)
        np.testing.assert_allclose(found, case.loss_of_rows(lambda_), rtol=1e-6)
        slope = problem.hypergradient(lambda_, weights)

        def value(lambda_):
            return problem.validation_loss(problem.minimize(lambda_, tol=1e-14))

        np.testing.assert_allclose(
            slope, numerical_gradient(value, lambda_), rtol=1e-4, atol=1e-7
        )


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", ["tall", "groups", "wide", "wide groups", "sparse"])
@pytest.mark.parametrize("loss", ["logistic", "multinomial"])
def test_splits_are_worked_on_together(loss, name, fit_intercept):
    """Every split alone would take several times as long as without `standardize`."""
    case = case_of(loss, name, False, fit_intercept)
    assert isinstance(case.problem().split_set, GLMSplitSet)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_wide_ridge_visits_the_rows_once_for_all_splits(fit_intercept, monkeypatch):
    """Models of all splits would cost a pass over X for each."""
    case = case_of("ridge", "wide", False, fit_intercept)
    problem = case.problem()
    weights = problem.minimize(lambdas_of(case, -2.0))
    n_visits, adjoint = [], DenseDesign._adjoint

    def counted(self, values):
        n_visits.append(values.shape)
        return adjoint(self, values)

    monkeypatch.setattr(DenseDesign, "_adjoint", counted)
    monkeypatch.setattr(DenseDesign, "_adjoint_centred", counted)
    problem.to_features(weights)
    assert len(n_visits) == 1


@pytest.mark.parametrize(
    ("loss", "name", "fit_intercept"), covering_pairs(LOSSES, CASES, [True, False])
)
def test_slopes_and_curvatures(loss, name, fit_intercept):
    """Solvers would walk to a place that is no minimum."""
    case = case_of(loss, name, True, fit_intercept)
    problem = case.problem(all_directions=not fit_intercept)
    lambda_ = lambdas_of(case, -2.0)

    def weights(lambda_):
        return problem.minimize(lambda_, tol=1e-14)

    def value(lambda_):
        return problem.validation_loss(weights(lambda_))

    def slope(lambda_):
        return problem.hypergradient(lambda_, weights(lambda_))

    found = slope(lambda_)
    np.testing.assert_allclose(
        found, numerical_gradient(value, lambda_), rtol=1e-4, atol=1e-6
    )
    model = problem.at(lambda_, weights(lambda_)).model()
    expected = np.array(
        [
            (slope(lambda_ + step) - slope(lambda_ - step)) / 2e-4
            for step in 1e-4 * np.eye(len(lambda_))
        ]
    )
    hessian = model.tangent + model.bend
    np.testing.assert_allclose(hessian, expected, rtol=2e-2, atol=2e-3)


@pytest.mark.parametrize(
    ("loss", "name", "fit_intercept"), covering_pairs(LOSSES, CASES, [True, False])
)
def test_models_in_the_units_of_x(loss, name, fit_intercept):
    """`coef_` and the refit would be of other features than the user's."""
    case = case_of(loss, name, True, fit_intercept)
    problem = case.problem()
    lambda_ = lambdas_of(case, -1.0)
    found = problem.to_features(problem.minimize(lambda_, tol=1e-14))
    start = problem.full.from_features(*map(np.zeros_like, found[0]))
    full = problem.minimize_full(lambda_, start)
    everything = np.arange(len(case.y))
    models = [*found, problem.full.to_features(full)]
    for model, rows in zip(
        models, [*(train for train, _ in case.pairs), everything], strict=True
    ):
        coef, intercept = case.model(lambda_, rows)
        raw, expected = (case.X @ c + i for c, i in (model, (coef, intercept)))
        if loss == "multinomial":
            raw = case.loss.scores(raw)
            expected = expected - expected.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(raw, expected, rtol=1e-5, atol=1e-5)
