"""Random problems of counts, costs and rates, and their grids of 100 lambdas.

Every tenth seed of a campaign has one. The losses are half unit deviances by their
definitions, and the weights Newton's with halved steps, from equilibrated columns.
"""

import numpy as np
from scipy.special import xlogy
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import (
    LambdaBoundWarning,
    MYHPOGammaRegressor,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)

from .judge import EXCESS, EXCESS_BEYOND, NEGLIGIBLE, Verdict, fit
from .problems import KINDS, Task
from .rows import LONG, grid_of, parts_of

#: Estimators, and the powers of their deviances.
FAMILIES = {
    "poisson": (MYHPOPoissonRegressor, 1.0),
    "gamma": (MYHPOGammaRegressor, 2.0),
    "tweedie": (MYHPOTweedieRegressor, 1.5),
}
#: Kinds of features that say nothing of classes or of squared losses.
OWN_KINDS = (
    "gaussian",
    "wide",
    "offset",
    "units",
    "duplicated",
    "constant columns",
    "heavy tails",
    "sparse",
    "single precision",
    "weights",
)
EVERY, N_POINTS = 10, 100
MOST_STEPS, MOST_HALVINGS, DECREMENT = 100, 40, 1e-22
#: Rounding of a loss relative to its terms, which nearly cancel for large counts.
ROUNDING = 1e-14
#: Relative difference of the reported loss from that of the rows that is a failure.
DIFFERENCE = 1e-6


def run(seeds, say):
    """Judge the fits of every tenth of some seeds.

    Parameters
    ----------
    seeds : iterable of int
    say : callable
        Takes a line per failure.

    Returns
    -------
    dict
        From (family, kind) to a list of `Verdict`.
    """
    found = {}
    for seed in seeds:
        if seed % EVERY:
            continue
        task = make_task(seed)
        verdict = judge(task)
        found.setdefault((task.family, task.kind), []).append(verdict)
        if verdict.fault:
            shape = "x".join(map(str, task.dense.shape))
            say(f"--only {seed}: {task.family}, {task.kind}, {shape}: {verdict.fault}")
    return found


def make_task(seed):
    """Return the `Task` of a seed."""
    rng = np.random.default_rng([seed, 1])
    family, kind = rng.choice(list(FAMILIES)), str(rng.choice(OWN_KINDS))
    n_rows = round(np.exp(rng.uniform(np.log(20), np.log(400))))
    n_columns = round(np.exp(rng.uniform(0, np.log(40))))
    if kind == "wide":
        n_columns = round(n_rows * rng.uniform(0.7, 2.0))
    X = rng.standard_normal((n_rows, n_columns))
    X = X + rng.uniform(0, 2) * rng.standard_normal((n_rows, 1))
    signal = X @ rng.standard_normal(n_columns)
    size = rng.choice([0.0, 0.3, 1.0, 3.0]) / (signal.std() or 1.0)
    raw = np.clip(size * signal + rng.uniform(-1, 5), -20, 20)
    y = _draw(rng, str(family), np.exp(raw))
    X = KINDS[kind](rng, X)
    weight = rng.uniform(0.1, 3.0, n_rows) if kind == "weights" else None
    order = rng.permutation(n_rows)
    # Every training part needs a positive y.
    order = order[np.argsort(y[order] > 0, kind="stable")]
    n_folds = int(rng.integers(2, 6))
    held_out = [np.sort(order[number::n_folds]) for number in range(n_folds)]
    pairs = [(np.setdiff1d(np.arange(n_rows), held), held) for held in held_out]
    return Task(str(family), kind, X, y, pairs, weight, bool(rng.random() < 0.7))


