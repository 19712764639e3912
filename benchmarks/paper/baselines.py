"""Black-box searches of lambda: n_S trials of n_T gradient steps.

A trial runs plain gradient descent on L_T from zero at one lambda and returns L_V.
"""

from contextlib import suppress
from importlib.util import find_spec

import numpy as np

from .settings import ETA, SEARCH_RANGE

#: Searcher -> the module it needs.
NEEDS = {"hyperopt": "hyperopt", "spearmint": "skopt"}


class MissingLibraryError(RuntimeError):
    """A search library is not installed; the message names it."""


class BudgetSpentError(RuntimeError):
    """All gradients of the budget have been taken; ends a search."""


class Trainer:
    """Trains at a given lambda until a budget of gradients is spent.

    Parameters
    ----------
    descent : SquaredDescent or LogisticDescent
        Of the training rows.
    loss : callable
        Weights -> validation loss.
    alpha : float
        Step size.
    n_steps, n_trials : int
        Gradient steps of a trial, and trials; the budget is their product.
    worst : float
        Loss of a trial that diverges: searchers cannot model inf.
    """

    def __init__(self, descent, loss, alpha, n_steps, n_trials, worst):
        self.descent, self.loss, self.alpha = descent, loss, alpha
        self.n_steps, self.n_trials = n_steps, n_trials
        self.left = n_steps * n_trials
        self.worst = worst
        self.best = (np.inf, None, None)
        self.trials = []

    def train(self, lambda_, n_steps=None, state=None):
        """Return validation loss and coordinates after the steps, or what is left."""
        n_steps = self.n_steps if n_steps is None else n_steps
        if self.left <= 0:
            raise BudgetSpentError
        n_steps = min(n_steps, self.left)
        self.left -= n_steps
        state = self.descent.start if state is None else state
        # Too large a step overflows; the trial then counts as worst.
        with np.errstate(all="ignore"):
            state = self.descent.move(lambda_, self.alpha, n_steps, state)
            weights = self.descent.weights(state)
            loss = self.loss(weights)
        loss = min(float(loss), self.worst) if np.isfinite(loss) else self.worst
        self.trials.append((float(lambda_), loss))
        if loss < self.best[0]:
            self.best = (loss, float(lambda_), weights)
        return loss, state


def grid(trainer, seed):
    """Try equidistant values; two are the ends of the range."""
    for lambda_ in np.linspace(*SEARCH_RANGE, trainer.n_trials):
        trainer.train(lambda_)


def random(trainer, seed):
    """Try uniform values, with the seed of the data as the paper has it."""
    rng = np.random.RandomState(seed)
    for lambda_ in rng.uniform(*SEARCH_RANGE, trainer.n_trials):
        trainer.train(lambda_)


def hyperopt(trainer, seed):
    """Let the tree of Parzen estimators propose; it draws its first 20 at random."""
    from hyperopt import fmin, hp, tpe

    fmin(
        lambda lambda_: trainer.train(lambda_)[0],
        hp.uniform("lambda", *SEARCH_RANGE),
        algo=tpe.suggest,
        max_evals=trainer.n_trials,
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
        verbose=False,
    )


def spearmint(trainer, seed):
    """Let scikit-optimize's Gaussian process with expected improvement propose.

    Spearmint's published rows with two trials are those of the grid, mean and spread,
    so it starts from the two ends of the range.
    """
    from skopt import Optimizer

    optimizer = Optimizer(
        [SEARCH_RANGE],
        base_estimator="GP",
        acq_func="EI",
        # One dimension: the best of many random points is as good as a search.
        acq_optimizer="sampling",
        n_initial_points=2,
        random_state=seed,
    )
    for number in range(trainer.n_trials):
        point = [SEARCH_RANGE[number]] if number < 2 else optimizer.ask()
        optimizer.tell(point, trainer.train(point[0])[0])


def hyperband(trainer, seed):
    """Run brackets of successive halving until the budget is spent.

    Li et al. (2018), Hyperband: A Novel Bandit-Based Approach to Hyperparameter
    Optimization. The resource is gradient steps, `n_steps` at most for one lambda;
    a survivor goes on from its weights.
    """
    rng = np.random.default_rng([seed, 1])
    s_max = int(np.log(trainer.n_steps) / np.log(ETA) + 1e-9)
    while True:
        for s in range(s_max, -1, -1):
            n_first = int(np.ceil((s_max + 1) * ETA**s / (s + 1)))
            _halve(trainer, s, rng.uniform(*SEARCH_RANGE, n_first))


def _halve(trainer, s, lambdas):
    """Run one bracket: rungs of n_steps / eta^s, ..., n_steps in all."""
    alive, done = [(lambda_, None) for lambda_ in lambdas], 0
    for rung in range(s + 1):
        upto = max(1, trainer.n_steps // ETA ** (s - rung))
        results = []
        for lambda_, state in alive:
            loss, state = trainer.train(lambda_, upto - done, state)
            results.append((loss, lambda_, state))
        results.sort(key=lambda result: result[0])
        kept = results[: max(1, len(results) // ETA)]
        alive, done = [(lambda_, state) for _, lambda_, state in kept], upto


SEARCHERS = {
    "grid": grid,
    "random": random,
    "hyperopt": hyperopt,
    "spearmint": spearmint,
    "hyperband": hyperband,
}


def search(name, trainer, seed):
    """Spend the budget of a trainer.

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
    with suppress(BudgetSpentError):
        SEARCHERS[name](trainer, seed)
