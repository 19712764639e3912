"""Leave-one-out error and GCV of ridge, by singular vectors of the rows.

These lose columns whose units are many decades below those of others; such columns are
tried with held-out rows alone.
"""

import numpy as np

from .rows import LONG


def values(part, lambdas, criterion):
    """Return the criterion at some lambdas.

    Parameters
    ----------
    part : Part
        Of all rows.
    lambdas : ndarray of shape (n_lambdas,) or (n_lambdas, n_groups)
    criterion : {"loo", "gcv"}
        Rows count with their weights; the degrees of freedom of GCV are relative to
        the number of rows.
    """
    root = np.sqrt(part.share)
    mean = part.share @ part.y_train.astype(LONG) if part.has_intercept else LONG(0)
    b = (root * (part.y_train - mean)).astype(float)
    is_free = part.factor == 0
    rows = part.weighted_rows().astype(float)
    free = rows[:, is_free]
    if part.has_intercept:
        free = np.column_stack([root.astype(float), free])
    free = np.linalg.qr(free)[0] if free.size else np.zeros((len(b), 0))
    rows = rows[:, ~is_free]
    rows = rows - free @ (free.T @ rows)
    found, b = np.empty(len(lambdas)), b - free @ (free.T @ b)
    for number, penalty in enumerate(part.penalties(lambdas)[:, ~is_free]):
        least = penalty.min()
        # Of one lambda the same singular vectors serve all.
        scale = np.sqrt(penalty / least).astype(float)
        if number == 0 or lambdas.ndim > 1:
            found_of = _curve(rows / scale, free, b, criterion)
        found[number] = found_of(float(least))
    return found


def _curve(rows, free, b, criterion):
    """Return the criterion as a function of a shared penalty."""
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    kept = singular > 1e-13 * singular.max(initial=0.0)
    left, squares = left[:, kept], singular[kept] ** 2
    # The part of y outside of all models: exactly zero without dimensions left.
    outside = np.eye(len(b)) - left @ left.T - free @ free.T
    if len(b) == len(squares) + free.shape[1]:
        outside[:] = 0.0

    def value(penalty):
        # The matrix M of the residuals M b, over the penalty: 1 - h would cancel.
        own = left / (squares + penalty) @ left.T + outside / penalty
        diagonal = np.diag(own)
        if criterion == "gcv":
            diagonal = diagonal.mean()
        return 0.5 * np.sum((own @ b / diagonal) ** 2)

    return value
