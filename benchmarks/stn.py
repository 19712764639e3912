"""Self-tuning networks beside searches of the same cost, and beside their own schedule.

A network with two hidden layers learns digits of MNIST from few rows; it has three
dropout rates and three penalties. All tools train it with the same split, batch size,
step size and stopping rule, of the same seed. A search trains networks whose values
are held, one after the other, until it has used as many gradients of batches as the
self-tuning network, or five times as many; its result is the network of the lowest
validation loss. "grid" tries pairs of a shared dropout rate and a shared penalty in
random order, the other searches all six values. TPE and GP are Optuna's samplers.

The second table holds the last values of the centred run from the start, with and
without noise on them (one draw or point of the sine per iteration, on the free
coordinates), or repeats the run's schedule without tuning.

    python -m benchmarks.stn [--seeds 5] [--rows 2000] [--store FOLDER]
                             [--page doc/neural_network.md]
"""

import argparse
import json
import warnings
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
from sklearn.metrics import log_loss

from benchmarks import page
from sklearn_myhpo.datasets import fetch_mnist
from sklearn_myhpo.neural_network import STNMLPClassifier
from sklearn_myhpo.neural_network.hyperparameters import make_plan
from sklearn_myhpo.neural_network.kinds import DROPOUT

TEST_ROWS = 5000
BATCH_SIZE = 128
HIDDEN = (100, 100)
#: Budgets of the searches, in runs of the centred form.
BUDGETS = 1, 5
DROPOUTS, LAMBDAS = (0.0, 0.2, 0.4, 0.6), (-10.0, -8.0, -6.0, -4.0)
SAMPLERS = {
    "random": optuna.samplers.RandomSampler,
    "TPE": optuna.samplers.TPESampler,
    "GP": optuna.samplers.GPSampler,
}
#: Standard deviation, or amplitude, of the noise; period of the sine in iterations.
NOISE, PERIOD = 0.5, 10
HEAD = ["", "validation loss", "test loss", "test error, %", "gradients"]


class Data(NamedTuple):
    """Rows to learn from, half of which validate, and rows to test on."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class Outcome(NamedTuple):
    """Losses and costs of a tool."""

    validation: float
    test: float
    error: float
    n_gradients: int


class Store:
    """Results of one seed in a file, so that an experiment goes on where it ended.

    Parameters
    ----------
    path : Path or None
        The file, one line a result; None to keep nothing.
    """

    def __init__(self, path):
        self.path = path
        lines = path.read_text().splitlines() if path and path.exists() else []
        self.known = dict(json.loads(line) for line in lines)

    def once(self, name, compute):
        """Return a stored result, or compute and store it."""
        if name not in self.known:
            value = json.loads(json.dumps(compute()))
            self.known[name] = value
            if self.path:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a") as file:
                    print(json.dumps([name, value]), file=file)
        return self.known[name]


def load(seed, n_rows):
    """Return random rows of MNIST."""
    data = fetch_mnist()
    rows = np.random.default_rng(seed).permutation(len(data.target))
    X = data.data[rows[: n_rows + TEST_ROWS]].astype(np.float32) / 255.0
    y = data.target[rows[: n_rows + TEST_ROWS]]
    return Data(X[:n_rows], y[:n_rows], X[n_rows:], y[n_rows:])


def train(data, seed, **options):
    """Return a trained network and what it reached."""
    settings = {
        "learning_rate_init": 0.05,
        "hyper_learning_rate": 0.03,
        "batch_size": BATCH_SIZE,
        "validation_fraction": 0.5,
        "max_iter": 100,
        "n_iter_no_change": 15,
        "random_state": seed,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = STNMLPClassifier(HIDDEN, **{**settings, **options})
        model.fit(data.X, data.y)
    outcome = Outcome(
        model.validation_loss_,
        log_loss(data.y_test, model.predict_proba(data.X_test)),
        100.0 * (1.0 - model.score(data.X_test, data.y_test)),
        int(model.schedule_["n_gradients"][-1]),
    )
    return model, outcome


def kinds():
    """Return the hyperparameters by name, with their kinds."""
    plan = make_plan(len(HIDDEN) + 1, True, None)
    return dict(zip(plan.names, plan.kinds, strict=True))


def grid_proposals(seed):
    """Yield points of the grid in random order, and take no notice of results."""
    points = list(product(DROPOUTS, LAMBDAS))
    for index in np.random.default_rng(seed).permutation(len(points)):
        dropout, lambda_ = points[index]
        yield {"dropout": dropout, "lambda": lambda_}, lambda loss: None


def sampler_proposals(sampler, seed, kinds):
    """Yield points of an Optuna sampler, with what tells it their results."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the sampler of a GP is experimental
        study = optuna.create_study(sampler=sampler(seed=seed))
    while True:
        trial = study.ask()
        point = {
            name: trial.suggest_float(
                name,
                *((0.0, 0.8) if kind is DROPOUT else (LAMBDAS[0] - 2, LAMBDAS[-1] + 1)),
            )
            for name, kind in kinds.items()
        }
        yield point, lambda loss, trial=trial: study.tell(trial, loss)


