"""The spectrum of all rows, and what is too large to be factored."""

from dataclasses import replace

import numpy as np

from ..penalties.groups import FeatureGroups
from .ridge.spectrum import narrow_spectrum, sparse_spectrum, wide_spectrum

#: The criterion for ridge that factors no matrix.
PROBES = ", SURE(noise_variance=..., trace='monte-carlo')"


def plan_with(data, spectrum, needs_rows):
    """Return the plan with the singular vectors that are kept.

    Parameters
    ----------
    data : NamedTuple
        Of `build_whole`.
    spectrum : Spectrum
    needs_rows : bool
        Whether the criterion needs single rows.

    Returns
    -------
    Plan
    """
    rank, plan = len(spectrum.squares), data.plan
    kept = rank if needs_rows and spectrum.is_kept else 0
    if data.groups.n_groups > 1:
        return replace(plan, kept_vectors=kept)
    found = f"{rank} singular vectors of all rows"
    return replace(plan, subspace=found, kept_vectors=kept)


def find_spectrum(data, sources, rows, is_wide):
    """Return the spectrum of all rows with one lambda.

    Parameters
    ----------
    data : NamedTuple
        Of `build_whole`.
    sources : Sources or None
        Sums over the rows where they are narrow and dense.
    rows : Design or None
        About their means, where they are not.
    is_wide : bool
        Whether there are more features than rows.

    Returns
    -------
    Spectrum
    """
    group = FeatureGroups(np.zeros_like(data.groups.labels), ("all",))
    if sources is not None:
        return narrow_spectrum(
            data.y, sources, group, data.share, data.free, data.counts
        )
    if rows.is_sparse:
        size = min(rows.n_samples, rows.n_features)
        most = data.plan.limits.factored_size
        check_size(size, "rows or features of X, whichever are fewer", most, PROBES)
    build = wide_spectrum if is_wide else sparse_spectrum
    return build(rows, data.y, group, data.share, data.free, data.counts)


def check_size(size, name, limit, advice=""):
    """Raise where a matrix of this side would have to be factored.

    Parameters
    ----------
    size : int
    name : str
        What it counts.
    limit : int
    advice : str
        More criteria that would do.
    """
    if size > limit:
        raise ValueError(
            f"This criterion factors a matrix with {size} rows and columns, one for "
            f"each of the {name}; at most {limit} are allowed. Use "
            f"criterion='validation'{advice}, or fewer features."
        )
