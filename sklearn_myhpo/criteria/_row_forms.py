"""Quadratic forms in every row, with several outputs."""

import numpy as np

from ._base import group_order


def product(a, b):
    """Return ``a @ b`` of stacks of small matrices."""
    # With one column and one row this is the same, and much faster.
    return a * b if a.shape[-1] == 1 else a @ b


def row_forms(rows, matrix, n_outputs):
    """Return ``X_i' M X_i`` of every row, ``X_i = x_i (x) I``.

    Parameters
    ----------
    rows : Design
    matrix : ndarray of shape (m n_outputs, m n_outputs)
        Symmetric.
    n_outputs : int

    Returns
    -------
    ndarray of shape (n_samples, n_outputs, n_outputs)
    """
    size = rows.n_coordinates
    parts = matrix.reshape(size, n_outputs, size, n_outputs)
    pairs = list(zip(*np.tril_indices(n_outputs), strict=True))
    own = [np.ascontiguousarray(parts[:, a, :, b]) for a, b in pairs]
    out = np.empty((rows.n_samples, n_outputs, n_outputs))
    for index, block in rows.blocks(2 * size):
        x = block.to_dense()
        for (a, b), part in zip(pairs, own, strict=True):
            out[index, a, b] = out[index, b, a] = np.einsum("nm,nm->n", x @ part, x)
    return out


def third_forms(loss, y, raw, forms):
    """Return ``sum_ab T_ab l'''_abc`` of every row.

    Parameters
    ----------
    loss : Loss
    y : ndarray
        Target as the loss expects it.
    raw : ndarray of shape (n_samples, n_outputs)
    forms : ndarray of shape (n_samples, n_outputs, n_outputs)
        The symmetric T.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    units = np.eye(raw.shape[1])
    each = units[:, None, :]
    return sum(
        loss.third(y, raw, each, unit, forms[:, a]).T for a, unit in enumerate(units)
    )


class LeverageSlopes:
    """Derivatives of ``X_i' H^-1 X_i`` in every lambda at fixed curvature of rows.

    Parameters
    ----------
    rows : Design
    inverse : ndarray of shape (m o, m o)
        H^-1.
    penalty : ndarray of shape (m, 1) or (m, o)
        Second derivatives of the penalty, zero for an intercept.
    groups : FeatureGroups
        Of the coordinates without an intercept.
    n_outputs : int
        The o.
    """

    def __init__(self, rows, inverse, penalty, groups, n_outputs):
        self.rows, self.o = rows, n_outputs
        self.inverse = inverse.reshape(rows.n_coordinates, n_outputs, -1)
        self.n_groups = groups.n_groups
        given = groups.labels, len(groups.sizes)
        self.order, self.starts = group_order(*given)
        self.penalty = penalty[self.order]

    def blocks(self, entries_per_row):
        """Yield blocks of rows, (slice, MemoryDesign), that bound temporary memory."""
        return self.rows.blocks(
            entries_per_row + (2 + self.o**2) * self.rows.n_coordinates
        )

    def of(self, block):
        """Return the derivatives (n_groups, n_block, o, o) of a block of rows."""
        x = block.to_dense()
        z = np.stack([x @ self.inverse[:, a] for a in range(self.o)])
        z = z.reshape(self.o, len(x), -1, self.o)
        out = np.empty((self.n_groups, len(x), self.o, self.o))
        form = "nmo,nmo->nmo" if self.penalty.shape[1] > 1 else "nmo,nmo->nm"
        for a in range(self.o):
            for b in range(a + 1):
                products = np.einsum(form, z[a], z[b])[:, self.order]
                products = products.reshape(len(x), *self.penalty.shape)
                products *= -self.penalty
                sums = np.add.reduceat(products, self.starts, axis=1)
                out[:, :, a, b] = out[:, :, b, a] = sums.reshape(len(x), -1).T
        return out
