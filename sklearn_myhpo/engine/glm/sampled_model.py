"""Losses of rows beyond memory beyond second order, by a sample of the rows.

About known weights value, slope and Hessian are those of all rows. What changes away
from there is estimated from rows that are drawn by importance: where classes are nearly
separable, or rows are far out, few rows bend the loss, and all of these are drawn.
"""

import numpy as np
from scipy.linalg import eigh

from ..linalg.hessian import penalized_hessian
from ..linalg.newton import NEWTON_TOL
from ..linalg.symmetric import eigensystem
from .stream_model import StreamedModel, Values
from .stream_pass import images_of, sums_of
from .third import third_of

#: Share of the Hessian of all rows by which that of a sample may exceed it.
MOST_EXCESS = 0.05
#: Share of a unit matrix that makes a Hessian positive definite.
TINY = 1e-6


class PartRows:
    """Loss of a part of all rows: known about some weights, elsewhere by a sample.

    Parameters
    ----------
    loss : Loss
    design : MemoryDesign
        Sampled rows.
    y : ndarray of shape (n,)
    weight : ndarray of shape (n,)
        How much each contributes to the mean loss of the part.
    count : ndarray of shape (n,)
        Number of rows that each one represents.
    at : ndarray of shape (m, n_outputs)
    known : Values
        Of the part, at these weights.
    """

    def __init__(self, loss, design, y, weight, count, at, known):
        self._at, self._last = at, None
        self._rows = loss, design, y, weight
        share = self._share(weight * (count - 1.0), known.gram)
        self._rows = loss, design, y, weight * (1.0 + share * (count - 1.0))
        self._last = None
        own = self._sums(at)
        self._rest = Values(
            known.loss - own.loss[0],
            known.slope - own.slope[0],
            _excess(known.gram, own.gram[0]),
        )

    def _share(self, others, known):
        """Return the share of the rows that are represented, beside those drawn.

        The drawn rows are a part of all. So are those that they represent, but for the
        noise of the sample: without it their curvature is that of all other rows.

        Parameters
        ----------
        others : ndarray of shape (n,)
            Weights of the rows that each one represents beside itself.
        known : ndarray
            The Hessian of the part.
        """
        if not np.any(others):
            return 0.0
        loss, design, y, _ = self._rows
        rest = known - self._sums(self._at).gram[0]
        theirs = sums_of(loss, design, y, others, self._at[None]).gram[0]
        diagonal = np.diag(known)
        root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        unit = np.outer(root, root)
        rest = rest / unit + MOST_EXCESS * (known / unit + TINY * np.eye(len(root)))
        last = len(root) - 1
        largest = eigh(
            theirs / unit, rest, eigvals_only=True, subset_by_index=[last, last]
        )
        return float(min(1.0, 1.0 / max(largest[0], 1.0)))

    def _sums(self, w):
        """Return the sums over the sample at weights, kept for the last ones."""
        w = w.reshape(self._at.shape)
        key = w.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, sums_of(*self._rows, w[None])
        return self._last[1]

    def _step(self, w):
        """Return the move from the known weights, a column."""
        return (w.reshape(self._at.shape) - self._at).reshape(-1, 1)

    def value(self, w):
        """Return the mean loss."""
        step, rest = self._step(w), self._rest
        bent = rest.slope.reshape(-1, 1) + 0.5 * rest.gram @ step
        return float(self._sums(w).loss[0] + rest.loss + np.vdot(step, bent))

    def gradient(self, w):
        """Return its gradient, shape (m n_outputs, 1)."""
        rest = self._rest
        own = self._sums(w).slope[0] + rest.slope
        return own.reshape(-1, 1) + rest.gram @ self._step(w)

    def gram(self, w):
        """Return its Hessian."""
        return self._sums(w).gram[0] + self._rest.gram

    def third(self, w, along, moves):
        """Return its third derivatives along (q, J_a, J_b), shape (k, k).

        Parameters
        ----------
        w, along : ndarray with m n_outputs entries
        moves : ndarray of shape (k, m n_outputs, 1)
        """
        loss, design, y, weight = self._rows
        raw = self._sums(w).raw[0]
        along = design.forward(along.reshape(self._at.shape))
        images = images_of(design, moves.reshape(len(moves), *self._at.shape))
        return third_of(loss, y, weight, raw, along, images)


