"""Try an installed package: python -I smoke.py, outside of any checkout.

It prints what it tried. An error ends it.
"""

import importlib
import importlib.util
import pkgutil
import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklearn_myhpo
from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge

EXTRAS = {"torch", "pandas", "matplotlib", "dask", "distributed", "pyarrow"}


def try_modules():
    """Import every module, extras aside."""
    found = list(pkgutil.walk_packages(sklearn_myhpo.__path__, "sklearn_myhpo."))
    for module in found:
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            # The package says itself what to install, from the error of Python.
            missing = error if error.__cause__ is None else error.__cause__
            if getattr(missing, "name", None) not in EXTRAS:
                raise
    return f"{len(found)} modules"


def try_metadata():
    """Compare what is installed with what it says of itself."""
    home, found = Path(sklearn_myhpo.__file__).parent, metadata("sklearn-myhpo")
    assert home.is_relative_to(sys.prefix), home
    assert (home / "py.typed").exists()
    assert found["Version"] == sklearn_myhpo.__version__
    assert found["License-Expression"] == "BSD-3-Clause"
    return f"version {found['Version']} in {home}"


def try_fits():
    """Fit a regression and a classification."""
    X, y = load_diabetes(return_X_y=True)
    model = MYHPORidge().fit(X, y)
    plain = Ridge(alpha=model.alpha_).fit(X, y)
    assert abs(plain.coef_ - model.coef_).max() < 1e-6 * abs(plain.coef_).max()
    pipeline = make_pipeline(StandardScaler(), MYHPOLogisticRegression())
    pipeline.fit(*load_breast_cancer(return_X_y=True))
    assert pipeline[-1].converged_
    if importlib.util.find_spec("matplotlib"):
        with tempfile.TemporaryDirectory() as folder:
            page = sklearn_myhpo.report(pipeline, Path(folder) / "report.html")
            assert "MYHPOLogisticRegression" in page.read_text(encoding="utf-8")
    return "fits of diabetes and breast_cancer"


if __name__ == "__main__":
    for attempt in (try_metadata, try_modules, try_fits):
        print("  ok:", attempt())
