"""The bilevel problem: minimize the loss of held-out rows over lambda."""

import numpy as np
from scipy import sparse

from ..data.minibatches.batches import RowBatches, sample_batches, strata_of
from ..data.parts import RowParts, divide_rows
from ..engine.build import build_splits
from ..engine.glm.quadratic_model import QuadraticModels
from ..losses.base import Loss
from ..penalties.groups import FeatureGroups
from .bounds import resolve_bounds
from .contract import Offers
from .counts import OracleCounts
from .held_out import HeldOutProblem, ScanProblem
from .parts import ProblemParts, measure_scales
from .per_target import TargetsProblem

#: Least penalty relative to curvature in the scan for a method of small steps: a weight
#: without data responds to it in a hundred steps.
RESPONSIVE = 1e-2


class BilevelProblem(HeldOutProblem):
    """Minimize the validation loss over lambda, weights minimizing the training loss.

    ``min_lambda sum_i omega_i L_V,i(w_i(lambda))`` with
    ``w_i(lambda) = argmin_w L_T,i(w, lambda)``, where omega_i is split i's share
    of the held-out weight (Dhar, Kurup & Shah 2020, eq. (1), for one split).

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features, float64; sparse in CSR format.
    y : ndarray
        As the loss expects it: (n_samples, n_targets) for the squared loss, class
        indices (n_samples,) for the others.
    loss : Loss
        Of the training and the validation rows.
    groups : FeatureGroups
        The lambda of every feature.
    pairs : list of (ndarray, ndarray) or RowParts
        Indices of training and validation rows, one pair per split.
    sample_weight : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    fit_intercept : bool
        Whether there is an intercept, never penalized.
    lambda_bounds : "auto" or (low, high)
        Bounds of every lambda, natural logs: floats, or of shape (n_groups,).
    standardize : bool, default=False
        Whether every split centres the features by the means of its training rows, and
        scales them by their standard deviations; sparse X is only scaled. Weights are
        those of the features as they are.
    all_directions : bool, default=True
        False lets ridge with one lambda work in the subspace of its solutions, the only
        weights that a method uses, except for MY-HPO's mean response.
    by_rows : bool, default=False
        True keeps the rows for any loss, in the coordinates of the features, so that
        `sample_row_batches` can be called; dense X that is memory-mapped or float32
        is not copied.
    squares_nothing : bool, default=False
        True solves small ridge problems from QR factors of the rows, which are accurate
        for ill-conditioned ones, at several times the cost.
    axes : list of Axes or None, default=None
        The attribute of a problem of other targets, for the same rows and splits.

    Attributes
    ----------
    splits : list of Split
        Training and validation losses; see `sklearn_myhpo.engine.split.Split`.
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
    shrinkage : Shrinkage
        Penalty on differences of the lambdas, a part of the objective.
    offers : Offers
        Abilities of the problem, compared with the needs of a solver.
    counts : OracleCounts
    axes : list of Axes or None
        In which the Hessians of the splits, and of all rows, are diagonal; None where
        they are not known.
    """

    def __init__(
        self,
        X: np.ndarray | sparse.csr_array,
        y: np.ndarray,
        loss: Loss,
        groups: FeatureGroups,
        pairs: list | RowParts,
        *,
        sample_weight: np.ndarray | None = None,
        fit_intercept: bool = True,
        lambda_bounds: str | tuple[float, float] = "auto",
        standardize: bool = False,
        all_directions: bool = True,
        by_rows: bool = False,
        squares_nothing: bool = False,
        axes: list | None = None,
    ):
        if sample_weight is None:
            sample_weight = np.ones(len(y))
        loss.check_target(y)
        counts, row_parts = OracleCounts(), divide_rows(pairs, sample_weight)
        rows = X, y, loss, groups, row_parts, fit_intercept, counts
        built = build_splits(
            *rows,
            standardized=standardize,
            all_directions=all_directions,
            by_rows=by_rows,
            squares_nothing=squares_nothing,
            axes=axes,
        )
        held_out = row_parts.totals[:, 1]
        parts = ProblemParts(
            loss,
            groups,
            counts,
            built.split_set,
            built.full,
            curvature_scale=loss.curvature_scale(y, sample_weight),
            split_weights=held_out / held_out.sum(),
            total_weight=sample_weight.sum(),
            n_held_out=row_parts.n_held_out,
        )
        n_train = row_parts.n_training_rows.min()
        scales = measure_scales(
            parts, built.second_moments, n_train, built.least_moment
        )
        super().__init__(
            parts,
            scales,
            resolve_bounds(lambda_bounds, scales.auto_bounds),
            offers=Offers(rows=by_rows, all_directions=all_directions or by_rows),
        )
        self.plan, self._axes = built.plan, built.axes

    @property
    def axes(self) -> list | None:
        """The `Axes` in which Hessians are diagonal."""
        full = vars(self.full).get("axes")
        is_known = self._axes is not None and full is not None
        return [*self._axes, full] if is_known else None

    def sample_row_batches(
        self, rng: np.random.Generator, batch_size: int
    ) -> RowBatches:
        """Return the splits as random batches of rows, where the problem keeps rows.

        Parameters
        ----------
        rng : numpy.random.Generator
            The only source of random numbers.
        batch_size : int
            Most rows of a batch; fewer where there would be less than ten batches.

        Returns
        -------
        RowBatches
            Derivatives on every batch; all rows of any part are in one of them.
        """
        return RowBatches(self.splits, self.sampled_rows(rng, batch_size))

    def sampled_rows(
        self, rng: np.random.Generator, batch_size: int
    ) -> list[np.ndarray]:
        """Return the indices of the rows of random batches.

        Parameters
        ----------
        rng : numpy.random.Generator
            The only source of chance.
        batch_size : int
            Most rows of a batch.

        Returns
        -------
        list of ndarray of int
            Disjoint; each has its share of the rows of every part.
        """
        rows = np.flatnonzero(self._row_weights())
        strata = strata_of(self.splits)[rows]
        batches = sample_batches(rng, len(rows), batch_size, strata)
        return [rows[batch] for batch in batches]

    def _row_weights(self):
        """Return the sum of the weights of every row over all parts."""
        return sum(
            split.train_weight + split.validation_weight for split in self.splits
        )

    def for_scan(self) -> HeldOutProblem:
        """Return the problem to scan for a start.

        Without rows kept, this one. For a method of small steps: a sample of many rows,
        and penalties that are strong enough for weights to respond to.

        Returns
        -------
        BilevelProblem or ScanProblem
            In the same coordinates.
        """
        if not self.offers.rows:
            return self
        least = self.scales.log_curvature + np.log(0.5 * RESPONSIVE)
        scan_bounds = np.clip(np.maximum(self.scan_bounds, least), *self.bounds)
        sample = self._sample() or (self.split_set, self.n_held_out)
        return ScanProblem(self, *sample, scan_bounds)

    def of_fewer_rows(self) -> ScanProblem | None:
        """Return the problem of a sample of the rows; None where they are few.

        Returns
        -------
        ScanProblem or None
            In the same coordinates, where inner solutions take passes over the rows.
        """
        if self.offers.rows:
            return None
        sample = self._sample()
        return None if sample is None else ScanProblem(self, *sample, self.scan_bounds)

    def per_target(self) -> TargetsProblem | None:
        """Return the problem of one lambda per target; None where there is none."""
        is_diagonal = self.splits[0].solves_by == "diagonal" and self.n_groups == 1
        return TargetsProblem(self) if is_diagonal else None

    def quadratic_model(self, fewer, lambda_, guide) -> QuadraticModels | None:
        """Return a second-order model of the problem about a solution of all rows.

        Parameters
        ----------
        fewer : ScanProblem
            From `of_fewer_rows`.
        lambda_ : ndarray of shape (n_groups,)
            Where to take the solution.
        guide : Scan
            Of `fewer`; its weights are near the solution.

        Returns
        -------
        QuadraticModels or None
            Its inner solutions take no passes over the rows. None where the plan
            factors no Hessians, or held-out rows are in no training part.
        """
        mean = np.mean(guide.weights, axis=0)
        given = self.full, lambda_, mean, fewer.split_set
        return self.split_set.quadratic_models(*given)

    def _sample(self):
        """Return the splits of a sample of the rows, and its part of `n_held_out`.

        None if the plan does without a sample, or if it misses a part or a class.
        """
        if not self.plan.scans_sample:
            return None
        n_rows = self.plan.scan_rows
        rows = np.flatnonzero(self._row_weights())
        if len(rows) <= n_rows:
            return None
        # A seed that no user splits rows with, or the sample might miss a part.
        rng = np.random.default_rng([len(rows), n_rows])
        chosen = rng.permutation(len(rows))[:n_rows]
        thinned = self.split_set.thinned(np.sort(rows[chosen]))
        if thinned is None:
            return None
        return thinned, self.n_held_out * n_rows / len(rows)
