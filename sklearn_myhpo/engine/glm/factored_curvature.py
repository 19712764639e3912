"""The Hessians of all splits as factored matrices."""

import numpy as np

from ..linalg.products import weight_diagonal
from ..linalg.stacked import StackedSolver
from .shared_curvature import distance

#: Tolerance from which on one matrix may serve all splits.
COMMON_TOL = 1e-3
#: Tolerance from which on a first step may use the Hessians at other weights.
ROUGH_TOL = 5e-3
#: Largest change of the log of a penalty after which factors are kept, where factoring
#: costs more than a pass. A step with old factors leaves at most this share of the
#: error.
KEPT_CHANGE = 0.2


class FactoredCurvature:
    """Hessians of all splits, at their own raw predictions or at common ones.

    Parameters
    ----------
    passes : Passes
    shared : SharedCurvature
    plan : Plan
    counts : OracleCounts

    Attributes
    ----------
    is_exact : bool
        Whether every split has the Hessian at its own weights.
    price : float
        Cost of new matrices in passes over the rows.
    own_price : float
        Cost of a matrix for every split at its own weights.
    is_rough : bool
        Whether matrices at common weights have turned out to be far from the splits'.
    pairs : list of (ndarray, ndarray)
        Moves of the weights, and the changes of the data terms' gradients along them,
        since the last new matrices.
    spent : float
        Passes since the last new matrices that better ones would have saved.
    """

    def __init__(self, passes, shared, plan, counts):
        self.passes, self.shared, self.counts = passes, shared, counts
        self.is_exact, self.price = plan.owns_hessians, plan.gram_price
        self.own_price = plan.own_price
        self.factors_cost = plan.factor_passes > 1.0
        self.is_rough = self._is_common = False
        self.spent, self.pairs = 0.0, []
        self._formed_at = self._matrices = self._penalty = self._solver = None

    def is_stale(self, raw):
        """Whether every split should have a new Hessian for the next step."""
        return self.is_exact and self._formed_at is not raw

    @staticmethod
    def may_be_old(tol):
        """Whether a first step with this accuracy may use Hessians at other weights."""
        return tol >= ROUGH_TOL

    def solver(self, raw, penalty, tol, *, renew=False):
        """Return the `StackedSolver` of Hessians at or near raw predictions.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
        penalty : ndarray of shape (n_splits, m, 1) or (n_splits, m, n_outputs)
        tol : float
            Tolerance of the solutions. If it is large, and factoring costs more than a
            pass, one matrix serves all splits.
        renew : bool
            Whether new matrices are to be formed.
        """
        is_other = self._is_far(penalty)
        renew |= self.is_exact and is_other and not self.may_be_old(tol)
        is_common = self.factors_cost and not self.is_exact and tol >= COMMON_TOL
        is_other |= self._is_common and not is_common
        if self._form(raw, renew) or is_other:
            matrices = self.matrices(penalty, is_common)
            self.counts.n_factorizations += len(matrices)
            self._solver = StackedSolver(matrices)
            self._penalty, self._is_common = penalty, is_common
        return self._solver

    def _is_far(self, penalty):
        """Whether there are no factors, or factors of too different a penalty."""
        if self._penalty is None or not self.factors_cost or self.is_exact:
            return self._penalty is None or np.any(self._penalty != penalty)
        return distance(self._penalty, penalty) > KEPT_CHANGE

    def matrices(self, penalty, is_common=False):
        """Return the Hessians of all splits, or a common one, with the penalty."""
        if is_common:
            found, penalty = self.shared.matrix[None], np.median(penalty, axis=0)[None]
        else:
            found = self._matrices
        return self._with_penalty(np.array(found), penalty)

    @staticmethod
    def _with_penalty(out, penalty):
        """Add the penalty of each to matrices, in place."""
        n_outputs = out.shape[1] // penalty.shape[1]
        np.einsum("kii->ki", out)[...] += weight_diagonal(penalty, n_outputs)
        return out

    def exact(self, raw, penalty):
        """Return the Hessians at raw predictions."""
        if self.is_exact:
            if self._form(raw, renew=True):
                # The factors belong to the old matrices.
                self._penalty = None
            return self.matrices(penalty)
        return self._with_penalty(self.passes.hessians(raw), penalty)

    def _form(self, raw, renew):
        """Form new matrices if they are due; return whether the matrices changed."""
        if self.is_exact:
            if self._formed_at is raw or not (renew or self._matrices is None):
                return False
            self._formed_at, self._matrices = raw, self.passes.hessians(raw)
            self.pairs = []
            return True
        if renew or self.shared.matrix is None:
            self.shared.renew(raw)
        if self._formed_at is self.shared.matrix:
            return False
        self._formed_at, self.spent, self.pairs = self.shared.matrix, 0.0, []
        self._matrices = self.shared.own_matrices()
        return True
