"""The fit by restricted likelihood: all lines share a strength, weak terms are held.

The strength of a single line would be learned from one weight. Where that is twice its
standard error, its expected squared error is half as large again as without a penalty,
and seven times that where terms of this kind are removed by a test. The shared strength
of several lines makes the sum of their errors smaller (James & Stein 1961), but leaves
a degree of freedom to a line without effect. So terms without a significant effect are
held below half a degree of freedom. Whether one of them has an effect is not known
then, and half of the effect is a good guess in either case. Whether all of them have
more than noise is known better: the share of effects in all of them is the freedom of
each, up to this bound, and where there is none they are removed.
"""

from __future__ import annotations

import warnings

import numpy as np

from ..criteria._base import sum_blocks
from ..exceptions import LambdaBoundWarning
from ._evidence import terms_without_effect
from ._posterior import inverse_of
from ._shared_start import loss_error

#: p-value above which a term is held.
HELD_LEVEL = 0.03
#: Degrees of freedom of a term that is held, if it is the only one and at most.
LEAST_FREEDOM, MOST_FREEDOM = 0.01, 0.48
#: Relative error of these degrees of freedom, and the most steps to find strengths.
FREEDOM_TOL, HELD_STEPS = 1e-4, 50
#: Tolerance of the strengths from which weak terms are found.
FIRST_TOL = 3e-3
#: Width of the bounds of a lambda that is held.
HELD_WIDTH = 1e-6
#: Degrees of freedom that no bound needs to make smaller.
NO_FREEDOM = 1e-6


class RestrictedFitMixin:
    """Fits the linear model by restricted likelihood."""

    def _fit_restricted(self, data):
        """Fit all terms, then again without the useless and with the weak ones held."""
        columns = data.columns
        with warnings.catch_warnings():
            # A straight or removed curve is a valid result: no warning.
            warnings.simplefilter("ignore", LambdaBoundWarning)
            tol = max(self.tol, FIRST_TOL)
            first = self._first_strengths(data)
            full = self._fit_jointly(columns, data, first, {}, tol=tol)
            self._set_fitted(full, columns, data)
            if self._deadline.is_over:
                return
            removed, least = self._weak_terms(data.weight)
            few = columns.of(self._columns_without(removed))
            start = dict(zip(self.group_names_, map(float, self.lambda_), strict=True))
            free = {*few.labels} & start.keys() - least.keys()
            near = self._strengths_of_lines(free, data.weight.sum())
            own = self._fit_jointly(few, data, start | near | least, least)
            if own.validation_loss_ > full.validation_loss_ + loss_error(full):
                removed, few = [], columns
                own = self._fit_jointly(few, data, start, {})
            self._set_fitted(own, few, data)
            self.dropped_ = [name for name in self.term_names_ if name in removed]

    def _first_strengths(self, data):
        """Return a guess of all strengths, or "auto" for a constant target."""
        own = data.y[data.weight > 0.0]
        if np.all(own == own[0]):
            # It needs the warning of the scan.
            return "auto"
        # A scan would need a decomposition. Twice as much signal in every line as
        # noise has this penalty; from larger ones curves with many turns are found less
        # often.
        return float(-np.log(4.0 * np.count_nonzero(data.weight)))

    def _fit_jointly(self, columns, data, start, least, **options):
        """Fit a strength per part, but one for all lines that have no least strength.

        Parameters
        ----------
        columns : Columns
        data : FitData
        start : float, "auto" or dict of str to float
            Of all parts.
        least : dict of str to float
            Of parts that are held.
        """
        labels, lines = columns.labels.copy(), "linear"
        while lines in labels:
            lines += "_"
        for part in self._lines():
            if part.name not in least:
                labels[columns.labels == part.name] = lines
        if isinstance(start, dict):
            pairs = zip(labels, columns.labels, strict=True)
            start = {label: start[name] for label, name in pairs if name in start}
        options["lambda_init"] = start
        if least:
            bounds = {name: (low, low + HELD_WIDTH) for name, low in least.items()}
            options["lambda_bounds"] = bounds
        model = self._make_linear_model(columns.kept, data, **options)
        return self._fit_to(model, columns.labelled(labels), data)

    def _lines(self):
        """Return the parts that are lines of one number."""
        features = {term.name: term.features for term in self._terms.terms}
        return [
            part
            for part in self._terms.parts
            if part.kind == "linear" and len(features[part.term]) == 1
        ]

    def _columns_of(self, parts):
        """Return the indices of the columns of some parts, one part after the other."""
        number = np.arange(self._terms.n_columns)
        return np.concatenate([number[part.columns] for part in parts])

    def _strengths_of_lines(self, names, total):
        """Return the strength that lines share, without the others, for each of them.

        Where the restricted likelihood is stationary, their squared weights sum to the
        prior variance times their degrees of freedom (MacKay 1992, Neural Computation
        4), both of which depend little on the strength.

        Parameters
        ----------
        names : set of str
            The parts from which the lines are taken.
        total : float
            Sum of the weights of rows.
        """
        lines = [part for part in self._lines() if part.name in names]
        if not lines or self._posterior is None:
            return {}
        index = self._columns_of(lines)
        square, freedom = np.sum(self._coef[0, index] ** 2), self._freedom[index].sum()
        noise = self._posterior.dispersion
        if noise is None or not square * freedom * noise > 0.0:
            return {}
        strength = float(np.log(noise * freedom / square / (2.0 * total)))
        return dict.fromkeys([part.name for part in lines], strength)

    def _weak_terms(self, weight):
        """Return the terms to remove, and the least strengths of parts to hold."""
        if self.select is None or not self._has_covariance(weight):
            return [], {}
        evidence, terms = self._evidence()
        if self.select != "auto":
            return terms_without_effect(evidence, terms, self.select), {}
        weak = {
            name: index
            for name, index in terms.items()
            if evidence.p_value(index) > HELD_LEVEL
        }
        if not weak:
            return [], {}
        share = evidence.share_of_effects(np.concatenate(list(weak.values())))
        least_freedom = NO_FREEDOM if share >= LEAST_FREEDOM else np.inf
        removed = [
            name
            for name, index in weak.items()
            if self._freedom[index].sum() <= least_freedom
        ]
        if len(removed) == len(self._terms.terms):
            removed = []
        held = weak.keys() - removed
        freedom = min(max(share, LEAST_FREEDOM), MOST_FREEDOM)
        return removed, self._least_strengths(held, freedom, weight.sum())

    def _least_strengths(self, names, freedom, total):
        """Return strengths of the parts of terms that leave each of them a freedom.

        The strengths are found together, as a term has more freedom where terms that
        are like it have less.

        Parameters
        ----------
        names : container of str
            The terms.
        freedom : float
            Degrees of freedom of each, at most.
        total : float
            Sum of the weights of rows.
        """
        known = dict(zip(self.group_names_, map(float, self.lambda_), strict=True))
        parts = [part for part in self._terms.parts if part.term in names]
        least = {part.name: known[part.name] for part in parts}
        parts = [p for p in parts if self._freedom[p.columns].sum() > NO_FREEDOM]
        if not parts:
            return least
        own = self._columns_of(parts)
        covariance = self._posterior.covariance[0, 0][np.ix_(own, own)]
        precision = inverse_of(covariance / self._posterior.dispersion)
        sizes = [part.columns.stop - part.columns.start for part in parts]
        places = np.split(np.arange(len(own)), np.cumsum(sizes)[:-1])
        owners = [part.term for part in parts]
        penalty = self._penalty[own]
        penalty = held_penalties(precision, penalty, places, owners, freedom)
        for part, place in zip(parts, places, strict=True):
            least[part.name] = float(np.log(penalty[place[0]] / (2.0 * total)))
        return least


