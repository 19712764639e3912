"""The derivatives of the gradient of a training loss in the hyperparameters.

Solvers that use them need not know which entries of lambda are log-penalties.
"""


class Responses:
    """A mixin for `Split`, whose lambdas are all log-penalties."""

    def penalties_of(self, lambda_):
        """Return the log-penalties in lambda: all of it."""
        return lambda_

    def pull_back(self, w, lambda_, x):
        """Return the derivative in lambda of ``<x, grad L_T(w, lambda)>``.

        Parameters
        ----------
        w, x : ndarray of shape (m, n_outputs)
        lambda_ : ndarray of shape (n_groups,)

        Returns
        -------
        ndarray of shape (n_groups,)
        """
        return self.by_group(self.penalty(lambda_) * w * x)

    def push(self, w, lambda_, move):
        """Return the derivative of ``grad L_T(w, lambda)`` along a move of lambda.

        Returns
        -------
        ndarray of shape (m, n_outputs)
        """
        return self.penalty(lambda_) * w * self.per_coordinate(move)

    def forces(self, w, lambda_):
        """Return the derivatives of ``grad L_T(w, lambda)`` in every lambda.

        Returns
        -------
        ndarray of shape (n_groups, m, n_outputs)
        """
        return self.scatter_by_group(self.penalty(lambda_) * w)

    def bend_back(self, w, lambda_, x, other):
        """Return the derivative in lambda of ``<x, H other>``, H the Hessian of L_T.

        Returns
        -------
        ndarray of shape (n_groups,)
        """
        return self.by_group(self.penalty(lambda_) * x * other)
