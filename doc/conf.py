"""Sphinx configuration."""

from sklearn_myhpo import __version__

project = "sklearn-myhpo"
author = "the sklearn_myhpo developers"
project_copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "literal"

autodoc_typehints = "none"
# The autosummary template lists the members, numpydoc must not repeat them.
numpydoc_show_class_members = False
# Unlike the lint hook, the build imports the code and so knows every signature:
# parameters that are documented but gone, or in another order.
numpydoc_validation_checks = {"PR02", "PR03"}

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_show_sourcelink = False
html_theme_options = {"show_prev_next": False}


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out the methods that scikit-learn itself provides and documents."""
    if (getattr(obj, "__module__", None) or "").startswith("sklearn."):
        return True
    return None


def setup(app):
    """Connect the handler."""
    app.connect("autodoc-skip-member", skip_inherited)
