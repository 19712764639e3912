"""The variance of the noise, from the residual of least squares."""

from typing import NamedTuple

import numpy as np

from ..engine.linalg.symmetric import eigensystem


class Residual(NamedTuple):
    """The residual of least squares.

    Attributes
    ----------
    mean_squares : ndarray of shape (n_targets,)
        Weighted mean of the squared residuals.
    rank : int
        Number of independent features, centred if there is an intercept.
    """

    mean_squares: np.ndarray
    rank: int


def noise_variance(whole):
    """Return the residual variance of least squares, for every target.

    Parameters
    ----------
    whole : Whole
        All rows, of ridge.

    Returns
    -------
    ndarray of shape (n_targets,)
        The variance for a row of mean weight. A row with w times the mean weight has
        this variance divided by w.

    Raises
    ------
    ValueError
        If no degree of freedom is left.
    """
    residual = _residual(whole)
    n_rows, used = whole.n_rows, residual.rank + whole.free.rank
    if n_rows <= used:
        rank = used - whole.fit_intercept
        intercept = " and an intercept" if whole.fit_intercept else ""
        raise ValueError(
            f"SURE cannot estimate the variance of the noise: least squares with "
            f"{rank} independent features{intercept} leave no degree of "
            f"freedom of {n_rows} rows. Give it, as in "
            "criterion=SURE(noise_variance=1.5), or use criterion='loo' or 'gcv', "
            "which need none."
        )
    return residual.mean_squares * n_rows / (n_rows - used)


def _residual(whole):
    spectrum = whole.spectrum
    if spectrum is not None:
        squares = spectrum.split.train.residual_square
        return Residual(squares, len(spectrum.squares))
    # Scaled to unit size, no feature is lost in the rounding error of another.
    moments = whole.split.train
    unit = np.sqrt(np.diag(moments.gram))
    unit = np.where(unit > 0, unit, 1.0)
    values, vectors = eigensystem(moments.gram / np.outer(unit, unit))
    kept = values > len(values) * np.finfo(float).eps * max(values[-1], 0.0)
    root = vectors[:, kept] / unit[:, None]
    w = root @ ((root.T @ moments.linear) / values[kept, None])
    return Residual(2.0 * moments.values(w), int(np.count_nonzero(kept)))
