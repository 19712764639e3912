"""The published figures, Tables 2 to 7: losses of 2 and 4 to 7 as printed, in 1e-2."""

import csv
from pathlib import Path
from typing import NamedTuple

from .settings import BEST

PATH = Path(__file__).with_name("published.csv")
QUANTITIES = ("train_loss", "validation_loss", "test_loss", "n_iter")
#: The loss that one printed unit of a table stands for.
UNIT = 1e-2


class Row(NamedTuple):
    """One row of a table: a method with a setting, and its figures.

    Attributes
    ----------
    table : int
    data, method : str
        As in `settings`.
    setting : str
        "alpha=0.05,beta=0.1", "best", "rho=1", or nothing.
    n_trials : int
        n_S; 0 for a method that is not a search.
    values : dict
        Quantity -> (mean, standard deviation), as printed.
    """

    table: int
    data: str
    method: str
    setting: str
    n_trials: int
    values: dict

    @property
    def steps(self):
        """Step sizes, those of Table 2 from its text: the best of Tables 4 to 7."""
        if self.setting == "best":
            return BEST[self.data].get(self.method, ())
        pairs = [part.split("=") for part in self.setting.split(",") if part]
        return tuple(float(value) for name, value in pairs if name != "rho")

    @property
    def key(self):
        """Data, method, step sizes and n_S, which identify our runs of the same."""
        return self.data, self.method, self.steps, self.n_trials


def read_published(path=PATH):
    """Return the published rows in the order of the file."""
    rows = {}
    with Path(path).open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            searches = line["method"] in ("random", "grid", "hyperopt", "spearmint")
            n_trials = int(line["n_S"]) if searches else 0
            key = (int(line["table"]), line["data"], line["method"], line["setting"])
            values = rows.setdefault((*key, n_trials), {})
            mean, deviation = float(line["mean"]), float(line["sd"])
            values[line["quantity"]] = (mean, deviation)
    return [Row(*key, values) for key, values in rows.items()]
