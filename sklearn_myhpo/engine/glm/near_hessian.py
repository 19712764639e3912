"""Approximate Hessians: preconditioners, and curvature in many lambdas."""

import numpy as np

from ..limits import limits
from ..linalg.products import weight_diagonal
from ..linalg.symmetric import congruence, symmetric_solver
from ..split import LambdaCurvature

#: Smallest curvature of an output relative to that of the most curved one.
FLATTEST = 1e-8


class NearHessian:
    """A Gram matrix plus a penalty, factored on first use.

    Features with a strong penalty do not depend on the others and are separated, so
    that the factored matrix shrinks with every separated feature.

    Parameters
    ----------
    gram : ndarray of shape (m n_outputs, m n_outputs)
    penalty : ndarray of shape (m, 1) or (m, n_outputs)
    counts : OracleCounts
        It counts the factorization.

    Attributes
    ----------
    kept, alone : ndarray
        Coordinates that are factored together, and those with a strong penalty.
    """

    def __init__(self, gram, penalty, counts):
        self.gram, self.counts = gram, counts
        self.penalty = weight_diagonal(penalty, len(gram) // len(penalty))
        is_alone = self.penalty > limits().strong_penalty * np.trace(gram)
        self.kept, self.alone = np.flatnonzero(~is_alone), np.flatnonzero(is_alone)
        self._own = 1.0 / (np.diag(gram) + self.penalty)[self.alone]
        self._factor = None

    def _inverse(self):
        if self._factor is None:
            self.counts.n_factorizations += 1
            matrix = self.gram[np.ix_(self.kept, self.kept)]
            matrix[np.diag_indices_from(matrix)] += self.penalty[self.kept]
            self._factor = symmetric_solver(matrix)
        return self._factor

    def solve(self, w):
        """Return the inverse applied to weights (..., m, n_outputs)."""
        columns = w.reshape(-1, len(self.gram)).T
        out = np.empty_like(columns)
        out[self.alone] = self._own[:, None] * columns[self.alone]
        if len(self.kept):
            out[self.kept] = self._inverse()(columns[self.kept])
        return out.T.reshape(w.shape)

    def inverse_and_images(self, *matrices):
        """Return the inverse A and every ``A matrix A``, as blocks and diagonals.

        Parameters
        ----------
        *matrices : ndarray of shape (m n_outputs, m n_outputs)
            Symmetric.

        Returns
        -------
        list of (ndarray, ndarray)
            Of the coordinates in `kept`, and of those in `alone`.
        """
        inverse = np.empty((0, 0))
        if len(self.kept):
            inverse = self._inverse().matrix()
        out, block = [(inverse, self._own)], np.ix_(self.kept, self.kept)
        for matrix in matrices:
            image = congruence(inverse, matrix[block] @ inverse)
            out.append((image, self._own**2 * np.diag(matrix)[self.alone]))
        return out


class OutputsApart:
    """``gram x coupling + penalty``: a Hessian with one coupling of the outputs.

    In the eigenvectors of the coupling the outputs are independent, and each has a
    matrix of the size of the features, whose inverse is formed. A penalty that differs
    between the outputs is approximated by a factor per feature times a factor per
    output; the eigenvectors are relative to the latter.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
    coupling : ndarray of shape (n_outputs, n_outputs)
    penalty : ndarray of shape (m, 1) or (m, n_outputs)
    counts : OracleCounts
        It counts the factorization.
    """

    def __init__(self, gram, coupling, penalty, counts):
        values, self.rotation = np.linalg.eigh(coupling)
        values = np.maximum(values, FLATTEST * values[-1])
        own = penalty[:, 0]
        if penalty.shape[1] > 1:
            own, shared = _as_product(penalty)
            root = self.rotation * np.sqrt(values) / np.sqrt(shared)[:, None]
            left, singular, _ = np.linalg.svd(root)
            values, self.rotation = singular**2, left / np.sqrt(shared)[:, None]
        self.inverses = np.empty((len(values), *gram.shape))
        for inverse, value in zip(self.inverses, values, strict=True):
            matrix = value * gram
            matrix[np.diag_indices_from(matrix)] += own
            inverse[...] = symmetric_solver(matrix).matrix()
            counts.n_factorizations += 1

    def solve(self, w):
        """Return the inverse applied to weights (..., m, n_outputs)."""
        apart = np.moveaxis(w @ self.rotation, -1, 0)
        solved = np.empty_like(apart)
        for inverse, columns, out in zip(self.inverses, apart, solved, strict=True):
            out[...] = columns @ inverse
        return np.moveaxis(solved, 0, -1) @ self.rotation.T


def _as_product(penalty):
    """Return factors (m,) and (n_outputs,) whose products approximate a penalty.

    Features that have no penalty in some output are ignored in the second factors.
    """
    full = penalty[np.all(penalty > 0, axis=1)]
    tiny = np.finfo(float).tiny
    shared = np.ones(penalty.shape[1])
    if len(full):
        logs = np.log(full).mean(axis=0)
        shared = np.exp(logs - logs.max())
    shared = np.maximum(shared, np.sqrt(tiny))
    return penalty.sum(axis=1) / shared.sum(), shared


def curvature_in_lambda(split, near, grams, lambda_, w, adjoint):
    """Return the curvature of one split's validation loss in lambda.

    With J_a = -A (p w)_a every part sums blocks of a matrix times outer products. A is
    the inverse of the approximate Hessian.

    Parameters
    ----------
    split : Split
    near : NearHessian
        Of the split's training loss.
    grams : (ndarray, ndarray) of shape (m n_outputs, m n_outputs)
        Hessian of the validation loss, and the change of that of the training loss
        along the adjoint.
    lambda_ : ndarray of shape (n_groups,)
    w, adjoint : ndarray of shape (m, n_outputs)
        The exact solution and H^-1 grad L_V.

    Returns
    -------
    LambdaCurvature
    """
    inverse, image, third = near.inverse_and_images(*grams)
    p, n_outputs = split.penalty(lambda_), split.n_outputs
    force, pull = (p * w).ravel(), (-p * adjoint).ravel()
    # The weights of the intercept are the last ones, and have no lambda.
    n_used = np.searchsorted(near.kept, len(split.groups.labels) * n_outputs)
    used = near.kept[:n_used]

    def summed(matrix, diagonal, left):
        pairs = np.outer(left[near.kept], force[near.kept])
        pairs *= matrix
        pairs = pairs[:n_used, :n_used]
        total = split.groups.sum_by_weight_pair(pairs, used, n_outputs)
        values = np.zeros(len(left))
        values[near.alone] = diagonal * left[near.alone] * force[near.alone]
        own = split.by_group(values.reshape(split.shape))
        total[np.diag_indices_from(total)] += own
        return total

    return LambdaCurvature(
        summed(*image, force),
        summed(*inverse, pull),
        summed(*third, force),
        summed(*inverse, force),
    )
