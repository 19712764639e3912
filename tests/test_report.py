"""A page about a fitted model says what the model says, in one file."""

import sys
from html.parser import HTMLParser
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_myhpo import (
    BilevelRidge,
    MYHPOAdditiveClassifier,
    MYHPOAdditiveRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    report,
)
from sklearn_myhpo.solvers import Stochastic

plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.SortedRowsWarning"),
]

GROUPS = ["body"] * 4 + ["blood"] * 6


class Page(HTMLParser):
    """The headings, tables, pictures and foreign parts of a page."""

    def __init__(self, path):
        super().__init__()
        self.headings, self.rows, self.alt, self.foreign = [], {}, [], []
        self.text, self._open, self._ids = "", [], []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        source = attributes.get("src", "data:")
        if tag == "link" or not source.startswith("data:"):
            self.foreign.append((tag, attributes))
        if tag == "img":
            assert source.startswith("data:image/svg+xml;base64,")
            self.alt.append(attributes["alt"])
        else:
            self._open.append(tag)
        if tag == "tr" and self.headings:
            self.rows.setdefault(self.headings[-1], []).append([])

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if not self._open or self._open[-1] in ("style", "script"):
            return
        self.text += data
        if self._open[-1] == "h2":
            self.headings.append(data)
        elif self._open[-1] in ("td", "th") and self.headings:
            rows = self.rows.get(self.headings[-1])
            if rows:
                rows[-1].append(data)

    def table(self, heading):
        """Return the rows below the first one as a dict from their first cells."""
        return {row[0]: row[1:] for row in self.rows[heading][1:]}


def read(model, folder, **options):
    """Write and parse a page, and check what holds of each."""
    before = plt.get_fignums()
    path = report(model, folder / "page.html", **options)
    assert path == folder / "page.html"
    assert plt.get_fignums() == before
    page = Page(path)
    assert not page.foreign
    assert all(page.alt)
    return page


def test_page_says_what_the_model_says(tmp_path):
    """A reader would get other numbers than the model has."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    options = {"scoring": ["r2", "neg_max_error"], "store_cv_results": True}
    model = MYHPORidge(feature_groups=GROUPS, **options).fit(X, y)
    page = read(model, tmp_path)
    assert page.headings == [
        "Estimator",
        "Summary",
        "Learned penalties",
        "Validation loss",
        "Certificate",
        "Held-out rows",
        "Coefficients",
    ]
    coefficients = page.table("Coefficients")
    assert list(coefficients) == list(X.columns)
    found = [float(row[0]) for row in coefficients.values()]
    np.testing.assert_allclose(found, model.coef_, rtol=1e-3)
    for name, alpha in zip(model.feature_group_names_, model.alpha_, strict=True):
        assert page.table("Learned penalties")[name][1] == f"{alpha:.4g}"
    scores = page.table("Held-out rows")
    assert list(scores) == ["r2", "neg_max_error", "loss"]
    expected = model.cv_scores_["r2"]
    numbers = (expected.mean(), expected.min(), expected.max())
    assert scores["r2"] == [*(f"{one:.4g}" for one in numbers), "5"]
    assert scores["loss"][0] == f"{model.cv_losses_.mean():.4g}"
    assert str(model.certificate_) in page.text
    assert f"{model.optimism_:.4g} below that of new rows" in page.text
    assert f"{model.validation_loss_:.6g}" in page.text
    assert page.alt == [
        "The penalty strength of every group",
        "The validation loss along the iterations",
    ]


def test_tables_are_those_of_the_notebook(tmp_path):
    """Two renderings of one thing drift apart."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    model = MYHPORidge().fit(X, y)
    html = report(model, tmp_path / "page.html").read_text(encoding="utf-8")
    assert model._learned_html() in html
    shown = model.summary()._repr_html_()
    assert shown[shown.index("<tr>") :] in html


