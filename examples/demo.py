"""Tuned in one fit: MY-HPO beside the cross-validated tools of scikit-learn.

On data that ships with scikit-learn, every tool gets the same rows and the same
five folds. "CV loss" is the mean loss over all held-out rows at the strength that
the tool chose, computed by plain scikit-learn fits, so that it is the same
function for all. "time" is in plain fits: the tool's time over that of one fit of
the plain estimator at the learned strength, medians of interleaved repeats.

Writes a picture of the convergence to demo_convergence.png.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    train_test_split,
)
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge, SHORidge

ALPHAS = np.logspace(-4, 6, 21)
CS = np.logspace(-4, 4, 9)
PICTURE = "demo_convergence.png"


def ridge_cv_loss(X, y, folds, strength):
    """Return the held-out half squared error at an alpha of all rows."""
    losses, sizes = [], []
    for train, held_out in folds:
        model = Ridge(alpha=strength * len(train) / len(y)).fit(X[train], y[train])
        losses.append(mean_squared_error(y[held_out], model.predict(X[held_out])) / 2)
        sizes.append(len(held_out))
    return np.average(losses, weights=sizes)


def logistic_cv_loss(X, y, folds, strength):
    """Return the held-out log loss at a C of all rows."""
    losses, sizes = [], []
    for train, held_out in folds:
        C = strength * len(y) / len(train)
        model = plain_logistic(C).fit(X[train], y[train])
        probabilities = model.predict_proba(X[held_out])
        losses.append(log_loss(y[held_out], probabilities, labels=model.classes_))
        sizes.append(len(held_out))
    return np.average(losses, weights=sizes)


def plain_logistic(C=1.0):
    """Return scikit-learn's estimator with enough iterations."""
    return LogisticRegression(C=C, max_iter=5000, tol=1e-6)


def ridge_tools(folds):
    """Return name -> (estimator, attribute with the strength)."""
    grid = GridSearchCV(
        Ridge(), {"alpha": ALPHAS}, cv=folds, scoring="neg_mean_squared_error"
    )
    return {
        "MYHPORidge": MYHPORidge(cv=folds),
        "RidgeCV": RidgeCV(ALPHAS, cv=folds, scoring="neg_mean_squared_error"),
        "GridSearchCV": grid,
    }


def logistic_tools(folds):
    """Return name -> estimator for classification."""
    with_cv = LogisticRegressionCV(
        Cs=CS,
        cv=folds,
        scoring="neg_log_loss",
        max_iter=5000,
        tol=1e-6,
        l1_ratios=(0.0,),
        use_legacy_attributes=False,
    )
    grid = GridSearchCV(plain_logistic(), {"C": CS}, cv=folds, scoring="neg_log_loss")
    return {
        "MYHPOLogisticRegression": MYHPOLogisticRegression(cv=folds),
        "LogisticRegressionCV": with_cv,
        "GridSearchCV": grid,
    }


def strength_of(model):
    """Return the alpha or C that a fitted tool chose."""
    if isinstance(model, GridSearchCV):
        return next(iter(model.best_params_.values()))
    name = "alpha_" if hasattr(model, "alpha_") else "C_"
    return float(np.ravel(getattr(model, name))[0])


def effort_of(model, n_grid, n_folds):
    """Return what a fitted tool did, in words."""
    if hasattr(model, "history_"):
        return f"scan + {model.n_iter_}"
    return f"{n_grid * n_folds + 1} fits"


def seconds(estimator, X, y):
    """Return the time of one fit."""
    start = time.perf_counter()
    estimator.fit(X, y)
    return time.perf_counter() - start


