"""Compare learned strengths for counts, costs and rates with grid searches.

Policies of an insurance are simulated with known curves of age, power and value of a
vehicle: numbers of claims (Poisson), costs of a claim (gamma) and costs of all claims
(Tweedie, power 1.5). "Accuracy": random splits, the same for all tools; the test
deviance is the mean unit deviance. All but the rows "curves" have standardized numbers
and regions as they are, and learn or search one strength. "CV above grid" is the mean
deviance of the folds at the strength that the tool chose, less the least on 100 values,
judged by scikit-learn's estimator on the same folds. "Fits": ours in plain fits at
the learned strength, see `family_shapes.py`. "Growth": seconds by rows. Seconds are
those of a processor. A tool whose fit takes longer than `--limit` gets no larger one;
such tools, and those that are not installed, are named.

    python -m benchmarks.families [--full] [--limit 20] [--page doc/families.md]
"""

import argparse
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import mean_tweedie_deviance
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks import family_shapes
from benchmarks.curves import insurance
from benchmarks.page import markdown, rounded, update
from benchmarks.speed.tables import machine
from benchmarks.timed import fit_within
from sklearn_myhpo import (
    GroupedColumnTransformer,
    MYHPOGammaRegressor,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)
from sklearn_myhpo.preprocessing import PenalizedSplineTransformer

POWERS = {"poisson": 1.0, "gamma": 2.0, "tweedie": 1.5}
TEST_SHARE = 0.3
#: Strengths of the searches, and of the judge.
ALPHAS, JUDGED = np.geomspace(1e-6, 1e2, 30), np.geomspace(1e-6, 1e2, 100)
#: Seconds of the clock that a fit may take.
LIMIT = 20.0
HEAD = [
    "family",
    "tool",
    "seconds",
    "/ ours",
    "test deviance",
    "minus ours",
    "CV above grid, at most",
]
#: So that two strengths next to each other are told apart.
JUDGE = {"tol": 1e-9, "max_iter": 1000, "solver": "newton-cholesky"}


class Sizes(NamedTuple):
    """How much is measured."""

    splits: int
    rows: int
    growth: tuple
    shapes: list


SMALL = Sizes(3, 5000, (1000, 4000, 16_000), family_shapes.FEW)
FULL = Sizes(10, 20_000, (1000, 10_000, 100_000, 1_000_000), family_shapes.MANY)


def ours(family, folds, **options):
    """Return our estimator for a family."""
    if family == "poisson":
        return MYHPOPoissonRegressor(cv=folds, **options)
    if family == "gamma":
        return MYHPOGammaRegressor(cv=folds, **options)
    return MYHPOTweedieRegressor(power=POWERS[family], cv=folds, **options)


def theirs(family, **options):
    """Return scikit-learn's estimator, which has a strength."""
    if family == "poisson":
        return PoissonRegressor(**options)
    if family == "gamma":
        return GammaRegressor(**options)
    return TweedieRegressor(power=POWERS[family], link="log", **options)


def search(family, folds):
    """Return a search of 30 strengths, as users write it."""
    scoring = {
        "poisson": "neg_mean_poisson_deviance",
        "gamma": "neg_mean_gamma_deviance",
    }
    grid = {"alpha": ALPHAS}
    one = theirs(family, solver="newton-cholesky")
    scorer = scoring.get(family, _tweedie_score)
    return GridSearchCV(one, grid, scoring=scorer, cv=folds)


def _tweedie_score(model, X, y):
    return -mean_tweedie_deviance(y, model.predict(X), power=POWERS["tweedie"])


def glum(family, folds):
    """Return glum's search of the same strengths."""
    from glum import GeneralizedLinearRegressorCV, TweedieDistribution

    return GeneralizedLinearRegressorCV(
        family=TweedieDistribution(POWERS[family]),
        link="log",
        l1_ratio=0.0,
        alphas=ALPHAS[::-1],
        cv=folds,
    )


TOOLS = {
    "sklearn_myhpo": ours,
    "GridSearchCV, 30 alphas": search,
    "glum, 30 alphas": glum,
}


def columns(data):
    """Return the transformer of the standardized numbers and the regions."""
    numbers = list(data.curves)
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer(
        (StandardScaler(), numbers), (encode, list(data.categorical))
    )


def curves(family, data, folds):
    """Return our estimator on curves, with a strength for every line and curve."""
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    groups = GroupedColumnTransformer(
        [
            ("curve", PenalizedSplineTransformer(), list(data.curves)),
            ("region", encode, list(data.categorical)),
        ]
    )
    return make_pipeline(groups, ours(family, folds, feature_groups="transformer"))


def available():
    """Return the tools whose packages are installed."""
    has_glum = find_spec("glum") is not None
    return {k: v for k, v in TOOLS.items() if has_glum or not k.startswith("glum")}


def strength(model):
    """Return the one alpha of a fitted tool."""
    if isinstance(model, GridSearchCV):
        return float(model.best_params_["alpha"])
    return float(np.ravel(model.alpha_)[0])


def judged(family, X, y, folds, alphas):
    """Return the smallest mean deviance of the held-out rows over some alphas."""
    model, losses = theirs(family, **JUDGE), np.zeros(len(alphas))
    for train, held_out in folds:
        for k, alpha in enumerate(alphas):
            fold = clone(model).set_params(alpha=alpha).fit(X[train], y[train])
            mean = fold.predict(X[held_out])
            power = POWERS[family]
            own = mean_tweedie_deviance(y[held_out], mean, power=power)
            losses[k] += own * len(held_out) / len(y)
    return losses.min()


