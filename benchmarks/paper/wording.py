"""Names of things on the pages, and the form of a claim."""

from typing import NamedTuple

from .settings import TITLES

#: Methods of the paper, in a sentence.
NAMES = {
    "sho": "SHO",
    "myhpo-c": "MY-HPO (C)",
    "myhpo-bt": "MY-HPO (BT)",
    "random": "random search",
    "grid": "grid",
    "hyperopt": "hyperopt",
    "spearmint": "Spearmint",
}


class Claim(NamedTuple):
    """A claim, our verdict, and sentences of evidence."""

    text: str
    verdict: str
    evidence: list


def short(data):
    """Return the name of a data set without its loss."""
    return TITLES[data].split(",")[0]


def words(count, total):
    """Return a verdict for so many of all data sets."""
    if total and count == total:
        return "reproduces"
    return "reproduces in part" if count else "does not reproduce"
