"""Features that lose accuracy easily, and plain Hessians for comparison."""

import numpy as np

from sklearn_myhpo.engine.glm.factored_split_set import FactoredSplitSet
from sklearn_myhpo.engine.glm.split_set import GLMSplitSet


def hard_features(rng, n_samples, n_features, kind):
    """Return features that lose accuracy easily."""
    X = rng.standard_normal((n_samples, n_features))
    if kind == "collinear":
        X[:, 1:] = X[:, :1] + 1e-4 * X[:, 1:]
    elif kind == "units":
        X *= np.logspace(-8, 8, n_features)
    elif kind == "decaying":
        X *= np.logspace(0, -5, n_features)
    return X


KINDS = ["plain", "collinear", "units", "decaying"]


def labels(rng, X, n_classes):
    """Return classes that follow the features with noise, every one present."""
    unit = X / np.linalg.norm(X, axis=0)
    scores = np.sqrt(len(X)) * unit @ rng.standard_normal((X.shape[1], n_classes))
    y = np.argmax(scores + 3 * rng.gumbel(size=scores.shape), axis=1)
    y[: 10 * n_classes] = np.tile(np.arange(n_classes), 10)
    return y


def dense_hessians(problem, lambda_):
    """Return the Hessians of all splits, formed and factored."""
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-12)
    return [
        split.hessian(w, lambda_)
        for split, w in zip(problem.splits, weights, strict=True)
    ]


def plain_hessians(monkeypatch):
    """Let every split form and factor its Hessian, and solve to all digits by it."""
    for kind in (GLMSplitSet, FactoredSplitSet):
        _make_plain(monkeypatch, kind)


def _make_plain(monkeypatch, kind):
    monkeypatch.setattr(
        kind,
        "hessians",
        lambda self, lambda_, weights: [
            split.hessian(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        ],
    )
    fast = kind.minimize

    def minimize(self, lambda_, starts, tol):
        # The scan asks for the curvature that the fast way leaves behind.
        near = fast(self, lambda_, starts, tol)
        return [
            split.minimize(lambda_, w)
            for split, w in zip(self.splits, near, strict=True)
        ]

    monkeypatch.setattr(kind, "minimize", minimize)