def accuracy(sizes, limit):
    """Yield the lines of the table of accuracy."""
    for family in POWERS:
        found, over = {}, {}
        data = insurance(sizes.rows, family)
        for seed in range(sizes.splits):
            rows = train_test_split(
                np.arange(len(data.y)), test_size=TEST_SHARE, random_state=seed
            )
            cells = one_split(family, data, *rows, seed, limit, over)
            for label, own in cells.items():
                found.setdefault(label, []).append(own)
        base = np.array(found["sklearn_myhpo"])
        for label, cells in found.items():
            if label in over:
                yield [family, label, over[label], *[""] * (len(HEAD) - 3)]
            else:
                yield accuracy_line(family, label, np.array(cells), base)


def one_split(family, data, train, test, seed, limit, over):
    """Return label -> (seconds, test deviance, CV deviance above the grid's).

    Tools over the limit are left out from then on, with the reason in `over`.
    """
    folds = list(KFold(5, shuffle=True, random_state=seed).split(train))
    y, y_test, cells = data.y[train], data.y[test], {}
    transformer = columns(data).fit(data.X[train])
    X, X_test = (transformer.transform(data.X[rows]) for rows in (train, test))
    best, alpha = judged(family, X, y, folds, JUDGED), None

    def measure(label, model, own, others, judge):
        cells[label] = np.nan, np.nan, np.nan
        if label in over:
            return
        try:
            seconds = fit_within(limit, model, own, y)
        except TimeoutError as error:
            over[label] = str(error)
            return
        power = POWERS[family]
        lost = mean_tweedie_deviance(y_test, model.predict(others), power=power)
        cells[label] = seconds, lost, judge(model)

    def above(model):
        return judged(family, X, y, folds, [strength(model)]) - best

    for label, make in available().items():
        model = make(family, folds)
        measure(label, model, X, X_test, above)
        if label not in over:
            alpha = strength(model)
    plain = theirs(family, alpha=alpha or 1.0, solver="newton-cholesky")
    unjudged = X, X_test, lambda model: np.nan
    measure("a plain fit at the last alpha", plain, *unjudged)
    model, rows = curves(family, data, folds), (data.X[train], data.X[test])
    measure("sklearn_myhpo, curves", model, *rows, unjudged[2])
    return cells


def accuracy_line(family, label, found, base):
    """Return a line: medians of seconds, means, and the paired difference to ours."""
    difference = found[:, 1] - base[:, 1]
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    is_base = np.array_equal(found, base, equal_nan=True)
    above, seconds = found[:, 2], np.median(found[:, 0])
    return [
        family,
        label,
        rounded(seconds, "seconds"),
        "" if is_base else rounded(seconds / np.median(base[:, 0]), "ratio"),
        f"{found[:, 1].mean():.5f}",
        "" if is_base else f"{difference.mean():+.5f} ± {error:.5f}",
        "" if np.isnan(above).any() else f"{above.max():+.1e}",
    ]


def growth(sizes, limit):
    """Yield the lines of the table of growth."""
    for family in POWERS:
        for label, make in available().items():
            cells = []
            for n_samples in sizes.growth:
                data = insurance(n_samples, family)
                X = columns(data).fit_transform(data.X)
                folds = list(KFold(5, shuffle=True, random_state=0).split(X))
                try:
                    seconds = fit_within(limit, make(family, folds), X, data.y)
                except TimeoutError as error:
                    cells += [str(error)] * (len(sizes.growth) - len(cells))
                    break
                cells.append(rounded(seconds, "seconds"))
            yield [family, label, *cells]


def fits(sizes, limit):
    """Yield the lines of the table of times in plain fits."""
    yield from family_shapes.fits(sizes.shapes, limit)


def report(sizes, limit=LIMIT):
    """Return the parts of the page."""
    by_rows = [f"{n} rows" for n in sizes.growth]
    tables = {
        "accuracy": (HEAD, accuracy),
        "fits": (family_shapes.HEAD, fits),
        "growth": (["family", "tool", *by_rows], growth),
    }
    parts, over = {}, []
    for name, (head, measure) in tables.items():
        lines = []
        for line in measure(sizes, limit):
            lines.append(line)
            print(*line, sep=" | ", flush=True)
            if any(cell.startswith("over ") for cell in line):
                over.append(f"{line[0]}, {line[1]} ({name})")
        parts[name] = markdown(head, lines)
    parts["machine"] = f"Measured on: {machine()}."
    if over:
        parts["machine"] += f"\n\nOver {limit:g} s: {'; '.join(over)}."
    if len(available()) < len(TOOLS):
        parts["machine"] += "\n\nLeft out: glum (not installed)."
    return parts


def main(argv=None):
    """Print the tables, and put them into a page between its marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.families")
    parser.add_argument("--full", action="store_true", help="10^6 rows")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds of a fit")
    parser.add_argument("--page", type=Path)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    parts = report(FULL if options.full else SMALL, options.limit)
    print(parts["machine"])
    if options.page is not None:
        update(options.page, parts)


if __name__ == "__main__":
    main()
