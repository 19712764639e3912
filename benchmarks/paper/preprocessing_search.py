"""The preprocessing that the paper does not state, found from its figures.

The grid rows with two trials are plain gradient descent from zero at lambda = -10, with
no bilevel method in it: three losses and their spreads under any choice cost one
decomposition. That ranks all choices; the best few then run every published row.
"""

from itertools import product

import numpy as np

from .descent import LogisticDescent, SquaredDescent
from .preprocessing import TARGETS as TARGET_SCALINGS
from .preprocessing import Choice, prepare
from .published import UNIT, read_published
from .settings import N_STEPS, REGRESSION, SEARCH_RANGE, TABLE_OF, TRAIN_ALPHA
from .splits import load

LOSSES = ("train_loss", "validation_loss", "test_loss")
BASES = {
    "cookie": ("none", "difference", "SNV", "difference+SNV", "unit rows"),
    "mnist-regression": ("none", "/ 255", "SNV", "unit rows", "difference"),
    "mnist-classification": ("none", "/ 255", "SNV", "unit rows"),
    "gtsrb": ("none", "SNV", "unit rows"),
}
SCALINGS = ("none", "centred", "[0, 1]", "[-1, 1]", "standardized")
ROWS = ("training", "all", "own")
#: A factor of y cancels in gradient descent, so unit variance comes in the second part.
TARGETS = ("raw", "centred", "[0, 1]", "[-1, 1]")
#: What is reported of the squared error.
SHARES = (0.5, 1.0)
#: Runs of the first part: cookie's are cheap and differ much.
RUNS = {"cookie": 10, "mnist-regression": 3, "mnist-classification": 3, "gtsrb": 3}
#: Choices of every data set that run all rows, and runs of each.
N_BEST, BEST_RUNS = 3, 3
#: Runs behind a published mean, and a spread that has a log.
PUBLISHED_RUNS, TINY = 10, 1e-12
#: A figure is explained within this many standard errors of the difference.
EXPLAINED = 2.0


def designs(data):
    """Yield every preprocessing of X of a data set: base, scaling, rows."""
    for base, scaling, rows in product(BASES[data], SCALINGS, ROWS):
        if scaling != "none" or rows == "training":
            yield base, scaling, rows


def grid_losses(data, parts, design):
    """Return {choice: losses} of gradient descent at the lower end of the range.

    Parameters
    ----------
    data : str
        A data set.
    parts : list of (ndarray, ndarray)
        Training, validation and test rows, as loaded.
    design : tuple of str
        Base, scaling and rows, which all choices here share.
    """
    if data not in REGRESSION:
        choice = Choice(*design, "", 1, 1.0)
        return {choice: _logistic_losses(data, prepare(choice, parts))}
    found = {}
    prepared = prepare(Choice(*design, "raw", 1, 1.0), parts)
    # A choice of y leaves the decomposition of X as it is.
    descent = SquaredDescent(*prepared[0])
    raws = [X @ descent.basis for X, _ in prepared]
    for target, factor in product(TARGETS, (1, 2)):
        less, by = TARGET_SCALINGS[target](parts[0][1])
        ys = [(y - less) / by for _, y in parts]
        curvature = factor * descent.curvature + 2.0 * np.exp(SEARCH_RANGE[0])
        slope = factor * raws[0].T @ ys[0] / len(ys[0])
        left = (1.0 - TRAIN_ALPHA[data] * curvature) ** N_STEPS[data]
        state = (1.0 - left) * slope / curvature
        unit = np.var(np.concatenate(ys))
        shares = [
            float(np.mean((y - raw @ state) ** 2) / unit)
            for raw, y in zip(raws, ys, strict=True)
        ]
        for share in SHARES:
            choice = Choice(*design, target, factor, share)
            found[choice] = [share * value for value in shares]
    return found


def _logistic_losses(data, prepared):
    """Return the three losses of one choice."""
    descent = LogisticDescent(*prepared[0])
    weights = descent.weights(
        descent.move(SEARCH_RANGE[0], TRAIN_ALPHA[data], N_STEPS[data], descent.start)
    )
    return [
        float(np.mean(np.logaddexp(0.0, (1.0 - 2.0 * y) * (X @ weights))))
        for X, y in prepared
    ]


def search_run(data, seed):
    """Return one line of the results: all choices of one run."""
    parts, found = load(data, seed), []
    with np.errstate(all="ignore"):
        for design in designs(data):
            for choice, losses in grid_losses(data, parts, design).items():
                if np.all(np.isfinite(losses)):
                    found.append([list(choice), losses])
    return {"search": [data, seed], "found": found}


def rank(data, lines, published=None):
    """Return one dict per choice, the one nearest to the published grid row first.

    The distance is the sum of squares of six differences in standard errors: three
    means and three logs of standard deviations.
    """
    published = read_published() if published is None else published
    (row,) = [
        row
        for row in published
        if row.table == TABLE_OF[data] and (row.method, row.n_trials) == ("grid", 2)
    ]
    wanted = np.array([row.values[name] for name in LOSSES]) * UNIT
    groups = {}
    for line in lines:
        if line["search"][0] == data:
            for choice, losses in line["found"]:
                groups.setdefault(Choice(*choice), []).append(losses)
    ranked = []
    for choice, losses in groups.items():
        means = np.mean(losses, axis=0)
        spreads = np.std(losses, axis=0, ddof=1) if len(losses) > 1 else 0.0 * means
        runs = len(losses)
        errors = np.sqrt(spreads**2 / runs + wanted[:, 1] ** 2 / PUBLISHED_RUNS)
        gaps = (means - wanted[:, 0]) / errors
        logs = np.log(np.maximum(spreads, TINY) / wanted[:, 1])
        log_errors = np.sqrt(0.5 / max(runs - 1, 1) + 0.5 / (PUBLISHED_RUNS - 1))
        ranked.append(
            {
                "data": data,
                "choice": choice,
                "runs": runs,
                "distance": float(np.sum(gaps**2) + np.sum((logs / log_errors) ** 2)),
                "explained": int(np.sum(np.abs(gaps) <= EXPLAINED)),
                "losses": means.tolist(),
                "spreads": spreads.tolist(),
            }
        )
    return sorted(ranked, key=lambda one: one["distance"])
