"""Approximate leave-one-out of rows beyond memory, one pass for every lambda.

The value and its slope need the inverse H^-1 of the Hessian, and the slope the matrix
``M = H^-1 S H^-1``, before the pass that finds the Hessian and S. The matrices of the
previous pass are used instead. They are exact where the passes converge.
"""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ..bilevel.outer import OuterModel
from ..bilevel.streamed import StreamedPlace, StreamedProblem
from ..data.blocks import lower_triangle
from ..data.folds.uses import FoldRule, FoldUses
from ..engine.glm.stream_pass import Totals, add_null, null_zeros, zeros_of
from ._leave_one_out import gap_inverse
from ._row_forms import product, row_forms, third_forms

#: Step of the differences of slopes; longest step of lambda in a model, and the length
#: of a step that ends the search.
SLOPE_DIFFERENCE, LONGEST_MODEL_STEP, LAST_MODEL_STEP = 1e-4, 1.0, 1e-11
#: Spacing of the lambdas that are tried as a start.
START_STEP = 0.75
#: Maximum number of steps in a model, and the smallest positive curvature.
MOST_MODEL_STEPS, NO_CURVATURE = 60, 1e-300


class AllRows(FoldRule):
    """One split whose training part and validation part are both all rows."""

    n_splits = 1

    @property
    def uses(self):
        """The `FoldUses` of one kind."""
        one = np.ones((1, 1), dtype=int)
        return FoldUses(one, one, one[0], np.zeros(1, dtype=int))

    def kinds(self, block):
        """Return zero for every row of a block, shape (b, 1)."""
        return np.zeros((block.n_rows, 1), dtype=int)


class Inverses(NamedTuple):
    """Matrices of one pass that the next one needs.

    Attributes
    ----------
    inverse : ndarray of shape (m n_outputs, m n_outputs)
        H^-1 of the mean loss and its penalty.
    sandwich : ndarray of shape (m n_outputs, m n_outputs)
        M.
    """

    inverse: np.ndarray
    sandwich: np.ndarray


@singledispatch
def left_out_of_block(block, reading, w, total, given, constants):
    """Return sums over a block for the criterion and for the model of all rows: a task.

    Parameters
    ----------
    block : Block
        Some rows.
    reading : Reading
        By `AllRows`.
    w : ndarray of shape (m, n_outputs)
        Weights of the model of all rows.
    total : float
        Sum of all weights.
    given : Inverses
        Of its Hessian.
    constants : ndarray of shape (2, n_outputs) or None
        As in `own_of_block`.

    Returns
    -------
    Totals
        Those of `own_of_block`; "value", the criterion; "spread", the S; "slope_raw",
        the derivative in the weights through raw predictions and curvatures.
    """
    loss, o = reading.loss, reading.n_outputs
    out = zeros_of(reading, "", 2) | zeros_of(reading, "held_", 1)
    out |= {"held_square": np.zeros(1), "value": np.zeros(())}
    out |= {
        "slope_raw": np.zeros(reading.shape),
        "spread": np.zeros_like(out["gram"][0]),
    }
    if constants is not None:
        out |= null_zeros(reading, 2) | {"held_null_loss": np.zeros(1)}
    lower, upper = lower_triangle(o)
    for _, rows, y, weight in reading.visits(block, 4 + 2 * o):
        raw = rows.forward(w)
        value, slope = loss.value_and_gradient(y, raw)
        curvature = loss.curvature(y, raw)
        gram = rows.block_gram(weight[:, None] * curvature[:, lower, upper])
        own = weight @ value, rows.adjoint(weight[:, None] * slope), gram
        for name, one in zip(("loss", "slope", "gram"), own, strict=True):
            out[name] += one
            out[f"held_{name}"] += one
        out["held_square"] += weight @ value**2
        for model in (0, 1) if constants is not None else ():
            add_null(out, model, loss, rows, y, weight, constants[model])
        found = _LeftOut(loss, rows, y, weight / total, raw, slope, curvature, given)
        out["value"] += found.value
        out["spread"] += rows.block_gram(found.weight[:, lower, upper])
        out["slope_raw"] += rows.adjoint(found.slope)
    if constants is not None:
        out["held_null_loss"] += out["null_loss"][:1]
    return Totals(out)


