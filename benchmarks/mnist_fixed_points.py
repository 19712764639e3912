"""Where MY-HPO ends on MNIST regression: as published, corrected, and by root finding.

The fixed points of the published response solve ``(v - mean(v)) . grad L_V(v) = 0``
and not ``dv/dlambda . grad L_V(v) = 0``. Both roots are found here from an
eigendecomposition, independently of the package, beside what the estimators
return. The data are fetched by `sklearn_myhpo.datasets`:

    python -m benchmarks.mnist_fixed_points [number of splits]
"""

import sys

import numpy as np
from scipy.optimize import brentq

from benchmarks.data import mnist_regression
from sklearn_myhpo import MYHPORidge

PUBLISHED = {
    "response": "mean",
    "metric": "identity",
    "rho": 1.0,
    "lambda_init": -1.0,
    "max_iter": 5000,
}
GRID = np.linspace(-12.0, 2.0, 141)


class Path:
    """Exact ridge solutions of one split as a function of lambda."""

    def __init__(self, X, y, pair):
        train, validation = pair
        self.X, self.y = X[validation], y[validation]
        gram = X[train].T @ X[train] / len(train)
        values, self.vectors = np.linalg.eigh(gram)
        self.values = np.maximum(values, 0.0)
        self.linear = self.vectors.T @ (X[train].T @ y[train] / len(train))

    def at(self, lambda_):
        """Return v, dv/dlambda, L_V and its gradient."""
        p = 2.0 * np.exp(lambda_)
        inside = self.linear / (self.values + p)
        v = self.vectors @ inside
        slope = self.vectors @ (-p * inside / (self.values + p))
        residual = self.X @ v - self.y
        gradient = self.X.T @ residual / len(residual)
        return v, slope, 0.5 * np.mean(residual**2), gradient

    def roots(self, response):
        """Return the fixed points of a response on GRID."""

        def condition(lambda_):
            v, slope, _, gradient = self.at(lambda_)
            return (slope if response == "tangent" else v - v.mean()) @ gradient

        values = [condition(lambda_) for lambda_ in GRID]
        return [
            brentq(condition, GRID[k], GRID[k + 1])
            for k in range(len(GRID) - 1)
            if values[k] * values[k + 1] < 0
        ]


def describe(path, roots):
    """Return the roots and their validation losses as text."""
    return ", ".join(f"{root:.2f} ({path.at(root)[2]:.4f})" for root in roots) or "none"


def main(n_splits=12):
    """Print one line per split."""
    print("lambda (validation loss) of MNIST regression, 1000 + 1000 rows\n")
    print(
        f"{'split':>5}  {'published':>16}  {'roots of its condition':>34}  "
        f"{'default':>16}  {'stationary points':>16}"
    )
    ends = []
    for seed in range(n_splits):
        X, y, pair = mnist_regression(seed)
        fixed = {"cv": [pair], "fit_intercept": False, "refit": False}
        published = MYHPORidge(**fixed, **PUBLISHED).fit(X, y)
        default = MYHPORidge(**fixed).fit(X, y)
        path = Path(X, y, pair)
        ends.append((published.lambda_, default.lambda_))
        print(
            f"{seed:>5}  "
            f"{published.lambda_:>7.2f} ({published.validation_loss_:.4f})  "
            f"{describe(path, path.roots('mean')):>34}  "
            f"{default.lambda_:>7.2f} ({default.validation_loss_:.4f})  "
            f"{describe(path, path.roots('tangent')):>16}"
        )
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    print(
        f"\npublished ends between {low[0]:.2f} and {high[0]:.2f}, "
        f"default between {low[1]:.2f} and {high[1]:.2f}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