@pytest.mark.parametrize(
    ("model", "alt"),
    [
        (MYHPORidge(), "along lambda"),
        (MYHPORidge(selection="one_se"), "along lambda"),
        (MYHPORidge(criterion="loo", store_cv_results=True), "along lambda"),
        (MYHPORidge(refit=False), "along lambda"),
        (MYHPORidge(lambda_init=-1.0), "along the iterations"),
        (MYHPORidge(feature_groups="each"), "along the iterations"),
        (MYHPOPoissonRegressor(), "along lambda"),
        (MYHPOAdditiveRegressor(n_splines=5), "along the iterations"),
    ],
    ids=repr,
)
def test_every_kind_of_fit_has_a_page(model, alt, tmp_path):
    """A fit without a curve, or with removed terms, would end in an error."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    page = read(model.fit(X, y), tmp_path)
    assert f"The validation loss {alt}" in page.alt
    part = "Terms" if isinstance(model, MYHPOAdditiveRegressor) else "Coefficients"
    assert set(X.columns) <= set(page.table(part))


def test_classes_targets_and_streams(tmp_path):
    """Several rows of coefficients would be taken for one, or a part be missing."""
    X, y = load_iris(return_X_y=True)
    page = read(MYHPOLogisticRegression(scoring="accuracy").fit(X, y), tmp_path)
    assert page.rows["Coefficients"][0][:4] == [
        "feature",
        "coef[0]",
        "coef[1]",
        "coef[2]",
    ]
    assert list(page.table("Held-out rows")) == ["score"]
    page = read(MYHPOAdditiveClassifier(n_splines=5).fit(X, y), tmp_path)
    assert "The effect of every term, with its band" in page.alt
    per_target = MYHPORidge(alpha_per_target=True).fit(X, X[:, :2] + y[:, None])
    assert list(read(per_target, tmp_path).table("Learned penalties")) == ["0", "1"]
    solver = Stochastic(method="soba")
    stream = BilevelRidge(solver=solver, random_state=0).partial_fit(X, y)
    assert "Certificate" not in read(stream, tmp_path).headings


def test_a_pipeline_names_its_columns(tmp_path):
    """Coefficients would belong to x17."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"size": rng.normal(size=90), "kind": list("abc") * 30})
    y = frame["size"] + (frame["kind"] == "a") + rng.normal(size=90)
    columns = make_column_transformer(
        (StandardScaler(), ["size"]), (OneHotEncoder(), ["kind"])
    )
    pipeline = make_pipeline(columns, MYHPORidge()).fit(frame, y)
    names = pipeline[:-1].get_feature_names_out()
    page = read(pipeline, tmp_path)
    assert list(page.table("Coefficients")) == list(names)
    assert "ColumnTransformer" in page.text
    own = ["<b>size</b>", "a & b", "b", "c"]
    assert (
        list(read(pipeline, tmp_path, feature_names=own).table("Coefficients")) == own
    )


def test_a_pipeline_without_names(tmp_path):
    """A transformer that has no names would end in an error."""
    X, y = load_diabetes(return_X_y=True)

    class Nameless(StandardScaler):
        get_feature_names_out = None

        def __getattribute__(self, name):
            if name == "get_feature_names_out":
                raise AttributeError(name)
            return super().__getattribute__(name)

    pipeline = make_pipeline(Nameless(), MYHPORidge()).fit(X, y)
    names = [f"x{number}" for number in range(10)]
    for one in (pipeline, make_pipeline(pipeline)):
        assert list(read(one, tmp_path).table("Coefficients")) == names


def test_nothing_is_computed_again(tmp_path):
    """A page would take as long as a fit."""
    X, y = load_diabetes(return_X_y=True)
    model = MYHPORidge().fit(X, y)
    with (
        mock.patch.object(MYHPORidge, "fit", side_effect=AssertionError),
        mock.patch.object(MYHPORidge, "predict", side_effect=AssertionError),
    ):
        report(model, tmp_path / "page.html")


def test_errors_leave_no_page(tmp_path, monkeypatch):
    """Half a page would look like a whole one."""
    X, y = load_diabetes(return_X_y=True)
    path, model = tmp_path / "page.html", MYHPORidge().fit(X, y)
    with pytest.raises(NotFittedError):
        report(MYHPORidge(), path)
    with pytest.raises(
        TypeError, match=r"model must be .* of sklearn_myhpo.*Got Ridge"
    ):
        report(make_pipeline(StandardScaler(), Ridge()).fit(X, y), path)
    search = GridSearchCV(model, {"selection": ["min", "one_se"]}).fit(X, y)
    with pytest.raises(TypeError, match="for a search, pass its best_estimator_"):
        report(search, path)
    wrapped = TransformedTargetRegressor(MYHPORidge()).fit(X, y)
    with pytest.raises(TypeError, match="for a TransformedTargetRegressor its regre"):
        report(wrapped, path)
    with pytest.raises(ValueError, match="feature_names must have 10 names"):
        report(model, path, feature_names=["a"])
    additive = MYHPOAdditiveRegressor(n_splines=4).fit(X[:, :2], y)
    with pytest.raises(
        ValueError, match=r"feature_names must be None.*Got \['a', 'b'\]"
    ):
        report(additive, path, feature_names=["a", "b"])
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with pytest.raises(ImportError, match=r"report needs the package matplotlib"):
        report(model, path)
    assert not path.exists()