class _LeftOut:
    """Leave-one-out raw predictions of rows; symbols as in `_leave_one_out`.

    Attributes
    ----------
    value : float
    weight : ndarray of shape (n_rows, o, o)
        Derivatives in A_i.
    slope : ndarray of shape (n_rows, o)
        Derivatives in m_i, those through L_i included.
    """

    def __init__(self, loss, rows, y, share, raw, slope, curvature, given):
        o, shares = raw.shape[1], share[:, None, None]
        leverage = shares * row_forms(rows, given.inverse, o)
        gap = gap_inverse(product(curvature, leverage))
        u = product(gap, slope[..., None])
        shift = product(leverage, u)[..., 0]
        left_out = raw + shift
        self.value = share @ loss.value(y, left_out)
        force = product(gap, shares * loss.gradient(y, left_out)[..., None])
        weight = force @ np.swapaxes(u, 1, 2)
        self.weight = 0.5 * shares * (weight + np.swapaxes(weight, 1, 2))
        moved = product(leverage, force)[..., 0]
        (own,) = loss.third_product(y, raw, moved, shift[None])
        forms = row_forms(rows, given.sandwich, o)
        through = share[:, None] * third_forms(loss, y, raw, forms)
        self.slope = force[..., 0] + own - through


class Frozen(NamedTuple):
    """A model of the criterion in lambda, with the derivatives of rows of one pass.

    At the lambda of the pass its slope is that of the criterion. At other lambdas the
    weights and H^-1 are recomputed, and the derivatives of the rows are kept.

    Attributes
    ----------
    full : StreamedModel
        Of all rows, about the weights of the pass.
    spread : ndarray of shape (size, size)
        S.
    slope : ndarray of shape (size, 1)
        Derivative in the weights of the pass.
    """

    full: object
    spread: np.ndarray
    slope: np.ndarray

    def inverses(self, lambda_):
        """Return the `Inverses` at a lambda."""
        inverse = self.full.hessian(None, lambda_).inverse()
        return Inverses(inverse, inverse @ self.spread @ inverse)

    def gradient(self, lambda_, w=None):
        """Return the slope in lambda, (n_groups,); at weights of the model for None."""
        full, given = self.full, self.inverses(lambda_)
        slope = self.slope
        if w is None:
            w = full.minimize(lambda_, full.start())
            slope = slope + full.train.gram @ (w - full.about.reshape(-1, 1))
        moved = w * (given.inverse @ slope) + np.diag(given.sandwich)[:, None]
        return -full.by_group(full.penalty(lambda_) * moved)

    def curvature(self, lambda_):
        """Return the second derivative in lambda, by differences, symmetric."""
        steps = SLOPE_DIFFERENCE * np.eye(len(lambda_))
        change = [
            self.gradient(lambda_ + step) - self.gradient(lambda_ - step)
            for step in steps
        ]
        second = np.reshape(change, steps.shape) / (2.0 * SLOPE_DIFFERENCE)
        return 0.5 * (second + second.T)

    def minimum(self, lambda_, bounds):
        """Return lambda at the minimum of the model in a box.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Start, in the box.
        bounds : ndarray of shape (2, n_groups)
            Lowest and highest lambda of every group.

        Returns
        -------
        ndarray of shape (n_groups,)
            At most a step of `LAST_MODEL_STEP` from the minimum.
        """
        low, high = bounds
        for _ in range(MOST_MODEL_STEPS):
            slope = self.gradient(lambda_)
            outward = ((lambda_ <= low) & (slope > 0)) | (
                (lambda_ >= high) & (slope < 0)
            )
            free, step = np.flatnonzero(~outward), np.zeros_like(lambda_)
            if len(free):
                values, vectors = np.linalg.eigh(
                    self.curvature(lambda_)[np.ix_(free, free)]
                )
                least = np.finfo(float).eps * np.abs(values).max() + NO_CURVATURE
                along = (vectors.T @ slope[free]) / np.maximum(np.abs(values), least)
                step[free] = -vectors @ along
            size = np.abs(step).max(initial=0.0)
            step *= min(1.0, LONGEST_MODEL_STEP / max(size, NO_CURVATURE))
            moved = np.clip(lambda_ + step, low, high)
            size, lambda_ = np.abs(moved - lambda_).max(initial=0.0), moved
            if size <= LAST_MODEL_STEP:
                break
        return lambda_


