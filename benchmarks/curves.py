"""Simulations with known curves, for the benchmarks of additive models and families."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

#: Regions of the policies, and claims per policy and year.
N_REGIONS, CLAIM_RATE = 12, 0.12
#: Shape of the cost of a claim: the squared coefficient of variation is its inverse.
COST_SHAPE = 2.0


class Simulation(NamedTuple):
    """Rows, and the curve of every number behind them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
    curves : dict of int to callable
        The effect of each number; zero is None.
    categorical : tuple of int
        Columns that are categories.
    """

    X: np.ndarray
    y: np.ndarray
    curves: dict[int, Callable | None]
    categorical: tuple = ()


#: Shapes that curves can have, of numbers in [0, 1], in units of about one.
SHAPES = (
    lambda x: np.sin(2.0 * np.pi * x),
    lambda x: 4.0 * (x - 0.5) ** 2,
    lambda x: 2.0 * x,
    lambda x: np.exp(-(((x - 0.6) / 0.15) ** 2)),
    lambda x: np.tanh(8.0 * (x - 0.4)),
)


def smooth(n_samples, n_features=8, n_useful=4, seed=0, noise=1.0):
    """Return curves of the first features; the others have no effect."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n_samples, n_features))
    curves = {
        k: SHAPES[k % len(SHAPES)] if k < n_useful else None for k in range(n_features)
    }
    signal = sum(f(X[:, k]) for k, f in curves.items() if f is not None)
    return Simulation(X, signal + noise * rng.standard_normal(n_samples), curves)


def bikes(n_samples, seed=0):
    """Return log counts of rented bikes by weather, hour and kind of day."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(0, 24, n_samples).astype(float)
    season = rng.uniform(0.0, 365.0, n_samples)
    warmth = 14.0 - 10.0 * np.cos(season / 365.0 * 2.0 * np.pi)
    temperature = warmth + rng.normal(0.0, 4.0, n_samples)
    humidity = rng.uniform(20.0, 100.0, n_samples)
    wind = rng.gamma(2.0, 6.0, n_samples)
    kind = rng.integers(0, 3, n_samples).astype(float)
    curves = {
        0: lambda x: (
            np.sin((x - 9.0) / 24.0 * 2.0 * np.pi)
            + 0.6 * np.sin((x - 2.0) / 12.0 * 2.0 * np.pi)
        ),
        1: lambda x: 1.5 * np.exp(-(((x - 23.0) / 12.0) ** 2)),
        2: lambda x: -((np.maximum(x - 50.0, 0.0) / 40.0) ** 2),
        3: lambda x: -0.02 * x,
        4: None,
    }
    X = np.column_stack([hour, temperature, humidity, wind, season, kind])
    signal = sum(f(X[:, k]) for k, f in curves.items() if f is not None)
    signal = signal + np.array([0.0, 0.3, -0.4])[kind.astype(int)]
    y = signal + 0.5 * rng.standard_normal(n_samples)
    return Simulation(X, y, curves, (5,))


def insurance(n_samples, family, seed=0, n_noise=4):
    """Return policies: numbers of claims, their cost, or the cost of all claims.

    Parameters
    ----------
    n_samples : int
    family : {"poisson", "gamma", "tweedie"}
    seed : int
    n_noise : int
        Number of features without effect.

    Returns
    -------
    Simulation
        Age of the driver, power, age and value of the vehicle, noise; the region last.
    """
    rng = np.random.default_rng(seed)
    age = rng.gamma(6.0, 5.0, n_samples) + 18.0
    power = rng.integers(4, 13, n_samples).astype(float)
    vehicle = rng.exponential(7.0, n_samples)
    value = rng.lognormal(9.5, 0.5, n_samples)
    noise = rng.standard_normal((n_samples, n_noise))
    region = rng.integers(0, N_REGIONS, n_samples).astype(float)
    curves = {
        0: lambda x: 1.2 * np.exp(-(x - 18.0) / 6.0) + ((x - 45.0) / 45.0) ** 2,
        1: lambda x: 0.05 * (x - 4.0),
        2: lambda x: -0.3 * np.tanh(x / 8.0),
        3: lambda x: 0.3 * (np.log(x) - 9.5),
        **dict.fromkeys(range(4, 4 + n_noise)),
    }
    X = np.column_stack([age, power, vehicle, value, noise, region])
    signal = sum(f(X[:, k]) for k, f in curves.items() if f is not None)
    of_region = 0.2 * np.random.default_rng(1).standard_normal(N_REGIONS)
    mean = np.exp(signal - signal.mean() + of_region[region.astype(int)])
    if family == "gamma":
        y = mean * rng.gamma(COST_SHAPE, 1.0 / COST_SHAPE, n_samples)
    else:
        y = rng.poisson(CLAIM_RATE * mean).astype(float)
    if family == "tweedie":
        # The sum of as many costs; that of none is zero.
        y = np.where(y > 0, rng.gamma(COST_SHAPE * np.maximum(y, 1.0)), 0.0)
    return Simulation(X, y, curves, (X.shape[1] - 1,))