def compare(name, X, y, *, classify, repeats):
    """Print the rows of one data set."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=0, stratify=y if classify else None
    )
    scaler = StandardScaler().fit(X_train)
    X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    splitter = StratifiedKFold if classify else KFold
    folds = list(splitter(5, shuffle=True, random_state=0).split(X_train, y_train))
    tools = logistic_tools(folds) if classify else ridge_tools(folds)
    cv_loss = logistic_cv_loss if classify else ridge_cv_loss
    times = {tool: [] for tool in tools}
    plain_times = []
    for _ in range(repeats):
        for tool, estimator in tools.items():
            times[tool].append(seconds(estimator, X_train, y_train))
        strength = strength_of(next(iter(tools.values())))
        plain = plain_logistic(strength) if classify else Ridge(alpha=strength)
        plain_times.append(seconds(plain, X_train, y_train))
    for tool, model in tools.items():
        strength = strength_of(model)
        print(
            f"{name:<14} {tool:<24} {'C' if classify else 'alpha':>5} = "
            f"{strength:<11.5g} {cv_loss(X_train, y_train, folds, strength):>12.8g} "
            f"{test_score(model, X_test, y_test, classify):>9.4f}  "
            f"{effort_of(model, len(CS if classify else ALPHAS), 5):<13} "
            f"{np.median(times[tool]) / np.median(plain_times):>7.1f}"
        )


def test_score(model, X, y, classify):
    """Return accuracy or R2 on the test rows."""
    if classify:
        return np.mean(model.predict(X) == y)
    return 1.0 - np.mean((model.predict(X) - y) ** 2) / np.var(y)


def feature_groups():
    """Print one lambda against one per degree of a polynomial."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    expand = PolynomialFeatures(2, include_bias=False).set_output(transform="pandas")
    X = (
        StandardScaler()
        .set_output(transform="pandas")
        .fit_transform(expand.fit_transform(X))
    )
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    linear = [column for column in X if not ("^" in column or " " in column)]
    second = [column for column in X if column not in linear]
    groups = [("linear", linear), ("second degree", second)]
    print("\nfeature groups: diabetes, polynomial of degree 2")
    for label, own in (("one lambda", None), ("two lambdas", groups)):
        model = MYHPORidge(feature_groups=own).fit(X_train, y_train)
        alphas = ", ".join(
            f"{group}: alpha = {alpha:.4g}"
            for group, alpha in zip(
                model.feature_group_names_, np.ravel(model.alpha_), strict=True
            )
        )
        print(
            f"  {label:<12} CV loss {model.validation_loss_:.2f}, "
            f"test R2 {model.score(X_test, y_test):.4f}  ({alphas})"
        )


def draw_convergence():
    """Draw validation loss and lambda of three methods from lambda = -1."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
    common = {"lambda_init": -1.0, "random_state": 0}
    methods = {
        "MY-HPO, default": MYHPORidge(**common),
        "MY-HPO, consensus with rho = 1": MYHPORidge(rho=1.0, **common),
        "SHO": SHORidge(max_iter=200, **common),
    }
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for (label, model), marker in zip(methods.items(), "osd", strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = model.fit(X, y).history_
        label += "" if model.converged_ else " (not converged)"
        iterations = np.arange(1, len(history["time"]) + 1)
        style = {"marker": marker, "markersize": 4, "markevery": 0.1, "label": label}
        axes[0].plot(iterations, history["validation_loss"], **style)
        axes[1].plot(iterations, history["lambda"], **style)
    axes[0].set(ylabel="validation loss (half squared error)")
    axes[0].set_title("validation loss, diabetes, y standardized")
    axes[1].set(ylabel="lambda (natural log)", title="lambda, started at -1")
    axes[0].legend()
    for axis in axes:
        axis.set(xlabel="iteration", xscale="log")
        axis.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=120)
    print(f"\n{PICTURE}: how fast three methods reach the minimum from lambda = -1")


def main():
    """Print the table, the feature groups, and draw the picture."""
    print(
        f"{'data':<14} {'tool':<24} {'strength':<19} {'CV loss':>12} "
        f"{'test':>9}  {'effort':<13} {'time':>7}"
    )
    X, y = load_diabetes(return_X_y=True)
    compare("diabetes", X, y, classify=False, repeats=5)
    X, y = load_breast_cancer(return_X_y=True)
    compare("breast_cancer", X, y, classify=True, repeats=3)
    X, y = load_digits(return_X_y=True)
    compare("digits", X, y, classify=True, repeats=1)
    print(
        "CV loss: half squared error or log loss over the held-out rows of 5 folds.\n"
        "test: R2 or accuracy. effort: fits, or the scan of lambda and the solver's\n"
        "iterations after it. time: in fits of the plain estimator."
    )
    feature_groups()
    draw_convergence()


if __name__ == "__main__":
    main()
