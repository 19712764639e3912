"""Iterations and oracle calls to a relative hypergradient of 1e-6.

The consensus form of MY-HPO with rho = 1, its fast form (the default) and the referee
`implicit`, with L-BFGS and with Newton steps, on the same splits, from lambda = -1
(iterations tell the methods apart) and with the default start by a scan (what a fit
costs). MNIST and cookie are fetched; where that is not possible, they are left out by
name.

    python -m benchmarks.iterations
"""

import warnings

from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from benchmarks.data import cookie_sucrose, mnist_regression
from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import MYHPO, Implicit

SOLVERS = {
    "consensus, rho=1": MYHPO(rho=1.0),
    "default": MYHPO(),
    "implicit, L-BFGS": Implicit(steps="lbfgs"),
    "implicit, Newton": Implicit(steps="newton"),
}


def fetched_problems(name, fetch, n_splits, **fixed):
    """Yield the problems of a data set, or say why there are none."""
    try:
        fetched = [fetch(seed) for seed in range(n_splits)]
    except (ImportError, OSError) as error:
        print(f"{name} is left out: {error}\n")
        return
    for seed, (X, y, pair) in enumerate(fetched):
        yield f"{name} {seed}", BilevelRidge, X, y, {"cv": [pair], **fixed}


def problems():
    """Yield name, estimator class, X, y and fixed parameters."""
    yield from fetched_problems("MNIST", mnist_regression, 1, fit_intercept=False)
    yield from fetched_problems("cookie", cookie_sucrose, 3)
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    shuffled = {"shuffle": True, "random_state": 0}
    folds = {"cv": KFold(5, **shuffled), "random_state": 0}
    yield "diabetes", BilevelRidge, X, y, folds
    yield "diabetes, each", BilevelRidge, X, y, {**folds, "feature_groups": "each"}
    expand = PolynomialFeatures(2, include_bias=False)
    X = StandardScaler().fit_transform(expand.fit_transform(X))
    degree = expand.powers_.sum(axis=1)
    yield "diabetes, degrees", BilevelRidge, X, y, {**folds, "feature_groups": degree}
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    folds = {**folds, "cv": StratifiedKFold(5, **shuffled)}
    yield "breast_cancer", BilevelLogisticRegression, X, y, folds
    groups = {**folds, "feature_groups": [0] * 10 + [1] * 10 + [2] * 10}
    yield "breast_cancer, 3 groups", BilevelLogisticRegression, X, y, groups


def main():
    """Print one line per problem, start and solver."""
    print(
        f"{'data':<24} {'start':>6}  {'solver':<17} {'iterations':>10} "
        f"{'inner solves':>13} {'factorizations':>15} {'validation loss':>16}"
    )
    for name, estimator, X, y, fixed in problems():
        for start in (-1.0, "auto"):
            for label, solver in SOLVERS.items():
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model = estimator(
                        solver=solver, lambda_init=start, max_iter=1000, **fixed
                    ).fit(X, y)
                last = {key: column[-1] for key, column in model.history_.items()}
                iterations = f"{'' if model.converged_ else '>'}{model.n_iter_}"
                print(
                    f"{name:<24} {start!s:>6}  {label:<17} {iterations:>10} "
                    f"{last['n_inner_solves']:>13} {last['n_factorizations']:>15} "
                    f"{model.validation_loss_:>16.8g}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
