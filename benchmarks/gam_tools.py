"""The tools of `benchmarks.additive` behind a common interface.

Every tool has `fit(X, y)`, `predict(X)` or `probability(X)`, and `edof(X)`, the
effective degrees of freedom with the intercept or NaN. With `has_bands` it also has
`term_edof(column)` and `band(X, column)`, the effect of a number in every row and half
the width of its 95 % band.
"""

import shutil
import subprocess
import tempfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from sklearn_myhpo import (
    MYHPOAdditiveClassifier,
    MYHPOAdditiveRegressor,
    MYHPOLogisticRegression,
)

#: Functions of a curve, and the normal quantile of the bands.
K, QUANTILE = 20, 1.959963984540054
ALPHAS = np.geomspace(1e-5, 1e5, 50)
RSCRIPT = shutil.which("Rscript")


class Estimator:
    """A tool whose attribute `model` is an estimator of scikit-learn's kind."""

    def fit(self, X, y):
        """Fit."""
        self.model.fit(X, y)

    def predict(self, X):
        """Return predictions."""
        return self.model.predict(X)

    def probability(self, X):
        """Return probabilities of the second class."""
        return self.model.predict_proba(X)[:, 1]


class Ours(Estimator):
    """The additive models of this package."""

    has_bands = True

    def __init__(self, X, categorical, cls=MYHPOAdditiveRegressor, **options):
        options["categorical"] = list(categorical) or "auto"
        self.model = cls(n_splines=K, **options)

    def edof(self, X):
        """Return those of all terms and the intercept."""
        edof = self.model.edof_
        return np.nan if edof is None else 1.0 + edof.sum()

    def term_edof(self, column):
        """Return those of a number."""
        return self.model.edof_[list(self.model.term_names_).index(f"x{column}")]

    def band(self, X, column):
        """Return the effect in every row, and half the width."""
        name = f"x{column}"
        effect = self.model.partial_effects(name)[name]
        half_width = (effect.high - effect.low) / 2.0
        at = partial(np.interp, X[:, column], effect.values)
        return at(effect.effect), at(half_width)


class PyGAM:
    """pyGAM, with its default strength or the best of its grid for all terms."""

    has_bands = True

    def __init__(self, X, categorical, is_classification=False, has_search=False):
        from pygam import LinearGAM, LogisticGAM, f, s

        terms = [
            f(k) if k in categorical else s(k, n_splines=min(K, n_values(X[:, k])))
            for k in range(X.shape[1])
            if n_values(X[:, k]) > 1
        ]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        self.has_search = has_search
        self.model = (LogisticGAM if is_classification else LinearGAM)(total)

    def fit(self, X, y):
        """Fit, or search."""
        from pygam.utils import OptimizationError

        try:
            if self.has_search:
                self.model.gridsearch(X, y, progress=False)
            else:
                self.model.fit(X, y)
        except OptimizationError as error:
            raise RuntimeError("failed") from error

    def predict(self, X):
        """Return predictions."""
        return self.model.predict(X)

    def probability(self, X):
        """Return probabilities of the second class."""
        return np.clip(self.model.predict_mu(X), 1e-15, 1.0 - 1e-15)

    def edof(self, X):
        """Return those of the model."""
        return self.model.statistics_["edof"]

    def term_edof(self, column):
        """Return those of a number."""
        own = self.model.terms.get_coef_indices(column)
        return self.model.statistics_["edof_per_coef"][own].sum()

    def band(self, X, column):
        """Return the effect in every row, and half the width."""
        effect, band = self.model.partial_dependence(column, X=X, width=0.95)
        return effect, (band[:, 1] - band[:, 0]) / 2.0


class OneStrength(Estimator):
    """scikit-learn's splines, all terms with one strength."""

    has_bands = False

    def __init__(self, X, categorical, is_classification=False):
        numbers = [k for k in range(X.shape[1]) if k not in categorical]
        splines = SplineTransformer(K - 2, knots="quantile", include_bias=False)
        encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        columns = make_column_transformer((splines, numbers), (encode, [*categorical]))
        last = RidgeCV(ALPHAS)
        if is_classification:
            last = LogisticRegressionCV(
                Cs=np.logspace(-4, 4, 10),
                cv=5,
                scoring="neg_log_loss",
                max_iter=1000,
                l1_ratios=(0.0,),
                use_legacy_attributes=False,
            )
        self.model = make_pipeline(columns, last)

    def edof(self, X):
        """Return the trace of the hat matrix of ridge regression."""
        if not isinstance(self.model[-1], RidgeCV):
            return np.nan
        columns = self.model[:-1].transform(X)
        values = np.linalg.svd(columns - columns.mean(axis=0), compute_uv=False) ** 2
        return 1.0 + np.sum(values / (values + self.model[-1].alpha_))


