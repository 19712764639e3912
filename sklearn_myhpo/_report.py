"""A page about a fitted model, made of what notebooks and plots show of it."""

from __future__ import annotations

import base64
import io
import os
from html import escape
from pathlib import Path

import numpy as np
import sklearn
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from ._html import html_table
from ._messages import import_optional, shown
from ._version import __version__
from .additive._base import AdditiveModel
from .linear_model._base import BilevelLinearModel
from .plotting import (
    ConvergenceDisplay,
    GroupPenaltyDisplay,
    PartialEffectDisplay,
    ValidationObjectiveDisplay,
)
from .plotting._base import FITTED_PART, last_step

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem;
  padding: 1rem; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.3rem, 6vw, 2rem); }
section { margin: 2rem 0; }
.wide { overflow-x: auto; }
img { background: white; height: auto; max-width: 100%; }
table { font-variant-numeric: tabular-nums; }
.sklearn-myhpo-learned :is(td, th) { white-space: nowrap; }
footer { border-top: 1px solid; font-size: 0.85rem; margin-top: 3rem; }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{sections}
<footer><p>{footer}</p></footer>
</body>
</html>
"""


def report(
    model: BaseEstimator,
    path: str | os.PathLike[str],
    *,
    feature_names: ArrayLike | None = None,
) -> Path:
    """Write a report of a fitted model as one self-contained HTML file.

    It has what the notebook and the displays show, one below the other: the diagram of
    the estimator, its summary, the learned penalties, the validation loss along the
    penalty (along the iterations, where there are several), the certificate, the scores
    of held-out rows where `scoring` or `store_cv_results` kept them, and the
    coefficients by name. An additive model has its terms with their pictures instead of
    coefficients and penalties. Nothing is fitted or predicted.

    Parameters
    ----------
    model : estimator
        A fitted linear or additive model of this package, or a pipeline that ends with
        one. Of a search pass its ``best_estimator_``, of a
        `TransformedTargetRegressor` its ``regressor_``.
    path : str or path-like
        The file to write, such as "report.html". A file that exists is replaced.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the features of a linear model, as in its `summary`. None takes those
        that the fit saw, and of a pipeline those that its transformers give.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If the model is of another kind.
    ValueError
        If the number of names is not that of the features, or names are given for an
        additive model.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPORidge, report
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = MYHPORidge(scoring="r2").fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(model, Path(folder) / "diabetes.html")
    ...     "Certificate" in page.read_text(encoding="utf-8")
    True
    """
    learner = last_step(model)
    if not isinstance(learner, BilevelLinearModel | AdditiveModel):
        raise TypeError(
            "model must be a fitted linear or additive model of sklearn_myhpo, or a "
            f"pipeline that ends with one; {FITTED_PART}. Got {shown(learner)}."
        )
    check_is_fitted(learner)
    title = type(learner).__name__
    import_optional("matplotlib.pyplot", "report", extra="plot")
    is_additive = isinstance(learner, AdditiveModel)
    if is_additive and feature_names is not None:
        raise ValueError(
            "feature_names must be None for an additive model, which names its terms. "
            f"Got {shown(feature_names)}."
        )
    parts = (
        _of_additive(learner)
        if is_additive
        else _of_linear(
            learner, _names(model) if feature_names is None else feature_names
        )
    )
    sections = "\n".join(
        f'<section>\n<h2>{escape(heading)}</h2>\n<div class="wide">{html}</div>\n'
        "</section>"
        for heading, html in [("Estimator", estimator_html_repr(model)), *parts]
        if html
    )
    footer = (
        f"Made by sklearn-myhpo {__version__} with scikit-learn {sklearn.__version__}."
    )
    page = _PAGE.format(title=title, style=_STYLE, sections=sections, footer=footer)
    path = Path(path)
    path.write_text(page, encoding="utf-8")
    return path


def _names(model):
    """Return the names that the transformers of a pipeline give, or None."""
    if not isinstance(model, Pipeline) or len(model) == 1:
        return None
    if model[-1]._known_names() is not None:
        return None
    try:
        return model[:-1].get_feature_names_out()
    except (AttributeError, ValueError):
        # A transformer may have no names, or need those of features that had none.
        return None


def _of_linear(model, feature_names):
    """Return the sections of a linear model: pairs of a heading and HTML."""
    summary = model.summary(feature_names=feature_names)
    return [
        ("Summary", _paragraphs(summary._lines())),
        ("Learned penalties", model._learned_html() + _penalty_picture(model)),
        *_of_fit(model),
        ("Coefficients", html_table(*summary._table())),
    ]


def _of_additive(model):
    """Return the sections of an additive model."""
    summary = model.summary()
    return [
        ("Summary", _paragraphs(summary._lines())),
        ("Terms", html_table(*summary._table()) + _effects_picture(model)),
        *_of_fit(model.model_),
    ]


def _of_fit(model):
    """Return the sections on the convergence and the checks of the fit."""
    return [
        ("Validation loss", _loss_picture(model)),
        ("Certificate", _checks(model)),
        ("Held-out rows", _score_table(model)),
    ]


def _checks(model):
    """Return the certificate and the optimism, or nothing without a certificate."""
    if model.certificate_ is None:
        return ""
    text = f"<pre>{escape(str(model.certificate_))}</pre>"
    if model.optimism_ is not None:
        text += (
            "\n<p>Optimism: lambda was learned from the validation loss, which is "
            f"expected to lie {model.optimism_:.4g} below that of new rows.</p>"
        )
    return text


def _paragraphs(lines):
    return "\n".join(f"<p>{escape(line)}</p>" for line in lines)


def _score_table(model):
    """Return the table of scores of held-out rows, or nothing without any."""
    scores = model.cv_scores_
    if scores is not None and not isinstance(scores, dict):
        scores = {"score": scores}
    values = dict(scores or {})
    if model.cv_losses_ is not None:
        values["loss"] = model.cv_losses_
    if not values:
        return ""
    caption = "By models that have not seen the rows; scores are not what is minimized."
    heads = ["", "mean", "lowest", "highest", "values"]
    rows = [
        [name, *(f"{number:.4g}" for number in _spread(each)), str(np.size(each))]
        for name, each in values.items()
    ]
    return html_table(caption, heads, rows)


def _spread(values):
    return np.mean(values), np.min(values), np.max(values)


def _loss_picture(model):
    """Return the loss along lambda, or along the iterations without such a curve."""
    if model.validation_curve_ is not None and not np.ndim(model.lambda_):
        draw, alt = ValidationObjectiveDisplay.from_estimator, "along lambda"
    else:
        draw, alt = ConvergenceDisplay.from_estimator, "along the iterations"
    return _picture(lambda: draw(model), f"The validation loss {alt}")


def _penalty_picture(model):
    """Return the penalties of groups and classes, or nothing without these."""
    if model.feature_groups is None and not model._is_per_class:
        return ""
    draw = GroupPenaltyDisplay.from_estimator
    of_classes = " and class" if model._is_per_class else ""
    text = f"The penalty strength of every group{of_classes}"
    return _picture(lambda: draw(model), text)


def _effects_picture(model):
    """Return the picture of the effects of the terms in the model."""
    if set(model.term_names_) <= set(model.dropped_):
        return ""
    draw = PartialEffectDisplay.from_estimator
    return _picture(lambda: draw(model), "The effect of every term, with its band")


def _picture(draw, alt):
    """Return what a display draws as a picture in the page."""
    plt = import_optional("matplotlib.pyplot", "report", extra="plot")
    with plt.ioff():
        figure = draw().figure_
        file = io.BytesIO()
        figure.savefig(file, format="svg")
        plt.close(figure)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<p><img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}"></p>'
