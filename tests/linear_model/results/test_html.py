"""The HTML of fitted estimators in notebooks."""

import re
from html import escape
from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_myhpo
from sklearn_myhpo import (
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
    _addresses,
)
from sklearn_myhpo.neural_network import STNMLPClassifier, STNMLPRegressor
from sklearn_myhpo.solvers import Stochastic

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
]


#: Where the networks are imported from.
NN = "sklearn_myhpo.neural_network"


class Cells(HTMLParser):
    """The texts of the cells and of the caption of the learned table."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.caption, self._place = [], "", None
        start = html.find('<table class="sklearn-myhpo-learned"')
        self.feed(html[start : html.find("</table>", start)])

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
    assert name not in html
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


def learner():
    """Return a pipeline with two penalties, one of a name that HTML escapes."""
    groups = ["size & shape"] * 4 + ["blood"] * 6
    return make_pipeline(
        StandardScaler(), MYHPORidge(feature_groups=groups, cv=KFold(5))
    )


def nests():
    """Yield (a fitted estimator, the fitted model in it)."""
    X, y = load_diabetes(return_X_y=True)
    pipeline = learner().fit(X, y)
    yield pipeline, pipeline[-1]
    search = GridSearchCV(learner(), {"myhporidge__tol": [1e-6, 1e-8]}, cv=2).fit(X, y)
    yield search, search.best_estimator_[-1]
    columns = ColumnTransformer(
        [("a", StandardScaler(), slice(0, 4)), ("b", "passthrough", slice(4, 10))]
    )
    nested = make_pipeline(columns, learner()).fit(X, y)
    yield nested, nested[-1][-1]
    target = TransformedTargetRegressor(learner(), transformer=StandardScaler())
    target.fit(X, y)
    # Before this method scikit-learn shows the regressor as it was before the fit.
    if hasattr(target, "_sk_visual_block_"):
        yield target, target.regressor_[-1]


def test_diagrams_of_pipelines_and_searches_show_the_penalties():
    """The README promises them, and users hardly ever fit a bare estimator."""
    for outer, model in nests():
        html = outer._repr_html_()
        assert "Learned in fit: validation loss" in html
        names = map(escape, model.feature_group_names_)
        for name, value in zip(names, model.alpha_, strict=True):
            # Below the name of the box, and in the table that the box opens to.
            assert f"{name} {value:.4g}" in html
            assert f"{value:.4g}" in html[html.find("Learned in fit") :]
    assert "Learned in fit" not in learner()._repr_html_()


def test_line_below_the_name_is_short():
    """A hundred penalties would make the box as wide as the page."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 30))
    y = X[:, :5].sum(axis=1) + rng.standard_normal(120)
    model = make_pipeline(MYHPORidge(feature_groups="each", cv=KFold(5))).fit(X, y)
    alpha = model[-1].alpha_
    ends = f"30 values of alpha, {alpha.min():.3g} to {alpha.max():.3g}"
    assert ends in model._repr_html_()


@pytest.mark.parametrize(
    "model",
    [MYHPORidge(), SHOLogisticRegression(), STNMLPClassifier(), STNMLPRegressor()],
    ids=repr,
)
def test_link_to_the_documentation(model, monkeypatch):
    """The question mark would lead to scikit-learn's page of another class."""
    assert model._get_doc_link() == ""
    assert "sk-estimator-doc-link" not in re.sub(
        r"<style>.*?</style>|<span.*?</span>", "", model._repr_html_(), flags=re.DOTALL
    )
    monkeypatch.setattr(_addresses, "DOCUMENTATION", "https://docs.example/latest")
    home = "sklearn_myhpo" if hasattr(sklearn_myhpo, type(model).__name__) else NN
    page = f"https://docs.example/latest/generated/{home}.{type(model).__name__}.html"
    assert model._get_doc_link() == page
    assert f'href="{page}"' in make_pipeline(model)._repr_html_()


def test_no_link_for_classes_of_users(monkeypatch):
    """A class of one's own has no page here."""
    monkeypatch.setattr(_addresses, "DOCUMENTATION", "https://docs.example/latest")

    class Own(MYHPORidge):
        pass

    assert Own()._get_doc_link() == ""
