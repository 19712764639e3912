"""Command line: measure the curves, print their exponents, fill the page."""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

from benchmarks.page import update

from .report import draw, render
from .sizes import BASES, SIZES, all_curves
from .timing import measure


def main(arguments=None, sizes=SIZES, bases=BASES):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--repeats", type=int, default=3, help="default: 3")
    parser.add_argument("--page", type=Path, help="page to fill and to draw beside")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats={options.repeats} must be at least 1")
    warnings.simplefilter("ignore")
    found = measure(all_curves(sizes), options.repeats, bases)
    text = render(found, bases)
    print(text)
    if options.page is not None:
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "growth.png"
            draw(found, picture)
            update(options.page, {"growth": text}, [picture])
    return 0


if __name__ == "__main__":
    sys.exit(main())
