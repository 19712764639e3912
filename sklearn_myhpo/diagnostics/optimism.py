"""How far the minimized validation loss lies below that of new rows.

Takeuchi (1976): the minimum over p numbers of a mean of n losses lies below the
expected loss there by about ``tr(H^-1 V) / n``, where H is the Hessian of the mean and
V the covariance of a row's slope. The numbers are the lambdas here, and a row's slope
is that of its held-out loss, ``l'_i x_i J``, J the response of the weights.
"""

import numpy as np

from ..engine.linalg.symmetric import eigensystem

#: Numbers in the responses of all splits up to which they are formed.
MAX_RESPONSES = 3e7
#: Rows that a covariance is estimated from; of more, every so many.
MAX_ROWS = 2**14
#: Numbers that are worked on at once.
BLOCK_ENTRIES = 2**18
#: Columns of all splits up to which they are multiplied with all rows at once.
MANY_COLUMNS = 32
#: Least curvature of the objective, relative to the Gauss-Newton one in the same
#: direction, with which it is trusted.
LEAST_TRUSTED = 0.1


def is_affordable(problem):
    """Whether the responses of the weights to every lambda fit the memory."""
    if problem.prefers_products:
        return False
    n_weights = sum(np.prod(split.shape) for split in problem.splits)
    return problem.n_groups * n_weights <= MAX_RESPONSES


def estimate_optimism(covariance, model, free):
    """Return ``tr(H^-1 V) / n``.

    Parameters
    ----------
    covariance : ndarray of shape (n_groups, n_groups)
        ``V / n``, of the slope of the validation loss, from `slope_covariance`.
    model : OuterModel
        Curvatures of the objective.
    free : ndarray of bool of shape (n_groups,)
        Which lambdas can move: one at a bound has nothing to fit with.

    Returns
    -------
    float
        Not negative.
    """
    free = free & (np.diag(model.tangent) > 0)
    if not free.any():
        return 0.0
    index = np.ix_(free, free)
    # In units of the curvature a lambda in a flat tail weighs what it should.
    unit = np.sqrt(np.diag(model.tangent)[free])
    own = covariance[index] / np.outer(unit, unit)
    tangent = model.tangent[index] / np.outer(unit, unit)
    values, vectors = eigensystem(tangent)
    kept = values > len(values) * np.finfo(float).eps * values[-1]
    root = vectors[:, kept] / np.sqrt(values[kept])
    # The identity, were the objective as the Gauss-Newton model has it.
    bent = np.eye(root.shape[1])
    bent += root.T @ (model.bend[index] / np.outer(unit, unit)) @ root
    values, vectors = eigensystem(bent)
    slopes = root @ vectors
    spread = np.einsum("gk,gh,hk->k", slopes, own, slopes)
    # Away from a minimum, and in a tail, only the Gauss-Newton part has a meaning.
    return float(np.sum(spread / np.where(values > LEAST_TRUSTED, values, 1.0)))


def slope_covariance(place, rows):
    """Return the covariance of the slope of the validation loss over its rows.

    Parameters
    ----------
    place : HeldOutEvaluation
        A problem at exact inner solutions.
    rows : HeldOutRows
        The data.

    Returns
    -------
    ndarray of shape (n_groups, n_groups)
        ``V / n``. Rows that several splits hold out count once, with all slopes
        they have; a row of weight k counts as k rows.
    """
    problem = place.problem
    models = _linear_maps(problem, place.weights, place.responses)
    size = problem.n_groups
    mean, square = np.zeros(size), np.zeros((size, size))
    sample = rows.sample(MAX_ROWS)
    for block in sample.blocks(models):
        slopes = block.slopes(models, size)
        mean += slopes.sum(axis=0)
        slopes /= np.sqrt(block.sample_weight)[:, None]
        square += slopes.T @ slopes
    more = len(rows.y) / len(sample.y)
    return more * square - more**2 * np.outer(mean, mean) / rows.total