class Lines(Estimator):
    """Our logistic regression on the standardized numbers, with one strength."""

    has_bands = False

    def __init__(self, X, categorical):
        self.model = make_pipeline(StandardScaler(), MYHPOLogisticRegression())

    def edof(self, X):
        """Return NaN."""
        return np.nan


class Mgcv:
    """mgcv through Rscript: `gam` with REML, or `bam` with discrete covariates.

    A prediction starts R once more, with the fit that it saved. Seconds are those of
    the processor in R's own count.
    """

    has_bands = False

    def __init__(self, X, categorical, call="gam", family="gaussian"):
        method = "discrete=TRUE" if call == "bam" else "method='REML'"
        terms = [
            f"factor(V{k})"
            if k in categorical
            else f"s(V{k},k={min(K, n_values(X[:, k]) - 1)})"
            if n_values(X[:, k]) > 4
            else f"V{k}"
            for k in range(X.shape[1])
        ]
        formula = f"y~{'+'.join(terms)}"
        self.call = f"{call}({formula},data=d,family={family},{method})"
        self.folder = tempfile.TemporaryDirectory()

    def fit(self, X, y):
        """Fit, and set `seconds`."""
        lines = self._run(
            f"t<-sum(proc.time()[1:2]); m<-{self.call};"
            "cat(sum(proc.time()[1:2])-t, sum(m$edf)); saveRDS(m,'model.rds')",
            np.column_stack([X, y]),
            [f"V{k}" for k in range(X.shape[1])] + ["y"],
        )
        self.seconds, self.total = map(float, lines.split())

    def predict(self, X):
        """Return predictions."""
        text = self._run(
            "m<-readRDS('model.rds'); cat(predict(m,d,type='response'),sep='\\n')",
            X,
            [f"V{k}" for k in range(X.shape[1])],
        )
        return np.array(text.split(), dtype=float)

    probability = predict

    def edof(self, X):
        """Return those of the model."""
        return self.total

    def _run(self, code, table, names):
        path = Path(self.folder.name) / "data.csv"
        np.savetxt(path, table, "%.17g", ",", header=",".join(names), comments="")
        code = f"library(mgcv); d<-read.csv('data.csv'); {code}"
        done = subprocess.run(
            [RSCRIPT, "-e", f"suppressMessages({{{code}}})"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder.name,
        )
        if done.returncode:
            raise RuntimeError("failed")
        return done.stdout


def n_values(x):
    """Return how many values a number has."""
    return len(np.unique(x))


#: Label -> `make(X, categorical)`; ours first.
REGRESSORS = {
    "MYHPOAdditiveRegressor": Ours,
    "the same, criterion=gcv": partial(Ours, criterion="gcv"),
    "the same, cv=5": partial(Ours, cv=5),
    "SplineTransformer + RidgeCV": OneStrength,
    "pyGAM": PyGAM,
    "pyGAM, gridsearch": partial(PyGAM, has_search=True),
    "mgcv, gam": Mgcv,
    "mgcv, bam": partial(Mgcv, call="bam"),
}
CLASSIFIERS = {
    "MYHPOAdditiveClassifier": partial(Ours, cls=MYHPOAdditiveClassifier),
    "MYHPOLogisticRegression, lines": Lines,
    "SplineTransformer + LogisticRegressionCV": partial(
        OneStrength, is_classification=True
    ),
    "pyGAM": partial(PyGAM, is_classification=True),
    "pyGAM, gridsearch": partial(PyGAM, is_classification=True, has_search=True),
    "mgcv, gam": partial(Mgcv, family="binomial"),
    "mgcv, bam": partial(Mgcv, call="bam", family="binomial"),
}


def missing():
    """Return label -> reason for the tools that cannot run."""
    reasons = {}
    for label in {**REGRESSORS, **CLASSIFIERS}:
        if label.startswith("pyGAM") and find_spec("pygam") is None:
            reasons[label] = "pygam is not installed"
        if label.startswith("mgcv") and not has_mgcv():
            reasons[label] = "R with mgcv is not installed"
    return reasons


def has_mgcv():
    """Return whether R has mgcv."""
    if RSCRIPT is None:
        return False
    done = subprocess.run(
        [RSCRIPT, "-e", "library(mgcv)"], capture_output=True, check=False
    )
    return done.returncode == 0
