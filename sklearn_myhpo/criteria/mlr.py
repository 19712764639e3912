"""The training error on true labels minus that on permuted ones.

After Lounici, Meziani & Riu (2020), Optimizing Generalization on the Train Set: a Novel
Gradient-based Framework to Train Parameters and Hyperparameters Simultaneously,
arXiv:2006.06705. Not in every detail: the labels are centred where there is an
intercept, not standardized; and all permutations can be averaged in closed form.
"""

from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from .._warn import warn
from ..bilevel.outer import OuterModel
from ..losses import SquaredLoss
from ._base import BoundRidgeCriterion, Criterion, Curve, filter_factors
from ._moments import MomentsPoint

#: Relative difference of sample weights that are taken to be equal.
EQUAL_WEIGHTS = 1e-12


@dataclass(frozen=True)
class MLR(Criterion):
    """Training error minus that of models of permuted labels, after Lounici et al.

    ``mean |(I - S) y|^2 - mean_pi mean |(I - S) pi(y)|^2``, S the hat matrix: it is
    small if true labels can be fitted and meaningless labels cannot. The criterion is
    half of it plus half the mean square of y. So its value for the model without
    features is the loss of that model, and no value is negative. Several targets are
    permuted together and summed. With fewer rows than features it over-regularizes, and
    a fit warns of it.

    Parameters
    ----------
    n_permutations : int or None, default=None
        Number of random permutations, the paper's T, which is 30 there. None averages
        over all permutations in closed form.
    random_state : int, default=0
        Seed of the permutations, which stay the same for all lambda.

    Raises
    ------
    ValueError
        If an option has a value that is not allowed.

    References
    ----------
    .. [1] Lounici, Meziani & Riu (2020), Optimizing Generalization on the Train Set: a
       Novel Gradient-based Framework to Train Parameters and Hyperparameters
       Simultaneously, arXiv:2006.06705.
    """

    losses: ClassVar[tuple] = (SquaredLoss,)
    needs_rows: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {
        "n_permutations": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    n_permutations: int | None = None
    random_state: int = 0

    def __post_init__(self):
        options = {name: getattr(self, name) for name in self._parameter_constraints}
        validate_parameter_constraints(self._parameter_constraints, options, "MLR")

    def bind(self, whole):
        """Return the criterion of some rows.

        Parameters
        ----------
        whole : Whole
            All rows.

        Returns
        -------
        MLROfRows
            With labels permuted.

        Raises
        ------
        ValueError
            If sample weights differ, because a permuted label would change its weight.

        Warns
        -----
        UserWarning
            If there are fewer rows than features.
        """
        share = whole.share[whole.share > 0]
        if np.ptp(share) > EQUAL_WEIGHTS * share.max():
            raise ValueError(
                "criterion='mlr' permutes labels between rows and is not defined for "
                "unequal sample weights: the largest is "
                f"{share.max() / share.min():.3g} times the smallest. Use "
                "criterion='loo', 'gcv' or 'sure'."
            )
        n_features = whole.split.coordinates.n_features
        if len(share) < n_features:
            message = (
                f"criterion='mlr' over-regularizes with fewer rows ({len(share)}) than "
                f"features ({n_features}). Prefer criterion='loo'."
            )
            warn(message, UserWarning)
        labels = _permuted(whole, self.n_permutations, self.random_state)
        return MLROfRows(whole, labels)


class PermutedLabels(NamedTuple):
    """Second moments of permuted labels, times the roots of their shares.

    They are ``white / n`` times the identity plus `sign` times the sum of ``z z'``.

    Attributes
    ----------
    white : float
    targets : ndarray of shape (n_samples, k)
        The z.
    sign : float
        1 or -1.
    mean_square : float
        Of the labels, permuted or not, summed over targets.
    """

    white: float
    targets: np.ndarray
    sign: float
    mean_square: float


def _permuted(whole, n_permutations, random_state):
    """Return the `PermutedLabels` of all permutations, or of some."""
    own = np.flatnonzero(whole.share)
    y, root = whole.labels[own], np.sqrt(whole.share[own])[:, None]
    square = float(np.sum(y**2) / len(y))
    if n_permutations is None:
        # The expected product of two permuted labels is the mean over all pairs.
        pair = len(y) * np.sum(y.mean(axis=0) ** 2) - square
        pair /= max(len(y) - 1, 1)
        # An intercept fits a constant exactly.
        columns = root[:, : not whole.fit_intercept] * np.sqrt(np.abs(pair))
        white, sign = square - pair, float(np.sign(pair))
    else:
        rng = np.random.default_rng(random_state)
        shuffled = [y[rng.permutation(len(y))] for _ in range(n_permutations)]
        columns = root * np.hstack(shuffled) / np.sqrt(n_permutations)
        white, sign = 0.0, 1.0
    targets = np.zeros((len(whole.share), columns.shape[1]))
    targets[own] = columns
    targets = whole.without_unpenalized(targets)
    return PermutedLabels(white, targets, sign, square)


class MLROfRows(BoundRidgeCriterion):
    """MLR of given rows.

    Parameters
    ----------
    whole : Whole
        All rows.
    labels : PermutedLabels
        Of these rows.
    """

    def __init__(self, whole, labels):
        super().__init__(whole)
        self.labels = labels

    @cached_property
    def _squares(self):
        """Squares of permuted labels along the singular vectors, and outside."""
        spectrum, labels = self.whole.spectrum, self.labels
        targets = labels.targets
        along = np.zeros((len(spectrum.squares), targets.shape[1]))
        for rows, left in spectrum.blocks(targets.shape[1]):
            along += left.T @ targets[rows]
        white = labels.white / spectrum.n_rows
        inside = np.sum(along**2, axis=1)
        outside = np.sum(targets**2) - inside.sum() if spectrum.n_outside else 0.0
        return (
            white + labels.sign * inside,
            white * spectrum.n_outside + labels.sign * outside,
        )

    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, O(k) each."""
        spectrum = self.whole.spectrum
        orders = filter_factors(spectrum.squares, penalties)[: 3 if second else 2]
        permuted, outside = self._squares
        true = np.sum(spectrum.along**2, axis=1)
        more, q = true - permuted, orders[0]
        rest = spectrum.outside_square - outside + self.labels.mean_square
        value, slope = 0.5 * (more @ q**2 + rest), more @ (q * orders[1])
        if not second:
            return Curve(value, slope)
        bend = more @ (q * orders[2]) - permuted @ orders[1] ** 2
        return Curve(value, slope, true @ orders[1] ** 2, bend)

    def at(self, lambda_, w, hessian):
        """Return the `MLRPoint` of some lambda."""
        return MLRPoint(self.whole, lambda_, w, hessian, self.labels)


class MLRPoint(MomentsPoint):
    """MLR at one lambda per group, from second moments.

    With E = I - S and K = Q P W, ``tr E^2`` has the derivatives 2 sum_a p K and, twice,
    2 sum_{j in a, k in b} p_j p_k (Q_jk^2 - 2 W_jk K_jk) + delta_ab 2 sum_a p K.

    Parameters
    ----------
    whole : Whole
        All rows.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    w : ndarray of shape (m, n_targets)
        The exact weights there.
    hessian : Hessian
        Of the training loss.
    labels : PermutedLabels
        Of the rows.
    """

    def __init__(self, whole, lambda_, w, hessian, labels):
        super().__init__(whole, lambda_, w, hessian)
        self.labels, rows = labels, whole.rows
        root = np.sqrt(whole.share)[:, None]
        right = rows.adjoint(root * labels.targets)[: len(w)]
        self.permuted = hessian.solve(right)
        raw = rows.forward(whole.pad(self.permuted))
        self.permuted_square = np.sum((labels.targets - root * raw) ** 2)
        self.white = 0.5 * labels.white / self.n_rows

    @property
    def value(self):
        """The criterion."""
        outside = self.n_rows - self.whole.free.rank - len(self.w)
        squares = outside + np.sum(self.pair_sums(self.inverse**2))
        own = 0.5 * (self.labels.mean_square - self.labels.sign * self.permuted_square)
        return float(self.half_square - self.white * squares + own)

    @cached_property
    def _bent(self):
        """The matrix K."""
        return self.shrunk @ (self.p * self.inverse)

    @cached_property
    def _squares_slope(self):
        """Derivative of tr E^2."""
        return 2.0 * self.split.by_group(self.p * np.diag(self._bent)[:, None])

    @cached_property
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""
        permuted = self.labels.sign * self.square_slope(self.permuted)
        return self.half_slope - permuted - self.white * self._squares_slope

    def model(self):
        """Return the second-order `OuterModel` in lambda; it is exact."""
        own, permuted = self.half_model, self.square_model(self.permuted)
        pairs = self.pair_sums(self.shrunk**2 - 2.0 * self.inverse * self._bent)
        bend = own.bend - self.labels.sign * (permuted.tangent + permuted.bend)
        bend = bend - self.white * (2.0 * pairs + np.diag(self._squares_slope))
        return OuterModel(self.gradient, own.tangent, bend, own.metric)
