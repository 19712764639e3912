"""`lambda_bounds` and `lambda_init` by the names of groups."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge, MYHPORidge
from sklearn_myhpo.exceptions import LambdaBoundWarning
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import ESTIMATORS, SHORT_SOLVERS, data_for

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
GROUPS = ["a", "a", "b", "b"]


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_bounds_of_every_group(cls):
    """A named group stays inside its bounds; the others are as free as before."""
    X, y = data_for(cls)
    options = {"feature_groups": GROUPS, "cv": 3, "random_state": 0}
    free = cls(**options).fit(X, y)
    model = cls(lambda_bounds={"b": (1.0, 1.5)}, **options).fit(X, y)
    assert 1.0 <= model.lambda_[1] <= 1.5
    held = cls(lambda_bounds={"a": "auto", "b": (1.0, 1.5)}, **options).fit(X, y)
    np.testing.assert_array_equal(model.lambda_, held.lambda_)
    wide = {"a": (-np.inf, np.inf), "b": (-60, 60)}
    model = cls(lambda_bounds=wide, **options).fit(X, y)
    assert model.validation_loss_ <= 1.01 * free.validation_loss_


#: Groups, splits, and bounds that hold the lambda of one group.
HELD = {"feature_groups": GROUPS, "cv": 3, "random_state": 0}
HELD_BOUNDS = {"b": (-1.0, -1.0 + 1e-9)}


@pytest.fixture(scope="module", params=[BilevelRidge, BilevelLogisticRegression])
def scanned(request):
    """Return a class, its data, and the least loss of a scan over the free lambda."""
    cls = request.param
    X, y = data_for(cls, n_samples=100)
    losses = [
        cls(
            lambda_bounds={**HELD_BOUNDS, "a": (at, at + 1e-9)},
            lambda_init="auto",
            **HELD,
        )
        .fit(X, y)
        .validation_loss_
        for at in np.arange(-8.0, 3.0, 0.5)
    ]
    return cls, X, y, min(losses)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("solver", sorted(SHORT_SOLVERS))
def test_every_solver(scanned, solver):
    """The least loss with one lambda held is that of a scan over the other."""
    cls, X, y, least = scanned
    model = cls(solver=SHORT_SOLVERS[solver], lambda_bounds=HELD_BOUNDS, **HELD)
    model.fit(X, y)
    np.testing.assert_allclose(model.lambda_[1], -1.0, atol=1e-8)
    assert model.validation_loss_ <= 1.05 * least


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_start_of_every_group(cls):
    """The first step starts there: by name, in any order, or by position."""
    X, y = data_for(cls)
    options = {"feature_groups": GROUPS, "cv": 3, "random_state": 0, "max_iter": 1}
    models = [
        cls(lambda_init=start, **options).fit(X, y)
        for start in ({"b": -1.0, "a": -4.0}, [-4.0, -1.0], np.array([-4.0, -1.0]))
    ]
    for other in models[1:]:
        np.testing.assert_array_equal(models[0].lambda_, other.lambda_)
    swapped = cls(lambda_init=[-1.0, -4.0], **options).fit(X, y)
    assert np.all(swapped.lambda_ != models[0].lambda_)
    same = cls(lambda_init={"a": -2.0, "b": -2.0}, **options).fit(X, y)
    one = cls(lambda_init=-2.0, **options).fit(X, y)
    np.testing.assert_array_equal(same.lambda_, one.lambda_)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_one_group_and_names_of_features(cls):
    """None has the group "all", "each" the names of the features."""
    X, y = data_for(cls)
    options = {"cv": 3, "random_state": 0}
    model = cls(lambda_bounds={"all": (2.0, 3.0)}, **options).fit(X, y)
    assert 2.0 <= model.lambda_ <= 3.0
    frame = pd.DataFrame(X, columns=list("pqrs"))
    model = cls(feature_groups="each", lambda_bounds={"q": (2, 3)}, **options)
    model.fit(frame, y)
    assert 2.0 <= model.lambda_[1] <= 3.0
    assert clone(model).lambda_bounds == {"q": (2, 3)}
    numbers = cls(feature_groups=[5, 5, 7, 7], lambda_bounds={7: (2, 3)}, **options)
    assert 2.0 <= numbers.fit(X, y).lambda_[1] <= 3.0


def test_start_outside_of_automatic_bounds():
    """A start of the user's is no error where the bounds are automatic."""
    X, y = data_for(MYHPORidge)
    options = {"feature_groups": GROUPS, "cv": 3, "max_iter": 1}
    options["lambda_init"] = {"a": 40.0, "b": 0.0}
    for bounds in ("auto", {"b": (-1, 1)}, {"a": (-np.inf, np.inf)}):
        model = MYHPORidge(lambda_bounds=bounds, **options).fit(X, y)
        # No weights feel lambda so far out.
        assert model.lambda_[0] > 30.0


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"lambda_bounds": {"c": (0, 1)}},
            "lambda_bounds names the unknown group 'c'; the groups are 'a', 'b'",
        ),
        (
            {"lambda_bounds": {"a": (1, 0)}},
            r"'lambda_bounds' parameter of the group 'a' must be .* Got \(1, 0\)",
        ),
        (
            {"lambda_bounds": {"a": 3.0}},
            "'lambda_bounds' parameter of the group 'a' must be .* Got 3.0",
        ),
        (
            {"lambda_bounds": {"a": (-1000, -900)}},
            "'lambda_bounds' parameter of the group 'a' must be .* room between",
        ),
        (
            {"lambda_init": {"a": 1.0, "c": 1.0}},
            "lambda_init names the unknown group 'c'; the groups are 'a', 'b'",
        ),
        ({"lambda_init": {"a": 1.0}}, "lambda_init names no value for the group 'b'"),
        (
            {"lambda_init": [1.0, 2.0, 3.0]},
            "lambda_init has 3 numbers, but needs 2, one for each group.*: 'a', 'b'",
        ),
        ({"lambda_init": [1.0, np.nan]}, r"'lambda_init' parameter must be .*nan"),
        ({"lambda_init": [1.0, 1e5]}, "'lambda_init' parameter must be .*from -700"),
        ({"lambda_init": ["x", "y"]}, "'lambda_init' parameter must be .*'x'"),
        ({"lambda_init": [[1.0, 2.0]]}, "'lambda_init' parameter must be"),
        (
            {"lambda_init": {"a": 1.0, "b": 5.0}, "lambda_bounds": {"b": (0, 2)}},
            "'lambda_init' parameter of the group 'b' must be inside lambda_bounds=",
        ),
        (
            {"lambda_init": [1.0, 5.0], "lambda_bounds": (0, 2)},
            r"'lambda_init' parameter of the group 'b' must be inside .*\(0, 2\)",
        ),
        (
            {"lambda_init": 5.0, "lambda_bounds": {"a": (0, 2)}},
            "'lambda_init' parameter of the group 'a' must be inside",
        ),
    ],
)
def test_errors_name_the_groups(cls, options, match):
    """A misspelt name would silently bound nothing."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=match):
        cls(feature_groups=GROUPS, cv=3, **options).fit(X, y)


def test_warning_at_a_bound_of_a_group():
    """Advice to widen bounds that nobody gave would be of no use."""
    X, y = data_for(MYHPORidge)
    options = {"feature_groups": GROUPS, "cv": 3}
    model = MYHPORidge(lambda_bounds={"b": (4.0, 5.0)}, **options)
    with pytest.warns(LambdaBoundWarning, match=r"group b,.*Widen lambda_bounds=\{'b'"):
        model.fit(X, y)


def test_criterion_and_targets():
    """Other problems have the same options."""
    X, y = data_for(MYHPORidge)
    options = {"feature_groups": GROUPS, "criterion": "gcv"}
    model = MYHPORidge(lambda_bounds={"b": (1.0, 1.5)}, **options).fit(X, y)
    assert 1.0 <= model.lambda_[1] <= 1.5
    bounds = {"a": (-700.0, -650.0)}
    wide = np.random.default_rng(0).standard_normal((10, 12))
    model = MYHPORidge(
        feature_groups=["a", "b"] * 6, criterion="gcv", lambda_bounds=bounds
    )
    match = r"lambda_bounds=\{'a': \(-700.0, -650.0\)\} allows only penalties so weak"
    with pytest.raises(ValueError, match=match):
        model.fit(wide, wide[:, 0])
    both = np.column_stack([y, -y + X[:, 0]])
    model = MYHPORidge(
        alpha_per_target=True, cv=KFold(3), lambda_bounds={"all": (2, 3)}
    )
    assert np.all((model.fit(X, both).lambda_ >= 2) & (model.lambda_ <= 3))
    start = MYHPORidge(alpha_per_target=True, cv=KFold(3), lambda_init=[-3.0]).fit(
        X, both
    )
    auto = MYHPORidge(alpha_per_target=True, cv=KFold(3)).fit(X, both)
    np.testing.assert_allclose(start.lambda_, auto.lambda_, rtol=1e-3)


def test_partial_fit():
    """Parts of the data have the same groups."""
    X, y = data_for(BilevelRidge, n_samples=100)
    model = BilevelRidge(
        solver=Stochastic("soba"),
        feature_groups=GROUPS,
        cv=0.3,
        random_state=0,
        lambda_init={"a": -3.0, "b": 1.2},
        lambda_bounds={"b": (1.0, 1.5)},
    )
    model.partial_fit(X, y).partial_fit(X, y)
    assert 1.0 <= model.lambda_[1] <= 1.5
    assert abs(model.lambda_[0] + 3.0) < 1.0
