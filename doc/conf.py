"""Sphinx configuration."""

import re
import runpy
import sys
import zlib
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from sphinx.ext.intersphinx import missing_reference
from sphinx_gallery.sorting import ExplicitOrder

from sklearn_myhpo import __version__, _addresses

project = "sklearn-myhpo"
author = "the sklearn_myhpo developers"
project_copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["_build", "auto_examples/*.ipynb", "generated/examples"]
templates_path = ["_templates"]
# A name in backquotes is a link where it is one of the API.
default_role = "py:obj"

# In the order in which one would read them.
GALLERY = [
    "plot_quick_start.py",
    "plot_against_grid_search.py",
    "plot_pipeline.py",
    "plot_column_transformer.py",
    "plot_curves.py",
    "plot_groups_on_spectra.py",
    "plot_pixels.py",
    "plot_insurance.py",
    "plot_which_rows.py",
    "plot_more_rows_than_memory.py",
    "plot_cluster.py",
    "plot_criteria.py",
    "plot_certificate.py",
    "plot_report.py",
    "plot_hand_over.py",
    "plot_convergence.py",
    "plot_own_solver.py",
    "plot_own_loss.py",
    "plot_own_data_source.py",
    "plot_poisson_loss.py",
    "plot_own_network.py",
    "plot_two_layer_linear_network.py",
]
# Where `gallery.py` is.
sys.path.insert(0, str(Path(__file__).parent))
# Without PyTorch, which is large, the examples that need it are shown but not run.
left_out = "" if find_spec("torch") else "(?!two_layer|own_network)"
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": rf"/plot_{left_out}",
    "ignore_pattern": r"demo\.py",
    "within_subsection_order": ExplicitOrder(GALLERY),
    "reference_url": {"sklearn_myhpo": None},
    "backreferences_dir": "generated/examples",
    "doc_module": "sklearn_myhpo",
    "download_all_examples": False,
    "min_reported_time": 30,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    # Its page needs a network.
    "write_computation_times": False,
    "parallel": 2,
    # The first two go back to matplotlib's and seaborn's defaults.
    "reset_modules": ("matplotlib", "seaborn", "gallery.use_style"),
}

autodoc_typehints = "none"
# The autosummary template lists the members, numpydoc must not repeat them.
numpydoc_show_class_members = False
# Unlike the lint hook, the build imports the code and so knows every signature:
# parameters that are documented but gone, or in another order.
numpydoc_validation_checks = {"PR02", "PR03"}

# Names of scikit-learn that pages may link to, known without a network.
HERE = Path(__file__).parent
names = [line.split() for line in (HERE / "scikit_learn.txt").read_text().splitlines()]
entries = [f"{name} py:{kind} 1 modules/generated/$.html#$ -" for kind, name in names]
inventory = HERE / "_build/scikit_learn.inv"
inventory.parent.mkdir(exist_ok=True)
inventory.write_bytes(
    b"# Sphinx inventory version 2\n# Project: scikit-learn\n# Version: stable\n"
    b"# The remainder of this file is compressed using zlib.\n"
    + zlib.compress("\n".join([*entries, ""]).encode())
)
intersphinx_mapping = {"sklearn": ("https://scikit-learn.org/stable/", str(inventory))}

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_show_sourcelink = False
html_css_files = ["site.css"]
html_favicon = "_static/favicon.svg"
# Prompts of examples in docstrings are not copied.
copybutton_prompt_text = ">>> |\\.\\.\\. |\\$ "
copybutton_prompt_is_regexp = True
# Formulas of a site that is read without a network: MathJax comes with a package.
html_static_path = [
    "_static",
    str(Path(find_spec("sphinx-mathjax-offline").origin).parent / "static"),
]
mathjax_path = "mathjax/tex-chtml.js"
# Pages without a section of their own.
without = ("get_started", "glossary", "install", "support", "changelog")
html_sidebars = {page: [] for page in without}
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_prev_next": False,
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo-dark.svg",
        "alt_text": f"{project}, first page",
    },
}
if _addresses.is_public(_addresses.DOCUMENTATION):
    html_baseurl = f"{_addresses.DOCUMENTATION}/"
if _addresses.is_public(_addresses.REPOSITORY):
    html_theme_options["icon_links"] = [
        {
            "name": "Source",
            "url": _addresses.REPOSITORY,
            "icon": "fa-brands fa-square-git",
        }
    ]


#: Names of classes, which pages write without their modules.
CLASS_NAME = re.compile(r"[A-Z]\w+$")


def resolve_short_name(app, env, node, contnode):
    """Link the name of a class of this package, or of scikit-learn, to its page."""
    target = node["reftarget"]
    if node.get("reftype") != "obj" or not CLASS_NAME.match(target):
        return None
    domain = env.get_domain("py")
    own = [name for name in domain.objects if name.endswith(f".{target}")]
    foreign = [name for name, _ in names if name.endswith(f".{target}")]
    if own:
        name = min(own, key=len)
        here = node.get("refdoc", env.docname)
        return domain.resolve_xref(env, here, app.builder, "obj", name, node, contnode)
    if len(foreign) == 1:
        node["reftarget"] = foreign[0]
        return missing_reference(app, env, node, contnode)
    return None


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out the methods that scikit-learn itself provides and documents."""
    if (getattr(obj, "__module__", None) or "").startswith("sklearn."):
        return True
    return None


# Pages of measurements, whose long and wide tables are folded.
FOLDED = (
    "additive",
    "families",
    "family",
    "many_lambdas",
    "performance",
    "reproduction/preprocessing",
    "reproduction/tables",
)
LONG_TABLE, WIDE_TABLE = 10, 7


def fold_tables(app, doctree):
    """Put the long and wide tables of some pages into boxes that open."""
    if app.env.docname not in FOLDED or app.builder.format != "html":
        return
    for table in list(doctree.findall(nodes.table)):
        rows = sum(len(body) for body in table.findall(nodes.tbody))
        columns = sum(1 for _ in table.findall(nodes.colspec))
        if rows >= LONG_TABLE or columns >= WIDE_TABLE:
            head = f"<details><summary>Table of {rows} rows</summary>"
            before, after = (
                nodes.raw("", html, format="html") for html in (head, "</details>")
            )
            place = table.parent.index(table)
            table.parent.insert(place + 1, after)
            table.parent.insert(place, before)


def draw_diagrams(app):
    """Write the diagram that a page includes."""
    source = Path(app.srcdir)
    draw = runpy.run_path(str(source / "pictures" / "decision.py"))["draw"]
    (source / "generated").mkdir(exist_ok=True)
    (source / "generated" / "decision.html").write_text(draw(), encoding="utf-8")


def setup(app):
    """Connect the handlers."""
    app.connect("autodoc-skip-member", skip_inherited)
    # After intersphinx, which knows full names.
    app.connect("missing-reference", resolve_short_name, priority=600)
    app.connect("builder-inited", draw_diagrams)
    app.connect("doctree-read", fold_tables)