def judge(task):
    """Return the `Verdict` of a fit of a task."""
    cls, power = FAMILIES[task.family]
    model = cls(fit_intercept=task.fit_intercept, cv=task.pairs)
    kinds, error = fit(model, task)
    if error:
        return Verdict(error, np.nan)
    finite = [model.lambda_, model.validation_loss_, *model.coef_]
    if not np.all(np.isfinite(finite)):
        return Verdict("not finite", np.nan)
    parts = [_in_double(part) for part in parts_of(task)]
    mean = np.average(task.y, weights=task.weight)
    grid = grid_of(parts, N_POINTS) + (2.0 - power) * np.log(mean)
    place = int(np.searchsorted(-grid, -model.lambda_))
    values = losses(parts, np.insert(grid, place, model.lambda_), power)
    own, values = values[place], np.delete(values, place)
    best = int(np.nanargmin(values))
    least, floor = values[best], NEGLIGIBLE * values[0]
    gap = (own - least) / (least + floor)
    is_beyond = LambdaBoundWarning in kinds and grid[best] < model.lambda_
    if is_beyond and own - least <= EXCESS_BEYOND * values[0]:
        gap = 0.0
    if not gap <= EXCESS:
        return Verdict(f"worse than the grid: {own:.6g} > {least:.6g}", gap)
    reported = model.validation_loss_
    if not abs(reported - own) <= DIFFERENCE * (own + floor):
        return Verdict(f"reports {reported:.8g}, rows have {own:.8g}", gap)
    if ConvergenceWarning in kinds:
        return Verdict("says that it did not converge", gap)
    return Verdict("", gap)


def losses(parts, lambdas, power):
    """Return the pooled held-out losses at some decreasing lambdas."""
    total, weight = np.zeros(len(lambdas)), 0.0
    for part in parts:
        free = int(part.has_intercept)
        A, held = (
            np.hstack([rows, np.ones((len(rows), free))])
            for rows in (part.train, part.held)
        )
        factor = np.append(part.factor, np.zeros(free))
        w = np.zeros(A.shape[1])
        if free:
            w[-1] = np.log(part.share @ part.y_train)
        for number, lambda_ in enumerate(lambdas):
            penalty = 2.0 * np.exp(lambda_) * factor
            # Steps that are too long overflow, and are shortened.
            with np.errstate(all="ignore"):
                w = _minimize(A, part.y_train, part.share, penalty, power, w)
                own = half_deviance(part.y_held, held @ w, power)
            total[number] += part.held_weight @ own
        weight += part.held_weight.sum()
    return total / weight


def half_deviance(y, raw, power):
    """Return half the unit deviance of every row, by its definition."""
    mean = np.exp(raw)
    if power == 1.0:
        return xlogy(y, y / mean) - y + mean
    if power == 2.0:
        return y / mean - 1.0 - np.log(y / mean)
    a, b = power - 1.0, 2.0 - power
    return mean**b / b + y * mean**-a / a - y**b / (a * b)


def _minimize(A, y, share, penalty, power, w):
    """Return the minimizer of a training loss, by Newton's method from `w`."""

    def value_at(w):
        return share @ half_deviance(y, A @ w, power) + 0.5 * penalty @ w**2

    value = value_at(w)
    for _ in range(MOST_STEPS):
        mean = np.exp(A @ w)
        up, down = mean ** (2.0 - power), y * mean ** (1.0 - power)
        bend = (2.0 - power) * up + (power - 1.0) * down
        slope = A.T @ (share * (up - down)) + penalty * w
        hessian = (A.T * (share * bend)) @ A + np.diag(penalty)
        root = np.sqrt(np.diag(hessian))
        scaled = hessian / root / root[:, None] + 1e-14 * np.eye(len(root))
        move = -np.linalg.solve(scaled, slope / root) / root
        decrement, step = -slope @ move, 1.0
        rounding = ROUNDING * (share @ (up + down))
        if not decrement > DECREMENT * abs(value):
            break
        for _ in range(MOST_HALVINGS):
            new = value_at(w + step * move)
            if new <= value - 1e-4 * step * decrement + rounding:
                break
            step *= 0.5
        else:
            break
        w, value = w + step * move, new
    return w


def _in_double(part):
    return part._replace(
        **{
            name: np.asarray(getattr(part, name), dtype=float)
            for name in part._fields
            if np.asarray(getattr(part, name)).dtype == LONG
        }
    )


def _draw(rng, family, mean):
    if family == "poisson":
        y = rng.poisson(mean).astype(float)
    elif family == "gamma":
        shape = rng.choice([0.5, 2.0, 50.0])
        y = rng.gamma(shape, mean / shape) + 1e-12
    else:
        n_events = rng.poisson(mean)
        y = np.where(n_events > 0, rng.gamma(2.0 * np.maximum(n_events, 1)), 0.0)
    # Folds without a positive y are refused.
    y[:8] = np.maximum(y[:8], 1.0)
    return y
