"""
A data source of your own
=========================

All access to rows of X goes through one interface, `sklearn_myhpo.data.design.Design`.
A source that is not an array, such as shards on a disk, is one class with two methods.
Ridge and logistic regression, criteria and certificates then work without changes.
"""

# %%
# Rows in a list of arrays, each of which could be read from a file when it is needed.
# ``blocks`` yields them in order, ``about`` returns the same rows with another origin.

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import KFold

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.criteria import CRITERIA, CriterionProblem
from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.data.design import Design
from sklearn_myhpo.losses import LogisticLoss, SquaredLoss
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel


# design: begin
class Shards(Design):
    """Rows in several arrays, or files of arrays, one below the other.

    Parameters
    ----------
    shards : list of (callable, int)
        Each returns some rows, an ndarray of shape (n_rows, n_features); and n_rows.
    n_features : int
        Number of features.
    *origin
        As of `Design`: shift, scale, fit_intercept, has_large_means.
    """

    def __init__(self, shards, n_features, *origin):
        n_samples = sum(n_rows for _, n_rows in shards)
        super().__init__((n_samples, n_features), *origin)
        self.shards, self.origin = shards, origin

    def about(self, *origin):
        """Return the same rows with another origin, units and last coordinate."""
        return Shards(self.shards, self.n_features, *origin)

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield the rows of one array at a time."""
        start = 0
        for read, n_rows in self.shards:
            rows = slice(start, start + n_rows)
            yield rows, DenseDesign(np.asarray(read(), float), *self.origin)
            start = rows.stop


# design: end

# %%
# Some data, once in memory and once in five files.

rng = np.random.default_rng(0)
X = rng.standard_normal((1000, 12))
coef = np.r_[rng.normal(size=4), 0.1 * rng.normal(size=8)]
y = X @ coef + rng.standard_normal(1000)
folder = TemporaryDirectory()
shards = []
for number, part in enumerate(np.array_split(X, 5)):
    path = Path(folder.name) / f"{number}.npy"
    np.save(path, part)
    shards.append((lambda path=path: np.load(path), len(part)))

# %%
# Two penalties of ridge and of logistic regression, and generalized cross-validation.
# The results are those of the rows in memory.

groups = FeatureGroups(np.repeat([0, 1], [4, 8]), ("strong", "weak"))
pairs = list(KFold(5).split(X))
classes = (y > 0).astype(int)


def learn(rows):
    """Return the learned lambdas of three problems on the same rows."""
    ridge = BilevelProblem(rows, y[:, None], SquaredLoss(), groups, pairs)
    logistic = BilevelProblem(rows, classes, LogisticLoss(), groups, pairs)
    gcv = CriterionProblem(rows, y[:, None], SquaredLoss(), groups, CRITERIA["gcv"]())
    problems = {"ridge": ridge, "logistic": logistic, "ridge, GCV": gcv}
    return {
        name: minimize_bilevel(problem, MYHPO()).lambda_
        for name, problem in problems.items()
    }


in_memory, in_files = learn(X), learn(Shards(shards, X.shape[1]))
for name, lambda_ in in_memory.items():
    print(
        f"{name:<12}",
        lambda_.round(4),
        "difference",
        abs(lambda_ - in_files[name]).max(),
    )

# %%
# The shape of a problem determines the method of computation; the plan can be printed.

print(BilevelProblem(Shards(shards, 12), classes, LogisticLoss(), groups, pairs).plan)

# %%
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
for place, (name, lambda_) in enumerate(in_memory.items()):
    axis.plot(place + np.array([-0.1, 0.1]), lambda_, "o", color="C0")
    axis.plot(place + np.array([-0.1, 0.1]), in_files[name], "x", color="C1")
axis.set_xticks(range(3), list(in_memory))
axis.set(ylabel="lambda of both groups", title="o: rows in memory, x: rows in files")
plt.show()
folder.cleanup()
