"""The contract of an inner problem: one training/validation pair."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .linalg.hessian import Hessian
from .linalg.newton import NEWTON_TOL, minimize_newton
from .responses import Responses

#: Number of steps of a power iteration. The largest eigenvalue gains a factor 2^50 over
#: all below half of it, so the result is at least half of it.
POWER_STEPS = 50


class Proximal(NamedTuple):
    """Extra terms ``<linear, w> + rho/2 |w - centre|_M^2`` of an inner problem.

    Attributes
    ----------
    linear, centre : ndarray of shape (m, n_outputs)
    rho : float
    metric : Hessian or None
        M; None means the identity.
    """

    linear: np.ndarray
    centre: np.ndarray
    rho: float
    metric: Hessian | None = None

    def value(self, w):
        """Return the value of the extra terms at `w`."""
        return np.vdot(self.linear, w) + 0.5 * self.rho * np.vdot(
            w - self.centre, self.metric_product(w - self.centre)
        )

    def gradient(self, w):
        """Return the gradient of the extra terms at `w`."""
        return self.linear + self.rho * self.metric_product(w - self.centre)

    def metric_product(self, w):
        """Return ``M w``."""
        return w if self.metric is None else self.metric.product(w)


class LambdaCurvature(NamedTuple):
    """Parts of the second derivative in lambda of one split's validation loss.

    Attributes
    ----------
    gram : ndarray of shape (n_groups, n_groups)
        ``J' H_V J``.
    cross : ndarray of shape (n_groups, n_groups)
        ``(p q)_a J_b``.
    third : ndarray of shape (n_groups, n_groups) or float
        The third derivative of L_T along (q, J_a, J_b); 0 where there is none.
    metric : ndarray of shape (n_groups, n_groups)
        ``J' H J``.
    """

    gram: np.ndarray
    cross: np.ndarray
    third: np.ndarray
    metric: np.ndarray


class Origin(NamedTuple):
    """The model of zero weights.

    Attributes
    ----------
    coef : ndarray of shape (n_features, n_outputs) or None
        Of unpenalized features whose weights are no coordinates; None for zeros.
    intercept : ndarray of shape (n_outputs,)
    """

    coef: np.ndarray | None
    intercept: np.ndarray

    def moved(self, coef, intercept):
        """Return coef and intercept after a move."""
        if self.coef is not None:
            coef = self.coef + coef
        return coef, self.intercept + intercept


class Split(Responses, ABC):
    """Training and validation loss of one split, in the split's coordinates.

    Weights have shape (m, n_outputs); with an explicit intercept its row is the
    last one, is not penalized and belongs to no group; the same may hold for
    unpenalized features. Every oracle call is counted in `counts`.

    Parameters
    ----------
    coordinates : Coordinates
    n_outputs : int
    explicit_intercept : bool
    counts : OracleCounts
    """

    #: How the Hessian is solved with: "diagonal" or "dense" (closed forms), "newton"
    #: or "iterative".
    solves_by: str
    #: Second derivatives (m, 1) of a negligible penalty on features in no group, which
    #: keeps the weights of collinear ones finite; (m, n_outputs) if the outputs differ.
    pinning = 0.0
    #: Factors (m, 1) of the penalty, if the rows are not in the units of the split;
    #: None for ones.
    penalty_scale = None
    #: Whether curvature in lambda is cheaper from the inverse of the Hessian, by
    #: `curvature_in_lambda`, than from the tangent of every group.
    prefers_inverse = False

    def __init__(self, coordinates, n_outputs, explicit_intercept, counts):
        self.coordinates = coordinates
        self.groups = coordinates.groups
        self.n_outputs = n_outputs
        self.explicit_intercept = explicit_intercept
        self.counts = counts
        self._last_penalty = None, None

    @property
    def shape(self):
        """Shape of a weight array."""
        return len(self.groups.labels) + self.explicit_intercept, self.n_outputs

    def penalized(self, w):
        """Return the part of `w` (..., m, n_outputs) without the intercept."""
        return w[..., : len(self.groups.labels), :]

    def penalty(self, lambda_):
        """Return ``p_j = 2 exp(lambda_g(j))``, shape (m, 1), 0 for the intercept.

        The shape is (m, n_outputs) with a lambda per class. The entries of features in
        no group are those of `pinning`. The last result is kept, since it is needed
        many times.
        """
        key = lambda_.tobytes()
        if self._last_penalty[0] != key:
            p = self._spread(self.groups.penalty_weights(lambda_))
            if self.penalty_scale is not None:
                p *= self.penalty_scale
            if self.groups.is_pinned:
                p += self.pinning
            p.flags.writeable = False
            self._last_penalty = key, p
        return self._last_penalty[1]

    @cached_property
    def start_gradient(self):
        """The gradient of the training loss at `start`.

        It is a property of the data, not an oracle call of a method, so it is not
        counted.
        """
        return self._start_gradient()

    @cached_property
    def gradient_scale(self):
        """The norm of `start_gradient`, one if it is zero."""
        return float(np.linalg.norm(self.start_gradient)) or 1.0

    def relative_gradient(self, gradient):
        """Return the norm of a gradient of L_T relative to that at `start`."""
        return float(np.linalg.norm(gradient)) / self.gradient_scale

    def per_coordinate(self, values):
        """Return each coordinate's entry of values (n_groups,), 0 for the intercept.

        Returns
        -------
        ndarray of shape (m, 1), or (m, n_outputs) with a lambda per class
        """
        return self._spread(self.groups.expand(values))

    def _spread(self, own):
        """Return values of the features, and zeros for the intercept."""
        out = np.zeros((self.shape[0], self.groups.width))
        self.penalized(out)[...] = own.reshape(-1, self.groups.width)
        return out

    def penalty_value(self, w, lambda_):
        """Return ``sum_j exp(lambda_g(j)) w_j^2``."""
        return 0.5 * np.sum(self.penalty(lambda_) * w**2)

    def by_group(self, values):
        """Return the sums (n_groups,) of values (m, k) over groups."""
        return self.groups.sum_by_group(self.penalized(values))

    def scatter_by_group(self, values):
        """Return values (m, k) in one array per group, zero elsewhere.

        Returns
        -------
        ndarray of shape (n_groups, m, k)
        """
        return self.groups.scatter(values)

    def group_means(self, w):
        """Return `w` with every feature weight replaced by its group's mean."""
        means = w.copy()
        self.penalized(means)[...] = self.coordinates.group_means(self.penalized(w))
        return means

    @abstractmethod
    def train_loss(self, w, lambda_):
        """Return L_T, the penalty included."""

    @abstractmethod
    def train_gradient(self, w, lambda_):
        """Return the gradient of L_T in the weights."""

    @abstractmethod
    def consensus_gradient(self, w, lambda_, proximal):
        """Return the gradient of L_T plus proximal terms.

        Counted apart from `train_gradient`: the paper's budget n_g leaves it out.
        """

    @abstractmethod
    def validation_loss(self, w):
        """Return L_V."""

    @abstractmethod
    def validation_gradient(self, w):
        """Return the gradient of L_V in the weights."""

    @abstractmethod
    def validation_gram(self, w, jacobian, raw=None):
        """Return ``J' H_V J`` (n_groups, n_groups), H_V the Hessian of L_V at `w`.

        Parameters
        ----------
        w : ndarray of shape (m, n_outputs)
        jacobian : ndarray of shape (n_groups, m, n_outputs)
        raw : ndarray of shape (n_groups, n_outputs, n_samples) or None
            Raw predictions of `jacobian`, if they are known.
        """

    @abstractmethod
    def third_term(self, w, adjoint, jacobian, raw=None):
        """Return the third derivative of L_T along (adjoint, J_a, J_b).

        Parameters
        ----------
        w, adjoint : ndarray of shape (m, n_outputs)
        jacobian : ndarray of shape (n_groups, m, n_outputs)
        raw : ndarray of shape (n_groups + 1, n_outputs, n_samples) or None
            Raw predictions of `jacobian` and, last, of the adjoint, if they are known.
        """

    @abstractmethod
    def hessian(self, w, lambda_):
        """Return the Hessian of L_T at `w`."""

    @abstractmethod
    def product_hessian(self, w, lambda_):
        """Return the Hessian of L_T at `w` for its products only, which are counted.

        Its `own_curvature` is its diagonal, without a product.
        """

    def hessian_product(self, w, lambda_, x):
        """Return the Hessian of L_T at `w` applied to x (..., m, n_outputs).

        Without forming it; every array in `x` counts as one product.
        """
        return self.product_hessian(w, lambda_).product(x)

    @abstractmethod
    def bound_product(self, x):
        """Return a bound of the data term's Hessian at any weights, applied to `x`."""

    @cached_property
    def lipschitz(self):
        """A Lipschitz constant of the gradient of the data term.

        The largest eigenvalue of the bound of its Hessian, by power iteration from
        the first gradient; zero where that is zero.
        """
        x, value = self.start_gradient, 0.0
        for _ in range(POWER_STEPS):
            size = np.linalg.norm(x)
            if not size:
                break
            x = x / size
            image = self.bound_product(x)
            value, x = np.vdot(x, image), image
        return float(value)

    @abstractmethod
    def minimize(self, lambda_, start, proximal=None, tol=NEWTON_TOL):
        """Return the minimizer of L_T plus `proximal`, from `start`.

        `tol` bounds half the squared Newton decrement before the last step,
        relative to the loss; closed forms need none.
        """

    def _minimize_by_newton(self, lambda_, start, tol):
        """Return the minimizer of L_T, by Newton from `start`."""
        self.counts.n_inner_solves += 1
        return minimize_newton(
            lambda w: self.train_loss(w, lambda_),
            lambda w: self.train_gradient(w, lambda_),
            lambda w: self.hessian(w, lambda_),
            start,
            tol,
        )

    @abstractmethod
    def start(self):
        """Return weights to start an inner solve from when nothing better is known."""

    @abstractmethod
    def _start_gradient(self):
        """Return the gradient of the training loss at `start`, without counting."""

    def to_features(self, w):
        """Return coef (n_features, n_outputs) and intercept (n_outputs,)."""
        return self.origin.moved(*self.moves_to_features(w))

    @property
    def origin(self):
        """The `Origin`: the model of zero weights."""
        return Origin(None, np.zeros(self.n_outputs))

    @abstractmethod
    def moves_to_features(self, moves):
        """Return the change of a model by moves of the weights.

        Parameters
        ----------
        moves : ndarray of shape (m, k)
            One column per output of a move, of any number of moves.

        Returns
        -------
        coefs : ndarray of shape (n_features, k)
        intercepts : ndarray of shape (k,)
        """

    @abstractmethod
    def from_features(self, coef, intercept):
        """Return the weights that `to_features` would turn into these."""
