"""Black-box searches of lambda at an equal budget of training gradients.

A trial runs plain gradient descent on L_T at one lambda and returns L_V. The
oracle counter of the problem says when the budget is spent; nothing here counts.
"""

from contextlib import suppress
from functools import partial
from importlib.util import find_spec

import numpy as np

from .settings import ETA, GROWN, N_RANDOM_TRIALS, N_TRIALS, SEARCH_RANGE

#: Searcher -> the module it needs.
NEEDS = {"tpe": "hyperopt", "gp": "skopt"}


class MissingLibraryError(RuntimeError):
    """A search library is not installed; the message names it."""


class BudgetSpentError(RuntimeError):
    """The counter has reached the budget; ends a search."""


class Trainer:
    """Trains at a given lambda until the budget of the problem is spent.

    Parameters
    ----------
    problem : BilevelProblem
        With one split and a fresh counter.
    alpha : float
        Step size of gradient descent.
    budget : int
        Training gradients in all.
    """

    def __init__(self, problem, alpha, budget):
        self.problem = problem
        self.split = problem.splits[0]
        self.alpha = alpha
        self.budget = budget
        self.worst = GROWN * problem.validation_loss(problem.zeros())
        self.best = (np.inf, None, None)
        self.trials = []

    @property
    def left(self):
        """Gradients that may still be asked for."""
        return self.budget - self.problem.counts.n_gradients

    def train(self, lambda_, n_steps, weights=None):
        """Return validation loss and weights after `n_steps`, or what is left."""
        if self.left <= 0:
            raise BudgetSpentError
        vector = np.array([lambda_], dtype=float)
        w = np.zeros(self.split.shape) if weights is None else weights
        # Too large a step overflows; the trial then counts as worst.
        with np.errstate(all="ignore"):
            for _ in range(min(n_steps, self.left)):
                w = w - self.alpha * self.split.train_gradient(w, vector)
            loss = self.split.validation_loss(w)
        # Searchers cannot model inf.
        loss = min(float(loss), self.worst) if np.isfinite(loss) else self.worst
        self.trials.append((float(lambda_), loss))
        if loss < self.best[0]:
            self.best = (loss, vector, w)
        return loss, w


def grid(trainer, n_steps, rng):
    """Try equidistant values."""
    for lambda_ in np.linspace(*SEARCH_RANGE, N_TRIALS):
        trainer.train(lambda_, n_steps)


def random(trainer, n_steps, rng):
    """Try uniform values."""
    for lambda_ in rng.uniform(*SEARCH_RANGE, N_TRIALS):
        trainer.train(lambda_, n_steps)


def tpe(trainer, n_steps, rng):
    """Let hyperopt's tree of Parzen estimators propose."""
    from hyperopt import fmin, hp
    from hyperopt import tpe as parzen

    fmin(
        lambda lambda_: trainer.train(lambda_, n_steps)[0],
        hp.uniform("lambda", *SEARCH_RANGE),
        algo=partial(parzen.suggest, n_startup_jobs=N_RANDOM_TRIALS),
        max_evals=N_TRIALS,
        rstate=rng,
        show_progressbar=False,
        verbose=False,
    )


def gp(trainer, n_steps, rng):
    """Let scikit-optimize's Gaussian process with expected improvement propose."""
    from skopt import Optimizer

    optimizer = Optimizer(
        [SEARCH_RANGE],
        base_estimator="GP",
        acq_func="EI",
        # One dimension: the best of many random points is as good as a search.
        acq_optimizer="sampling",
        n_initial_points=N_RANDOM_TRIALS,
        random_state=int(rng.integers(2**31)),
    )
    for _ in range(N_TRIALS):
        point = optimizer.ask()
        optimizer.tell(point, trainer.train(point[0], n_steps)[0])


def hyperband(trainer, n_steps, rng):
    """Run brackets of successive halving until the budget is spent.

    Li et al. (2018), Hyperband: A Novel Bandit-Based Approach to Hyperparameter
    Optimization. The resource is gradient steps, `n_steps` at most for one lambda;
    a survivor goes on from its weights.
    """
    s_max = int(np.log(n_steps) / np.log(ETA) + 1e-9)
    while True:
        for s in range(s_max, -1, -1):
            n_first = int(np.ceil((s_max + 1) * ETA**s / (s + 1)))
            _halve(trainer, n_steps, s, rng.uniform(*SEARCH_RANGE, n_first))


def _halve(trainer, n_steps, s, lambdas):
    """Run one bracket: rungs of n_steps / eta^s, ..., n_steps in all."""
    alive, done = [(lambda_, None) for lambda_ in lambdas], 0
    for rung in range(s + 1):
        upto = max(1, n_steps // ETA ** (s - rung))
        results = []
        for lambda_, weights in alive:
            loss, weights = trainer.train(lambda_, upto - done, weights)
            results.append((loss, lambda_, weights))
        results.sort(key=lambda result: result[0])
        kept = results[: max(1, len(results) // ETA)]
        alive, done = [(lambda_, weights) for _, lambda_, weights in kept], upto


SEARCHERS = {
    "grid": grid,
    "random": random,
    "tpe": tpe,
    "gp": gp,
    "hyperband": hyperband,
}


def search(name, problem, alpha, budget, seed):
    """Return the trainer after a search that has spent `budget` gradients.

    Raises
    ------
    MissingLibraryError
        If the library of the searcher is not installed.
    """
    module = NEEDS.get(name)
    if module is not None and find_spec(module) is None:
        raise MissingLibraryError(
            f"{name} is left out: {module} is not installed (pip install '.[bench]')."
        )
    trainer = Trainer(problem, alpha, budget)
    with suppress(BudgetSpentError):
        SEARCHERS[name](trainer, max(1, budget // N_TRIALS), _rng(seed))
    return trainer


def _rng(seed):
    # The data's own generator starts from `seed`: another stream for the search.
    return np.random.default_rng([seed, 1])
