"""Ridge with one lambda per target."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from sklearn_myhpo import BilevelRidge, MYHPORidge, SHORidge
from sklearn_myhpo.exceptions import LambdaBoundWarning
from tests.helpers import RIDGES, reference_objective, ridge_spec

N_TARGETS = 7


def make_data(n_samples=80, n_features=8, seed=0):
    """Return targets with noise from little to all."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features)) + 0.5
    signal = X @ rng.standard_normal((n_features, N_TARGETS))
    noise = rng.standard_normal((n_samples, N_TARGETS)) * np.geomspace(0.1, 30, 7)
    return X, signal + noise - 3.0


def quiet_fit(model, *data, **options):
    """Fit without the warnings of lambdas at a bound."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        return model.fit(*data, **options)


CASES = {
    "5-fold": (make_data(), {}, {}),
    "hold-out": (make_data(), {"cv": 0.3}, {}),
    "no intercept": (make_data(), {"fit_intercept": False}, {}),
    "no refit": (make_data(), {"refit": False}, {}),
    "wide": (make_data(30, 60), {}, {}),
    "square": (make_data(40, 32), {}, {}),
    "weights": (
        make_data(),
        {"cv": 3},
        {"sample_weight": np.random.default_rng(0).integers(0, 4, 80)},
    ),
    "sparse": (
        (
            sparse.random(80, 8, density=0.4, format="csr", random_state=1),
            make_data()[1],
        ),
        {},
        {},
    ),
    "units": (
        (make_data()[0] * np.geomspace(1e-3, 1e3, 8), make_data()[1] * 1e5),
        {},
        {},
    ),
    "wild units": (
        (make_data()[0] * np.geomspace(1e-9, 1e9, 8), make_data()[1]),
        {},
        {},
    ),
    "bounds": (make_data(), {"lambda_bounds": (-3.0, 0.0)}, {}),
    "start": (make_data(), {"lambda_init": -1.0}, {}),
    "consensus": (make_data(), {"rho": 1.0, "tol": 1e-5}, {}),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", CASES)
def test_each_target_as_if_fitted_alone(name):
    """A target would depend on its neighbours."""
    (X, y), options, fit_options = CASES[name]
    model = MYHPORidge(alpha_per_target=True, random_state=0, **options)
    quiet_fit(model, X, y, **fit_options)
    assert model.converged_
    for target in range(y.shape[1]):
        alone = MYHPORidge(random_state=0, **options)
        quiet_fit(alone, X, y[:, target], **fit_options)
        loss = model.validation_loss_[target]
        np.testing.assert_allclose(loss, alone.validation_loss_, rtol=1e-6)
        scale = np.abs(alone.coef_).max()
        np.testing.assert_allclose(
            model.coef_[target] / scale, alone.coef_ / scale, atol=2e-3
        )
        np.testing.assert_allclose(
            model.intercept_[target], alone.intercept_, atol=2e-3 * np.std(y)
        )


@pytest.mark.parametrize("shape", [(80, 8), (30, 60), (2000, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_coefficients_as_scikit_learn(shape, dtype):
    """`alpha_` could not be given to scikit-learn's Ridge."""
    X, y = (array.astype(dtype) for array in make_data(*shape))
    model = quiet_fit(MYHPORidge(alpha_per_target=True, random_state=0), X, y)
    assert model.alpha_.shape == model.lambda_.shape == model.validation_loss_.shape
    assert model.coef_.dtype == dtype
    for target, alpha in enumerate(model.alpha_):
        plain = Ridge(alpha=alpha).fit(X.astype(float), y[:, target].astype(float))
        rtol = 1e-7 if dtype == np.float64 else 1e-4
        atol = rtol * np.abs(plain.coef_).max()
        np.testing.assert_allclose(model.coef_[target], plain.coef_, atol=atol)
        np.testing.assert_allclose(
            model.intercept_[target], plain.intercept_, rtol=rtol, atol=10 * atol
        )


@pytest.mark.one_in(2)
@pytest.mark.parametrize("options", [{}, {"n_samples": 24, "n_features": 40}])
def test_no_worse_than_a_dense_grid(options):
    """A grid search would find a better model for some target."""
    spec = ridge_spec(n_targets=4, noise=4.0, seed=3, **options)
    model = MYHPORidge(cv=spec.pairs, alpha_per_target=True)
    quiet_fit(model, spec.X, spec.y)
    for target in range(4):
        alone = ridge_spec(n_targets=4, noise=4.0, seed=3, **options)
        object.__setattr__(alone, "y", spec.y[:, [target]])
        best = min(reference_objective(alone, one) for one in np.linspace(-25, 8, 200))
        assert model.validation_loss_[target] <= best * (1.0 + 1e-9)


