"""The outer objective in very many lambdas: its second derivative by products."""

import numpy as np

#: Relative accuracy of the solves in a product.
PRODUCT_TOL = 1e-2


class OuterProducts:
    """Second-order model of the objective in a move of lambda, known by its products.

    That of `OuterModel`, without any matrix: a product takes two solves with the
    Hessians of the training losses (Pearlmutter 1994).

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized; its splits share their rows.
    lambda_ : ndarray of shape (n_groups,)
        Where to evaluate.
    weights : list of ndarray
        Exact inner solutions.
    hessians : list of Hessian
        Of L_T there.
    rtol : float
        Relative residual of the adjoint.

    Attributes
    ----------
    gradient : ndarray of shape (n_groups,)
        Of the objective.
    metric_diagonal : ndarray of shape (n_groups,)
        About ``J_g' H J_g``, as if features did not feel each other.
    """

    def __init__(self, problem, lambda_, weights, hessians, rtol):
        self.problem, self.weights, self.hessians = problem, weights, hessians
        slopes = problem.validation_gradients(weights)
        self.adjoints = problem.solve(hessians, slopes, rtol)
        self.penalty = problem.splits[0].penalty(lambda_)
        self._spread_curvature = problem.spread.strength / problem.n_groups
        self._slope = self._pull_back(self.adjoints)
        self.gradient = self._slope + problem.spread.gradient(lambda_)
        own = problem.own_curvatures(hessians)
        self.metric_diagonal = problem.mean_by_group(
            (self.penalty * w) ** 2 / curvature
            for w, curvature in zip(weights, own, strict=True)
        )

    def _pull_back(self, moves):
        """Return ``R' x``, R = -p w by groups, for x of every split."""
        return self.problem.mean_by_group(
            -self.penalty * w * x for w, x in zip(self.weights, moves, strict=True)
        )

    def products(self, x):
        """Return the tangent, the bend and the metric, each applied to a move.

        Parameters
        ----------
        x : ndarray of shape (n_groups,)
            The move.

        Returns
        -------
        tangent, bend, metric : ndarray of shape (n_groups,)
            As in `OuterModel`.
        """
        problem, pull = self.problem, self.penalty * self.problem.per_coordinate(x)
        forces = [-pull * w for w in self.weights]
        moves = problem.solve(self.hessians, forces, PRODUCT_TOL)
        bent, third = problem.bends(self.weights, self.adjoints, moves)
        rights = [
            np.stack([one, pull * adjoint + other])
            for one, adjoint, other in zip(bent, self.adjoints, third, strict=True)
        ]
        back = problem.solve(self.hessians, rights, PRODUCT_TOL)
        tangent = self._pull_back([one[0] for one in back])
        cross = problem.mean_by_group(
            self.penalty * adjoint * move
            for adjoint, move in zip(self.adjoints, moves, strict=True)
        )
        bend = self._slope * x - cross - self._pull_back([one[1] for one in back])
        tangent = tangent + self._spread_curvature * (x - np.mean(x))
        return tangent, bend, self._pull_back(moves)
