"""Moves of several lambdas, none of which may lead to a lower loss."""

import numpy as np

from .rows import grid_of

#: Moves of one lambda, and random moves of all at each of some lengths.
ALONG = np.concatenate([np.linspace(-4.0, 4.0, 17), [-0.1, 0.1]])
N_RANDOM, LENGTHS = 12, (0.1, 0.5, 2.0)
#: Points of a grid of all lambdas, and of one of them at all others.
N_GRID, N_AXIS = 15, 60


def near(lambda_):
    """Return lambdas (n, n_groups) around some, along the axes and others."""
    n_groups = len(lambda_)
    axes = np.eye(n_groups)
    found = [lambda_ + move * axis for axis in axes for move in ALONG if move]
    directions = np.random.default_rng(0).standard_normal((N_RANDOM, n_groups))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    found += [lambda_ + size * one for one in directions for size in LENGTHS]
    return np.array(found)


def everywhere(parts, lambda_):
    """Return lambdas (n, n_groups) over the range: a grid of two, and all axes."""
    n_groups = len(lambda_)
    ranges = []
    for number in range(n_groups):
        own = [
            part._replace(
                train=part.train[:, part.label == number],
                factor=part.factor[part.label == number],
            )
            for part in parts
        ]
        grid = grid_of(own, 2) if any(len(part.factor) for part in own) else [0.0, 0.0]
        ranges.append((grid[0] - 12.0, max(grid[-1], grid[0] - 60.0)))
    found = []
    for number, (high, low) in enumerate(ranges):
        for value in np.linspace(high, low, N_AXIS):
            found.append(np.where(np.arange(n_groups) == number, value, lambda_))
    if n_groups == 2:
        lines = [np.linspace(high, low, N_GRID) for high, low in ranges]
        found += [
            np.array(one) for one in np.stack(np.meshgrid(*lines), -1).reshape(-1, 2)
        ]
    return np.array(found)
