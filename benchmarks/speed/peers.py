"""Tools of other packages, imported only when they are made."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_score

from .judge import Strength, rescaled

N_TRIALS = 100
#: Where the searches look for alpha; the range of the grids.
LOW, HIGH = 1e-5, 1e5
#: What himalaya divides its random shares by; each value costs as much again.
SUMS = np.geomspace(0.1, 1e5, 7)


def folds_of_rows(folds, n_samples):
    """Return the fold in which each row is held out."""
    fold = np.empty(n_samples, dtype=int)
    for k, (_, held_out) in enumerate(folds):
        fold[held_out] = k
    return fold


def himalaya_group_ridge(data):
    """Return random search over the groups, for each point a grid over their sum."""
    from himalaya.ridge import GroupRidgeCV

    return GroupRidgeCV(
        groups=data.groups,
        solver_params={
            "n_iter": N_TRIALS,
            "alphas": SUMS,
            "progress_bar": False,
            "warn": False,
        },
        fit_intercept=True,
        cv=PredefinedSplit(folds_of_rows(data.folds, len(data.X))),
        random_state=0,
    )


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
