"""Preprocessings of X, named, and combined by "+"."""

import numpy as np


def none(X, rows):
    """Return X."""
    return X


def centred(X, rows):
    """Return X less the means of some rows."""
    return X - X[rows].mean(axis=0)


def standardized(X, rows):
    """Return columns of mean 0 and variance 1 over some rows."""
    return centred(X, rows) / _nonzero(X[rows].std(axis=0))


def unit_interval(X, rows):
    """Return columns that run from 0 to 1 over some rows."""
    return (X - X[rows].min(axis=0)) / _nonzero(np.ptp(X[rows], axis=0))


def difference(X, rows):
    """Return first differences along a row."""
    return np.diff(X, axis=1)


def second_difference(X, rows):
    """Return second differences along a row."""
    return np.diff(X, n=2, axis=1)


def snv(X, rows):
    """Return every row at mean 0 and variance 1 (standard normal variate)."""
    return (X - X.mean(axis=1, keepdims=True)) / _nonzero(X.std(axis=1, keepdims=True))


def unit_rows(X, rows):
    """Return every row at Euclidean length 1."""
    return X / _nonzero(np.linalg.norm(X, axis=1, keepdims=True))


STEPS = {
    step.__name__: step
    for step in (
        none,
        centred,
        standardized,
        unit_interval,
        difference,
        second_difference,
        snv,
        unit_rows,
    )
}


def preprocess(name, X, rows):
    """Return X after the steps of `name`; statistics are those of `rows`."""
    for step in name.split("+"):
        X = STEPS[step](X, rows)
    return X


def _nonzero(values):
    return np.where(values > 0, values, 1.0)
