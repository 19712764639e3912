"""Ridge of mapped rows with groups: the fit in memory is the right value."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.data import KeyFolds, RowFolds
from sklearn_myhpo.engine.limits import use_limits

pandas = pytest.importorskip("pandas")

RNG = np.random.default_rng(0)
N, D = 500, 4
X = RNG.standard_normal((N, D))
Y = X @ np.array([1.0, -0.5, 0.2, 0.0]) + RNG.standard_normal(N)
WEIGHT = RNG.integers(0, 3, N) / 2.0
KEYS = RNG.integers(0, 60, N)
#: A block has some 50 rows.
FEW = {"block_entries": 25}


@pytest.fixture
def mapped(tmp_path):
    """Return X, mapped from a file."""
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "groups",
    [
        KEYS,
        KEYS[:, None],
        np.char.add("user", KEYS.astype(str)),
        [f"{key}" if key % 2 else f"site {key}" for key in KEYS.tolist()],
        [key if key % 2 else key + 0.5 for key in KEYS.tolist()],
        KEYS.astype(str).astype(object),
        np.datetime64("2020-01-01") + KEYS,
        pandas.Series(KEYS, index=RNG.permutation(N)),
    ],
)
def test_keys_need_no_copy(groups, mapped):
    """The file would be copied, only for folds by key, or the folds be others."""
    model = MYHPORidge(cv=KeyFolds(3))
    with use_limits(**FEW):
        found = clone(model).fit(mapped, Y, WEIGHT, groups=groups)
    expected = clone(model).fit(X, Y, WEIGHT, groups=groups)
    assert found.oracle_counts_["n_passes"] == 1
    assert "n_passes" not in expected.oracle_counts_
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-8)
    size = np.abs(expected.coef_).max()
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-9 * size)
    wanted = expected.validation_loss_
    np.testing.assert_allclose(found.validation_loss_, wanted, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({"cv": GroupKFold(3)}, KEYS),
        ({"cv": KeyFolds(3), "criterion": "gcv"}, KEYS),
        ({"cv": KeyFolds(3), "scoring": "r2"}, KEYS),
        ({"cv": KeyFolds(3), "store_cv_results": True}, KEYS),
        ({"cv": RowFolds(3), "scoring": "r2"}, None),
        ({"cv": KeyFolds(3, key=0)}, KEYS),
        ({"cv": KeyFolds(3)}, KEYS[:-1]),
        ({"cv": KeyFolds(3)}, [None, *KEYS[1:].tolist()]),
        ({"cv": KeyFolds(3)}, np.column_stack([KEYS, KEYS])),
        ({"cv": KeyFolds(3)}, None),
        ({"cv": RowFolds(3)}, KEYS),
    ],
)
def test_groups_mean_the_same(options, groups, mapped):
    """Folds, a warning or an error would depend on where the rows live."""
    (found, warned), (expected, wanted) = (
        end_of_fit(MYHPORidge(**options), rows, groups) for rows in (mapped, X)
    )
    assert warned == wanted
    assert isinstance(found, type) == isinstance(expected, type)
    if isinstance(expected, type):
        assert found is expected
    else:
        np.testing.assert_allclose(found, expected, atol=1e-9)


def end_of_fit(model, rows, groups):
    """Return the coefficients or the kind of error, and the kinds of warnings."""
    with use_limits(**FEW), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            end = model.fit(rows, Y, groups=groups).coef_
        except ValueError as error:
            end = type(error)
    return end, [one.category for one in caught]
