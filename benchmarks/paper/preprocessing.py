"""Preprocessings of X and y, by name."""

from typing import NamedTuple

import numpy as np


class Choice(NamedTuple):
    """How X and y are prepared.

    Attributes
    ----------
    base : str
        Steps of `BASES`, joined by "+": what is done to each row alone.
    scaling : str
        One of `SCALINGS`: what is done to each column.
    rows : str
        Rows whose statistics the scaling has: "training", "all" of the run, or each
        part's "own".
    target : str
        One of `TARGETS`; "" for classes.
    factor : int
        1 for the stated loss sum (y - w.x)^2 / 2n, 2 for the same without 1/2.
    share : float
        What is reported of an error whose mean square is the variance of y: .5, or 1,
        the share of the variance that is not explained.
    """

    base: str
    scaling: str
    rows: str
    target: str
    factor: int
    share: float

    def __str__(self):
        """Return the choice in words."""
        scaling = self.scaling
        if scaling != "none":
            scaling += {
                "training": " on training rows",
                "all": " on all rows",
                "own": " on each part's own rows",
            }[self.rows]
        words = [self.base] * (self.base != "none") + [scaling] * (scaling != "none")
        text = ["X " + ", ".join(words or ["as it is"])]
        if self.target:
            text += [f"y {self.target}", f"reported {self.share:g} MSE / var y"]
        return "; ".join(
            text + ["gradient of the loss without 1/2"] * (self.factor == 2)
        )


def _nonzero(values):
    # As scikit-learn's scalers do with a constant column.
    return np.where(values > 0, values, 1.0)


BASES = {
    "none": lambda X: X,
    "/ 255": lambda X: X / 255.0,
    "difference": lambda X: np.diff(X, axis=1),
    "SNV": lambda X: (
        (X - X.mean(axis=1, keepdims=True)) / _nonzero(X.std(axis=1, keepdims=True))
    ),
    "unit rows": lambda X: X / _nonzero(np.linalg.norm(X, axis=1, keepdims=True)),
}


def _interval(low, high):
    def statistics(X):
        scale = np.ptp(X, axis=0)
        scale = _nonzero(scale) / (high - low)
        return X.min(axis=0) - low * scale, scale

    return statistics


#: Name -> function from rows to what is subtracted, and what then divides.
SCALINGS = {
    "none": lambda X: (0.0, 1.0),
    "centred": lambda X: (X.mean(axis=0), 1.0),
    "[0, 1]": _interval(0.0, 1.0),
    "[-1, 1]": _interval(-1.0, 1.0),
    "standardized": lambda X: (X.mean(axis=0), _nonzero(X.std(axis=0))),
}
#: Name -> function from training targets to the same two numbers.
TARGETS = {
    "raw": lambda y: (0.0, 1.0),
    "centred": lambda y: (y.mean(), 1.0),
    "[0, 1]": lambda y: (y.min(), np.ptp(y)),
    "[-1, 1]": lambda y: ((y.max() + y.min()) / 2.0, np.ptp(y) / 2.0),
    "unit variance": lambda y: (0.0, y.std()),
    "standardized": lambda y: (y.mean(), y.std()),
}


def prepare(choice, parts):
    """Return the parts after a choice.

    Parameters
    ----------
    choice : Choice
        What is to be done.
    parts : list of (ndarray, ndarray)
        X and y of the training, the validation and the test rows.

    Returns
    -------
    list of (ndarray, ndarray)
        Prepared, in the same order.
    """
    Xs = [X for X, _ in parts]
    for step in choice.base.split("+"):
        Xs = [BASES[step](X) for X in Xs]
    scaling = SCALINGS[choice.scaling]
    if choice.rows == "own":
        found = [scaling(X) for X in Xs]
    else:
        rows = Xs[0] if choice.rows == "training" else np.concatenate(Xs)
        found = [scaling(rows)] * len(Xs)
    Xs = [(X - less) / by for X, (less, by) in zip(Xs, found, strict=True)]
    if not choice.target:
        return [(X, y) for X, (_, y) in zip(Xs, parts, strict=True)]
    less, by = TARGETS[choice.target](parts[0][1])
    return [(X, (y - less) / by) for X, (_, y) in zip(Xs, parts, strict=True)]
