"""The split set of one split whose training rows have weights."""

from ..linalg.hessian import CG_TOL
from ..linalg.newton import NEWTON_TOL
from ..split_set import SplitSet
from .factored_split_set import make_split_set
from .weighed_split import WeighedSplit

#: Maximum number of lambdas for which the response of the weights to each is computed.
MOST_RESPONSES = 30


class WeighedSplitSet(SplitSet):
    """One `WeighedSplit`; it delegates to the set of its plain split.

    Parameters
    ----------
    split_set : SplitSet
        Set of the `GLMSplit` in which all rows have the weight one.
    row_groups : RowGroups
    """

    def __init__(self, split_set, row_groups):
        super().__init__([WeighedSplit(split_set.splits[0], row_groups)])
        self.base, self.row_groups = split_set, row_groups
        whole = self.splits[0].whole
        self._at = None, make_split_set([whole], None, whole.plan)
        self._adjoints = None

    @property
    def prefers_products(self):
        """Whether there are too many lambdas for a response of the weights to each."""
        n_lambdas = self.splits[0].groups.n_groups + self.row_groups.n_groups
        plan = self.splits[0].plan
        n_entries = n_lambdas * plan.size
        return n_lambdas > MOST_RESPONSES or n_entries > plan.limits.most_responses

    def at(self, lambda_):
        """Return the plain set with the row weights at lambda; the last one is cached.

        The matrices of the last set precondition the Hessians of the next.
        """
        split = self.splits[0].at(lambda_)
        known, last = self._at
        if split is not known:
            own = make_split_set([split], None, split.plan)
            own.shared_curvature.adopt(last.shared_curvature)
            self._at = split, own
        return self._at[1]

    def _penalties(self, lambda_):
        return self.splits[0].penalties_of(lambda_)

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solution, from `starts`."""
        given = self._penalties(lambda_), starts, tol
        weights = self.at(lambda_).minimize(*given)
        split = self.splits[0]
        split.whole.remember(weights[0], split.at(lambda_).raw(weights[0]))
        return weights

    def hessians(self, lambda_, weights):
        """Return the Hessian of L_T at its weights."""
        split, (w,) = self.splits[0], weights
        split.at(lambda_).remember(w, split.whole.raw(w))
        return self.at(lambda_).hessians(self._penalties(lambda_), weights)

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        return self._at[1].solve(hessians, rights, rtol)

    def solutions(self, hessians, rights, rtol=CG_TOL, product=0.0, guesses=None):
        """Return the `Solution` of every Hessian for its right-hand sides."""
        return self._at[1].solutions(hessians, rights, rtol, product, guesses)

    def adjoints(self, hessians, slopes, rtol):
        """Return the adjoints for the slopes of L_V; iterations start at the last ones.

        Parameters
        ----------
        hessians : list of Hessian
        slopes : list of ndarray of shape (m, n_outputs)
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        list of ndarray of shape (m, n_outputs)
        """
        found = self.solutions(hessians, slopes, rtol, guesses=self._adjoints)
        self._adjoints = [solution.x for solution in found]
        return self._adjoints

    @property
    def null_losses(self):
        """The training loss of the model without features, all rows alike."""
        return self.base.null_losses

    def validation_losses(self, weights):
        """Return the validation loss."""
        return self.base.validation_losses(weights)

    def validation_gradients(self, weights):
        """Return the gradient of L_V at its weights."""
        return self.base.validation_gradients(weights)
