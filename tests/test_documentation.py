"""What the documentation shows must run."""

import doctest
import importlib
import re
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    "sklearn_myhpo.linear_model.ridge",
    "sklearn_myhpo.linear_model.logistic",
    "sklearn_myhpo.criteria.sure",
    "sklearn_myhpo.compose",
]


def test_readme_snippets_run():
    """A reader who copies the README from top to bottom would get an error."""
    blocks = re.findall(
        r"^( *)```python\n(.*?)^ *```$",
        (ROOT / "README.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    assert len(blocks) >= 3
    code = "\n".join(textwrap.dedent(block) for _, block in blocks)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert list(names["grouped"].C_.round(2)) == [0.84, 0.31, 1.23]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    """An example of the reference would not give what it says."""
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