def _linear_maps(problem, weights, responses):
    """Return coefs (n_features, k) and intercepts (k,) of every split.

    Of its weights, then of their responses.
    """
    moves = []
    for w, response in zip(weights, responses, strict=True):
        own = np.concatenate([w[None], response])
        moves.append(np.moveaxis(own, 1, 0).reshape(len(w), -1))
    maps = problem.moves_to_features(moves)
    for split, (_, intercepts) in zip(problem.splits, maps, strict=True):
        intercepts[: split.n_outputs] += split.intercept_origin
    return maps


class HeldOutRows:
    """The rows that splits hold out, and how much each weighs in the validation loss.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features.
    y : ndarray
        As the loss wants it.
    loss : Loss
        Of a row.
    pairs : list of (ndarray, ndarray)
        Training and validation rows of every split.
    sample_weight : ndarray of shape (n_samples,)
        Positive.
    """

    def __init__(self, X, y, loss, pairs, sample_weight):
        self.X, self.y, self.loss = X, y, loss
        self.sample_weight = sample_weight
        counts = np.stack([np.bincount(part, minlength=len(y)) for _, part in pairs])
        held_out = counts * sample_weight
        self.shares = held_out / held_out.sum()
        self.total = sample_weight[counts.any(axis=0)].sum()

    def sample(self, n_rows):
        """Return every k-th row, so that about `n_rows` are left."""
        step = max(1, len(self.y) // n_rows)
        return self if step == 1 else self._take(slice(None, None, step))

    def blocks(self, models):
        """Yield the rows in blocks, with whose results a cache is filled."""
        width = _width(models)
        if width > MANY_COLUMNS:
            width = models[0][0].shape[1] + self.X.shape[1]
        # Blocks smaller than the matrix of slopes would mostly add up such matrices.
        size = max(1, int(BLOCK_ENTRIES / width), models[0][0].shape[1] // 2)
        for start in range(0, len(self.y), size):
            yield self._take(slice(start, start + size))

    def _take(self, index):
        block = object.__new__(HeldOutRows)
        block.X, block.y, block.loss = self.X[index], self.y[index], self.loss
        block.sample_weight = self.sample_weight[index]
        block.shares, block.total = self.shares[:, index], self.total
        return block

    def slopes(self, models, n_groups):
        """Return every row's part of the slope in lambda.

        Parameters
        ----------
        models : list of (ndarray, ndarray)
            Coefficients and intercepts of every split, from `_linear_maps`.
        n_groups : int
            Number of lambdas.

        Returns
        -------
        ndarray of shape (n_rows, n_groups)
            Zero for rows that no split holds out.
        """
        out = np.zeros((len(self.y), n_groups))
        parts = zip(self.shares, self._predictions(models), strict=True)
        for share, (own, raw) in parts:
            n_outputs = raw.shape[1] // (n_groups + 1)
            raw = raw.reshape(len(own), n_groups + 1, n_outputs)
            slope = share[own, None] * self.loss.gradient(self.y[own], raw[:, 0])
            out[own] += np.einsum("no,ngo->ng", slope, raw[:, 1:])
        return out

    def _predictions(self, models):
        """Yield, for every split, its rows and what its maps make of them."""
        index = map(np.flatnonzero, self.shares)
        if _width(models) > MANY_COLUMNS:
            for own, (coefs, intercepts) in zip(index, models, strict=True):
                yield own, self.X[own] @ coefs + intercepts
            return
        # One pass over all rows is cheaper than taking out those of every split.
        coefs, intercepts = map(np.hstack, zip(*models, strict=True))
        raw = self.X @ coefs + intercepts
        columns = np.split(raw, len(models), axis=1)
        for own, each in zip(index, columns, strict=True):
            yield own, each[own]


def _width(models):
    """Return the number of columns of all maps together."""
    return sum(coefs.shape[1] for coefs, _ in models)
