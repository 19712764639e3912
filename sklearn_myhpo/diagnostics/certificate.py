"""The checks of a learned lambda, in one readable object."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..bilevel.bounds import outward
from ..data.threads import one_thread
from ..penalties.columns import spell
from ..solvers import Status
from .optimism import is_affordable

#: Curvature relative to the objective, below which it counts as zero.
FLAT = 1e-6
#: Slope relative to the objective, below which it counts as zero.
LEVEL = 2e-4
#: Slope and curvature relative to the objective that are rounding errors.
UNFELT = 1e-13


@dataclass(frozen=True, eq=False)
class Certificate:
    """How close a fit came to a minimum over lambda; print it for a report.

    Attributes
    ----------
    converged : bool
        Whether the solver reached its tolerance.
    certain : bool
        Whether it ended because all rows are predicted with certainty. The objective is
        then nearly zero and gives no more information about lambda.
    names : tuple of length n_groups
        Names of the groups.
    hypergradient : ndarray of shape (n_groups,)
        Slope of the objective in every lambda, by exact adjoint solves.
    relative_hypergradient : float
        Its largest entry relative to the objective, without the entries that point out
        of the bounds.
    outward_hypergradient : float
        The largest of these entries that point out of the bounds, relative to the
        objective; 0 without any.
    inner_residuals : ndarray of shape (n_splits,)
        Norm of the gradient of every training loss, relative to that without features.
    lower, upper : ndarray of bool of shape (n_groups,)
        Which lambdas are at a bound with the objective still falling towards it.
    n_free : int
        Number of lambdas inside their bounds.
    flat : ndarray of bool of shape (n_groups,)
        Which lambdas have no effect on the objective, such as lambdas of constant
        features; none with too many lambdas to tell.
    least_curvature : float or None
        Smallest eigenvalue of the objective's second derivative in the lambdas inside
        their bounds, relative to the objective. None without such lambdas, or with too
        many to tell. With more than 30 lambdas on a large logistic regression it is
        that of the model from which steps are computed.
    n_unfinished_solves : int
        Linear solves for these numbers that ended before their tolerance.
    """

    #: Meanings of a slope at a lower and at an upper bound.
    wanted: ClassVar[tuple] = ("less penalty is better", "more penalty is better")

    converged: bool
    certain: bool
    names: tuple
    hypergradient: np.ndarray
    relative_hypergradient: float
    outward_hypergradient: float
    inner_residuals: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n_free: int
    flat: np.ndarray
    least_curvature: float | None
    n_unfinished_solves: int

    @property
    def is_minimum(self):
        """Whether no lambda close to the result is better."""
        curved = self.least_curvature is None or self.least_curvature > -FLAT
        return self.converged and curved and self.is_level

    @property
    def is_level(self):
        """Whether the exact slope is zero; solvers may use an approximate one."""
        return self.certain or self.relative_hypergradient <= LEVEL

    @property
    def is_in_tail(self):
        """Whether the objective is nearly flat, and falls or rises from here.

        There its slope decays exponentially, and is as large as its curvature.
        """
        slope, least = self.relative_hypergradient, self.least_curvature
        if least is None or slope <= UNFELT:
            return False
        return abs(least) <= min(FLAT, 2.0 * slope)

    @property
    def hypergradient_norm(self):
        """The largest absolute entry of the hypergradient."""
        return float(np.max(np.abs(self.hypergradient)))

    @property
    def at_lower_bound(self):
        """Names of the groups whose best lambda is below the lower bound."""
        return self._named(self.lower)

    @property
    def at_upper_bound(self):
        """Names of the groups whose best lambda is above the upper bound."""
        return self._named(self.upper)

    def _named(self, where):
        return tuple(name for name, here in zip(self.names, where, strict=True) if here)

    def __str__(self):
        worst = int(np.argmax(self.inner_residuals))
        lines = {
            "converged": self._describe_end(),
            "hypergradient": self._describe_slope(),
            "inner problems": f"gradients up to {self.inner_residuals[worst]:.1e} "
            f"(split {worst} of {len(self.inner_residuals)})",
            "at lower bound": _listed(self.at_lower_bound, self.wanted[0]),
            "at upper bound": _listed(self.at_upper_bound, self.wanted[1]),
            "curvature": self._describe_curvature(),
            "linear solves": f"{self.n_unfinished_solves} unfinished"
            if self.n_unfinished_solves
            else "all finished",
        }
        return "\n".join(f"{name + ':':<16}{text}" for name, text in lines.items())

    __repr__ = __str__

    def _describe_end(self):
        if self.certain:
            return "yes, no held-out row is left in doubt"
        return "yes" if self.converged else "no"

    def _describe_slope(self):
        text = f"{self.relative_hypergradient:.1e} times the objective"
        if not (self.lower | self.upper).any():
            return text
        return f"{text}; {self.outward_hypergradient:.1e} times it out of the bounds"

    def _describe_curvature(self):
        least = self.least_curvature
        if least is None:
            return "too many lambdas to tell" if self.n_free else "no lambda is free"
        if self.flat.any():
            return f"none in {spell(self._named(self.flat), word=str)}: no effect"
        if abs(least) <= FLAT:
            return f"{least:.1e}: flat along some direction"
        text = f"at least {least:.1e} times the objective"
        if least > 0 and not self.is_level:
            return f"{text}: as at a minimum, but there is a slope"
        return f"{text}: a minimum" if least > 0 else f"{text}: not a minimum"


class RowWeightsCertificate(Certificate):
    """The certificate of weights of rows; its names are the groups of rows."""

    wanted = ("zero weight is best", "full weight is best")


def _listed(names, meaning):
    """Return some names and their common meaning."""
    return f"{spell(names, word=str)} ({meaning})" if names else "none"


def certify(problem, result):
    """Return the `Certificate` of a result, and the model that it rests on.

    Parameters
    ----------
    problem : BilevelProblem
        The problem that was minimized.
    result : BilevelResult
        Of the solver.

    Returns
    -------
    certificate : Certificate
        The checks.
    model : OuterModel or None
        None with too many lambdas for one.
    """
    place, lambda_ = result.place, result.lambda_
    unfinished = problem.counts.n_unfinished_solves
    model = None
    if is_affordable(problem):
        model = place.model()
        slope = model.gradient
    else:
        slope = place.hypergradient()
    objective = place.objective
    lower, upper = outward(problem.bounds, lambda_, slope)
    free = problem.is_free(lambda_)
    certificate = Certificate(
        converged=result.status.has_converged,
        certain=result.status is Status.CERTAIN,
        names=tuple(problem.groups.names),
        hypergradient=slope,
        relative_hypergradient=float(
            problem.relative(problem.projected(lambda_, slope), objective)
        ),
        outward_hypergradient=float(
            problem.relative(np.where(lower | upper, slope, 0.0), objective)
        ),
        inner_residuals=problem.inner_residuals(lambda_, place.weights),
        lower=lower,
        upper=upper,
        n_free=int(free.sum()),
        flat=_flat(free, slope, model, objective),
        least_curvature=_least_curvature(problem, free, model, objective),
        n_unfinished_solves=problem.counts.n_unfinished_solves - unfinished,
    )
    return certificate, model


def _flat(free, slope, model, objective):
    if model is None:
        return np.zeros(len(free), dtype=bool)
    felt = np.abs(model.tangent + model.bend).max(axis=1) + np.abs(slope)
    return free & (felt <= UNFELT * objective)


def _least_curvature(problem, free, model, objective):
    if model is None or not free.any():
        return None
    curvature = (model.tangent + model.bend)[np.ix_(free, free)]
    with one_thread():
        least = np.linalg.eigvalsh(0.5 * (curvature + curvature.T))[0]
    return float(least / (objective + 1e-10 * problem.null_loss)) if least else 0.0
