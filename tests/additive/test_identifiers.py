"""Categories of which every row has one of its own."""

import numpy as np
import pandas
import pytest
from numpy.testing import assert_allclose

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor


def make_rows(n_rows=60):
    """Return a frame with a curve, and y."""
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"age": rng.uniform(size=n_rows)})
    return frame, np.sin(6 * frame["age"]) + 0.3 * rng.standard_normal(n_rows)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("criterion", ["auto", "validation"])
@pytest.mark.parametrize("n_missing", [0, 1])
def test_identifiers_are_left_out(criterion, n_missing):
    """The strength of names of rows is not determined: they took nearly all of y."""
    frame, y = make_rows()
    names = [f"row{number}" for number in range(60)]
    names[:n_missing] = [None] * n_missing
    wide = frame.assign(name=names, number=np.arange(60))
    options = {"criterion": criterion, "categorical": ["number"]}
    with pytest.warns(UserWarning, match="of its own in 'name', 'number'") as caught:
        model = MYHPOAdditiveRegressor(**options).fit(wide, y)
    assert [one.filename for one in caught] == [__file__]
    plain = MYHPOAdditiveRegressor(criterion=criterion).fit(frame, y)
    assert list(model.term_names_) == ["age"]
    assert_allclose(model.predict(wide), plain.predict(frame), rtol=1e-9)
    new = wide.assign(name="new")
    exported = model.to_sklearn().predict(new)
    assert_allclose(exported, model.predict(wide), rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_one_category_seen_twice_stays():
    """A category of two rows has something for a new row."""
    frame, y = make_rows()
    names = [f"row{number}" for number in range(59)]
    wide = frame.assign(name=[*names, "row0"])
    model = MYHPOAdditiveRegressor(select=None, max_iter=500).fit(wide, y)
    assert list(model.term_names_) == ["age", "name"]


def test_rows_of_weight_zero_are_not_counted():
    """Rows without a weight would make a name one of several rows."""
    frame, y = make_rows()
    wide = frame.assign(name=[f"row{number // 2}" for number in range(60)])
    weight = np.arange(60) % 2.0
    with pytest.warns(UserWarning, match="of its own in 'name'"):
        model = MYHPOAdditiveRegressor().fit(wide, y, weight)
    assert list(model.term_names_) == ["age"]


@pytest.mark.parametrize("cls", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier])
def test_names_of_rows_alone_are_an_error(cls):
    """A model of names only would predict new rows as if it had learned something."""
    frame = pandas.DataFrame({"name": [f"row{number}" for number in range(20)]})
    with pytest.raises(ValueError, match="no column but 'name', with"):
        cls().fit(frame, np.arange(20) % 2)
