"""Ridge from second moments: X is not needed after one pass."""

from functools import cached_property
from math import prod

import numpy as np

from ...data.limits import row_limits
from ...data.threads import matmul
from ..limits import limits
from ..linalg.hessian import DiagonalHessian, penalized_hessian
from ..linalg.newton import NEWTON_TOL
from ..linalg.products import pair_products
from ..linalg.row_hessian import RowHessian
from ..split import LambdaCurvature, Split
from .axes import axes_of_moments
from .mean_square import MomentHessian
from .shared_path import path_of_each, shared_path


class QuadraticSplit(Split):
    """A ridge split; the intercept is eliminated by centring on training means.

    Parameters
    ----------
    train, validation : Moments
    coordinates : Coordinates
    feature_shift : ndarray of shape (n_features,)
        Origin of the features; zeros without an intercept.
    x_mean : ndarray of shape (m,)
        Training mean of the coordinates about it; zeros without an intercept.
    origin : Origin
        The model of zero weights: the training mean of the target, or its regression
        on the unpenalized features.
    counts : OracleCounts
    regression : Regression or None
        Of the other features on the unpenalized ones, which are eliminated.
    """

    #: Centred rows times the roots of their weights, if Hessians are inverted in the
    #: space of the rows; else None.
    training_rows = None

    def __init__(
        self,
        train,
        validation,
        coordinates,
        feature_shift,
        x_mean,
        origin,
        counts,
        regression=None,
    ):
        super().__init__(coordinates, len(origin.intercept), False, counts)
        self.train = train
        self.validation = validation
        self.feature_shift = feature_shift
        self.x_mean = x_mean
        self._origin = origin
        self.regression = regression
        self._last = None

    @property
    def solves_by(self):
        """How the Hessian is solved with: "diagonal" or "dense"."""
        return "diagonal" if self.train.gram.ndim == 1 else "dense"

    def train_loss(self, w, lambda_):
        """Return L_T, the penalty included."""
        self.counts.n_values += 1
        return self.train.value(w) + self.penalty_value(w, lambda_)

    def _train_gradient(self, w, lambda_):
        return self.train.gradient(w) + self.penalty(lambda_) * w

    def train_gradient(self, w, lambda_):
        """Return the gradient of L_T in the weights."""
        self.counts.n_train_gradients += 1
        return self._train_gradient(w, lambda_)

    def consensus_gradient(self, w, lambda_, proximal):
        """Return the gradient of L_T plus proximal terms."""
        self.counts.n_consensus_gradients += 1
        return self._train_gradient(w, lambda_) + proximal.gradient(w)

    def validation_loss(self, w):
        """Return L_V."""
        self.counts.n_values += 1
        return self.validation.value(w)

    def validation_gradient(self, w):
        """Return the gradient of L_V in the weights."""
        self.counts.n_validation_gradients += 1
        return self.validation.gradient(w)

    def validation_gram(self, w, jacobian, raw=None):
        """Return ``J' H_V J``."""
        columns = np.moveaxis(jacobian, 1, 0)
        product = matmul(self.validation.gram, columns.reshape(len(columns), -1))
        product = np.moveaxis(product.reshape(columns.shape), 0, 1)
        return pair_products(jacobian, product)

    def third_term(self, w, adjoint, jacobian, raw=None):
        """Return zeros: the loss is quadratic."""
        return np.zeros((len(jacobian), len(jacobian)))

    def hessian(self, w, lambda_):
        """Return the Hessian of L_T, the same at every `w`.

        The last one is kept, because its factors may be needed again.
        """
        penalty = self.penalty(lambda_)
        if self.train.gram.ndim == 1:
            return DiagonalHessian(self.train.gram + penalty[:, 0])
        key = penalty.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._hessian(penalty)
        return self._last[1]

    def _hessian(self, penalty):
        if self.training_rows is not None and not self.prefers_inverse:
            found = RowHessian(self.training_rows, penalty, self.counts)
            if found.is_accurate:
                return found
        return penalized_hessian(self.train.gram.copy(), penalty, self.counts)

    def product_hessian(self, w, lambda_):
        """Return the Hessian of L_T for its products only, which are counted."""
        return MomentHessian(self.train, self.penalty(lambda_), self.counts)

    def bound_product(self, x):
        """Return the data term's Hessian applied to `x`."""
        self.counts.n_hessian_products += prod(x.shape[:-2])
        return self.train.product(x)

    @property
    def prefers_inverse(self):
        """Whether curvature in lambda is cheaper from the inverse of the Hessian."""
        n_tangents = self.groups.n_groups * self.n_outputs
        many = n_tangents > limits().inverse_share * self.shape[0]
        return many and self.solves_by == "dense"

    def curvature_in_lambda(self, lambda_, w, adjoint):
        """Return the curvature in lambda from the inverse A of the Hessian.

        J_a = -A (p w)_a, so each part sums blocks of a matrix times outer products.
        Features with so large a penalty that others do not matter are treated alone.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
        w, adjoint : ndarray of shape (m, n_outputs)
            The exact solution and H^-1 grad L_V.

        Returns
        -------
        LambdaCurvature
        """
        p = self.penalty(lambda_)
        is_alone = p[:, 0] > limits().strong_penalty * np.trace(self.train.gram)
        if is_alone.all():
            is_alone[:] = False
        kept, alone = np.flatnonzero(~is_alone), np.flatnonzero(is_alone)
        block = np.ix_(kept, kept)
        hessian = self.hessian(w, lambda_)
        if len(alone):
            matrix = self.train.gram[block]
            hessian = penalized_hessian(matrix, p[kept], self.counts)
        inverse, image = hessian.inverse_and_image(self.validation.gram[block])
        own = 1.0 / (np.diag(self.train.gram)[alone] + p[alone, 0])
        own_image = own * np.diag(self.validation.gram)[alone] * own
        force, pull = p * w, -p * adjoint

        def summed(matrix, diagonal, left):
            pairs = left[kept] @ force[kept].T
            pairs *= matrix
            total = self.groups.sum_by_pair(pairs, kept)
            values = np.zeros(self.shape)
            values[alone] = diagonal[:, None] * left[alone] * force[alone]
            total[np.diag_indices_from(total)] += self.by_group(values)
            return total

        return LambdaCurvature(
            summed(image, own_image, force),
            summed(inverse, own, pull),
            0.0,
            summed(inverse, own, force),
        )

    def responses_by_inverse(self, lambda_, w):
        """Return the derivative J of the exact solution `w` in every lambda.

        Returns
        -------
        ndarray of shape (n_groups, m, n_outputs)
        """
        inverse = self.hessian(w, lambda_).inverse()
        force = -self.penalty(lambda_) * w
        columns = [self.groups.sum_rows(own[:, None] * inverse) for own in force.T]
        return np.stack(columns, axis=-1)

    def minimize(self, lambda_, start, proximal=None, tol=NEWTON_TOL):
        """Return the minimizer of L_T plus `proximal`, in closed form."""
        self.counts.n_inner_solves += 1
        hessian = self.hessian(start, lambda_)
        if proximal is None:
            return hessian.solve(self.train.linear)
        target = self.train.linear - proximal.linear
        rho, centre = proximal.rho, proximal.centre
        if proximal.metric is None:
            return hessian.plus(rho).solve(target + rho * centre)
        # The metric is this Hessian, already factored: (1 + rho) H on the left.
        return (proximal.metric.solve(target) + rho * centre) / (1.0 + rho)

    def start(self):
        """Return zeros."""
        return np.zeros(self.shape)

    def _start_gradient(self):
        return -self.train.linear

    @property
    def origin(self):
        """The `Origin`: the model of zero weights."""
        return self._origin

    def of_other_features(self, coordinates, feature_shift, origin):
        """Return the same split with its coordinates expressed in other features.

        Parameters
        ----------
        coordinates, feature_shift, origin
            As of the class.
        """
        return QuadraticSplit(
            self.train,
            self.validation,
            coordinates,
            feature_shift,
            self.x_mean,
            origin,
            self.counts,
        )

    def own_rows(self, centred):
        """Return rows in the coordinates, about their training mean.

        Parameters
        ----------
        centred : ndarray of shape (n_rows, n_features)
            In the coordinates of the design, before any rotation.
        """
        if self.regression is None:
            return centred - self.x_mean
        # Features that the unpenalized ones explain have zero moments.
        is_left = np.diag(self.train.gram) > 0
        return is_left * (self.regression.rows(centred) - self.x_mean)

    def moves_to_features(self, moves):
        """Return coefs (n_features, k) and intercepts (k,) of moves (m, k)."""
        coefs = self.coordinates.to_features(moves)
        return coefs, self.intercepts_of(coefs, moves)

    def intercepts_of(self, coefs, moves):
        """Return the intercepts (k,) of moves (m, k) with coefs (n_features, k)."""
        return -(self.feature_shift @ coefs + self.x_mean @ moves)

    def from_features(self, coef, intercept):
        """Return the weights of coef; the intercept follows from the means."""
        return self.coordinates.from_features(coef)

    def path(self, penalties):
        """Return validation losses and their slopes, where the gram is diagonal.

        Parameters
        ----------
        penalties : ndarray of shape (n_lambdas,)
            ``2 exp(lambda)`` of one shared lambda.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            The slopes are derivatives in lambda.
        """
        self.counts.n_inner_solves += len(penalties)
        self.counts.n_values += len(penalties)
        self.counts.n_validation_gradients += len(penalties)
        if self.n_outputs > row_limits().many_outputs:
            return shared_path(self.train, self.validation, penalties)
        return self._path(penalties)

    def _path(self, penalties):
        """Return the same, one target after the other."""
        return path_of_each(self.train, self.validation, penalties)

    def in_basis(self, basis, values, held_out=None):
        """Return this split in an orthonormal basis of its eigenvectors.

        Only for one group, whose penalty is the same in every such basis.

        Parameters
        ----------
        basis : ndarray of shape (m, k)
            It spans all solutions.
        values : ndarray of shape (k,)
        held_out : ndarray of shape (k, k), default=None
            The moments of the held-out rows there, if they are known.
        """
        return QuadraticSplit(
            self.train.in_basis(basis, values),
            self.validation.in_basis(basis, held_out),
            self.coordinates.rotated(basis),
            self.feature_shift,
            self.x_mean @ basis,
            self.origin,
            self.counts,
        )

    @cached_property
    def axes(self):
        """The eigenvectors of the training moments, as `Axes`."""
        return axes_of_moments(self.train.gram)

    def diagonalized(self):
        """Return this split in its axes."""
        return self.in_basis(*self.axes)
