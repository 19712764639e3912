"""What the documentation shows must run."""

import doctest
import importlib
import os
import re
import textwrap
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILT = {"_build", "auto_examples", "generated"}
SNIPPET = {
    ".md": re.compile(r"^( *)```python\n(.*?)^ *```$", re.MULTILINE | re.DOTALL),
    ".rst": re.compile(
        r"^( *)\.\. code-block:: python\n\n((?:\1 +\S.*\n|[ ]*\n)+)", re.MULTILINE
    ),
}
NEEDS = {
    "doc/neural_network.md": "torch",
    "doc/self_tuning_modules.md": "torch",
    "doc/user_guide/clusters.rst": "distributed",
    "doc/user_guide/curves.rst": "matplotlib",
    "doc/user_guide/fitting.rst": "sklearn.callback",
    "doc/user_guide/handing_over.rst": "matplotlib",
    "doc/user_guide/plots.rst": "matplotlib",
}


#: Pages that other tests run, and ask what came out.
RUN_ELSEWHERE = {
    "README.md": "test_readme_shows_what_comes_out",
    "doc/get_started.rst": "test_recipes.py",
    "doc/user_guide/recipes.rst": "test_recipes.py",
}


def snippets(path):
    """The Python code of a page, from top to bottom."""
    text = path.read_text(encoding="utf-8")
    return [
        textwrap.dedent(block) for _, block in SNIPPET[path.suffix].findall(text + "\n")
    ]


def pages():
    """The pages that show Python code, README first."""
    written = (
        path
        for path in sorted((ROOT / "doc").rglob("*"))
        if path.suffix in SNIPPET and not BUILT & set(path.parts)
    )
    return [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "README.md", *written)
        if snippets(path)
    ]


def modules_with_examples():
    """The modules whose docstrings have examples."""
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "sklearn_myhpo").rglob("*.py"))
        if ">>> " in path.read_text(encoding="utf-8")
    ]


def run_page(page, folder, monkeypatch):
    """Run the snippets of a page in a folder of its own, as a reader would."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {}
    for number, code in enumerate(snippets(ROOT / page), start=1):
        exec(compile(code, f"{page}, snippet {number}", "exec"), names)
    return names


def test_no_snippet_is_overlooked():
    """A page's code would go untested because it is marked in another way."""
    marks = {".md": "```python", ".rst": ".. code-block:: python"}
    found = pages()
    assert len(found) >= 12
    for page in found:
        text = (ROOT / page).read_text(encoding="utf-8")
        mark = marks[Path(page).suffix]
        assert len(snippets(ROOT / page)) == text.count(mark), page


@pytest.mark.parametrize("page", [p for p in pages() if p not in RUN_ELSEWHERE])
def test_snippets_run(page, tmp_path, monkeypatch):
    """A reader who copies a page from top to bottom would get an error."""
    if page in NEEDS:
        pytest.importorskip(NEEDS[page], reason=f"{page} uses {NEEDS[page]}")
    if page.endswith("data_sets.rst") and "SKLEARN_MYHPO_DATA" not in os.environ:
        pytest.skip("the page would download its data")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_page(page, tmp_path, monkeypatch)


def test_readme_shows_what_comes_out(tmp_path, monkeypatch):
    """The strengths in the README would not be those that a reader gets."""
    names = run_page("README.md", tmp_path, monkeypatch)
    shown = re.search(r"^ *# (\{'error'.*\})$", (ROOT / "README.md").read_text(), re.M)
    grouped = names["grouped"]
    learned = dict(zip(grouped.feature_group_names_, grouped.C_.round(2), strict=True))
    assert repr({k: float(v) for k, v in learned.items()}) == shown.group(1)


@pytest.mark.parametrize("name", modules_with_examples())
def test_docstring_examples(name):
    """An example of the reference would not give what it says."""
    if name.startswith("sklearn_myhpo.plotting"):
        pytest.importorskip("matplotlib", reason="displays draw with matplotlib")
    if name.startswith("sklearn_myhpo.neural_network"):
        pytest.importorskip("torch", reason="networks are trained by PyTorch")
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
