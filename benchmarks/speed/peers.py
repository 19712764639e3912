"""Tools of other packages, imported only when they are made."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from .judge import Strength, rescaled

N_TRIALS = 100
#: Where the searches look for alpha; the range of the grids.
LOW, HIGH = 1e-5, 1e5
ALPHAS, CS = np.geomspace(LOW, HIGH, 100), np.logspace(-4, 4, 10)
#: Divisors of himalaya's random shares; each value costs as much again.
SUMS = np.geomspace(0.1, 1e5, 7)
#: The column of ones of snapml, whose coefficient is penalized as all others are: so
#: large that the penalty hardly moves the intercept.
SNAPML_ONES = 10.0


def folds_of_rows(folds, n_samples):
    """Return the fold in which each row is held out."""
    fold = np.empty(n_samples, dtype=int)
    for k, (_, held_out) in enumerate(folds):
        fold[held_out] = k
    return fold


def himalaya_folds(data):
    """Return the folds of the data as one splitter."""
    return PredefinedSplit(folds_of_rows(data.folds, len(data.X)))


def himalaya_search():
    """Return the options of a random search over shares, and a grid over their sum."""
    return {"n_iter": N_TRIALS, "alphas": SUMS, "progress_bar": False}


def himalaya_ridge(data):
    """Return the grid of `RidgeCV`, per target, by one decomposition per fold."""
    from himalaya.ridge import RidgeCV

    # All alphas in one product would take gigabytes at a few thousand rows.
    options = {"n_alphas_batch": 10}
    folds = himalaya_folds(data)
    return RidgeCV(ALPHAS, fit_intercept=True, solver_params=options, cv=folds)


def himalaya_group_ridge(data):
    """Return random search over the groups, on features."""
    from himalaya.ridge import GroupRidgeCV

    return GroupRidgeCV(
        groups=data.groups,
        solver_params=himalaya_search() | {"warn": False},
        fit_intercept=True,
        cv=himalaya_folds(data),
        random_state=0,
    )


def himalaya_kernel_ridge(data):
    """Return the same search on kernels, a linear one per group."""
    from himalaya.kernel_ridge import (
        ColumnKernelizer,
        Kernelizer,
        MultipleKernelRidgeCV,
    )

    kernels = [
        (str(name), Kernelizer("linear"), np.flatnonzero(data.groups == name))
        for name in np.unique(data.groups)
    ]
    model = MultipleKernelRidgeCV(
        kernels="precomputed",
        solver_params=himalaya_search(),
        fit_intercept=True,
        cv=himalaya_folds(data),
        random_state=0,
    )
    return make_pipeline(ColumnKernelizer(kernels), model)


def fastridge_em(data):
    """Return the mode of the posterior, without a grid and without folds.

    Features are not scaled, so that the penalty is that of all other tools.
    """
    from fastridge import RidgeEM

    return RidgeEM(normalize=False)


def bbai_ridge(data):
    """Return exact leave-one-out, minimized without a grid."""
    from bbai.glm import RidgeRegression

    return RidgeRegression()


def glmnet_options(penalties):
    """Return ridge penalties on unscaled features, the best of which is chosen.

    glmnet draws its folds itself.
    """
    return {
        "alpha": 0.0,
        "standardize": False,
        "n_splits": 5,
        "cut_point": 0.0,
        "lambda_path": np.sort(penalties)[::-1],
        "random_state": 0,
    }


def glmnet_ridge(data):
    """Return a path of warm starts over the grid of `RidgeCV`.

    glmnet penalizes the coefficients of a target of unit variance.
    """
    from glmnet import ElasticNet

    penalties = ALPHAS * data.y.std() / len(data.y)
    return ElasticNet(scoring="mean_squared_error", **glmnet_options(penalties))


def glmnet_logistic(data):
    """Return a path of warm starts over the grid of `LogisticRegressionCV`."""
    from glmnet import LogitNet

    penalties = 1.0 / (CS * len(data.y))
    return LogitNet(scoring="log_loss", **glmnet_options(penalties))


def snapml_logistic(data):
    """Return a search over the grid of `LogisticRegressionCV`, for two classes."""
    from snapml import LogisticRegression

    one = LogisticRegression(
        fit_intercept=True, intercept_scaling=SNAPML_ONES, random_state=0
    )
    grid = {"regularizer": (1.0 / CS).tolist()}
    return GridSearchCV(one, grid, scoring="neg_log_loss", cv=data.folds)


def bbai_logistic(data):
    """Return approximate leave-one-out, minimized without a grid."""
    from bbai.glm import LogisticRegression

    return LogisticRegression()


class OptunaRidge:
    """Ridge with one alpha per group, found by tree-structured Parzen estimators.

    Every trial is the cross-validation that a user would write: the columns are
    divided by the root of their group's alpha, and the ridge has alpha 1.
    """

    def __init__(self, data):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.optuna = optuna
        self.folds = data.folds
        self.names, self.place_ = np.unique(data.groups, return_inverse=True)

    def fit(self, X, y):
        """Run the trials; refit at the best one."""

        def held_out_error(trial):
            alpha = np.array(
                [trial.suggest_float(str(g), LOW, HIGH, log=True) for g in self.names]
            )
            scores = cross_val_score(
                Ridge(alpha=1.0),
                self.scaled(X, alpha),
                y,
                cv=self.folds,
                scoring="neg_mean_squared_error",
            )
            return -scores.mean()

        sampler = self.optuna.samplers.TPESampler(seed=0)
        study = self.optuna.create_study(sampler=sampler)
        study.optimize(held_out_error, n_trials=N_TRIALS)
        self.alpha_ = np.array([study.best_params[str(g)] for g in self.names])
        self.model_ = Ridge(alpha=1.0).fit(self.scaled(X, self.alpha_), y)
        return self

    def scaled(self, X, alpha):
        """Return the columns for an alpha of 1."""
        return rescaled("ridge", X, Strength(alpha[self.place_], "features"))[0]

    def predict(self, X):
        """Predict as the refitted model does."""
        return self.model_.predict(self.scaled(X, self.alpha_))