def _excess(known, own):
    """Return the part of a Hessian that the sample lacks, positive semidefinite.

    Where the sample has more, a convex loss would become concave.
    """
    diagonal = np.diag(known) + np.diag(own)
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    unit = np.outer(root, root)
    values, vectors = eigensystem((known - own) / unit)
    return unit * ((vectors * np.maximum(values, 0.0)) @ vectors.T)


class SampledModel(StreamedModel):
    """The losses of a split, known about weights and elsewhere by a sample.

    Parameters
    ----------
    model : StreamedModel
        Of all rows.
    train_rows, held_rows : PartRows
    """

    solves_by = "newton"
    prefers_inverse = False

    def __init__(self, model, train_rows, held_rows):
        super().__init__(model.frame, *model.given)
        self._train_rows, self._held_rows = train_rows, held_rows

    def train_loss(self, w, lambda_):
        """Return L_T, the penalty included."""
        self.counts.n_values += 1
        return self._train_rows.value(w) + self.penalty_value(w, lambda_)

    def _train_gradient(self, w, lambda_):
        return self._train_rows.gradient(w) + self.penalty(lambda_) * w

    def validation_loss(self, w):
        """Return L_V."""
        self.counts.n_values += 1
        return self._held_rows.value(w)

    def validation_gradient(self, w):
        """Return the gradient of L_V in the weights."""
        self.counts.n_validation_gradients += 1
        return self._held_rows.gradient(w)

    def validation_gram(self, w, jacobian, raw=None):
        """Return ``J' H_V J``."""
        flat = jacobian[..., 0]
        return flat @ self._held_rows.gram(w) @ flat.T

    def third_term(self, w, adjoint, jacobian, raw=None):
        """Return the third derivatives of L_T along (q, J_a, J_b)."""
        return self._train_rows.third(w, adjoint, jacobian)

    def hessian(self, w, lambda_):
        """Return the Hessian of L_T."""
        w = self.start() if w is None else w
        gram = self._train_rows.gram(w)
        return penalized_hessian(gram, self.penalty(lambda_), self.counts)

    def product_hessian(self, w, lambda_):
        """Return the same."""
        return self.hessian(w, lambda_)

    def minimize(self, lambda_, start, proximal=None, tol=NEWTON_TOL):
        """Return the minimizer of L_T, by Newton from `start`."""
        return self._minimize_by_newton(lambda_, start, tol)

    def start(self):
        """Return the weights about which values are known."""
        return self.about.reshape(-1, 1)


def sampled_models(models, reading, sample, train_weights, held_weights):
    """Return `Models` of the same losses, bent as those of sampled rows.

    Parameters
    ----------
    models : Models
    reading : Reading
    sample : (X, target, weight, count, kind)
        Weights of the rows, and how many rows each one represents.
    train_weights : ndarray of shape (n_splits + 1,)
        Sums of the weights of all rows of the training parts, those of the refit last.
    held_weights : ndarray of shape (n_splits,)
        The same of the validation parts.

    Returns
    -------
    Models
    """
    X, y, weight, count, kind = sample
    uses, loss, design = reading.uses, reading.loss, reading.view.of(X)

    def part(counts, total, at, known):
        own = weight * counts[kind].sum(axis=1) / total
        index = np.flatnonzero(own)
        if 2 * len(index) > len(own):
            # Few rows do not count, and a copy of the others takes memory.
            return PartRows(loss, design, y, own, count, at, known)
        rows = y[index], own[index], count[index]
        return PartRows(loss, design.take(index), *rows, at, known)

    full = models.full
    at, train, *_ = full.given
    whole = part(uses.refit, train_weights[-1], at, train)
    splits = []
    for number, split in enumerate(models.split_set.splits):
        at, train, held, _ = split.given
        own = part(uses.train[number], train_weights[number], at, train)
        other = part(uses.held_out[number], held_weights[number], at, held)
        splits.append(SampledModel(split, own, other))
    return models._replace(
        split_set=models.split_set.with_splits(splits),
        full=SampledModel(full, whole, whole),
        third=None,
    )
