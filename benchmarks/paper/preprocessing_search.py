"""The preprocessing that the paper does not state, found from its figures.

The grid rows with two trials are plain gradient descent from zero at lambda = -10, with
no bilevel method in it: three losses and their spreads under any choice cost one
decomposition. That ranks all choices; the best few then run every published row.
"""

import json
from contextlib import suppress
from itertools import product

import numpy as np
from joblib import Parallel, delayed

from .descent import LogisticDescent, SquaredDescent
from .preprocessing import TARGETS as TARGET_SCALINGS
from .preprocessing import Choice, prepare
from .published import UNIT, read_published
from .settings import (
    N_STEPS,
    PREPROCESSING,
    REGRESSION,
    SEARCH_RANGE,
    TABLE_OF,
    TRAIN_ALPHA,
    make_jobs,
)
from .splits import load
from .summary import summarize
from .tables import share_within

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
#: Factors of the squared error that may have been reported.
SHARES = (0.5, 1.0)
#: Runs of the first part: cookie's are cheap and differ much.
RUNS = {"cookie": 10, "mnist-regression": 5, "mnist-classification": 2, "gtsrb": 2}
#: Choices that run every published row beside the one that is used, and runs of each.
FINALISTS = {
    "cookie": (
        Choice("unit rows", "[0, 1]", "all", "centred", 1, 1.0),
        Choice("none", "[-1, 1]", "all", "[0, 1]", 2, 0.5),
    ),
    "mnist-regression": (
        Choice("/ 255", "none", "training", "standardized", 2, 0.5),
        Choice("/ 255", "none", "training", "[-1, 1]", 2, 0.5),
    ),
    "mnist-classification": (
        Choice("unit rows", "[-1, 1]", "all", "", 1, 1.0),
        Choice("none", "standardized", "training", "", 1, 1.0),
    ),
    # The first part leaves no doubt.
    "gtsrb": (),
}
FINAL_RUNS = 2
#: Runs behind a published mean, and a spread that has a log.
PUBLISHED_RUNS, TINY = 10, 1e-12
#: Choices of a data set that are written to a file, beside the one in use.
KEPT = 40
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
        # The reported training loss is L_T.
        shares[0] += 2.0 * np.exp(SEARCH_RANGE[0]) * state @ state / (factor * unit)
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
    losses = [
        float(np.mean(np.logaddexp(0.0, (1.0 - 2.0 * y) * (X @ weights))))
        for X, y in prepared
    ]
    losses[0] += float(np.exp(SEARCH_RANGE[0]) * weights @ weights)
    return losses


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


def run_search(data_sets, path, runs=None, n_jobs=1):
    """Return the lines of the first part; those that the file holds are not run."""
    done = {}
    if path.exists():
        for text in path.read_text(encoding="utf-8").splitlines():
            with suppress(json.JSONDecodeError):
                line = json.loads(text)
                done[tuple(line["search"])] = line
    wanted = [
        (data, seed)
        for data in data_sets
        if data in RUNS
        for seed in range(RUNS[data] if runs is None else runs)
    ]
    missing = [one for one in wanted if one not in done]
    calls = (delayed(search_run)(*one) for one in missing)
    lines = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(calls)
    with path.open("a", encoding="utf-8") as file:
        for line in lines:
            done[tuple(line["search"])] = line
            file.write(json.dumps(line) + "\n")
            file.flush()
    return [done[one] for one in wanted]


def finalist_jobs(data_sets, runs=FINAL_RUNS):
    """Return the jobs of the second part: all published rows under each finalist."""
    ours = ("hyperband", "default", "floor", "bt-tangent", "exact-both")
    return [
        job
        for data in data_sets
        for choice in FINALISTS.get(data, ())
        for job in make_jobs(data, runs, tuple(choice))
        if job.method not in ours
    ]


def finalist_rows(lines, used, published):
    """Return one dict per choice: its share of explained figures, from the same runs.

    Parameters
    ----------
    lines, used : list of dict
        Results of the finalists' jobs, and of the preprocessing in use.
    published : list of Row
        All published rows.
    """
    rows, runs = [], {line["job"]["seed"] for line in lines}
    for data, table in TABLE_OF.items():
        own = [row for row in published if row.table == table]
        for choice in (Choice(*PREPROCESSING[data]), *FINALISTS[data]):
            is_used = choice == Choice(*PREPROCESSING[data])
            summary = summarize(
                line
                for line in (used if is_used else lines)
                if line["job"]["data"] == data
                and line["job"]["seed"] in runs
                and Choice(*line["job"]["preprocessing"]) == choice
            )
            if summary:
                within, compared, diverged = share_within(own, summary)
                row = {"data": data, "choice": str(choice), "used": is_used}
                row |= {"runs": max(entry["runs"] for entry in summary)}
                row |= {"within": within, "figures": compared + diverged}
                rows.append({**row, "diverged": diverged})
    return rows


def ranking_rows(lines):
    """Return the first part as dicts, the nearest choices of every data set first."""
    rows = []
    for data in dict.fromkeys(line["search"][0] for line in lines):
        ranked = rank(data, lines)
        for place, one in enumerate(ranked, start=1):
            if place > KEPT and one["choice"] != like_used(data):
                continue
            row = {"data": data, "place": place, "of": len(ranked)}
            row["choice"] = str(one["choice"])
            row |= {"used": one["choice"] == like_used(data), "runs": one["runs"]}
            row |= {"explained": one["explained"], "distance": one["distance"]}
            for name, mean, spread in zip(
                LOSSES, one["losses"], one["spreads"], strict=True
            ):
                row |= {name: mean, f"{name}_sd": spread}
            rows.append(row)
    return rows


def like_used(data):
    """Return the choice in use as the first part knows it: a factor of y cancels."""
    choice = Choice(*PREPROCESSING[data])
    if choice.target == "standardized":
        return choice._replace(target="centred")
    return choice
