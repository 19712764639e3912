"""The bilevel problem of rows beyond memory, to second order about known weights."""

import numpy as np

from ..engine.glm.stream_rows import Models, StreamedRows
from ..engine.limits import limits
from .bounds import resolve_bounds
from .contract import Offers
from .held_out import HeldOutEvaluation, HeldOutProblem
from .outer import ADJOINT_TOL, OuterModel
from .outer_products import OuterProducts
from .parts import ProblemParts, measure_scales


class StreamedProblem(HeldOutProblem):
    """Minimize the mean loss of held-out rows, to second order about known weights.

    At these weights loss, slope and curvature are those of the rows, and so is the
    hypergradient where they minimize the training losses.

    Parameters
    ----------
    rows : StreamedRows
        After their first pass.
    models : Models
        Of all splits.
    lambda_bounds : "auto" or (low, high)
        Bounds of every lambda, natural logs: floats, or of shape (n_groups,).
    """

    def __init__(
        self,
        rows: StreamedRows,
        models: Models,
        lambda_bounds: str | tuple[float, float] = "auto",
    ):
        parts = ProblemParts(
            rows.reading.loss,
            rows.groups,
            rows.frame.counts,
            models.split_set,
            models.full,
            curvature_scale=rows.curvature_scale,
            split_weights=rows.split_weights,
            total_weight=rows.train_weights[-1],
            n_held_out=rows.n_held_out,
        )
        scales = measure_scales(parts, rows.second_moments, rows.n_train)
        super().__init__(
            parts,
            scales,
            resolve_bounds(lambda_bounds, scales.auto_bounds),
            offers=Offers(all_directions=False),
        )
        self.models = models
        #: Whether second derivatives in lambda are those of the rows, where they are
        #: known, not of the models.
        self.is_of_rows = False

    def at(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> "StreamedPlace":
        """Return the evaluation of the problem at a lambda and weights."""
        return StreamedPlace(self, lambda_, weights)

    @property
    def affords_responses(self) -> bool:
        """Whether the responses of the weights to every lambda fit the memory."""
        n_weights = sum(np.prod(split.shape) for split in self.splits)
        return bool(self.n_groups * n_weights <= limits().most_responses)

    @property
    def third(self) -> np.ndarray | float:
        """Mean third derivative along the moves of the weights, (n_groups, n_groups).

        Zero where it is not known.
        """
        return 0.0 if self.models.third is None else self.mean(self.models.third)


class StreamedPlace(HeldOutEvaluation):
    """The mean loss of held-out rows at one lambda and weights, by their models."""

    def model(self, rtol: float = ADJOINT_TOL) -> OuterModel | OuterProducts:
        """Return the second-order model of the objective in lambda; it is kept."""
        found = super().model(rtol)
        if not self.problem.is_of_rows:
            return found
        return found._replace(bend=found.bend - self.problem.third)
