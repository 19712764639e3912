"""Numbers that a fit keeps for its summary, since the estimator does not keep X."""

from typing import NamedTuple

import numpy as np

from ...data.sampling import every_kth
from ...diagnostics.baseline import baseline_loss
from ...diagnostics.posterior import Posterior, hessian_posterior, ridge_posterior
from ...diagnostics.share import shares, shares_by_rows
from ...engine.glm.sample import sampled_split
from ...engine.glm.split import GLMSplit
from ...engine.limits import limits

#: Smallest share of residual degrees of freedom for an estimate of the noise.
LEAST_RESIDUAL = 1e-6


class Facts(NamedTuple):
    """Numbers of a fit in addition to its fitted attributes.

    Attributes
    ----------
    n_rows : float
        Sum of the sample weights of the rows that the weights are fitted to.
    posterior : Posterior or None
        None where it is not known.
    share : ndarray of shape (n_features, n_rows_of_coef) or None
        Share of every feature in the variance of the prediction.
    baseline : float, ndarray of shape (n_targets,) or None
        Validation loss of an intercept alone.
    """

    n_rows: float
    posterior: Posterior | None
    share: np.ndarray | None
    baseline: float | np.ndarray | None

    @property
    def effective_dof(self):
        """The trace of the hat matrix, a float or one per target; None if unknown."""
        if self.posterior is None:
            return None
        freedom = self.posterior.freedom
        return float(freedom[0]) if len(freedom) == 1 else freedom

    @property
    def noise_variance(self):
        """Mean squares of the residuals over their degrees of freedom, or None."""
        if self.posterior is None or self.posterior.mean_square is None:
            return None
        left = 1.0 - self.posterior.freedom / self.n_rows
        if np.any(left < LEAST_RESIDUAL):
            return None
        return self.posterior.mean_square / left

    @property
    def standard_errors(self):
        """Standard errors of coefficients (n_features, k), intercepts (k,); or None."""
        noise = self.noise_variance
        if noise is None or self.posterior.variance is None:
            return None
        variance, intercept = self.posterior.variance, self.posterior.intercept
        return np.sqrt(variance * noise), np.sqrt(intercept * noise)


def posterior_of(problem, source, lambda_, final):
    """Return the `Posterior` of final weights, or None if it costs too much.

    Parameters
    ----------
    problem : Problem
    source : ProblemSource
        Its data.
    lambda_ : ndarray
        Natural logs of the penalties.
    final : (ndarray, ndarray)
        Coefficients and intercepts of the refit.

    Returns
    -------
    Posterior or None
    """
    split, n_rows = problem.full, problem.total_weight
    is_ridge = source.loss.is_quadratic
    with np.errstate(all="ignore"):
        if isinstance(split, GLMSplit):
            if split.solves_by != "newton" or not (is_ridge or _is_cheap(split.plan)):
                return None
            w = split.from_features(*final)
            known = problem.known
            if known is not None and np.array_equal(known.place.lambda_, lambda_):
                found = Posterior(np.array([known.freedom]))
            elif is_ridge:
                found = hessian_posterior(split, w, lambda_, n_rows)
            else:
                fewer = sampled_split(split, _n_summary_rows(split))
                found = hessian_posterior(fewer, w, lambda_)
        else:
            free = None
            if split.regression is not None:
                free = split.regression.root, split.regression.mean
            elif source.criterion is not None and problem.whole.free.root is not None:
                root = problem.whole.free.root
                free = root, np.zeros(len(root))
            given = split, source.groups, lambda_, n_rows, source.fit_intercept, free
            found = ridge_posterior(*given)
    known = [part for part in found if part is not None]
    return found if all(np.all(np.isfinite(part)) for part in known) else None


def _is_cheap(plan):
    """Whether forming and factoring a Hessian costs little compared with the fit."""
    return plan.shared_price < np.inf or plan.size <= plan.limits.summary_size


class FactsMixin:
    """The facts of a fit; a mixin for the base class of the estimators."""

    #: Of the last fit; None before it, and after `partial_fit`.
    _facts = None

    def _set_facts(self, problem, source, lambda_, final):
        """Set the facts for a summary if they cost little compared with the fit.

        Parameters
        ----------
        problem : Problem
        source : ProblemSource
            Its data.
        lambda_ : ndarray of shape (n_groups,)
            Lambda of the final weights.
        final : (ndarray, ndarray)
            Coefficients and intercepts; the attributes of the weights are set.
        """
        posterior = None
        if self.refit and not source.has_own_validation:
            posterior = posterior_of(problem, source, lambda_, final)
        baseline = None
        if source.has_held_out_rows and not source.groups.n_unpenalized:
            baseline = float(problem.null_loss)
        self._keep_facts(problem.full, posterior, source, baseline)

    def _keep_facts(self, split, posterior, source, baseline=None):
        """Set the facts, given the posterior and the split of all rows.

        The baseline is computed if it is None.
        """
        share, weight = None, source.weights
        if source.has_held_out_rows and baseline is None:
            given = source.loss, source.target, source.parts, source.fit_intercept
            baseline = baseline_loss(*given, per_target=self._is_per_target)
        if source.has_own_validation:
            weight = source.parts.weights(0)[0]
        coef = np.atleast_2d(self.coef_).T.astype(np.float64)
        is_cheap = self.refit or not source.needs_rows
        if is_cheap and coef.size <= limits().summary_entries:
            share = self._variance_shares(split, source, weight, coef)
        self._facts = Facts(float(weight.sum()), posterior, share, baseline)

    def _variance_shares(self, split, source, weight, coef):
        """Return the shares of features in the variance of predictions, or None."""
        with np.errstate(all="ignore"):
            if isinstance(split, GLMSplit):
                # These rows are in host memory, wherever X is.
                rows = source.design if split.coordinates.bases else split.rows
                some = every_kth(len(weight), _n_summary_rows(split))
                if some.step > 1 and np.any(weight[some]):
                    rows, weight = rows.take(some), weight[some]
                found = shares_by_rows(rows, weight, coef)
            elif _has_covariance(split, source):
                w = split.from_features(coef, 0.0)
                found = shares(split.train.gram @ w, w)
            else:
                found = shares_by_rows(source.design, weight, coef)
        return found if np.all(np.isfinite(found)) else None


def _n_summary_rows(split):
    """Return the number of rows for the facts of a generalized linear model."""
    size = limits()
    return max(size.summary_rows, size.summary_rows_per_weight * np.prod(split.shape))


def _has_covariance(split, source):
    """Whether the moments of a split are covariances of the features."""
    coordinates = split.coordinates
    return (
        source.fit_intercept
        and not source.has_own_validation
        and split.train.gram.ndim == 2
        and not coordinates.bases
        and coordinates.eliminated is None
    )
