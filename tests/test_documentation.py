"""What the documentation shows must run."""

import doctest
import importlib
import os
import re
import runpy
import textwrap
import warnings
from pathlib import Path

import pytest

import sklearn_myhpo
from sklearn_myhpo.criteria import CRITERIA
from sklearn_myhpo.solvers import SOLVERS

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
    "doc/user_guide/tensors.rst": "torch",
}


#: Pages that other tests run, and ask what came out.
RUN_ELSEWHERE = {
    "README.md": "test_readme_shows_what_comes_out",
    "doc/get_started.rst": "test_recipes.py",
    "doc/user_guide/recipes.rst": "test_recipes.py",
}


#: Pages whose snippets take long.
LONG = {
    "doc/user_guide/clusters.rst",
    "doc/user_guide/coming_from.rst",
    "doc/user_guide/counts.rst",
    "doc/user_guide/curves.rst",
    "doc/user_guide/groups.rst",
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


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page in LONG else ())
        for page in pages()
        if page not in RUN_ELSEWHERE
    ],
)
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


def test_the_diagram_names_what_there_is():
    """A reader would be led to a section, solver or criterion that does not exist."""
    drawn = runpy.run_path(str(ROOT / "doc" / "pictures" / "decision.py"))
    page = (ROOT / "doc" / "user_guide" / "choosing.rst").read_text(encoding="utf-8")
    titles = re.findall(r"^(.+)\n-+$", page, re.MULTILINE)
    anchors = {re.sub(r"\W+", "-", title.lower()).strip("-") for title in titles}
    anchors |= set(re.findall(r"^\.\. _(.+):$", page, re.MULTILINE))
    names = {}
    for _, anchor, answers in drawn["QUESTIONS"]:
        assert anchor in anchors
        names[anchor] = {
            name for _, take in answers for name in re.findall(r'^"(\w+)"', take)
        }
    assert names["which-criterion"] <= {"validation", *CRITERIA}
    assert names["which-solver"] <= set(SOLVERS)
    assert len(names["which-criterion"]) == 5
    assert len(names["which-solver"]) == 4
    estimators = drawn["QUESTIONS"][0][2]
    for _, take in estimators:
        for name in take.replace("…", "").replace("|", "").split(","):
            assert any(one.startswith(name) for one in sklearn_myhpo.__all__), name


def test_rows_of_tables_are_on_one_line():
    """Markdown shows a row that is broken into lines as a row and a paragraph."""
    for path in [ROOT / "README.md", *sorted((ROOT / "doc").rglob("*.md"))]:
        if not BUILT.isdisjoint(path.relative_to(ROOT).parts):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        broken = [line for line in lines if re.match(r"\| (?!.*\|$)", line)]
        assert not broken, f"{path}: {broken}"


def test_the_picture_has_the_ratios_that_the_readme_states():
    """The picture would show other speeds than the text beside it, or the tables."""
    pytest.importorskip("matplotlib", reason="the script draws")
    drawn = runpy.run_path(str(ROOT / "doc" / "pictures" / "quick_look.py"))
    ours, grid, grouped, trials = (
        drawn["seconds"](data, tool) for data, tool, _ in drawn["BARS"]
    )
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    stated = {60: "a sixtieth of the time of RidgeCV", 99: "a ninety-ninth of that"}
    assert all(words in text for words in stated.values())
    assert [round(grid / ours), round(trials / grouped)] == list(stated)


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
