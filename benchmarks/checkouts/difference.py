"""Differences of two outcomes of the same problem, and tables of them."""

from typing import NamedTuple

import numpy as np

from benchmarks.page import markdown

#: Numbers, each with its own measure of difference.
NUMBERS = ("lambda", "coef", "intercept", "loss", "optimism", "certificate")
#: Results that are compared for equality.
FACTS = ("error", "checks", "history", "counts", "warnings")
#: Numbers of a certificate that are compared in their own unit, and by the loss.
PURE = ("relative_hypergradient", "inner_residuals", "least_curvature")
OF_LOSS = ("hypergradient",)

#: Entries of an array that are shown without a gap.
MOST_SHOWN = 12


class Outcome(NamedTuple):
    """The result of a fit; the numbers are None where the fit raised an error."""

    kind: str
    problem: str
    error: str | None = None
    lambda_: np.ndarray | None = None
    coef: np.ndarray | None = None
    intercept: np.ndarray | None = None
    loss: np.ndarray | None = None
    optimism: float | None = None
    numbers: dict | None = None  # of the certificate
    checks: dict | None = None  # its other entries, and whether the fit converged
    history: int | None = None
    counts: dict | None = None
    warnings: tuple = ()


class Difference(NamedTuple):
    """The differences of the outcomes of a seed.

    Attributes
    ----------
    numbers : dict of str to float
        One entry per name in `NUMBERS`. Lambda by its absolute difference; weights
        relative to the largest one; losses relative; the optimism and the
        hypergradient relative to the loss; other numbers of the certificate, which
        have no unit, absolute.
    facts : tuple of str
        The names in `FACTS` that differ.
    """

    seed: int
    base: Outcome
    new: Outcome
    numbers: dict
    facts: tuple

    def is_above(self, tol, ignored=()):
        """Whether a number is above the tolerance, or a fact differs."""
        numbers = (self.numbers[name] for name in NUMBERS if name not in ignored)
        return not all(value <= tol for value in numbers) or any(
            name not in ignored for name in self.facts
        )

    def __str__(self):
        numbers = [
            f"{name} {value:.1e}" for name, value in self.numbers.items() if value
        ]
        return ", ".join([*numbers, *self.facts]) or "no difference"


def difference(seed, base, new):
    """Return the `Difference` of two outcomes."""
    coef, loss = _size(base.coef, new.coef), _size(base.loss, new.loss)
    weights = max(_size(base.intercept, new.intercept), coef)
    numbers = {
        "lambda": _distance(base.lambda_, new.lambda_),
        "coef": _share(_distance(base.coef, new.coef), coef),
        "intercept": _share(_distance(base.intercept, new.intercept), weights),
        "loss": _share(_distance(base.loss, new.loss), loss),
        "optimism": _share(_distance(base.optimism, new.optimism), loss),
        "certificate": _of_certificates(base.numbers, new.numbers, loss),
    }
    facts = [name for name in FACTS if getattr(base, name) != getattr(new, name)]
    return Difference(seed, base, new, numbers, tuple(facts))


def _distance(a, b):
    """Return the largest difference beyond rounding; inf where only one has values."""
    if a is None or b is None:
        return 0.0 if a is b else np.inf
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return np.inf
    if np.array_equal(a, b, equal_nan=True):
        return 0.0
    # Values in single precision may be rounded to neighbours.
    apart = np.abs(a - b) - np.spacing(np.maximum(np.abs(a), np.abs(b)))
    apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, apart)
    largest = float(np.max(apart))
    return np.inf if np.isnan(largest) else max(largest, 0.0)


def _size(*values):
    """Return the largest finite absolute value, 0 if there is none."""
    sizes = [np.abs(np.ravel(value)) for value in values if value is not None]
    found = np.concatenate([np.zeros(1), *sizes])
    return float(np.max(found[np.isfinite(found)]))


def _share(distance, size):
    return distance / size if distance and size else distance


def _of_certificates(base, new, loss):
    if base is None or new is None:
        return 0.0 if base is new else np.inf
    apart = [_distance(base.get(name), new.get(name)) for name in PURE]
    apart += [_share(_distance(base.get(key), new.get(key)), loss) for key in OF_LOSS]
    return max(apart)


def table(differences):
    """Return the largest differences of every kind of problem."""
    kinds = {}
    for one in differences:
        kinds.setdefault(one.base.kind, []).append(one)
    rows = []
    for kind, found in sorted(kinds.items()):
        n_errors = sum(one.base.error is not None for one in found)
        worst = [max(one.numbers[name] for one in found) for name in NUMBERS]
        facts = [
            f"{name} {n}"
            for name in FACTS
            if (n := sum(name in d.facts for d in found))
        ]
        cells = [f"{value:.1e}" if value else "0" for value in worst]
        rows.append([kind, len(found), n_errors, *cells, ", ".join(facts)])
    head = ["kind", "problems", "errors", *NUMBERS, "other differences"]
    return markdown(head, rows, align_left=1)


def details(one):
    """Return the outcomes of both sides of a seed."""
    lines = [one.base.problem]
    with np.printoptions(threshold=MOST_SHOWN, edgeitems=2):
        for name in Outcome._fields[2:]:
            base, new = getattr(one.base, name), getattr(one.new, name)
            if base is None and new is None:
                continue
            lines += [f"{name}:", f"  base  {base}", f"  new   {new}"]
    return "\n".join([*lines, f"Differences: {one}"])