def search(proposals, train, budgets, n_batches, max_iter=100):
    """Return the best outcome within each of the rising budgets of gradients."""
    used, best, outcomes = 0, None, []
    for point, tell in proposals:
        while budgets and budgets[0] - used < n_batches:
            outcomes.append(best._replace(n_gradients=used))
            budgets = budgets[1:]
        if not budgets:
            return outcomes
        n_iter = min(max_iter, (budgets[0] - used) // n_batches)
        options = {"tune": False, "hyperparameters": point, "max_iter": n_iter}
        _, outcome = train(**options)
        used += outcome.n_gradients
        tell(outcome.validation)
        if best is None or outcome.validation < best.validation:
            best = outcome
    return [*outcomes, *[best._replace(n_gradients=used)] * len(budgets)]


def tools(train, seed, kinds, n_batches, times=BUDGETS, max_iter=100, once=None):
    """Return a dict of name to outcome for one seed, and the centred schedule.

    `train` returns a network and its outcome for options of the estimator; `n_batches`
    is the number of batches of an iteration. `once` is that of a `Store`.
    """
    once = once or (lambda name, compute: compute())

    def tuned(**options):
        model, outcome = train(**options)
        return [*outcome], {
            name: each.tolist() for name, each in model.schedule_.items()
        }

    outcome, schedule = once("STN, centred", tuned)
    results = {"STN, centred": Outcome(*outcome)}
    for name, options in (
        ("STN, published", {"form": "published"}),
        ("initial values, held", {"tune": False}),
    ):
        results[name] = Outcome(
            *once(name, lambda options=options: [*train(**options)[1]])
        )
    proposals = {"grid": grid_proposals(seed)}
    for name, sampler in SAMPLERS.items():
        proposals[name] = sampler_proposals(sampler, seed, kinds)
    budgets = [each * results["STN, centred"].n_gradients for each in times]
    for name, points in proposals.items():
        found = once(
            name,
            lambda points=points: search(points, train, budgets, n_batches, max_iter),
        )
        for each, one in zip(times, found, strict=True):
            results[f"{name}, {each} x"] = Outcome(*one)
    return results, schedule


def schedules(train, seed, kinds, schedule, n_iter=100, once=None):
    """Return a dict of name to outcome of networks that follow a schedule."""
    once = once or (lambda name, compute: compute())
    rng, time = np.random.default_rng(seed), np.arange(n_iter)
    held = "final values, held"
    paths = {name: {} for name in (held, "Gaussian", "sine", "schedule")}
    for name, kind in kinds.items():
        column = schedule[name]
        free = kind.to_free(float(column[-1]))

        def values(noise, kind=kind, free=free):
            moved = np.clip(free + noise, kind.free_low, kind.free_high)
            return [kind.from_free(each) for each in moved]

        paths[held][name] = column[-1]
        paths["Gaussian"][name] = values(NOISE * rng.standard_normal(n_iter))
        paths["sine"][name] = values(NOISE * np.sin(2 * np.pi * time / PERIOD))
        paths["schedule"][name] = column
    labels = {
        "Gaussian": "the same with Gaussian noise",
        "sine": "the same with a sine",
        "schedule": "the schedule, repeated",
    }
    return {
        labels.get(name, name): Outcome(
            *once(name, lambda path=path: [*train(tune=False, hyperparameters=path)[1]])
        )
        for name, path in paths.items()
    }


def table(results):
    """Return means over seeds with their standard errors, in markdown."""
    rows = []
    for name in results[0]:
        values = np.array([result[name] for result in results], dtype=float)
        mean = values.mean(axis=0)
        error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
        cells = [f"{mean[k]:.3f} ± {error[k]:.3f}" for k in (0, 1)]
        cells += [f"{mean[2]:.1f} ± {error[2]:.1f}", f"{mean[3]:.0f}"]
        rows.append([name, *cells])
    return page.markdown(HEAD, rows, align_left=1)


def main(arguments=None):
    """Run all seeds, print the tables and fill the page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--store", type=Path, help="folder of results to go on from")
    parser.add_argument("--page")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error("--seeds must be at least 2, for a standard error")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    compared, followed = [], []
    for seed in range(options.seeds):
        data = load(seed, options.rows)
        train_here = partial(train, data, seed)
        n_batches = -(-(len(data.X) // 2) // BATCH_SIZE)
        file = f"perceptron-{options.rows}-{seed}.jsonl"
        once = Store(options.store / file if options.store else None).once
        results, schedule = tools(train_here, seed, kinds(), n_batches, once=once)
        compared.append(results)
        followed.append({"STN, centred": results["STN, centred"]})
        paths = schedules(train_here, seed, kinds(), schedule, once=once)
        followed[-1].update(paths)
        print(f"seed {seed}: {results['STN, centred']}", flush=True)
    text = (
        f"{options.seeds} seeds, {options.rows} rows of MNIST, half of them held out, "
        f"{TEST_ROWS} other rows to test; means and standard errors "
        "(`python -m benchmarks.stn`).\n\n"
        f"{table(compared)}\n\n{table(followed)}"
    )
    print(text)
    if options.page:
        page.update(options.page, {"stn": text})


if __name__ == "__main__":
    main()
