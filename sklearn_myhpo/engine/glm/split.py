"""Any loss over rows of X: logistic regression, and ridge too wide for moments."""

from functools import cached_property

import numpy as np

from ..linalg.hessian import penalized_hessian
from ..linalg.newton import NEWTON_TOL, minimize_newton
from ..split import Split
from .products import ProductHessian
from .shared_curvature import DENSE_LIMIT


class _Part:
    """The rows that have weight in a mean of losses.

    Parameters
    ----------
    y : ndarray
        Of all rows.
    weight : ndarray of shape (n_samples,)
    """

    def __init__(self, y, weight):
        self.index = np.flatnonzero(weight)
        self.y, self.weight = y[self.index], weight[self.index]


class GLMSplit(Split):
    """A split of a generalized linear model.

    Training and validation parts are weights over all rows, so that folds share
    X and one product serves both losses.

    Parameters
    ----------
    loss : Loss
    rows : Rows
    y : ndarray
        Target as the loss wants it.
    train_weight, validation_weight : ndarray of shape (n_samples,)
        Non-negative, with sum 1; zero on rows outside the part.
    coordinates : Coordinates
    feature_shift : ndarray of shape (n_features,)
        What was subtracted from the features.
    counts : OracleCounts
    """

    def __init__(
        self,
        loss,
        rows,
        y,
        train_weight,
        validation_weight,
        *,
        coordinates,
        feature_shift,
        counts,
    ):
        super().__init__(coordinates, loss.n_outputs(y), rows.fit_intercept, counts)
        self.loss = loss
        self.rows = rows
        self.y = y
        self.train_weight = train_weight
        self.validation_weight = validation_weight
        self._train_part = _Part(y, train_weight)
        self._validation_part = _Part(y, validation_weight)
        self.feature_shift = feature_shift
        self._last = (None, None)

    @property
    def solves_by(self):
        """How the Hessian is solved with: "newton" or "iterative"."""
        size = self.shape[0] * self.n_outputs
        return "newton" if size <= DENSE_LIMIT else "iterative"

    def thinned(self, index):
        """Return the split of some rows; None if a part or a class has none of them."""
        parts = self.train_weight[index], self.validation_weight[index]
        if not all(np.any(part) for part in parts):
            return None
        if self.loss.y_range is None:
            classes = (
                np.unique(y[part > 0])
                for y, part in ((self.y, self.train_weight), (self.y[index], parts[0]))
            )
            if not np.array_equal(*classes):
                return None
        return GLMSplit(
            self.loss,
            self.rows.take(index),
            self.y[index],
            *(part / part.sum() for part in parts),
            coordinates=self.coordinates,
            feature_shift=self.feature_shift,
            counts=self.counts,
        )

    def raw(self, w):
        """Return the raw prediction; the last one is kept, for value and slope."""
        if self._last[0] is not w:
            self._last = (w, self.rows.forward(w))
        return self._last[1]

    def remember(self, w, raw):
        """Keep a raw prediction that was made elsewhere."""
        self._last = (w, raw)

    def _mean_loss(self, w, part):
        self.counts.n_values += 1
        raw = np.take(self.raw(w), part.index, axis=0)
        return float(part.weight @ self.loss.value(part.y, raw))

    def _mean_gradient(self, w, weight):
        slope = self.loss.gradient(self.y, self.raw(w))
        return self.rows.adjoint(weight[:, None] * slope)

    def train_loss(self, w, lambda_):
        """Return L_T, the penalty included."""
        return self._mean_loss(w, self._train_part) + self.penalty_value(w, lambda_)

    def _train_gradient(self, w, lambda_):
        return self._mean_gradient(w, self.train_weight) + self.penalty(lambda_) * w

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
        return self._mean_loss(w, self._validation_part)

    def validation_gradient(self, w):
        """Return the gradient of L_V in the weights."""
        self.counts.n_validation_gradients += 1
        return self._mean_gradient(w, self.validation_weight)

    def _blocks(self, jacobian, part, known=None):
        """Yield (rows of a part, raw responses (n_block, n_groups, n_outputs))."""
        if known is not None:
            yield part.index, np.moveaxis(np.take(known, part.index, axis=2), 2, 0)
            return
        columns = np.moveaxis(jacobian, 1, 0).reshape(jacobian.shape[1], -1)
        is_inside = np.zeros(self.rows.n_samples, dtype=bool)
        is_inside[part.index] = True
        for index, block in self.rows.blocks(columns.shape[1]):
            own = np.flatnonzero(is_inside[index])
            raw = block.take(own).forward(columns)
            yield index.start + own, raw.reshape(-1, len(jacobian), self.n_outputs)

    def validation_gram(self, w, jacobian, raw=None):
        """Return ``J' H_V J``."""
        weight, part = self.validation_weight, self._validation_part
        gram = np.zeros((len(jacobian), len(jacobian)))
        for index, response in self._blocks(jacobian, part, raw):
            curvature = weight[index, None, None] * self.loss.curvature(
                self.y[index], self.raw(w)[index]
            )
            gram += _inner(response, response @ curvature)
        return gram

    def third_term(self, w, adjoint, jacobian, raw=None):
        """Return the third derivative of L_T along (adjoint, J_a, J_b).

        It is linear in each direction: one contraction per row with each pair of
        outputs serves all pairs of groups, where there are more of these.
        """
        at, weight = self.raw(w), self.train_weight
        if raw is None:
            known, along = None, self.rows.forward(adjoint)
        else:
            known, along = raw[:-1], raw[-1].T
        n_groups = len(jacobian)
        by_groups = n_groups <= self.n_outputs
        units = np.eye(self.n_outputs)[:, None, :]
        total = np.zeros((n_groups, n_groups))
        for index, response in self._blocks(jacobian, self._train_part, known):
            responses = np.moveaxis(response, 1, 0)
            directions = responses if by_groups else units
            third = np.stack(
                [
                    self.loss.third(
                        self.y[index], at[index], along[index], one, directions
                    )
                    for one in directions
                ]
            )
            if by_groups:
                total += third @ weight[index]
            else:
                slope = np.moveaxis(weight[index] * third, 2, 0)
                total += _inner(response, response @ slope)
        return total

    def hessian(self, w, lambda_):
        """Return the Hessian of L_T at `w`."""
        if self.solves_by == "iterative":
            return self.product_hessian(w, lambda_)
        curvature = self.loss.curvature(self.y, self.raw(w))
        lower, upper = np.tril_indices(self.n_outputs)
        matrix = self.rows.block_gram(
            self.train_weight[:, None] * curvature[:, lower, upper]
        )
        return penalized_hessian(matrix, self.penalty(lambda_), self.counts)

    def product_hessian(self, w, lambda_, near=None):
        """Return the Hessian of L_T at `w`, known by its products.

        Parameters
        ----------
        w : ndarray of shape (m, n_outputs)
        lambda_ : ndarray of shape (n_groups,)
        near : Hessian or None
            The preconditioner.
        """
        curvature = self.loss.curvature(self.y, self.raw(w))
        curvature = self.train_weight[:, None, None] * curvature
        return ProductHessian(
            self.rows, curvature, self.penalty(lambda_), self.counts, near
        )

    @cached_property
    def _curvature_scale(self):
        part = self._train_part
        return self.loss.curvature_scale(part.y, part.weight)

    def own_curvature(self, lambda_):
        """Return about the largest curvature of L_T along every coordinate."""
        data = self._curvature_scale * self.rows.mean_squares()
        return data[:, None] + self.penalty(lambda_)

    def bound_product(self, x):
        """Return the Hessian with the loss's largest curvature applied to `x`."""
        largest = self.loss.curvature_bound("A Lipschitz constant") * np.eye(
            self.n_outputs
        )
        curvature = self.train_weight[:, None, None] * largest
        none = np.zeros((self.shape[0], 1))
        return ProductHessian(self.rows, curvature, none, self.counts).product(x)

    def minimize(self, lambda_, start, proximal=None, tol=NEWTON_TOL):
        """Return the minimizer of L_T plus `proximal`, by Newton from `start`."""
        self.counts.n_inner_solves += 1
        if proximal is None:
            return minimize_newton(
                lambda w: self.train_loss(w, lambda_),
                lambda w: self.train_gradient(w, lambda_),
                lambda w: self.hessian(w, lambda_),
                start,
                tol,
            )
        return minimize_newton(
            lambda w: self.train_loss(w, lambda_) + proximal.value(w),
            lambda w: self.consensus_gradient(w, lambda_, proximal),
            lambda w: self.hessian(w, lambda_).plus(proximal.rho, proximal.metric),
            start,
            tol,
        )

    def start(self):
        """Return the best model without features."""
        w = np.zeros(self.shape)
        if self.explicit_intercept:
            part = self._train_part
            w[-1] = self.loss.intercept_start(part.y, part.weight)
        return w

    def _start_gradient(self):
        return self._mean_gradient(self.start(), self.train_weight)

    def moves_to_features(self, moves):
        """Return coefs (n_features, k) and intercepts (k,) of moves (m, k)."""
        coefs = self.coordinates.to_features(self.penalized(moves))
        if not self.explicit_intercept:
            return coefs, np.zeros(moves.shape[1])
        return coefs, moves[-1] - self.feature_shift @ coefs

    def from_features(self, coef, intercept):
        """Return the weights that `to_features` would turn into these."""
        w = np.zeros(self.shape)
        self.penalized(w)[...] = self.coordinates.from_features(coef)
        if self.explicit_intercept:
            w[-1] = intercept + self.feature_shift @ coef
        return w


def _inner(left, right):
    """Return products of all pairs of responses (n_samples, n_groups, n_outputs)."""
    return np.tensordot(left, right, axes=([0, 2], [0, 2]))
