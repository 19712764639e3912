"""From a data set and a run to a bilevel problem and its judge."""

from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import LogisticLoss, SquaredLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups

from .preprocessing import preprocess
from .settings import LAMBDA_BOUNDS, LOSS
from .splits import load


@dataclass(frozen=True, eq=False)
class Task:
    """One (training, validation) pair and a test set, in the paper's mode.

    No intercept, no refit, one lambda. `pristine` has never been asked anything by
    a method: `problem` copies it, so that every method has a counter of its own.
    """

    pristine: BilevelProblem
    X_test: np.ndarray
    y_test: np.ndarray
    logistic: bool

    def problem(self):
        """Return the problem with all counts at zero."""
        problem = deepcopy(self.pristine)
        for name in vars(problem.counts):
            setattr(problem.counts, name, 0)
        return problem

    def judge(self, problem, lambda_, weights):
        """Return the losses of some weights, and the exact ones of their lambda.

        Measuring is not a part of a method: nothing is counted.
        """
        uncounted = self.problem()
        train_loss = uncounted.train_loss(weights, lambda_)
        validation_loss = uncounted.validation_loss(weights)
        exact = uncounted.minimize(lambda_, uncounted.starts())
        coef, _ = uncounted.splits[0].to_features(weights[0])
        return {
            "train_loss": float(train_loss),
            "validation_loss": float(validation_loss),
            "exact_validation_loss": float(uncounted.validation_loss(exact)),
            **self.test(coef),
        }

    def test(self, coef):
        """Return test loss, and test error: share misclassified, or 1 - R2."""
        raw = self.X_test @ coef[:, 0]
        if self.logistic:
            sign = 2.0 * self.y_test - 1.0
            loss = np.mean(np.logaddexp(0.0, -sign * raw))
            error = np.mean((raw > 0) != (self.y_test == 1))
        else:
            loss = 0.5 * np.mean((self.y_test - raw) ** 2)
            error = 2.0 * loss / np.var(self.y_test)
        return {"test_loss": float(loss), "test_error": float(error)}

    @property
    def zero_loss(self):
        """Validation loss of zero weights, where the methods start."""
        uncounted = self.problem()
        return float(uncounted.validation_loss(uncounted.zeros()))


@lru_cache(maxsize=2)
def make_task(data, seed, variant):
    """Return the task of run `seed`.

    Parameters
    ----------
    data : str
        A key of `settings.LOSS`.
    seed : int
        The run.
    variant : str
        Steps of `preprocessing.preprocess`, then, after commas, "raw y" if a
        regression target is not to be divided by its standard deviation, and
        "all rows" if statistics are those of all rows, not of the training rows.
    """
    preprocessing, *options = variant.split(", ")
    X, y, parts = load(data, seed)
    used = np.concatenate(parts)
    X, y = X[used], y[used]
    ends = np.cumsum([len(part) for part in parts])
    train, validation, test = np.split(np.arange(len(used)), ends[:-1])
    rows = np.arange(len(used)) if "all rows" in options else train
    X = preprocess(preprocessing, X, rows)
    if "raw y" not in options and LOSS[data] == "squared":
        y = y / y[rows].std()
    return task_of(X, y, (train, validation, test), LOSS[data])


def task_of(X, y, parts, loss):
    """Return the task of some arrays."""
    train, validation, test = parts
    inside = np.concatenate([train, validation])
    pair = np.split(np.arange(len(inside)), [len(train)])
    logistic = loss == "logistic"
    problem = BilevelProblem(
        np.ascontiguousarray(X[inside]),
        y[inside] if logistic else y[inside, None],
        LogisticLoss() if logistic else SquaredLoss(),
        make_feature_groups(None, X, n_features=X.shape[1]),
        [tuple(pair)],
        fit_intercept=False,
        lambda_bounds=LAMBDA_BOUNDS,
    )
    return Task(problem, X[test], y[test], logistic)
