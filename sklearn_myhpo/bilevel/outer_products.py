"""The outer objective in very many lambdas: its second derivative by products."""

import numpy as np

#: Relative accuracy of the solves in a product.
PRODUCT_TOL = 1e-2


class OuterProducts:
    """Second-order model of the objective in a move of lambda, known by its products.

    The model of `OuterModel`, without any matrix: a product takes two solves with the
    Hessians of the training losses (Pearlmutter 1994).

    Parameters
    ----------
    place : SecondOrderEvaluation
        At exact inner solutions, of a problem whose splits share their rows.
    rtol : float
        Relative residual of the adjoint.

    Attributes
    ----------
    gradient : ndarray of shape (n_groups,)
        Of the objective.
    metric_diagonal : ndarray of shape (n_groups,)
        About ``J_g' H J_g``, as if features did not interact.
    """

    def __init__(self, place, rtol: float):
        problem, lambda_ = place.problem, place.lambda_
        self.place, self.problem, self.weights = place, problem, place.weights
        hessians = place.hessians
        slopes = problem.validation_gradients(place.weights)
        self.adjoints = problem.split_set.solve(hessians, slopes, rtol)
        self.penalties = [split.penalty(lambda_) for split in problem.splits]
        self._held = problem.shrinkage.max_curvature(problem.n_groups)
        self._slope = self._pull_back(self.adjoints)
        self.gradient = self._slope + problem.shrinkage.gradient(lambda_)
        own = problem.split_set.own_curvatures(hessians)
        self.metric_diagonal = problem.mean_by_group(
            (penalty * w) ** 2 / curvature
            for penalty, w, curvature in zip(
                self.penalties, self.weights, own, strict=True
            )
        )

    def _pull_back(self, moves):
        """Return ``R' x``, R = -p w by groups, for x of every split."""
        return self.problem.mean_by_group(
            -penalty * w * x
            for penalty, w, x in zip(self.penalties, self.weights, moves, strict=True)
        )

    def products(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
        problem, split_set = self.problem, self.problem.split_set
        hessians = self.place.hessians
        each = problem.splits[0].per_coordinate(x)
        pulls = [penalty * each for penalty in self.penalties]
        forces = [-pull * w for pull, w in zip(pulls, self.weights, strict=True)]
        moves = split_set.solve(hessians, forces, PRODUCT_TOL)
        bent, third = split_set.bends(self.weights, self.adjoints, moves)
        rights = [
            np.stack([one, pull * adjoint + other])
            for pull, one, adjoint, other in zip(
                pulls, bent, self.adjoints, third, strict=True
            )
        ]
        back = split_set.solve(hessians, rights, PRODUCT_TOL)
        tangent = self._pull_back([one[0] for one in back])
        cross = problem.mean_by_group(
            penalty * adjoint * move
            for penalty, adjoint, move in zip(
                self.penalties, self.adjoints, moves, strict=True
            )
        )
        bend = self._slope * x - cross - self._pull_back([one[1] for one in back])
        tangent = tangent + self._held * (x - np.mean(x))
        return tangent, bend, self._pull_back(moves)
