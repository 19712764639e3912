"""What notebooks show of fitted estimators."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import is_regressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from sklearn_myhpo.solvers import Stochastic

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
]


class Cells(HTMLParser):
    """The texts of the cells and of the caption of the learned table."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.caption, self._place = [], "", None
        self.feed(html[html.find('<table class="sklearn-myhpo-learned"') :])

    def handle_starttag(self, tag, attributes):
        self._place = tag
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        self._place = None

    def handle_data(self, text):
        if self._place in ("td", "th"):
            self.rows[-1].append(text)
        elif self._place == "caption":
            self.caption += text.strip()


def shown_by(model):
    """Return the learned table, the same from both entries of a notebook."""
    html = model._repr_html_()
    bundle = model._repr_mimebundle_()
    assert html.count("sklearn-myhpo-learned") == 1
    assert bundle["text/html"].count("sklearn-myhpo-learned") == 1
    cells = Cells(html)
    assert Cells(bundle["text/html"]).rows == cells.rows
    return cells


@pytest.mark.parametrize(
    "model",
    [
        MYHPORidge(random_state=0),
        BilevelRidge(solver="hoag", random_state=0),
        SHORidge(max_iter=3, random_state=0),
        MYHPOLogisticRegression(random_state=0),
        SHOLogisticRegression(max_iter=3, random_state=0),
    ],
    ids=repr,
)
def test_fitted_estimators_show_what_they_learned(model):
    """A user of a notebook would have to ask for lambda by name."""
    assert "sklearn-myhpo-learned" not in model._repr_html_()
    is_ridge = is_regressor(model)
    X, y = (load_diabetes if is_ridge else load_breast_cancer)(return_X_y=True)
    model.fit(StandardScaler().fit_transform(X), y)
    cells = shown_by(model)
    name = "alpha" if is_ridge else "C"
    strength = model.alpha_ if is_ridge else model.C_
    assert cells.rows == [
        ["group", "features", name, "lambda"],
        ["all features", str(X.shape[1]), f"{strength:.4g}", f"{model.lambda_:.3f}"],
    ]
    assert f"{model.validation_loss_:.6g}" in cells.caption


def test_names_of_groups_are_text():
    """A column that is named like a tag would break the page, or run as a script."""
    X, y = load_diabetes(return_X_y=True)
    name = "<script>a & b</script>"
    model = MYHPORidge(feature_groups=[name] * 4 + ["blood"] * 6, random_state=0)
    html = model.fit(X, y)._repr_html_()
    assert name not in html[html.find("sklearn-myhpo-learned") :]
    names = [row[0] for row in shown_by(model).rows[1:]]
    assert names == list(model.feature_group_names_)
    assert name in names


def test_many_lambdas_show_their_ends():
    """Hundreds of rows would hide the notebook; the first ten would say nothing."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 30))
    y = X[:, :5].sum(axis=1) + rng.standard_normal(120)
    model = MYHPORidge(feature_groups="each", random_state=0).fit(X, y)
    cells = shown_by(model)
    found = np.array([float(row[-1]) for row in cells.rows[1:]])
    order = np.sort(model.lambda_)
    np.testing.assert_allclose(found, np.r_[order[:5], order[-5:]], atol=1e-3)
    assert re.search(r"5 weakest and the 5 strongest penalties of 30", cells.caption)


def test_one_lambda_per_target():
    """Targets would be taken for groups."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    Y = X[:, :3] + rng.standard_normal((60, 3))
    model = MYHPORidge(alpha_per_target=True, random_state=0).fit(X, Y)
    cells = shown_by(model)
    assert [row[:2] for row in cells.rows] == [
        ["target", "features"],
        *([str(number), "4"] for number in range(3)),
    ]


def test_parts_of_a_stream():
    """A model that learns in parts has no certificate and still shows its lambda."""
    X, y = load_diabetes(return_X_y=True)
    model = BilevelRidge(solver=Stochastic(method="soba"), random_state=0)
    model.partial_fit(StandardScaler().fit_transform(X), y)
    assert shown_by(model).rows[1][0] == "all features"


def test_text_where_text_is_wanted():
    """Users who turned diagrams off would get them all the same."""
    model = MYHPORidge(random_state=0).fit(*load_diabetes(return_X_y=True))
    with config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert "text/html" not in model._repr_mimebundle_()
    pipeline = make_pipeline(StandardScaler(), model)
    assert "MYHPORidge" in pipeline._repr_html_()