def held_penalties(precision, penalty, parts, terms, freedom):
    """Return penalties of weights with which no term has more than a freedom.

    By Newton's method for the inverse of the freedom of every part, which is concave in
    its penalty: steps are too short rather than too long. The parts of a term lose the
    same share of their freedom.

    Parameters
    ----------
    precision : ndarray of shape (n, n)
        Inverse of the weights' posterior covariance, in units of the noise.
    penalty : ndarray of shape (n,)
        In this precision.
    parts : list of ndarray of int
        Weights with the same penalty; every weight is in one part.
    terms : list of str
        The term of each part.
    freedom : float
        Degrees of freedom of each term, at most.

    Returns
    -------
    ndarray of shape (n,)
    """
    _, owner = np.unique(terms, return_inverse=True)
    labels = np.repeat(np.arange(len(parts)), [len(place) for place in parts])
    order = np.concatenate(parts)
    precision = precision[np.ix_(order, order)]
    inner = precision - np.diag(penalty[order])
    own = least = np.array([penalty[place[0]] for place in parts])
    held = np.zeros(len(parts), dtype=bool)
    for _ in range(HELD_STEPS):
        inverse = inverse_of(inner + np.diag(own[labels]))
        taken = own * np.bincount(labels, np.diag(inverse))
        free = np.bincount(labels) - taken
        excess = np.bincount(owner, free)[owner] / freedom - 1.0
        held |= (excess > 0.0) & (free > NO_FREEDOM)
        error = np.where(own > least, np.abs(excess), excess)
        if np.all(error[held] <= FREEDOM_TOL):
            break
        # Minus the derivative of the freedom in the log of the penalty.
        squares = sum_blocks(inverse**2, labels, len(parts))
        slope = np.diag(taken) - np.outer(own, own) * squares
        growth = inverse_of(slope[np.ix_(held, held)]) @ (free * excess)[held]
        own = own.copy()
        own[held] = np.maximum(own[held] * (1.0 + growth), least[held])
    found = np.empty_like(penalty)
    found[order] = own[labels]
    return found
