"""
A report of a fitted model
==========================

`report` writes one HTML file about a fitted model or pipeline: summary, learned
penalties, validation loss, certificate, scores of held-out rows and coefficients by
name. The file is self-contained, so it can be sent by mail.
"""
# sphinx_gallery_thumbnail_path = '_static/thumbnails/report.png'

from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import MYHPORidge, report

# %%
# A pipeline with two penalties. ``scoring`` keeps a score of the held-out rows of each
# split, which the report then shows.

X, y = load_diabetes(return_X_y=True, as_frame=True)
groups = ["body"] * 4 + ["blood"] * 6
model = make_pipeline(
    StandardScaler(),
    MYHPORidge(feature_groups=groups, scoring=["r2", "neg_mean_absolute_error"]),
)
model.fit(X, y)

# %%
# The scaler returns an array without column names. The report uses the names from the
# pipeline; ``feature_names`` would set others.

with TemporaryDirectory() as folder:
    path = report(model, Path(folder) / "diabetes.html")
    page = path.read_text(encoding="utf-8")
print(f"{path.name}: {len(page) / 1024:.0f} KiB")

# %%
# The file in a browser:


class Frame:
    """A page in a frame of this page."""

    def __init__(self, page):
        self.page = page

    def _repr_html_(self):
        return (
            '<iframe title="The report of the model" style="width: 100%; '
            f'height: 40rem" srcdoc="{escape(self.page)}"></iframe>'
        )


Frame(page)
