"""All rows of a ridge problem without its unpenalized features.

The regressions on them are subtracted from the other features and from the target, like
means. What remains is a problem without unpenalized features.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..data.design import Design
from ..data.partial import Explained, explain, with_basis, without_explained
from ..penalties.coordinates import Eliminated
from .plan import make_plan
from .ridge.spectrum import FreeModel
from .split import Origin
from .split_set import SplitSet


class Rest(NamedTuple):
    """The ridge problem that remains without unpenalized features.

    Attributes
    ----------
    data : NamedTuple
        The remaining problem, of the same type as the whole.
    rows : Design
        All features, about their means where there is an intercept.
    explained : Explained
    q : ndarray of shape (n_samples, rank)
        Orthonormal combinations of the unpenalized features.
    labels : ndarray of shape (n_samples, n_outputs)
        The target about its mean.
    origin : Origin
        Regression of the target on the unpenalized features.
    moments : ndarray of shape (n_features,)
        Weighted mean squares of all centred features.
    """

    data: NamedTuple
    rows: Design
    explained: Explained
    q: np.ndarray
    labels: np.ndarray
    origin: Origin
    moments: np.ndarray

    def complete(self, whole):
        """Return the whole problem.

        Parameters
        ----------
        whole : Whole
            The rest.

        Returns
        -------
        Whole
        """
        split = self._completed(whole.split)
        find = whole.find_spectrum
        if find is not None and whole.split.groups.n_groups == 1:
            find = partial(replace, whole.spectrum, split=split)
        rows = whole.rows
        if rows is not None:
            rows = with_basis(rows, self.q, self.rows.fit_intercept)
        return replace(
            whole,
            split=split,
            split_set=SplitSet([split]),
            find_spectrum=find,
            rows=rows,
            labels=self.labels,
            basis=self.q,
            fit_intercept=self.rows.fit_intercept,
            second_moments=self.moments,
        )

    def _completed(self, split):
        """Return the split of the rest as one of all features."""
        kept, free, _, _, follow = self.explained
        coordinates = replace(
            split.coordinates,
            n_features=self.rows.n_features,
            scale=self.rows.scale,
            eliminated=Eliminated(kept, free, follow),
        )
        return split.of_other_features(coordinates, self.rows.shift, self.origin)


def remove_unpenalized(data):
    """Return the `Rest` of the data of a criterion.

    Parameters
    ----------
    data : NamedTuple
        With a design, a target, groups and shares of the rows.

    Returns
    -------
    Rest
    """
    rows, moments = data.at_means()
    share, groups = data.share, data.groups
    explained, q = explain(rows, share, groups.unpenalized)
    mean = np.zeros(data.y.shape[1])
    if data.fit_intercept:
        mean = share @ data.y
    labels = data.y - mean
    along = q.T @ (share[:, None] * labels)
    coef = np.zeros((rows.n_features, data.y.shape[1]))
    coef[explained.free] = explained.basis @ along
    if rows.scale is not None:
        coef *= rows.scale[:, None]
    design, inner = without_explained(rows, explained), groups.penalized_only()
    plan = make_plan(
        design,
        inner,
        data.loss,
        data.loss.n_outputs(data.y),
        1,
        False,
        by_rows=False,
        all_directions=False,
    )
    rest = data._replace(
        design=design,
        y=labels - q @ along,
        groups=inner,
        fit_intercept=False,
        plan=plan,
        free=FreeModel(
            q.shape[1] + data.fit_intercept,
            share * (data.fit_intercept + np.sum(q**2, axis=1)),
            explained.basis,
            data.free.n_rows,
        ),
    )
    origin = Origin(coef, mean - rows.shift @ coef)
    return Rest(rest, rows, explained, q, labels, origin, moments)
