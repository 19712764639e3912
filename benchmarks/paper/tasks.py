"""From a data set and a run to a bilevel problem, its searches and its judge."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import LogisticLoss, SquaredLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups

from .descent import LogisticDescent, SquaredDescent
from .preprocessing import Choice, prepare
from .settings import LAMBDA_BOUNDS, REGRESSION
from .splits import load


@dataclass(frozen=True, eq=False)
class Task:
    """One (training, validation) pair and a test set, in the paper's mode.

    No intercept, no refit, one lambda. `parts` are (X, y) of the training, validation
    and test rows. `pristine` has never been asked anything by a method: `problem`
    copies it, so that every method has a counter of its own. Losses are reported in
    units of `unit`, which is the variance of y for regression.
    """

    pristine: BilevelProblem
    parts: list
    logistic: bool
    unit: float

    def problem(self):
        """Return the problem with all counts at zero."""
        problem = deepcopy(self.pristine)
        for name in vars(problem.counts):
            setattr(problem.counts, name, 0)
        return problem

    @cached_property
    def descent(self):
        """Gradient descent on the training rows."""
        kind = LogisticDescent if self.logistic else SquaredDescent
        return kind(*self.parts[0])

    def losses(self, lambda_, weights):
        """Return training, validation and test loss of weights of shape (d,).

        The training loss is L_T, penalty included, as the published figures have it.
        """
        train, *others = (self.loss(part, weights) for part in self.parts)
        with np.errstate(all="ignore"):
            return [train + np.exp(lambda_) * weights @ weights / self.unit, *others]

    def loss(self, part, weights):
        """Return the mean loss of a part, in the reported unit."""
        X, y = part
        raw = X @ weights
        if self.logistic:
            return float(np.mean(np.logaddexp(0.0, (1.0 - 2.0 * y) * raw)))
        with np.errstate(all="ignore"):
            return float(0.5 * np.mean((y - raw) ** 2) / self.unit)

    def exact_validation_loss(self, lambda_):
        """Return the validation loss of the minimizer of the training loss."""
        uncounted = self.problem()
        exact = uncounted.minimize(np.array([lambda_]), uncounted.starts())
        return float(uncounted.validation_loss(exact)) / self.unit

    def coef(self, weights):
        """Return weights of the problem in the units of X, shape (d,)."""
        return self.pristine.splits[0].to_features(weights[0])[0][:, 0]

    @property
    def zero_loss(self):
        """Validation loss of zero weights, where the methods start."""
        return self.loss(self.parts[1], np.zeros(self.parts[1][0].shape[1]))


@lru_cache(maxsize=2)
def make_task(data, seed, choice):
    """Return the task of run `seed` of a data set, after a `Choice`."""
    choice = Choice(*choice)
    parts = prepare(choice, load(data, seed))
    return task_of(parts, data not in REGRESSION, choice.factor, choice.share)


def task_of(parts, logistic, factor=1, share=0.5):
    """Return the task of some arrays; `factor` and `share` are those of a `Choice`."""
    unit = 1.0
    if not logistic:
        # Rows times sqrt(factor) have `factor` times the loss, and its gradient.
        scale = np.sqrt(factor)
        parts = [(scale * X, scale * y) for X, y in parts]
        unit = float(0.5 / share * np.var(np.concatenate([y for _, y in parts])))
    X = np.concatenate([X for X, _ in parts[:2]])
    y = np.concatenate([y for _, y in parts[:2]])
    pair = np.split(np.arange(len(y)), [len(parts[0][1])])
    problem = BilevelProblem(
        np.ascontiguousarray(X),
        y if logistic else y[:, None],
        LogisticLoss() if logistic else SquaredLoss(),
        make_feature_groups(None, X, n_features=X.shape[1]),
        [tuple(pair)],
        fit_intercept=False,
        lambda_bounds=LAMBDA_BOUNDS,
    )
    return Task(problem, parts, logistic, unit)
