"""Compare the example notebook with its script, and run it from beginning to end.

    python -m tools.notebook [--write]

The script in percent format is what people edit; the notebook is made of it. With
--write the notebook is made anew, without outputs.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"


def cells_of(notebook):
    """Return the kinds and texts of the cells."""
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def main():
    """Check or write all notebooks of the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make them anew")
    options = parser.parse_args()
    for script in sorted(FOLDER.glob("*.py")):
        path, start = script.with_suffix(".ipynb"), time.monotonic()
        notebook = jupytext.read(script)
        if options.write:
            for number, cell in enumerate(notebook.cells):
                cell.id = f"cell-{number}"
            jupytext.write(notebook, path)
        elif cells_of(nbformat.read(path, as_version=4)) != cells_of(notebook):
            sys.exit(
                f"{path.name} is not {script.name}: python -m tools.notebook --write"
            )
        with tempfile.TemporaryDirectory() as folder:
            resources = {"metadata": {"path": folder}}
            NotebookClient(notebook, timeout=300, resources=resources).execute()
        print(f"{path.name}: {time.monotonic() - start:.0f} seconds")


if __name__ == "__main__":
    main()
