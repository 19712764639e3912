"""A split of any loss over rows of X: logistic regression, ridge of many features."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..linalg.hessian import penalized_hessian
from ..linalg.newton import NEWTON_TOL, minimize_newton
from ..split import Split
from .products import ProductHessian
from .third import third_of


class HeldOut(NamedTuple):
    """The validation rows of a split.

    Attributes
    ----------
    index : ndarray of shape (n_rows,)
    weight : ndarray of shape (n_rows,)
        Positive, with sum 1.
    """

    index: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, weight):
        """Return the rows of positive weight (n_samples,)."""
        index = np.flatnonzero(weight)
        own = weight if len(index) == len(weight) else weight[index]
        return cls(index, own / weight.sum())


class GLMSplit(Split):
    """A split of a generalized linear model.

    The training part is a weight for every row, so that splits share X and one
    product serves both losses.

    Parameters
    ----------
    loss : Loss
    rows : Design
    y : ndarray
        Target as the loss expects it.
    train_weight : ndarray of shape (n_samples,)
        Non-negative, with sum 1; zero on rows outside the part.
    held_out : HeldOut
        The validation rows.
    coordinates : Coordinates
    feature_shift : ndarray of shape (n_features,)
        Origin of the features.
    pinning : ndarray of shape (m, 1)
        From `sklearn_myhpo.engine.glm.pinning`.
    counts : OracleCounts
    plan : Plan
    penalty_scale : ndarray of shape (m, 1) or None
        Factors of the penalty; None for ones.
    """

    def __init__(
        self,
        loss,
        rows,
        y,
        train_weight,
        held_out,
        *,
        coordinates,
        feature_shift,
        pinning,
        counts,
        plan,
        penalty_scale=None,
    ):
        super().__init__(coordinates, loss.n_outputs(y), rows.fit_intercept, counts)
        self.loss = loss
        self.rows = rows
        self.y = y
        self.train_weight = train_weight
        self.held_out = held_out
        self.feature_shift = feature_shift
        self.pinning = pinning
        self.penalty_scale = penalty_scale
        self.plan = plan
        self._last = None, None

    def of_rows(self, rows, y, train_weight, held_out, plan):
        """Return the same split of some of the rows."""
        return GLMSplit(
            self.loss,
            rows,
            y,
            train_weight,
            held_out,
            coordinates=self.coordinates,
            feature_shift=self.feature_shift,
            pinning=self.pinning,
            counts=self.counts,
            plan=plan,
            penalty_scale=self.penalty_scale,
        )

    @property
    def solves_by(self):
        """Method of linear solves: "newton" or "iterative"."""
        return "newton" if self.plan.is_dense else "iterative"

    @property
    def validation_weight(self):
        """Validation weights (n_samples,) with sum 1, zero outside the part."""
        weight = np.zeros(len(self.y))
        weight[self.held_out.index] = self.held_out.weight
        return weight

    def raw(self, w):
        """Return the raw prediction; the last one is cached, for value and slope."""
        known, raw = self._last
        if known is None or not np.array_equal(known, w):
            raw = self.rows.forward(w)
            self.remember(w, raw)
        return raw

    def remember(self, w, raw):
        """Cache a raw prediction that was computed elsewhere."""
        self._last = (np.array(w), raw)

    def _train_mean(self, values):
        """Return the training mean of values (n_samples,) of all rows."""
        mean = float(self.train_weight @ values)
        if np.isfinite(mean):
            return mean
        # Other rows may be infinite, and zero times infinity is no number.
        used = np.flatnonzero(self.train_weight)
        return float(self.train_weight[used] @ values[used])

    def _pull_back(self, weight, slope):
        """Return the gradient of a weighted sum of losses."""
        found = self.rows.adjoint(weight[:, None] * slope)
        if not np.all(np.isfinite(found)):
            used = weight[:, None] > 0
            found = self.rows.adjoint(np.where(used, weight[:, None] * slope, 0.0))
        return found

    def train_loss(self, w, lambda_, raw=None):
        """Return L_T, the penalty included; `raw` is the raw prediction if known."""
        self.counts.n_values += 1
        raw = self.raw(w) if raw is None else raw
        mean = self._train_mean(self.loss.value(self.y, raw))
        return mean + self.penalty_value(w, lambda_)

    def _train_gradient(self, w, lambda_):
        slope = self.loss.gradient(self.y, self.raw(w))
        data = self._pull_back(self.train_weight, slope)
        return data + self.penalty(lambda_) * w

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
        index, weight = self.held_out
        raw = np.take(self.raw(w), index, axis=0)
        return float(weight @ self.loss.value(self.y[index], raw))

    def validation_gradient(self, w):
        """Return the gradient of L_V in the weights."""
        self.counts.n_validation_gradients += 1
        slope = self.loss.gradient(self.y, self.raw(w))
        return self._pull_back(self.validation_weight, slope)

    def _blocks(self, jacobian, rows, known=None):
        """Yield (some of the rows, raw responses (n_block, n_groups, n_outputs))."""
        if known is not None:
            yield rows, np.moveaxis(np.take(known, rows, axis=2), 2, 0)
            return
        columns = np.moveaxis(jacobian, 1, 0).reshape(jacobian.shape[1], -1)
        is_inside = np.zeros(self.rows.n_samples, dtype=bool)
        is_inside[rows] = True
        for index, block in self.rows.blocks(columns.shape[1]):
            own = np.flatnonzero(is_inside[index])
            raw = block.take(own).forward(columns)
            yield index.start + own, raw.reshape(-1, len(jacobian), self.n_outputs)

    def validation_gram(self, w, jacobian, raw=None):
        """Return ``J' H_V J``."""
        at, weight = self.raw(w), self.validation_weight
        gram = np.zeros((len(jacobian), len(jacobian)))
        for index, response in self._blocks(jacobian, self.held_out.index, raw):
            own = self.y[index], at[index], response.transpose(1, 0, 2)
            bent = weight[index, None] * self.loss.curvature_product(*own)
            gram += np.tensordot(bent, response, axes=([1, 2], [0, 2]))
        return gram

    def third_term(self, w, adjoint, jacobian, raw=None):
        """Return the third derivative of L_T along (adjoint, J_a, J_b)."""
        at, weight = self.raw(w), self.train_weight
        if raw is None:
            known, along = None, self.rows.forward(adjoint)
        else:
            known, along = raw[:-1], raw[-1].T
        total = np.zeros((len(jacobian), len(jacobian)))
        used = np.flatnonzero(weight)
        for index, response in self._blocks(jacobian, used, known):
            own = self.y[index], weight[index], at[index], along[index]
            total += third_of(self.loss, *own, response)
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

    def product_hessian(self, w, lambda_, near=None, raw=None):
        """Return the Hessian of L_T at `w`, known by its products.

        Parameters
        ----------
        w : ndarray of shape (m, n_outputs)
        lambda_ : ndarray of shape (n_groups,)
        near : Hessian or None
            The preconditioner.
        raw : ndarray of shape (n_samples, n_outputs) or None
            The raw prediction, where it is known.
        """
        raw = self.raw(w) if raw is None else raw
        curvature = self.loss.curvature(self.y, raw)
        curvature = self.train_weight[:, None, None] * curvature
        return ProductHessian(
            self.rows, curvature, self.penalty(lambda_), self.counts, near
        )

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
        if proximal is None:
            return self._minimize_by_newton(lambda_, start, tol)
        self.counts.n_inner_solves += 1
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
            w[-1] = self._intercept_start
        return w

    def null_raw(self):
        """Return the raw prediction (n_outputs,) of the model without features."""
        # Zeros without an intercept.
        return self.start()[-1] * self.explicit_intercept

    @cached_property
    def _intercept_start(self):
        return self.loss.intercept_start(self.y, self.train_weight)

    def _start_gradient(self):
        slope = self.loss.gradient(self.y, self.raw(self.start()))
        return self._pull_back(self.train_weight, slope)

    def moves_to_features(self, moves):
        """Return coefs (n_features, k) and intercepts (k,) of moves (m, k)."""
        coefs = self.coordinates.to_features(self.penalized(moves))
        if not self.explicit_intercept:
            return coefs, 0.0 - self.feature_shift @ coefs
        return coefs, moves[-1] - self.feature_shift @ coefs

    def from_features(self, coef, intercept):
        """Return the weights that `to_features` would turn into these."""
        w = np.zeros(self.shape)
        self.penalized(w)[...] = self.coordinates.from_features(coef)
        if self.explicit_intercept:
            w[-1] = intercept + self.feature_shift @ coef
        return w
