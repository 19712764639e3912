"""Self-Tuning Networks: results, safeguards and options."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import MYHPO, STN, Status, minimize_bilevel
from sklearn_myhpo.solvers.stn.response import (
    perturb,
)
from tests.helpers import PROBLEMS, SPECS
from tests.solvers.stn.helpers import run


@pytest.mark.one_in(4)
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.one_in(2)
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


@pytest.mark.slow
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
