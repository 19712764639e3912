"""Self-tuning convolutions and LSTMs beside searches of the same cost.

Two tasks: a small convolutional network on images of MNIST, and an LSTM that predicts
the next character of a text. The text is `tzdata.zi`, the rules of the world's time
zones, which is in the public domain and which the package tzdata ships, a dependency
of pandas: formal, but with names, numbers and long-range order. All tools train the
same module with the same rows, batches, optimizer and stopping rule, of the same seed.
A search trains modules whose values are held, one after the other, until it has used as
many gradients of batches as the centred self-tuning network. A gradient of the
response, of half a batch, counts as a whole one.

The second table of a task holds the last values of the centred run from the start,
with and without noise on them, or repeats the run's schedule without tuning.

    python -m benchmarks.stn_modules [--seeds 5] [--quick] [--page doc/stn_modules.md]
"""

import argparse
import warnings
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import optuna
import torch
from scipy.special import logsumexp
from torch import nn

from benchmarks import page
from benchmarks.stn import Outcome, Store, schedules, table, tools
from sklearn_myhpo.datasets import fetch_mnist
from sklearn_myhpo.neural_network import STNClassifier
from sklearn_myhpo.neural_network.kinds import KINDS

#: Largest number of iterations of a run.
MAX_ITER = 60
#: Characters in a sequence, and occurrences below which a character is rare.
LENGTH, RARE = 40, 500


