"""Tiny and huge y: the same model in other units."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_myhpo import BilevelRidge, MYHPORidge
from sklearn_myhpo.criteria import SURE
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import RIDGES, covering_pairs, data_for
from tests.linear_model.common import each_ridge

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
#: Results in units of y, and in squared units.
IN_UNITS = ("coef_", "intercept_")
IN_SQUARES = (
    "validation_loss_",
    "validation_loss_min_",
    "validation_loss_standard_error_",
    "optimism_",
)
SQUARE_COLUMNS = ("train_loss", "validation_loss", "hypergradient_norm")
RESIDUALS = ("primal_residual", "dual_residual")


def unit_data(n_targets=1, n_features=4):
    """Return X, and y whose largest entry is between a half and one."""
    X, y = data_for(MYHPORidge, n_features=n_features, n_targets=n_targets)
    return X, y / 2.0 ** np.frexp(np.abs(y).max())[1]


def assert_scaled(model, unit_model, exponent):
    """Every fitted attribute is that of y / 2^exponent, in the units of y."""

    def same(found, expected, power):
        if expected is None:
            assert found is None
            return
        expected = np.ldexp(expected, power * exponent)
        # The last digit of a sum depends on where BLAS finds the arrays in memory.
        np.testing.assert_allclose(found, expected, rtol=1e-14)

    same(model.lambda_, unit_model.lambda_, 0)
    same(model.alpha_, unit_model.alpha_, 0)
    for name in IN_UNITS:
        same(getattr(model, name), getattr(unit_model, name), 1)
    for name in IN_SQUARES:
        same(getattr(model, name), getattr(unit_model, name), 2)
    for name in model.history_.keys() - {"time"}:
        power = 2 if name in SQUARE_COLUMNS else 1 if name in RESIDUALS else 0
        same(model.history_[name], unit_model.history_[name], power)
    for table, column in (
        ("validation_curve_", "validation_loss"),
        ("shrinkage_path_", "nested_loss"),
    ):
        found, expected = (getattr(one, table, None) for one in (model, unit_model))
        if expected is not None:
            same(found[column], expected[column], 2)
    if unit_model.certificate_ is not None:
        found, expected = model.certificate_, unit_model.certificate_
        same(found.hypergradient, expected.hypergradient, 2)
        assert found.relative_hypergradient == expected.relative_hypergradient


@each_ridge
@pytest.mark.parametrize("exponent", [-400, 400])
@pytest.mark.parametrize(
    ("n_targets", "options"),
    [
        (1, {}),
        (3, {"fit_intercept": False}),
        (1, {"feature_groups": "each"}),
        (1, {"refit": False, "lambda_init": -1.0}),
    ],
)
def test_every_attribute_is_in_units_of_y(cls, exponent, n_targets, options):
    """A result in other units than y has would mislead by hundreds of digits."""
    X, y = unit_data(n_targets)
    make = {"cv": 3, "random_state": 0, "max_iter": 30, **options}
    model = cls(**make).fit(X, np.ldexp(y, exponent))
    assert_scaled(model, cls(**make).fit(X, y), exponent)


@pytest.mark.parametrize(
    ("n_targets", "options"),
    [
        (1, {"criterion": "loo"}),
        (1, {"criterion": "gcv", "feature_groups": "each"}),
        (2, {"criterion": "sure"}),
        (1, {"criterion": "reml"}),
        (1, {"criterion": "mlr"}),
        (1, {"selection": "one_se"}),
        (1, {"feature_groups": "each", "shrinkage": "auto"}),
        (3, {"alpha_per_target": True}),
        (3, {"alpha_per_target": True, "criterion": "loo"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("exponent", [-400, 400])
def test_every_option_in_units_of_y(exponent, n_targets, options):
    """An option whose numbers stay behind in other units."""
    X, y = unit_data(n_targets)
    make = {"cv": 3, "random_state": 0, **options}
    # One lambda per target has a unit per target.
    y /= 2.0 ** np.frexp(np.abs(y).max(axis=0))[1]
    model = MYHPORidge(**make).fit(X, np.ldexp(y, exponent))
    assert_scaled(model, MYHPORidge(**make).fit(X, y), exponent)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("cls", "scale", "n_targets"),
    covering_pairs(RIDGES, [1e-300, 1e-162, 1e-160, 1e-80, 1e80, 1e150], [1, 2]),
)
def test_predictions_scale_with_y(cls, scale, n_targets):
    """Predictions of y * 1e-162 were off by 8.6 times their size."""
    X, y = unit_data(n_targets)
    make = {"cv": 3, "random_state": 0, "feature_groups": None}
    model = cls(**make).fit(X, y * scale)
    ridge = Ridge(alpha=model.alpha_).fit(X, y)
    size = np.abs(ridge.predict(X)).max()
    found = model.predict(X) / scale
    np.testing.assert_allclose(found, ridge.predict(X), rtol=0, atol=1e-12 * size)
    expected = cls(**make).fit(X, y)
    assert model.lambda_ == pytest.approx(expected.lambda_, abs=1e-6)


@pytest.mark.parametrize("criterion", ["validation", "loo"])
@pytest.mark.parametrize("solver", ["myhpo", "implicit"])
def test_targets_of_every_scale(criterion, solver):
    """One lambda per target: none may suffer from the units of another."""
    X, Y = unit_data(4)
    scales = np.array([1.0, 1e-200, 1e120, 1e-200])
    make = {
        "solver": solver,
        "cv": 3,
        "random_state": 0,
        "criterion": criterion,
        "alpha_per_target": True,
        # Every run ends where all of its targets have come so far.
        "tol": 1e-10,
    }
    model = BilevelRidge(**make).fit(X, Y * scales)
    alone = BilevelRidge(**make).fit(X, Y)
    np.testing.assert_allclose(model.lambda_, alone.lambda_, atol=1e-6)
    np.testing.assert_allclose(
        model.predict(X) / scales, alone.predict(X), rtol=1e-6, atol=1e-9
    )
    assert model.history_["lambda"].shape[1] == 4
    np.testing.assert_allclose(model.history_["lambda"][-1], model.lambda_)


def test_a_shared_lambda_and_targets_of_every_scale():
    """A target that adds nothing to the loss has the weights of its own Ridge."""
    X, Y = unit_data(2)
    scales = np.array([1e-150, 1e130])
    model = MYHPORidge(cv=3, random_state=0).fit(X, Y * scales)
    alone = MYHPORidge(cv=3, random_state=0).fit(X, Y[:, 1])
    assert model.lambda_ == pytest.approx(alone.lambda_, abs=1e-6)
    ridge = Ridge(alpha=model.alpha_).fit(X, Y)
    np.testing.assert_allclose(model.coef_ / scales[:, None], ridge.coef_, rtol=1e-9)


@pytest.mark.parametrize("noise", [0.01, [0.01, 0.5]])
@pytest.mark.parametrize("per_target", [True, False])
def test_noise_variance_is_in_squared_units_of_y(noise, per_target):
    """A variance in units of y beside a y in units of its own."""
    X, y = unit_data(2)
    scale = 2.0**-400
    models = [
        MYHPORidge(
            criterion=SURE(noise_variance=np.multiply(noise, unit**2)),
            alpha_per_target=per_target,
        ).fit(X, y * unit)
        for unit in (1.0, scale)
    ]
    np.testing.assert_allclose(models[1].lambda_, models[0].lambda_, rtol=1e-9)
    # Noise beyond all measure wants the model without features.
    swamped = MYHPORidge(criterion=SURE(noise_variance=1.0)).fit(X, y * 1e-170)
    assert np.all(np.isfinite(swamped.coef_))
    assert np.abs(swamped.coef_).max() <= 1e-5 * np.abs(models[1].coef_).max()


def test_weights_of_tiny_y_and_single_precision_x():
    """Single precision ends at 1e-38: all weights would be zero."""
    X, y = unit_data()
    scale = 2.0**-400
    model = MYHPORidge(cv=3, random_state=0).fit(X.astype(np.float32), y * scale)
    ridge = Ridge(alpha=model.alpha_).fit(X, y)
    np.testing.assert_allclose(model.coef_ / scale, ridge.coef_, rtol=1e-4)


def test_warm_start_in_other_units():
    """Weights of one unit would be a start for another."""
    X, y = unit_data()
    model = MYHPORidge(cv=3, random_state=0, warm_start=True).fit(X, y)
    for scale in (2.0**-400, 1.0, 2.0**400):
        again = model.fit(X, y * scale)
        ridge = Ridge(alpha=again.alpha_).fit(X, y)
        np.testing.assert_allclose(again.coef_ / scale, ridge.coef_, rtol=1e-9)


def test_printed_losses_are_in_units_of_y(capsys):
    """The printed table beside another `validation_loss_`."""
    X, y = unit_data()
    model = MYHPORidge(cv=3, random_state=0, verbose=1).fit(X, y * 2.0**-400)
    lines = capsys.readouterr().out.splitlines()
    printed = float(lines[-2].split()[-2])
    assert printed == pytest.approx(model.history_["validation_loss"][-1], rel=1e-5)


def test_messages_say_their_unit():
    """A slope of 1e-2 beside a loss of 1e-300 would be a riddle."""
    X, y = unit_data()
    with pytest.warns(UserWarning, match="of y / 3.9e-121"):
        MYHPORidge(cv=3, random_state=0, max_iter=1, tol=0.0).fit(X, y * 2.0**-400)


def test_partial_fit_refuses_what_it_cannot_scale():
    """Parts have no common unit before all of them are seen."""
    X, y = unit_data()
    model = BilevelRidge(solver=Stochastic("soba"), random_state=0)
    with pytest.raises(ValueError, match=r"y has entries up to 1\.0e-160 .*Rescale"):
        model.partial_fit(X, y / np.abs(y).max() * 1e-160)


@each_ridge
def test_y_whose_squares_overflow(cls):
    """A loss of infinity is no loss."""
    X, y = unit_data()
    with pytest.raises(ValueError, match="squares are not floating point"):
        cls().fit(X, y * 1e160)
