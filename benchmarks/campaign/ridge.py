"""The loss of ridge by QR factors of equilibrated rows, for many lambdas at once."""

import numpy as np

from .rows import LONG

#: Numbers in the matrices that are factored together.
CHUNK = 2_000_000


def losses(parts, lambdas):
    """Return the pooled held-out losses at some lambdas, in double precision."""
    total, weight = np.zeros(len(lambdas)), 0.0
    for part in parts:
        A, b, mean = _least_squares(part)
        scale = np.abs(b).max() or 1.0
        step = max(1, CHUNK // ((len(A) + A.shape[1]) * (A.shape[1] + 1)))
        for start in range(0, len(lambdas), step):
            own = slice(start, start + step)
            v = _weights(A, b / scale, part.penalties(lambdas[own]))
            raw = part.held.astype(float) @ v.T
            target = ((part.y_held - mean) / scale).astype(float)
            squares = (target[:, None] - raw) ** 2
            total[own] += 0.5 * (part.held_weight.astype(float) @ squares) * scale**2
        weight += float(part.held_weight.sum())
    return total / weight


def loss(parts, lambda_):
    """Return the pooled held-out loss at a lambda, in extended precision.

    Parameters
    ----------
    parts : list of Part
    lambda_ : float or ndarray of shape (n_groups,)
    """
    total, weight = LONG(0), LONG(0)
    for part in parts:
        A, b, mean = _least_squares(part, LONG)
        damp = np.sqrt(part.penalties(np.array([lambda_]))[0])
        scale = 1 / np.sqrt(1 + damp**2)
        stacked = np.vstack([A * scale, np.diag(damp * scale)])
        v = scale * solve_long(stacked, np.append(b, np.zeros(A.shape[1], LONG)))
        residual = part.y_held - mean - part.held @ v
        total += part.held_weight @ residual**2 / 2
        weight += part.held_weight.sum()
    return total / weight


def _least_squares(part, dtype=float):
    """Return rows times the roots of their shares, and the mean of y."""
    y = part.y_train.astype(LONG)
    mean = part.share @ y
    # Rounding aside, columns about their means do not see the mean of y.
    b = np.sqrt(part.share) * (y - mean if part.is_centred else y)
    mean = mean if part.has_intercept else LONG(0)
    return part.weighted_rows().astype(dtype), b.astype(dtype), mean


def _weights(A, b, penalties):
    """Return the minimizers of ``(|A v - b|^2 + v' P v) / 2``, P (n_lambdas, k)."""
    n, k = A.shape
    n_lambdas = len(penalties)
    if not k:
        return np.zeros((n_lambdas, 0))
    if n > k + 1:
        # Orthogonal factors change neither the norms nor the sizes of columns.
        R = np.linalg.qr(np.column_stack([A, b]), mode="r")
        A, b, n = R[:, :k], R[:, k], k + 1
    damp = np.sqrt(penalties).astype(float)
    scale = 1.0 / np.hypot(1.0, damp)
    stacked = np.zeros((n_lambdas, n + k, k + 1))
    stacked[:, :n, :k] = A * scale[:, None]
    stacked[:, :n, k] = b
    index = np.arange(k)
    stacked[:, n + index, index] = damp * scale
    R = np.linalg.qr(stacked, mode="r")
    return scale * np.linalg.solve(R[:, :k, :k], R[:, :k, k:])[..., 0]


def solve_long(A, b):
    """Return the least squares solution, by Householder's method with pivoting."""
    A, b, k = A.copy(), b.copy(), A.shape[1]
    if not k:
        return np.zeros(0, LONG)
    # Rows from large to small: then small rows keep their own digits.
    order = np.argsort(-np.abs(A).max(axis=1), kind="stable")
    A, b = A[order], b[order]
    pivots = np.arange(k)
    for j in range(k):
        best = j + int(np.argmax(np.sum(A[j:, j:] ** 2, axis=0)))
        A[:, [j, best]], pivots[[j, best]] = A[:, [best, j]], pivots[[best, j]]
        v = A[j:, j].copy()
        top = j + int(np.argmax(np.abs(v)))
        A[[j, top]], b[[j, top]] = A[[top, j]], b[[top, j]]
        v = A[j:, j].copy()
        v[0] += np.copysign(np.sqrt(v @ v), v[0])
        square = v @ v
        if square == 0:
            continue
        A[j:, j:] -= np.outer(v, 2 * (v @ A[j:, j:]) / square)
        b[j:] -= v * (2 * (v @ b[j:]) / square)
    w = np.zeros(k, LONG)
    for j in reversed(range(k)):
        w[j] = (b[j] - A[j, j + 1 : k] @ w[j + 1 :]) / A[j, j]
    found = np.zeros(k, LONG)
    found[pivots] = w
    return found