class Images(nn.Module):
    """Two convolutions and two linear layers, with dropout before each of these."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 5)
        self.second = nn.Conv2d(8, 16, 5)
        self.drop = nn.Dropout(0.05)
        self.hidden = nn.Linear(256, 64)
        self.drop_hidden = nn.Dropout(0.05)
        self.last = nn.Linear(64, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.first(x), 2).relu()
        x = nn.functional.max_pool2d(self.second(x), 2).relu()
        x = self.hidden(self.drop(x.flatten(1))).relu()
        return self.last(self.drop_hidden(x))


class Characters(nn.Module):
    """Embedding, LSTM and a linear layer, with dropout between them."""

    def __init__(self, n_outputs):
        super().__init__()
        self.embedding = nn.Embedding(n_outputs, 24)
        self.drop = nn.Dropout(0.05)
        self.lstm = nn.LSTM(24, 64, batch_first=True)
        self.drop_hidden = nn.Dropout(0.05)
        self.last = nn.Linear(64, n_outputs)

    def forward(self, x):
        x, _ = self.lstm(self.drop(self.embedding(x)))
        return self.last(self.drop_hidden(x)).transpose(1, 2)


class Task(NamedTuple):
    """A module with its rows: to train on, to validate on and to test on."""

    title: str
    module: type
    parts: list
    options: dict


def images(seed):
    """Return the task of the images."""
    data = fetch_mnist()
    rows = np.random.default_rng(seed).permutation(len(data.target))[:3000]
    X = data.data[rows].reshape(-1, 1, 28, 28).astype(np.float32) / 255.0
    y = data.target[rows]
    parts = [(X[part], y[part]) for part in _parts(500, 500, 2000)]
    options = {"learning_rate_init": 0.05, "batch_size": 64}
    return Task("CNN, 500 images of MNIST", Images, parts, options)


def characters(seed):
    """Return the task of the text: sequences, and the same one character later."""
    text = resources.files("tzdata").joinpath("zoneinfo/tzdata.zi").read_text()
    letters, codes, counts = np.unique(
        list(text), return_inverse=True, return_counts=True
    )
    # Rare characters are one, so that every part has all classes.
    names = np.where(counts < RARE, "?", letters)
    codes = np.unique(names, return_inverse=True)[1][codes]
    n = (len(codes) - 1) // LENGTH
    X = codes[: n * LENGTH].reshape(n, LENGTH)
    y = codes[1 : n * LENGTH + 1].reshape(n, LENGTH)
    rows = np.random.default_rng(seed).permutation(n)
    parts = [(X[rows[part]], y[rows[part]]) for part in _parts(400, 400, 1200)]
    options = {
        "learning_rate_init": 0.005,
        "optimizer": torch.optim.Adam,
        "batch_size": 32,
    }
    return Task("LSTM, 16,000 characters", Characters, parts, options)


TASKS = {"images": images, "characters": characters}


def _parts(*sizes):
    """Return slices of some sizes, one after the other."""
    ends = np.cumsum([0, *sizes])
    return [slice(*pair) for pair in pairwise(ends)]


def train(task, seed, **options):
    """Return a trained network and what it reached."""
    settings = {
        "max_iter": MAX_ITER,
        "random_state": seed,
        **task.options,
    }
    training, validation, (X, y) = task.parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = STNClassifier(task.module, **{**settings, **options})
        model.fit(*training, validation=validation)
    outputs = model._raw_predict(X)
    codes = np.searchsorted(model.classes_, y)
    right = np.take_along_axis(outputs, codes[:, None], axis=1)[:, 0]
    loss = float(np.mean(logsumexp(outputs, axis=1) - right))
    error = 100.0 * float(np.mean(outputs.argmax(axis=1) != codes))
    n_gradients = int(model.schedule_["n_gradients"][-1])
    return model, Outcome(model.validation_loss_, loss, error, n_gradients)


def run(task, seed, max_iter, once):
    """Return the outcomes of all tools, and those of all schedules."""

    def train_here(**options):
        return train(task, seed, **{"max_iter": max_iter, **options})

    names = once(
        "names", lambda: list(train_here(max_iter=1, tune=False)[0].hyperparameters_)
    )
    kinds = {name: KINDS[name.split("_")[0]] for name in names}
    n_batches = -(-len(task.parts[0][1]) // task.options["batch_size"])
    compared, schedule = tools(train_here, seed, kinds, n_batches, (1,), max_iter, once)
    followed = {"STN, centred": compared["STN, centred"]}
    followed |= schedules(train_here, seed, kinds, schedule, max_iter, once)
    return compared, followed


def verdicts(compared, followed):
    """Return what became of the published order, in sentences."""
    mean = {
        name: np.mean([one[name].validation for one in compared])
        for name in compared[0]
    }
    lines = []
    for form in ("centred", "published"):
        own = mean[f"STN, {form}"]
        for rival in ("grid", "random", "TPE", "GP"):
            other = mean[f"{rival}, 1 x"]
            won = sum(
                one[f"STN, {form}"].validation <= one[f"{rival}, 1 x"].validation
                for one in compared
            )
            verdict = "holds" if own <= other else "does not hold"
            lines.append(
                f"- {form}, validation loss at most that of {rival}: {verdict} "
                f"({own:.3f} and {other:.3f}; {won} of {len(compared)} seeds)."
            )
    test = {name: np.mean([one[name].test for one in followed]) for name in followed[0]}
    own, held = test["STN, centred"], test["final values, held"]
    verdict = "holds" if own <= held else "does not hold"
    lines.append(
        f"- The schedule is better than its last values held, on test rows: {verdict} "
        f"({own:.3f} and {held:.3f})."
    )
    return "\n".join(lines)


def main(arguments=None):
    """Run both tasks, print the tables and fill the page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=MAX_ITER)
    parser.add_argument("--quick", action="store_true", help="2 seeds, 6 iterations")
    parser.add_argument("--task", choices=list(TASKS))
    parser.add_argument("--seed", type=int, help="run one alone, to go on later")
    parser.add_argument("--store", type=Path, help="folder of results to go on from")
    parser.add_argument("--page")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error("--seeds must be at least 2, for a standard error")
    n_seeds, max_iter = options.seeds, options.iterations
    if options.quick:
        n_seeds, max_iter = 2, 6
    seeds = range(n_seeds) if options.seed is None else [options.seed]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    parts = {}
    for name in [options.task] if options.task else TASKS:
        results = []
        for seed in seeds:
            task = TASKS[name](seed)
            file = f"{name}-{max_iter}-{seed}.jsonl"
            store = Store(options.store / file if options.store else None)
            results.append(run(task, seed, max_iter, store.once))
            print(f"{name}, seed {seed}: {results[-1][0]['STN, centred']}", flush=True)
        if options.seed is not None:
            continue
        compared, followed = zip(*results, strict=True)
        parts[f"stn-{name}"] = (
            f"{task.title}, {n_seeds} seeds, at most {max_iter} iterations; means and "
            "standard errors "
            "(`python -m benchmarks.stn_modules`).\n\n"
            f"{table(compared)}\n\n{table(followed)}\n\n{verdicts(compared, followed)}"
        )
        print(parts[f"stn-{name}"], flush=True)
    if options.page:
        page.update(options.page, parts)


if __name__ == "__main__":
    main()
