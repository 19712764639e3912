"""Stochastic solvers with their default steps: suboptimality by epoch.

Every method runs on data that ship with scikit-learn, as they are and with features
scaled by powers of ten up to a million, and on those that `SKLEARN_MYHPO_DATA` has; one
lambda per feature, or one for all where there are over 500. Printed is the validation
loss at exact weights above the lowest that any method or `implicit` found, relative to
that of a constant model; "-" stands for a run that had ended.

    python -m benchmarks.stochastic
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks.data import binary_file
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, SquaredLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups
from sklearn_myhpo.solvers import Implicit, Stochastic, minimize_bilevel

METHODS = ("saba", "soba", "amigo", "stocbio")
EPOCHS = (1, 2, 5, 10, 20, 50, 100)
#: As in the comparison of Dagreou et al. (2022): rows for training, the start.
A9A_TRAIN, LAMBDA_INIT = 24000, -2.0
FILES = ("a9a", "w8a", "spam", "leukemia_golub", "gtsrb_hog", "mnist_train15k")


def data_sets():
    """Yield name, X and y."""
    yield "diabetes", *load_diabetes(return_X_y=True)
    for load in (load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        yield load.__name__[5:], X, y
        scale = 10.0 ** np.random.default_rng(0).integers(-6, 7, X.shape[1])
        yield f"{load.__name__[5:]}, scaled", X * scale, y
    for name in FILES:
        try:
            yield name, *binary_file(name)
        except (OSError, KeyError) as error:
            print(f"{name} is left out: {error}")


def make_problem(X, y, *, by_rows):
    """Return the problem of one hold-out split."""
    n_train = A9A_TRAIN if len(y) > A9A_TRAIN else 3 * len(y) // 4
    if y.dtype.kind == "f" and len(np.unique(y)) > 10:
        loss, target = SquaredLoss(), y[:, None]
        order = np.random.default_rng(1).permutation(len(y))
        pair = order[:n_train], order[n_train:]
    else:
        target = np.unique(y, return_inverse=True)[1]
        n_classes = target.max() + 1
        loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
        splitter = StratifiedShuffleSplit(1, train_size=n_train, random_state=1)
        pair = next(splitter.split(X, target))
    kind = "each" if X.shape[1] <= 500 else None
    groups = make_feature_groups(kind, X, n_features=X.shape[1])
    return BilevelProblem(X, target, loss, groups, [pair], by_rows=by_rows)


def curve(problem, method, epochs, lambda_init):
    """Return the objective at exact weights after every epoch of some."""
    seen, weights = {}, problem.starts()

    def keep(n_iter, info, state):
        nonlocal weights
        if n_iter in epochs:
            weights = problem.minimize(info.lambda_, weights)
            seen[n_iter] = problem.estimate(info.lambda_, weights)

    result = minimize_bilevel(
        problem,
        Stochastic(method),
        lambda_init=lambda_init,
        max_iter=max(epochs),
        tol=1e-5,
        random_state=0,
        callback=keep,
    )
    return seen, result


def main():
    """Print a table per data set."""
    for name, X, y in data_sets():
        start = LAMBDA_INIT if name == "a9a" else "auto"
        epochs = [e for e in EPOCHS if e <= (100 if X.size < 1e7 else 20)]
        curves = {}
        for method in METHODS:
            problem = make_problem(X, y, by_rows=True)
            curves[method] = curve(problem, method, epochs, start)
        found = [value for seen, _ in curves.values() for value in seen.values()]
        if X.size < 1e7:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                referee = make_problem(X, y, by_rows=False)
                found.append(minimize_bilevel(referee, Implicit()).validation_loss)
        best = min(found)
        print(
            f"\n{name} {X.shape}: lowest {best:.5f}, constant {problem.null_loss:.5f}"
        )
        print(f"{'epochs':<10}" + "".join(f"{e:>10}" for e in epochs))
        for method, (seen, result) in curves.items():
            gaps = [
                f"{(seen[e] - best) / problem.null_loss:>10.1e}"
                if e in seen
                else " " * 9 + "-"
                for e in epochs
            ]
            print(
                f"{method:<10}" + "".join(gaps) + f"  {result.status.name}", flush=True
            )


if __name__ == "__main__":
    main()
