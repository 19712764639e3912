"""Fill the generated parts of a page of the documentation, prose left alone."""

import math
import re
import shutil
from pathlib import Path

MARKS = "<!-- begin {name} -->", "<!-- end {name} -->"


def fill(text, parts):
    """Return a page with what is between the marks of every part replaced.

    Raises
    ------
    ValueError
        If the page lacks a part's marks.
    """
    for name, part in parts.items():
        begin, end = (mark.format(name=name) for mark in MARKS)
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        if not re.search(pattern, text, flags=re.DOTALL):
            raise ValueError(f"The page has no {begin} ... {end}.")
        new = f"{begin}\n\n{part}\n\n{end}"
        text = re.sub(pattern, lambda _, new=new: new, text, flags=re.DOTALL)
    return text


def update(page, parts, files=()):
    """Write generated parts into a page, and copy files into its folder.

    The folder has the page's name without its suffix.
    """
    page = Path(page)
    text = fill(page.read_text(encoding="utf-8"), parts)
    folder = page.with_suffix("")
    for file in files:
        folder.mkdir(exist_ok=True)
        shutil.copyfile(file, folder / Path(file).name)
    page.write_text(text, encoding="utf-8")


#: Significant digits of what the tables show: differences below them mean nothing.
#: Losses differ by as little as one part in 10^4; times vary by some percent.
DIGITS = {"loss": 4, "seconds": 3, "strength": 3, "ratio": 2, "memory": 2}
#: Range of numbers that are written without an exponent.
PLAIN = 1e-5, 1e7


def rounded(value, kind):
    """Return a number as text, with the digits of a kind of `DIGITS`."""
    digits = DIGITS[kind]
    if not PLAIN[0] <= abs(value) < PLAIN[1]:
        return f"{value:.{digits}g}"
    value = float(f"{value:.{digits - 1}e}")
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:.{max(decimals, 0)}f}"


def markdown(head, rows, align_left=2):
    """Return a table in markdown."""
    rules = ["---" if k < align_left else "---:" for k in range(len(head))]
    lines = [head, rules, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
