"""The bilevel problem: everything a solver may ask."""

import copy
from dataclasses import dataclass

import numpy as np

from ..data.batches import RowBatches, sample_batches, strata_of
from ..engine.build import build_splits
from ..engine.glm.split_set import GLMSplitSet
from ..engine.linalg.hessian import CG_TOL
from ..engine.plan import limits
from .counts import OracleCounts
from .outer import ADJOINT_TOL, OuterModel, outer_model, responses_of
from .outer_products import OuterProducts
from .problem import Problem

#: Least penalty relative to curvature in the scan of a sample: a weight without data
#: responds to it in a hundred steps.
RESPONSIVE = 1e-2


@dataclass
class _Place:
    """What was computed at a lambda and its weights, for who asks next."""

    lambda_: np.ndarray
    weights: tuple
    hessians: list | None = None
    model: OuterModel | None = None
    responses: list | None = None
    rtol: float = np.inf

    def is_at(self, lambda_, weights):
        """Whether this is of the very same arrays of weights."""
        return np.array_equal(self.lambda_, lambda_) and all(
            own is w for own, w in zip(self.weights, weights, strict=True)
        )


class BilevelProblem(Problem):
    """Minimize the validation loss over lambda, weights minimizing the training loss.

    ``min_lambda sum_i omega_i L_V,i(w_i(lambda))`` with
    ``w_i(lambda) = argmin_w L_T,i(w, lambda)``, where omega_i is split i's share
    of the held-out weight (Dhar, Kurup & Shah 2020, eq. (1), for one split).

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features, float64; sparse in CSR format.
    y : ndarray
        As the loss wants it: (n_samples, n_targets) for the squared loss, class
        indices (n_samples,) for the others.
    loss : Loss
        Of the training and the validation rows.
    groups : FeatureGroups
        Which lambda penalizes which feature.
    pairs : list of (ndarray, ndarray)
        Indices of training and validation rows, one pair per split.
    sample_weight : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    fit_intercept : bool
        Whether there is an intercept, never penalized.
    lambda_bounds : "auto" or (float, float)
        Bounds of every lambda, a natural log.
    all_directions : bool, default=True
        False lets ridge with one lambda work in the subspace of its solutions,
        which is all that any method but MY-HPO's mean response looks at.
    by_rows : bool, default=False
        True keeps the rows for any loss, in the coordinates of the features, so that
        `row_batches` can be asked for; dense X that is memory-mapped or float32 is
        not copied.

    Attributes
    ----------
    splits : list of Split
        What a solver works with; see `sklearn_myhpo.engine.split.Split`.
    full : Split
        All rows, for the refit.
    split_weights : ndarray of shape (n_splits,)
        The omega_i.
    n_held_out : int
        Rows in all validation parts.
    groups : FeatureGroups
    bounds : ndarray of shape (2, n_groups)
        Lowest and highest lambda of every group.
    group_curvature : ndarray of shape (n_groups,)
        Trace of the data term's Hessian over every group: a bound, or a typical value
        where the loss has no bound of its curvature.
    curvature : float
        Their sum; where it is a bound, a Lipschitz constant of the data term's
        gradient.
    null_loss : float
        Validation loss of the best constant model of the training rows.
    total_weight : float
        Sum of the sample weights, the n of ``alpha = 2 n exp(lambda)``.
    scan_bounds : ndarray of shape (2, n_groups)
        The part of `bounds` where lambda makes a difference; finite.
    spread : Spread
        Penalty on the spread of the lambdas, a part of the objective.
    counts : OracleCounts
    """

    def __init__(
        self,
        X,
        y,
        loss,
        groups,
        pairs,
        *,
        sample_weight=None,
        fit_intercept=True,
        lambda_bounds="auto",
        all_directions=True,
        by_rows=False,
    ):
        if sample_weight is None:
            sample_weight = np.ones(len(y))
        loss.check_target(y)
        counts = OracleCounts()
        built = build_splits(
            X,
            y,
            loss,
            groups,
            pairs,
            sample_weight,
            fit_intercept,
            counts,
            all_directions=all_directions,
            by_rows=by_rows,
        )
        self.by_rows = by_rows
        self.plan = built.plan
        positive = built.second_moments[groups.is_penalized]
        positive = positive[positive > 0]
        typical = np.mean(np.log(positive)) if len(positive) else 0.0
        curvature_scale = loss.curvature_scale(y, sample_weight)
        self._log_curvature = np.log(curvature_scale) + typical
        self._last = None
        held_out = np.array([sample_weight[part].sum() for _, part in pairs])
        super().__init__(
            loss,
            groups,
            counts,
            built.split_set,
            built.full,
            split_weights=held_out / held_out.sum(),
            total_weight=sample_weight.sum(),
            n_held_out=sum(len(part) for _, part in pairs),
            second_moments=built.second_moments,
            curvature_scale=curvature_scale,
            n_train=min(np.count_nonzero(np.bincount(train)) for train, _ in pairs),
            lambda_bounds=lambda_bounds,
        )

    def sample_row_batches(self, rng, batch_size):
        """Return the splits as random batches of rows.

        Parameters
        ----------
        rng : numpy.random.Generator
            The only source of chance.
        batch_size : int
            Most rows of a batch; fewer where there would be less than ten batches.

        Returns
        -------
        RowBatches
            Derivatives on every batch; all rows of any part are in one of them.

        Raises
        ------
        ValueError
            If the problem was not built with ``by_rows=True``.
        """
        if not self.by_rows:
            raise ValueError(
                "This solver looks at batches of rows, which this problem does not "
                "keep: build BilevelProblem(..., by_rows=True)."
            )
        rows = np.flatnonzero(self._row_weights())
        strata = strata_of(self.splits)[rows]
        batches = sample_batches(rng, len(rows), batch_size, strata)
        return RowBatches(self.splits, [rows[batch] for batch in batches])

    def _row_weights(self):
        """Return the sum of the weights of every row over all parts."""
        return sum(
            split.train_weight + split.validation_weight for split in self.splits
        )

    def for_scan(self):
        """Return what to scan for a start.

        With rows kept for a method of small steps: a sample of them where they are
        many, and penalties strong enough for weights to respond to.

        Returns
        -------
        BilevelProblem
            In the same coordinates.
        """
        if not self.by_rows:
            return self
        other = copy.copy(self)
        least = self._log_curvature + np.log(0.5 * RESPONSIVE)
        other.scan_bounds = np.clip(np.maximum(self.scan_bounds, least), *self.bounds)
        return other._thinned(limits().scan_rows) or other

    def of_fewer_rows(self):
        """Return the problem of a sample of the rows; None where they are few.

        Returns
        -------
        BilevelProblem or None
            In the same coordinates, where inner solutions take passes over the rows.
        """
        if self.by_rows or not isinstance(self._set, GLMSplitSet):
            return None
        return self._thinned(2 * limits().scan_rows)

    def _thinned(self, most):
        """Return the problem of a sample of the rows.

        None if there are at most `most` rows, or if it misses a part or a class.
        """
        rows = np.flatnonzero(self._row_weights())
        if len(rows) <= most:
            return None
        n_rows = limits().scan_rows
        chosen = np.random.default_rng(0).permutation(len(rows))[:n_rows]
        thinned = self._set.thinned(np.sort(rows[chosen]))
        if thinned is None:
            return None
        other = copy.copy(self)
        other._set, other.splits = thinned, thinned.splits
        other.n_held_out = self.n_held_out * n_rows / len(rows)
        return other

    def validation_loss(self, weights):
        """Return the mean loss over all held-out rows."""
        return self._mean_validation_loss(weights)

    def estimate(self, lambda_, weights):
        """Return the mean loss over all held-out rows."""
        return self.validation_loss(weights)

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights; the last are kept."""
        place = self._last
        if place is None or not place.is_at(lambda_, weights):
            # What is known elsewhere makes room first.
            self._last = None
            found = super().hessians(lambda_, weights)
            self._last = place = _Place(np.array(lambda_), tuple(weights), found)
        return place.hessians

    def model(self, lambda_, weights, hessians, rtol=ADJOINT_TOL):
        """Return the second-order model of the objective in lambda; the last is kept.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        weights : list of ndarray
            Exact inner solutions.
        hessians : list of Hessian
            Of L_T at the weights.
        rtol : float
            Relative residual of an iterative solve for the gradient.

        Returns
        -------
        OuterModel or OuterProducts
            The latter of very many lambdas, and not kept.
        """
        if self.prefers_products:
            return OuterProducts(self, lambda_, weights, hessians, rtol)
        place = self._at(lambda_, weights, hessians)
        if place.model is None or rtol < place.rtol:
            found = outer_model(self, lambda_, weights, hessians, rtol)
            place.rtol, (place.model, place.responses) = rtol, found
        return self._with_spread(place.model, lambda_)

    def responses(self, lambda_, weights, hessians):
        """Return the derivative of every split's weights in lambda.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        weights : list of ndarray
            Exact inner solutions.
        hessians : list of Hessian
            Of L_T there.

        Returns
        -------
        list of ndarray of shape (n_groups, m, n_outputs)
            Those of the last `model`, where it had them.
        """
        known = self._at(lambda_, weights, hessians).responses
        return known or responses_of(self, lambda_, weights, hessians)

    def predict(self, lambda_, weights, hessians, move):
        """Return the weights along their tangent at lambda, ``w + J move``."""
        known = self._at(lambda_, weights, hessians).responses
        if known is None:
            return super().predict(lambda_, weights, hessians, move)
        return [
            w + np.tensordot(move, response, axes=1)
            for w, response in zip(weights, known, strict=True)
        ]

    def _at(self, lambda_, weights, hessians):
        """Return what is known at a place, which is kept if its Hessians are."""
        place = self._last
        is_own = place is not None and place.hessians is hessians
        if is_own and place.is_at(lambda_, weights):
            return place
        return _Place(lambda_, tuple(weights), hessians)

    def path(self, lambdas):
        """Return validation losses and slopes at many values of a shared lambda.

        Where `scans_by` is "diagonal".

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,)
            Natural logs.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            Losses at the exact solutions, and their derivatives in lambda.
        """
        penalties = 2.0 * np.exp(lambdas)
        return self._mean(np.stack(split.path(penalties)) for split in self._set.shared)

    def hypergradient(self, lambda_, weights, hessians=None, rtol=CG_TOL):
        """Return the derivative of the objective in lambda.

        That of the validation loss, by the implicit function theorem at exact inner
        solutions, is ``-sum_{j in g} p_j w_j q_j`` with H q = the gradient of L_V.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        weights : list of ndarray
            Exact inner solutions.
        hessians : list of Hessian or None
            Of L_T at the weights, where the caller has them.
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        ndarray of shape (n_groups,)
            Derivatives in every lambda.
        """
        if hessians is None:
            hessians = self.hessians(lambda_, weights)
        gradients = self.validation_gradients(weights)
        adjoints = self.solve(hessians, gradients, rtol)
        slope = self._mean(
            -split.by_group(split.penalty(lambda_) * w * adjoint)
            for split, w, adjoint in zip(self.splits, weights, adjoints, strict=True)
        )
        return slope + self.spread.gradient(lambda_)
