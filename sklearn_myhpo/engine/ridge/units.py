"""The units of the features of every ridge split, from sums over its training rows."""

import numpy as np

from ...data.limits import row_limits
from ...data.statistics import standard_deviations, standardize, unit_weight


def standard_units(sources, design, parts):
    """Return the inverse standard deviations of the features in training rows.

    Parameters
    ----------
    sources : Sources
        Of all features, in the units of X times the scale of `design`.
    design : Design
        The rows. They are read once more if a mean is so large that the sums have lost
        the variance.
    parts : RowParts

    Returns
    -------
    ndarray of shape (n_splits + 1, n_features)
        The last ones are of all rows.
    """
    most, origin = row_limits().large_mean, sources.design
    scale = 1.0 if origin.scale is None else origin.scale
    units, unit = [], unit_weight(parts.sample_weight)
    for train, _ in sources.parts:
        mean = train.means().x
        squares = np.diag(train.matrix)[: len(mean)] / train.total
        variance = squares - mean**2
        if np.any(mean**2 > most * variance):
            return 1.0 / standardize(design, parts).scales
        shift, variance = origin.moved_origin(mean), variance / scale**2
        deviations = standard_deviations(shift, variance, train.total / unit)
        units.append(1.0 / deviations)
    return np.array(units)