class LeftOutPlace(StreamedPlace):
    """The criterion at one lambda, with derivatives from a pass.

    Parameters
    ----------
    problem : StreamedProblem
        About the weights of the pass.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    totals : Totals
        Of the pass.
    """

    def __init__(self, problem, lambda_, totals):
        full = problem.full
        super().__init__(problem, lambda_, [full.about.reshape(-1, 1)])
        self._estimate = float(totals["value"])
        slope = totals["slope_raw"].reshape(-1, 1)
        self.frozen = Frozen(full, totals["spread"], slope)
        self.gradient = self.frozen.gradient(lambda_, self.weights[0])

    def hypergradient(self, rtol=0.0):
        """Return the derivative in lambda, shape (n_groups,)."""
        return self.gradient

    def model(self, rtol=0.0):
        """Return the `OuterModel`, with the curvature of the frozen model."""
        curvature = self.frozen.curvature(self.lambda_)
        none = np.zeros_like(curvature)
        return OuterModel(self.gradient, curvature, none, curvature)


class LeftOutRows:
    """Evaluates the criterion at one lambda in one pass over the rows.

    Parameters
    ----------
    rows : StreamedRows
        By `AllRows`, after their first pass.
    bounds : "auto" or (low, high)
        Of every lambda.
    """

    def __init__(self, rows, bounds):
        self.rows, self.bounds = rows, bounds

    def at(self, lambda_, w, given):
        """Return the `LeftOutPlace` at weights (m, n_outputs), after a pass.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        w : ndarray of shape (m, n_outputs)
            Weights of the model of all rows.
        given : Inverses
            Of its Hessian there.

        Returns
        -------
        LeftOutPlace
            With the criterion and its slope.
        """
        rows = self.rows
        total, constants = rows.train_weights[-1], rows.null_constants
        sent = rows.reading, w, total, given, constants
        totals = rows.source.map_reduce(left_out_of_block, *sent)
        models = rows.models_of(totals, np.stack([w, w]))
        return LeftOutPlace(self.problem(models), lambda_, totals)

    def begin(self, models, lambda_):
        """Return where to start, and the `Frozen` model of Akaike's criterion there.

        Akaike's criterion is the mean loss plus the degrees of freedom per row.

        Parameters
        ----------
        models : Models
            About any weights.
        lambda_ : ndarray of shape (n_groups,)
            A candidate. Others are this one with all entries moved by the same amount,
            and lambdas with equal entries; the best one is the start.

        Returns
        -------
        lambda_ : ndarray of shape (n_groups,)
            The start.
        frozen : Frozen
            The model there.
        """
        problem, full = self.problem(models), models.full
        gram, n_rows = full.train.gram, self.rows.n_held_out
        best, least = problem.project(lambda_), np.inf
        low, high = problem.scan_bounds[0].min(), problem.scan_bounds[1].max()
        shifts = np.arange(high, low, -START_STEP)[:, None]
        shared = np.broadcast_to(shifts, (len(shifts), len(lambda_)))
        moved = lambda_ + (shifts - np.max(lambda_, initial=low))
        for other in (lambda_, *shared, *moved):
            other = problem.project(other)
            w = full.minimize(other, full.start())
            inverse = full.hessian(None, other).inverse()
            value = full.validation_loss(w) + np.vdot(inverse, gram) / n_rows
            if value < least:
                best, least = other, value
        w = full.minimize(best, full.start())
        return best, Frozen(full, gram / n_rows, full.validation_gradient(w))

    def problem(self, models):
        """Return the problem about the weights of models."""
        return StreamedProblem(self.rows, models, self.bounds)
