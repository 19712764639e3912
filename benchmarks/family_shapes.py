"""Time of a tuned fit in plain fits at the learned strength.

Rows are drawn with even, correlated or sparse features, small and large means, and
weights (exposure). A plain fit is that of scikit-learn's estimator with its defaults,
at the learned `alpha_`. Both are in seconds of a processor, by turns, medians.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor

from benchmarks.page import rounded
from benchmarks.timed import fit_within
from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)

#: Turns of a shape, and standard deviation of the log means.
TURNS, SIGNAL = 5, 0.5
HEAD = ["data", "rows x features", "ours, ms", "plain, ms", "ours / plain"]


class Shape(NamedTuple):
    """Rows, features and what is drawn; a power of 1 is Poisson, of 2 gamma."""

    n_samples: int
    n_features: int
    kind: str = "even"
    power: float = 1.0
    mean: float = 1.0
    has_weights: bool = False


FEW = [Shape(10_000, 5), Shape(10_000, 20, "correlated", 1.5)]
MANY = [
    *FEW,
    Shape(10_000, 20),
    Shape(10_000, 20, power=2.0),
    Shape(10_000, 100, "correlated", has_weights=True),
    Shape(10_000, 300),
    Shape(20_000, 50, power=1.2, mean=5.0),
    Shape(20_000, 50, "correlated", 2.0, has_weights=True),
    Shape(20_000, 100, "sparse"),
    Shape(50_000, 20, mean=100.0),
    Shape(50_000, 100, power=1.9, has_weights=True),
    Shape(100_000, 20, mean=0.1),
    Shape(100_000, 100),
    Shape(100_000, 100, "correlated", 2.0),
    Shape(200_000, 50, has_weights=True),
]


def ours(power):
    """Return our estimator of a power."""
    if power in (1.0, 2.0):
        return (MYHPOPoissonRegressor, MYHPOGammaRegressor)[int(power) - 1]()
    return MYHPOTweedieRegressor(power=power)


def plain(power, alpha):
    """Return scikit-learn's estimator of a power."""
    if power in (1.0, 2.0):
        return (PoissonRegressor, GammaRegressor)[int(power) - 1](alpha=alpha)
    return TweedieRegressor(power=power, link="log", alpha=alpha)


def draw(shape, seed=0):
    """Return X, y and weights of a shape."""
    rng, (n, d) = np.random.default_rng(seed), shape[:2]
    if shape.kind == "sparse":
        X = sparse.random(n, d, density=0.05, random_state=seed, format="csr")
        X.data[:] = 1.0
    else:
        X = rng.standard_normal((n, d))
    if shape.kind == "correlated":
        shared = rng.standard_normal((n, max(2, d // 5)))
        loadings = rng.standard_normal((shared.shape[1], d))
        X = 0.5 * X + 0.7 * shared @ loadings / np.sqrt(len(loadings))
    eta = X @ (rng.standard_normal(d) * (rng.random(d) < 0.5))
    mean = shape.mean * np.exp(SIGNAL * (eta - eta.mean()) / max(eta.std(), 1e-12))
    weight = rng.uniform(0.1, 1.0, n) if shape.has_weights else np.ones(n)
    if shape.power == 1.0:
        y = rng.poisson(mean * weight) / weight
    elif shape.power == 2.0:
        y = rng.gamma(2.0, mean / 2.0) + 1e-9
    else:
        a, b = shape.power - 1.0, 2.0 - shape.power
        claims = rng.poisson(mean**b / b)
        costs = rng.gamma(np.maximum(claims, 1) * b / a, a * mean**a)
        y = np.where(claims > 0, costs, 0.0)
    return X, y, weight if shape.has_weights else None


def fits(shapes, limit):
    """Yield the lines of the table."""
    names = {1.0: "Poisson", 2.0: "gamma"}
    for shape in shapes:
        data, seconds = draw(shape), []
        label = f"{names.get(shape.power, f'Tweedie {shape.power}')}, {shape.kind}"
        label += f", mean {shape.mean:g}" if shape.mean != 1.0 else ""
        label += ", weights" if shape.has_weights else ""
        line = [label, f"{shape.n_samples} x {shape.n_features}"]
        try:
            model = ours(shape.power).fit(*data)
            other = plain(shape.power, model.alpha_)
            for _ in range(TURNS):
                pair = (fit_within(limit, one, *data) for one in (model, other))
                seconds.append(list(pair))
        except TimeoutError as error:
            yield [*line, str(error), "", ""]
            continue
        own, other = 1e3 * np.median(seconds, axis=0)
        cells = (rounded(each, "seconds") for each in (own, other))
        yield [*line, *cells, rounded(own / other, "ratio")]
