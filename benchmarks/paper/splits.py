"""Rows of training, validation and test of one run."""

import numpy as np

from . import sources
from .settings import ROWS


def load(data, seed):
    """Return X, y and the three parts of run `seed` of a data set."""
    rng = np.random.default_rng(seed)
    sizes = ROWS[data]
    if data == "cookie":
        X, y = sources.cookie()
        parts = cut(rng.permutation(len(y)), sizes)
    elif data == "mnist":
        X, y, n_train = sources.mnist()
        train, validation = stratified(y[:n_train], sizes[:2], rng)
        test = n_train + np.arange(min(sizes[2], len(y) - n_train))
        parts = [train, validation, test]
    elif data == "gtsrb":
        X, y, _ = sources.gtsrb()
        parts = stratified(y, sizes, rng)
    else:
        X, y, tracks = sources.gtsrb()
        parts = by_track(y, tracks, sizes, rng)
    return X, y, parts


def cut(order, sizes):
    """Return consecutive pieces of an order of rows."""
    return np.split(order[: sum(sizes)], np.cumsum(sizes)[:-1])


def stratified(y, sizes, rng):
    """Return random parts that hold every class in its proportion, shuffled."""
    classes, counts = np.unique(y, return_counts=True)
    orders = [rng.permutation(np.flatnonzero(y == label)) for label in classes]
    numbers = [apportion(size, counts) for size in sizes]
    starts = np.cumsum([np.zeros_like(counts), *numbers], axis=0)
    return [
        rng.permutation(
            np.concatenate(
                [
                    order[first : first + number]
                    for order, first, number in zip(orders, start, own, strict=True)
                ]
            )
        )
        for start, own in zip(starts[:-1], numbers, strict=True)
    ]


def apportion(size, counts):
    """Return `size` divided in proportion to `counts`, by largest remainders."""
    wanted = size * counts / counts.sum()
    numbers = np.floor(wanted).astype(int)
    most = np.argsort(numbers - wanted, kind="stable")[: size - numbers.sum()]
    numbers[most] += 1
    return numbers


def by_track(y, tracks, sizes, rng):
    """Return random parts of which no two share a track.

    A third of the tracks of every class goes to each part, and stratified rows of
    those are drawn.
    """
    owner = np.empty(tracks.max() + 1, dtype=np.intp)
    for label in np.unique(y):
        own = rng.permutation(np.unique(tracks[y == label]))
        owner[own] = np.arange(len(own)) % len(sizes)
    parts = []
    for part, size in enumerate(sizes):
        rows = np.flatnonzero(owner[tracks] == part)
        (chosen,) = stratified(y[rows], (min(size, len(rows)),), rng)
        parts.append(rows[chosen])
    return parts