def test_many_targets_share_sums():
    """Products of targets would be wrong once they are no longer all formed."""
    X, _ = make_data()
    y = np.random.default_rng(1).standard_normal((80, 40)) + X[:, :1]
    model = quiet_fit(MYHPORidge(alpha_per_target=True, random_state=0), X, y)
    few = quiet_fit(MYHPORidge(alpha_per_target=True, random_state=0), X, y[:, :5])
    np.testing.assert_allclose(model.validation_loss_[:5], few.validation_loss_)
    np.testing.assert_allclose(model.coef_[:5], few.coef_, atol=1e-4)


def test_constant_targets():
    """A constant target would give NaN, or disturb the others."""
    X, y = make_data()
    y[:, 2] = 5.0
    y[:, 4] = 0.0
    model = quiet_fit(MYHPORidge(alpha_per_target=True, random_state=0), X, y)
    assert model.converged_
    assert np.all(np.isfinite(model.lambda_))
    np.testing.assert_allclose(model.coef_[[2, 4]], 0.0, atol=1e-12)
    np.testing.assert_allclose(model.intercept_[[2, 4]], [5.0, 0.0], atol=1e-12)
    alone = quiet_fit(MYHPORidge(random_state=0), X, y[:, 0])
    np.testing.assert_allclose(model.validation_loss_[0], alone.validation_loss_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", RIDGES)
def test_one_target(cls):
    """A single target would need another way of calling."""
    X, y = make_data()
    model = cls(alpha_per_target=True, tol=1e-2, random_state=0)
    flat = quiet_fit(model, X, y[:, 1])
    assert isinstance(flat.lambda_, float)
    assert flat.coef_.shape == (8,)
    losses = flat.validation_loss_
    column = quiet_fit(model, X, y[:, [1]])
    # As `RidgeCV(alpha_per_target=True)`, which has one number for a column too.
    assert isinstance(column.lambda_, float)
    assert column.coef_.shape == (8,)
    np.testing.assert_allclose(column.validation_loss_, losses, rtol=1e-3)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "model",
    [
        BilevelRidge(solver="implicit"),
        SHORidge(max_iter=20),
        MYHPORidge(response="mean", max_iter=20),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_solvers_that_take_one_target_after_the_other(model):
    """Only one method could be used with many targets."""
    X, y = make_data()
    model.set_params(cv=0.3, random_state=0)
    together = quiet_fit(model.set_params(alpha_per_target=True), X, y[:, 2:5])
    assert together.converged_ == (together.n_iter_ < together.max_iter)
    lengths = {len(values) for values in together.history_.values()}
    assert lengths == {together.n_iter_}
    assert together.history_["lambda"].shape == (together.n_iter_, 3)
    found = together.lambda_.copy()
    np.testing.assert_allclose(together.history_["lambda"][-1], found)
    for target in range(3):
        alone = quiet_fit(model.set_params(alpha_per_target=False), X, y[:, 2 + target])
        np.testing.assert_allclose(found[target], alone.lambda_, rtol=1e-7)


def test_history_and_warm_start():
    """Convergence could not be looked at; a second fit would start from nothing."""
    X, y = make_data()
    model = MYHPORidge(alpha_per_target=True, random_state=0, warm_start=True)
    quiet_fit(model, X, y)
    shared = quiet_fit(MYHPORidge(random_state=0), X, y)
    assert model.history_.keys() == shared.history_.keys()
    assert model.history_["lambda"].shape == (model.n_iter_, N_TARGETS)
    assert model.validation_loss_.sum() <= shared.validation_loss_
    before = model.lambda_
    np.testing.assert_allclose(quiet_fit(model, X, y).lambda_, before, atol=1e-3)
    assert model.n_iter_ == 1
    model.set_params(alpha_per_target=False)
    np.testing.assert_allclose(quiet_fit(model, X, y).coef_, shared.coef_, rtol=1e-4)


def test_groups_and_targets():
    """It would not be said which of two options has to go."""
    X, y = make_data()
    model = MYHPORidge(alpha_per_target=True, feature_groups="each")
    with pytest.raises(ValueError, match=r"alpha_per_target=True.*groups='each'"):
        model.fit(X, y)


def test_warnings_name_targets():
    """It would not be known which target wants no penalty."""
    X, y = make_data()
    y[:, 1] = X @ np.ones(8)
    model = MYHPORidge(alpha_per_target=True, random_state=0)
    with pytest.warns(LambdaBoundWarning, match="bound for target") as record:
        model.fit(X, y)
    assert "lower bound for targets 0, 1," in str(record[0].message)
    assert "upper bound for targets 5, 6," in str(record[1].message)
    assert {warning.filename for warning in record} == {__file__}
