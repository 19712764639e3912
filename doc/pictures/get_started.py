"""Run the page to get started, and write its outputs and its picture.

PYTHONPATH=. python doc/pictures/get_started.py
"""

import contextlib
import io
import os
import re
import tempfile
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt

FILE = Path(__file__).with_suffix(".png").resolve()
PAGE = Path(__file__).resolve().parents[1] / "get_started.rst"
CODE = ".. code-block:: python\n\n"
OUTPUT = ".. code-block:: none\n\n"
BLOCK = r"((?:   \S?.*\n|\n)*?)(?=\S|\Z)"
PAIR = re.compile(f"{re.escape(CODE)}{BLOCK}(?:{re.escape(OUTPUT)}{BLOCK})?")


def main():
    """Run every block, and put what it prints in the place of what stands there."""
    names = {}

    def run(found):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(textwrap.dedent(found[1]), names)
        code = f"{CODE}{found[1]}"
        if found[2] is None:
            return code
        return f"{code}{OUTPUT}{textwrap.indent(printed.getvalue(), '   ')}\n"

    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        text = PAIR.sub(run, text)
    PAGE.write_text(text, encoding="utf-8")
    figure = plt.gcf()
    figure.set_size_inches(7, 3.4)
    figure.set_layout_engine("constrained")
    figure.savefig(FILE, dpi=110)


if __name__ == "__main__":
    main()
