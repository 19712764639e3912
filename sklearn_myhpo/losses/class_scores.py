"""Softmax cross-entropy of the class scores themselves."""

import numpy as np

from .multinomial import MultinomialLoss


class ClassScoresLoss(MultinomialLoss):
    """Softmax cross-entropy of K classes with K raw predictions, the class scores.

    It is for penalties that differ between classes. A common shift of the weights of
    all classes then changes the penalty, though not the loss. Where nothing is
    penalized, as in the intercept, the engine holds the last class at zero.

    Parameters
    ----------
    n_classes : int
        Number of classes K, at least 2.
    """

    n_flat = 1

    def __init__(self, n_classes):
        self.n_classes = n_classes
        self.contrasts = np.eye(n_classes)

    def n_outputs(self, y):
        """Return K."""
        return self.n_classes

    def scores(self, raw):
        """Return the class scores, which the raw predictions are."""
        return raw

    def curvature_product(self, y, raw, vectors):
        """Return ``diag(p) - p p'`` of every row applied to vectors."""
        p = np.ascontiguousarray(self._probabilities(raw).T)
        weighted = p * vectors
        weighted -= p * weighted.sum(axis=2, keepdims=True)
        return weighted

    def intercept_start(self, y, sample_weight):
        """Return the logs of the class frequencies relative to the last class."""
        share = np.bincount(y, sample_weight, minlength=self.n_classes)
        logs = np.log(np.maximum(share / share.sum(), 1e-12))
        return logs - logs[-1]

    def _shifted_scores(self, raw):
        """Return the scores (K, n_samples) minus the largest score of each sample."""
        return np.subtract(raw.T, raw.max(axis=1), order="C")

    def _gradient(self, y, p):
        """Return the gradient from the probabilities; these are overwritten."""
        rows = np.arange(len(y))
        # p_y - 1 as minus the sum of the others, without cancellation.
        p[y, rows] = 0.0
        p[y, rows] = -p.sum(axis=0)
        return p.T

    def _curvature(self, p):
        """Return the curvature from the probabilities."""
        out = p[:, None] * -p[None]
        # p_k (1 - p_k) as a sum of products of pairs, without cancellation.
        np.einsum("kkn->kn", out)[...] = 0.0
        np.einsum("kkn->kn", out)[...] = -out.sum(axis=1)
        return np.moveaxis(out, 2, 0)
