"""The rows that splits hold out, and their parts in the validation loss."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import norm

from .blocks import as_slice, cached_block
from .design import Design
from .limits import row_limits
from .parts import RowParts
from .sampling import every_kth
from .sources import as_design


@dataclass(frozen=True, eq=False)
class HeldOutRows:
    """Rows with the weight that each has in the validation loss of every split.

    Attributes
    ----------
    design : Design
        About zero, without an intercept.
    y : ndarray
        As the loss expects it.
    loss : Loss
        Of a row.
    parts : RowParts
        Splits of the rows.
    weight : float
        Sum of the weights of all validation parts.
    total : float
        Sum of the weights of the rows that any split holds out.
    """

    design: Design
    y: np.ndarray
    loss: object
    parts: RowParts
    weight: float
    total: float

    def __len__(self):
        return len(self.y)

    @property
    def n_rows(self):
        """Number of rows."""
        return len(self)

    @property
    def sample_weight(self):
        """Weights of the rows, shape (n_rows,)."""
        return self.parts.sample_weight

    def share(self, split):
        """Return the share of every row in the mean over all held-out rows."""
        return self.parts.weights(split)[1] / self.weight

    def sample(self, n_rows):
        """Return every k-th row, so that about `n_rows` are left."""
        rows = every_kth(len(self), n_rows)
        if rows.step == 1:
            return self
        return self._with(rows, self.design.take(rows))

    def _with(self, rows, design):
        """Return the rows of a slice, which a design reads."""
        parts = self.parts.take(rows)
        return replace(self, design=design, y=self.y[rows], parts=parts)

    def losses(self, split, coef, intercept):
        """Return the loss of the rows that a split holds out, in a linear model.

        Parameters
        ----------
        split : int
            Which one.
        coef : ndarray of shape (n_features, n_outputs)
        intercept : ndarray of shape (n_outputs,)

        Returns
        -------
        index : ndarray of shape (n_held_out,)
            The rows.
        loss : ndarray of shape (n_held_out,)
        """
        weight = self.parts.weights(split)[1]
        losses = []
        for rows, block in self.design.blocks(self.design.n_features):
            own = np.flatnonzero(weight[rows])
            raw = block.take(own).forward(coef) + intercept
            losses.append(self.loss.value(self.y[rows][own], raw))
        return np.flatnonzero(weight), np.concatenate(losses)

    def deviation(self, coef, intercept, mean):
        """Return the root of the sum of squared contributions to the mean loss.

        The contributions of the first split's rows are taken about that of a row with
        the mean loss; a row of weight k counts as k rows.

        Parameters
        ----------
        coef : ndarray of shape (n_features, n_outputs)
        intercept : ndarray of shape (n_outputs,)
        mean : float
            The mean loss.

        Returns
        -------
        float
        """
        own, loss = self.losses(0, coef, intercept)
        share = self.share(0)[own] / np.sqrt(self.sample_weight[own])
        return float(norm(share * (loss - mean)))

    def compared(self, models, n_models):
        """Return the mean losses of several models, and the variances of differences.

        Parameters
        ----------
        models : list of list of (ndarray, ndarray)
            For every split the coefficients and intercepts of its models. Rows of a
            split without models are left out.
        n_models : int
            Number of models of a split that has any.

        Returns
        -------
        means : ndarray of shape (n_models,)
        squares : ndarray of shape (n_models,)
            Sums of the squared contributions of rows to the differences from the lowest
            mean; a row of weight k counts as k rows.
        """
        losses = self._alternatives(models, n_models)
        means = losses.sum(axis=1)
        more = losses - losses[np.argmin(means)]
        return means, np.sum(more**2 / self.sample_weight, axis=1)

    def _alternatives(self, models, n_models):
        """Return the contributions (n_models, n_rows) of rows to the mean losses."""
        losses = np.zeros((n_models, len(self)))
        for split, own in enumerate(models):
            share = self.share(split)
            for number, (coef, intercept) in enumerate(own):
                left_out, loss = self.losses(split, coef, intercept)
                losses[number, left_out] += share[left_out] * loss
        return losses

    def mean_loss(self, models):
        """Return the mean loss of the held-out rows, in one pass over all rows.

        Parameters
        ----------
        models : list of (ndarray, ndarray)
            Coefficients (n_features, n_outputs) and intercepts (n_outputs,) of every
            split.

        Returns
        -------
        float
        """
        parts = self._raw_parts(models)
        return float(sum(share @ self.loss.value(y, raw) for share, y, raw in parts))

    def mean_squares(self, models):
        """Return the mean squared loss of every output, as `mean_loss` of their sum."""
        parts = self._raw_parts(models)
        return sum(0.5 * (share @ (y - raw) ** 2) for share, y, raw in parts)

    def _raw_parts(self, models):
        """Yield shares, targets and raw predictions of held-out rows."""
        if self.design.slices_are_views:
            found = [self.parts.held_out(split) for split in range(len(models))]
            rows = [as_slice(index) for index, _ in found]
            if all(isinstance(own, slice) for own in rows):
                pairs = zip(rows, models, strict=True)
                for (own, (coef, intercept)), (_, weight) in zip(
                    pairs, found, strict=True
                ):
                    raw = self.design.take(own).forward(coef) + intercept
                    yield weight / self.weight, self.y[own], raw
                return
        for block in self.blocks(models):
            shares = [block.share(split) for split in range(len(models))]
            held_out = [np.flatnonzero(share) for share in shares]
            predictions = block._predictions(models, held_out)
            for share, own, raw in zip(shares, held_out, predictions, strict=True):
                yield share[own], block.y[own], raw

    def blocks(self, models):
        """Yield blocks of rows whose predictions for all models fit in a cache."""
        width, n_columns = _width(models), models[0][0].shape[1]
        # Blocks smaller than the matrix of slopes would spend their time adding such
        # matrices.
        least_rows = n_columns // 2
        if width > row_limits().many_columns:
            # Blocks of fewer rows than models would spend their time reading the
            # models.
            most = row_limits().block_entries // (n_columns + self.design.n_features)
            least_rows = max(least_rows, min(width, most))
            width = n_columns + self.design.n_features
        for rows, block in self.design.blocks(*cached_block(width, least_rows)):
            yield self._with(rows, block)

    def slopes(self, models, n_groups):
        """Return every row's contribution to the slope in lambda.

        Parameters
        ----------
        models : list of (ndarray, ndarray)
            Coefficients (n_features, k) and intercepts (k,) of every split: first the
            weights, then their responses to every lambda.
        n_groups : int
            Number of lambdas.

        Returns
        -------
        ndarray of shape (n_rows, n_groups)
            Zero for rows that no split holds out.
        """
        out = np.zeros((len(self), n_groups))
        held_out = [self.parts.held_out(split) for split in range(len(models))]
        predictions = self._predictions(models, [own for own, _ in held_out])
        for (own, weight), raw in zip(held_out, predictions, strict=True):
            n_outputs = raw.shape[1] // (n_groups + 1)
            raw = raw.reshape(len(own), n_groups + 1, n_outputs)
            share = (weight / self.weight)[:, None]
            slope = share * self.loss.gradient(self.y[own], raw[:, 0])
            out[own] += np.einsum("no,ngo->ng", slope, raw[:, 1:])
        return out

    def _predictions(self, models, held_out):
        """Yield the raw predictions of the held-out rows of every split."""
        rows = [as_slice(own) for own in held_out]
        # Neighbouring rows are read without a copy.
        are_views = self.design.slices_are_views and all(
            isinstance(own, slice) for own in rows
        )
        if are_views or _width(models) > row_limits().many_columns:
            for own, (coefs, intercepts) in zip(rows, models, strict=True):
                yield self.design.take(own).forward(coefs) + intercepts
            return
        # One product with all rows is cheaper than one per split with the rows of that
        # split.
        coefs, intercepts = map(np.hstack, zip(*models, strict=True))
        raw = self.design.forward(coefs) + intercepts
        columns = np.split(raw, len(models), axis=1)
        for own, each in zip(held_out, columns, strict=True):
            yield each[own]


def hold_out(X, y, loss, parts):
    """Return the `HeldOutRows` of some splits.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    y : ndarray
        As the loss expects it.
    loss : Loss
    parts : RowParts
        Splits of the rows, all of positive weight.

    Returns
    -------
    HeldOutRows
    """
    weight = parts.totals[:, 1].sum()
    return HeldOutRows(as_design(X), y, loss, parts, weight, parts.held_out_weight)


def _width(models):
    """Return the number of columns of all models together."""
    return sum(coefs.shape[1] for coefs, _ in models)
