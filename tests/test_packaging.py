"""What index pages, installers and workflows read agrees with the package."""

import hashlib
import io
import json
import re
import runpy
import tarfile
import tomllib
from pathlib import Path

import pytest

import sklearn_myhpo
from sklearn_myhpo import _addresses

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
SETUP = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
PYTHON = re.compile(r"Programming Language :: Python :: (3\.\d+)")


def text_of(name):
    """Return the text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_readme_on_an_index_page():
    """Pictures would be missing there, and links lead nowhere."""
    readme, repository = text_of("README.md"), "https://host.example/own/project"
    found = SETUP["for_index_page"](readme, repository, "v1.2.3")
    targets = re.findall(r"\]\(([^)]+)\)", found)
    assert targets
    for target in targets:
        assert re.match(r"https?://", target), target
    (picture,) = (one for one in targets if one.endswith("quick_look.png"))
    assert picture == f"{repository}/raw/v1.2.3/doc/pictures/quick_look.png"
    # Nothing else changes.
    back = re.sub(rf"{repository}/(raw|blob)/v1.2.3/", "", found)
    assert back == readme


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[guide](doc/api.rst)", "[guide](R/blob/t/doc/api.rst)"),
        ("[a](doc/api.rst#estimators)", "[a](R/blob/t/doc/api.rst#estimators)"),
        (
            "[![now](doc/family/seconds.png)](doc/family.md)",
            "[![now](R/raw/t/doc/family/seconds.png)](R/blob/t/doc/family.md)",
        ),
        (
            '<img src="doc/family/passes.png" width="9">',
            '<img src="R/raw/t/doc/family/passes.png" width="9">',
        ),
        ("[out](https://a.example/b)", "[out](https://a.example/b)"),
        ("[below](#measured) and X[rows](y)", "[below](#measured) and X[rows](y)"),
    ],
)
def test_targets_of_links(text, expected):
    """A kind of link would be forgotten, or code be changed."""
    assert SETUP["for_index_page"](text, "R", "t") == expected


def test_pages_of_the_repository_link_to_files():
    """A reader of the repository would follow a link to nothing."""
    for page in sorted(ROOT.glob("*.md")):
        text = re.sub(
            r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL
        )
        for target in re.findall(r"\]\((?![a-z]+:|#)([^)#]+)", text):
            assert (ROOT / target).exists(), (page.name, target)


def test_addresses_have_one_home():
    """A new address of the project would have to be set in many places."""
    known = {_addresses.PLACEHOLDER, _addresses.REPOSITORY, _addresses.DOCUMENTATION}
    folders = ("sklearn_myhpo", "doc", "examples", "notebooks", "tools", ".github")
    files = [path for path in ROOT.glob("*") if path.suffix in (".md", ".toml", ".cff")]
    for folder in folders:
        files += [
            path
            for path in (ROOT / folder).rglob("*")
            if path.suffix in (".md", ".py", ".rst", ".yml", ".yaml", ".ipynb")
            and not {"_build", "auto_examples", "generated"} & set(path.parts)
        ]
    homes = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(one in path.read_text(encoding="utf-8") for one in known)
    }
    assert homes == {"sklearn_myhpo/_addresses.py"}


def test_metadata_has_the_addresses():
    """An index page would have no link to the documentation."""
    urls = SETUP["urls"]()
    assert urls["Documentation"] == _addresses.DOCUMENTATION
    assert urls["Source"] == _addresses.REPOSITORY
    assert set(PROJECT["dynamic"]) == {"readme", "urls", "version"}
    assert not _addresses.is_public("https://example.org/any")
    assert _addresses.is_public("https://host.example/any")


def test_versions_agree():
    """A citation would name another version than the one that was used."""
    stated = SETUP["stated"]("_version.py")["__version__"]
    assert sklearn_myhpo.__version__ == stated
    assert f"\nversion: {stated}\n" in text_of("CITATION.cff")
    assert f"\n## [{stated}]" in text_of("CHANGELOG.md")


def test_versions_of_python_agree():
    """A version would be promised that no workflow tests."""
    promised = PYTHON.findall("\n".join(PROJECT["classifiers"]))
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert promised[0] == oldest
    workflow = text_of(".github/workflows/tests.yml")
    newest, _, others = workflow.partition("\n  oldest:\n")
    assert set(re.findall(r'"(3\.\d+)"', newest)) == set(promised)
    assert re.search(r'python-version: "(.*)"', others).group(1) == oldest


def test_recipe_for_conda(tmp_path):
    """The recipe would have another version, sum or dependency than the release."""
    recipes = pytest.importorskip("tools.conda_recipe")
    metadata = (
        b"Name: sklearn-myhpo\nVersion: 9.8.7\nSummary: Text.\n"
        b"Requires-Python: >=3.11\nLicense-Expression: BSD-3-Clause\n"
        b"Project-URL: Source, https://host.example/own\n"
        b"Project-URL: Documentation, https://docs.example\n"
        b'Requires-Dist: numpy>=1.26\nRequires-Dist: pandas>=2; extra == "test"\n'
    )
    sdist = tmp_path / "sklearn_myhpo-9.8.7.tar.gz"
    with tarfile.open(sdist, "w:gz") as archive:
        member = tarfile.TarInfo("sklearn_myhpo-9.8.7/PKG-INFO")
        member.size = len(metadata)
        archive.addfile(member, io.BytesIO(metadata))
    lines = [line.strip() for line in recipes.recipe(sdist).splitlines()]
    assert 'version: "9.8.7"' in lines
    assert 'python_min: "3.11"' in lines
    assert f"sha256: {hashlib.sha256(sdist.read_bytes()).hexdigest()}" in lines
    assert "- numpy >=1.26" in lines
    assert not any("pandas" in line for line in lines)
    (url,) = (line for line in lines if line.startswith("url:"))
    name = "sklearn_myhpo-${{ version }}.tar.gz"
    assert (
        url
        == f"url: https://host.example/own/releases/download/v${{{{ version }}}}/{name}"
    )


def test_release_check_finds_dead_links():
    """A picture that is missing on the index page would be found by users."""
    check = pytest.importorskip("tools.release_check")
    text = "[a](doc/b.md)\n```python\nx[0](y)\n```\n![c](https://d.example/e.png)"
    assert check.RELATIVE.findall(check.without_code(text)) == ["](doc/b.md"]
    assert check.RELATIVE.findall('<img src="f.svg"> [g](#h)') == ['src="f.svg']


def test_notebooks_equal_their_scripts():
    """Who opens the notebook would see another text than who reads the script."""
    scripts = sorted((ROOT / "notebooks").glob("*.py"))
    assert scripts
    for script in scripts:
        header, *parts = re.split(r"^# %%(.*)\n", text_of(script), flags=re.MULTILINE)
        assert "percent" in header
        written = []
        for mark, body in zip(parts[::2], parts[1::2], strict=True):
            lines = body.strip("\n").split("\n")
            if "[markdown]" in mark:
                lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
            written.append("\n".join(lines))
        notebook = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))
        assert ["".join(cell["source"]) for cell in notebook["cells"]] == written
