"""A split whose training rows have weights that are hyperparameters.

The training loss is ``sum_i c_i sigmoid(s_g(i)) l_i(w)`` plus the penalty, with c_i the
shares of the rows. The vector lambda has the logs of the penalties first, and then the
s of the groups of rows.
"""

import numpy as np

from ..linalg.newton import NEWTON_TOL
from .row_groups import slopes
from .split import GLMSplit, HeldOut


class WeighedSplit(GLMSplit):
    """A split of a generalized linear model with weights of groups of rows.

    Everything about the training loss comes from a plain split of the training rows,
    with the row weights at the given lambda.

    Parameters
    ----------
    split : GLMSplit
        All rows have the weight one.
    row_groups : RowGroups
        Groups of the rows of the split.
    """

    def __init__(self, split, row_groups):
        super().__init__(
            split.loss,
            split.rows,
            split.y,
            split.train_weight,
            split.held_out,
            coordinates=split.coordinates,
            feature_shift=split.feature_shift,
            pinning=split.pinning,
            counts=split.counts,
            plan=split.plan,
            penalty_scale=split.penalty_scale,
        )
        index = np.flatnonzero(split.train_weight)
        share = split.train_weight[index]
        given = split.rows.take(index), split.y[index], share, HeldOut.of(share)
        #: The training rows alone, all with the weight one.
        self.whole = split.of_rows(*given, split.plan.of_rows(len(index)))
        self.row_groups = row_groups.take(index)
        self._at = None, None

    def penalties_of(self, lambda_):
        """Return the logs of the penalties, the first part of lambda."""
        return lambda_[: self.groups.n_groups]

    def logits_of(self, lambda_):
        """Return the s of the groups of rows, the last part of lambda."""
        return lambda_[self.groups.n_groups :]

    @property
    def group_shares(self):
        """The share of every group of rows in the training rows, (n_row_groups,)."""
        return self.row_groups.sums(self.whole.train_weight)

    def at(self, lambda_):
        """Return the plain split with the row weights at lambda; the last is cached."""
        logits = self.logits_of(lambda_)
        key = logits.tobytes()
        if key != self._at[0]:
            whole = self.whole
            weight = whole.train_weight * self.row_groups.weights(logits)
            # The mean of a validation part without rows would not be defined.
            held_out = HeldOut.of(whole.train_weight)
            given = whole.rows, whole.y, weight, held_out, whole.plan
            self._at = key, self.of_rows(*given)
        return self._at[1]

    def _own(self, w, lambda_):
        """Return the plain split, with the raw prediction in its memory, and lambda."""
        split = self.at(lambda_)
        split.remember(w, self.whole.raw(w))
        return split, self.penalties_of(lambda_)

    def penalty(self, lambda_):
        """Return ``p_j = 2 exp(lambda_g(j))``, shape (m, 1), 0 for the intercept."""
        return super().penalty(self.penalties_of(lambda_))

    def train_loss(self, w, lambda_, raw=None):
        """Return L_T, the penalty included; `raw` is the raw prediction if known."""
        split, penalties = self._own(w, lambda_)
        return split.train_loss(w, penalties, raw)

    def train_gradient(self, w, lambda_):
        """Return the gradient of L_T in the weights."""
        split, penalties = self._own(w, lambda_)
        return split.train_gradient(w, penalties)

    def consensus_gradient(self, w, lambda_, proximal):
        """Return the gradient of L_T plus proximal terms."""
        split, penalties = self._own(w, lambda_)
        return split.consensus_gradient(w, penalties, proximal)

    def hessian(self, w, lambda_):
        """Return the Hessian of L_T at `w`."""
        split, penalties = self._own(w, lambda_)
        return split.hessian(w, penalties)

    def product_hessian(self, w, lambda_, near=None, raw=None):
        """Return the Hessian of L_T at `w`, known by its products."""
        split, penalties = self._own(w, lambda_)
        return split.product_hessian(w, penalties, near, raw)

    def minimize(self, lambda_, start, proximal=None, tol=NEWTON_TOL):
        """Return the minimizer of L_T plus `proximal`, by Newton from `start`."""
        split, penalties = self.at(lambda_), self.penalties_of(lambda_)
        return split.minimize(penalties, start, proximal, tol)

    def _adjoint(self, values):
        """Return ``X' C values`` (m, n_outputs), C the diagonal of the shares."""
        return self.whole.rows.adjoint(self.whole.train_weight[:, None] * values)

    def _summed(self, lambda_, values):
        """Return the derivatives in the s, given those in the weights of rows."""
        sums = self.row_groups.sums(self.whole.train_weight * values)
        return slopes(self.logits_of(lambda_)) * sums

    def _slope(self, w):
        """Return the derivative of the loss of every row in its raw prediction."""
        return self.loss.gradient(self.whole.y, self.whole.raw(w))

    def _moved(self, lambda_, move):
        """Return the change of the weight of every row, shape (n_samples, 1)."""
        own = slopes(self.logits_of(lambda_)) * self.logits_of(move)
        return self.row_groups.expand(own)[:, None]

    def pull_back(self, w, lambda_, x):
        """Return the derivative in lambda of ``<x, grad L_T(w, lambda)>``."""
        felt = np.einsum("no,no->n", self._slope(w), self.whole.rows.forward(x))
        penalties = super().pull_back(w, lambda_, x)
        return np.append(penalties, self._summed(lambda_, felt))

    def push(self, w, lambda_, move):
        """Return the derivative of ``grad L_T(w, lambda)`` along a move of lambda."""
        own = super().push(w, lambda_, self.penalties_of(move))
        return own + self._adjoint(self._moved(lambda_, move) * self._slope(w))

    def forces(self, w, lambda_):
        """Return the derivatives of ``grad L_T`` in every lambda, one array each."""
        logits, slope = self.logits_of(lambda_), self._slope(w)
        rows = np.empty((len(logits), *w.shape))
        for number, (own, factor) in enumerate(zip(rows, slopes(logits), strict=True)):
            index = np.flatnonzero(self.row_groups.labels == number)
            weight = factor * self.whole.train_weight[index, None]
            own[...] = self.whole.rows.take(index).adjoint(weight * slope[index])
        return np.concatenate([super().forces(w, lambda_), rows])

    def bend_back(self, w, lambda_, x, other):
        """Return the derivative in lambda of ``<x, H other>``, H the Hessian of L_T."""
        whole, forward = self.whole, self.whole.rows.forward
        bent = self.loss.curvature_product(whole.y, whole.raw(w), forward(other)[None])
        felt = np.einsum("no,no->n", bent[0], forward(x))
        penalties = super().bend_back(w, lambda_, x, other)
        return np.append(penalties, self._summed(lambda_, felt))
