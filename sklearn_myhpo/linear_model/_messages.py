"""What a fit has to say about its result, as warnings."""

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._warn import warn
from ..diagnostics.certificate import FLAT
from ..diagnostics.gap import describe_gap
from ..exceptions import FewRowsWarning, FlatObjectiveWarning, LambdaBoundWarning
from ..penalties.columns import spell
from ..solvers import Status

#: Held-out rows below which their mean loss says little: the relative error of a mean
#: of squares of normal errors is sqrt(2 / n).
FEW_ROWS = 10

_UNFINISHED = (
    "Conjugate gradients reached their limit of iterations: standardize the features, "
    "or raise the lower end of lambda_bounds."
)


def spell_some(kind, names):
    """Return the first names in words, after what they are names of.

    Parameters
    ----------
    kind : str
        "group" or the like.
    names : sequence
        What to spell out, up to a limit.

    Returns
    -------
    str
        Words.
    """
    return f"{kind}{'' if len(names) == 1 else 's'} {spell(names, word=str)}"


class Messages:
    """The warnings of an estimator, a mixin."""

    def _say(self, text, category):
        warn(f"{type(self).__name__} {text}", category)

    def _warn(self, problem, result):
        """Warn of a run that did not converge, and of what its end means."""
        if result.status is Status.STOPPED:
            return
        if not result.status.has_converged:
            text = f"{result.message}."
            if self.certificate_ is not None and np.size(self.lambda_) > 1:
                slope = np.abs(self.certificate_.hypergradient)
                steepest = self._describe(np.arange(len(slope)) == slope.argmax())
                text += f" The slope is largest in the lambda of {steepest}."
            if problem.counts.n_unfinished_solves:
                text += f" {_UNFINISHED}"
            self._say(text, ConvergenceWarning)
            return
        certificate = self.certificate_
        if certificate is None:
            return
        if certificate.n_unfinished_solves:
            text = f"converged to an inexact lambda. {_UNFINISHED}"
            self._say(text, ConvergenceWarning)
        objective = self._criterion_name()
        if problem.shrinkage.strength:
            objective += " with its shrinkage"
        if certificate.certain:
            self._warn_of_certainty(objective, problem.loss.negligible_sum)
            return
        lower, upper = certificate.lower, certificate.upper
        self._warn_at_bounds(lower, upper, objective)
        if not (lower | upper).any():
            self._warn_if_flat(objective)

    def _warn_of_certainty(self, objective, negligible_sum):
        """Warn where the objective has come to its limit, zero."""
        advice = "Any weaker penalty predicts these rows as well."
        if np.size(self.lambda_) > 1:
            advice = (
                "That many lambdas may fit the held-out rows themselves: compare with "
                "feature_groups=None on new rows"
            )
            advice += (
                ", or set shrinkage='auto'." if hasattr(self, "shrinkage") else "."
            )
        self._say(
            "predicts all held-out rows with certainty: their losses, "
            f"{self.validation_loss_:.1e} each, add up to less than "
            f"{negligible_sum}, so that the {objective} says no more "
            f"about lambda. {advice}",
            FlatObjectiveWarning,
        )

    def _warn_if_flat(self, objective):
        """Warn where the objective is the same along the whole range of lambda."""
        if self.validation_curve_ is None:
            return
        values = self.validation_curve_["validation_loss"]
        if np.ptp(values) <= FLAT * np.abs(values).max():
            self._say(
                f"found a flat objective: the {objective} is {values[-1]:.6g} whatever "
                "lambda is, so that these data do not determine it. The features "
                "may be constant or unrelated to the target; predictions do not depend "
                "on lambda either way.",
                FlatObjectiveWarning,
            )

    def _warn_of_few_rows(self, n_held_out):
        """Warn where the objective is a mean over hardly any rows."""
        if n_held_out < FEW_ROWS:
            self._say(
                f"learns lambda from {n_held_out} held-out rows: their mean loss is "
                f"off by about {np.sqrt(2.0 / n_held_out):.0%} by chance, and so "
                "lambda is mostly chance too. Use more folds (cv=5 holds out every "
                "row once), a larger validation part, or criterion='loo' or 'alo'.",
                FewRowsWarning,
            )

    def _warn_of_gap(self, problem, result):
        """Warn of a lambda that was learned for other weights than those of a refit."""
        gap = describe_gap(problem, result)
        if gap:
            self._say(f"{gap}.", ConvergenceWarning)

    def _warn_at_bounds(self, lower, upper, objective):
        """Warn of lambdas at a bound where the objective is still falling."""
        for where, side, meaning in (
            (lower, "lower", "no penalty is wanted"),
            (upper, "upper", "these features are not wanted"),
        ):
            if where.any():
                advice = (
                    "Weights and predictions are as good as at the limit."
                    if isinstance(self.lambda_bounds, str)
                    else f"Widen lambda_bounds={self.lambda_bounds!r} to see."
                )
                self._say(
                    f"found no minimum inside the bounds of lambda: the {objective} is "
                    f"still falling at the {side} bound for {self._describe(where)}, "
                    f"so {meaning}. {advice}",
                    LambdaBoundWarning,
                )

    def _criterion_name(self):
        """Return what is minimized over lambda, in words."""
        if isinstance(self.criterion, str) and self.criterion == "validation":
            return "validation loss"
        return f"criterion {self.criterion!r}"

    def _describe(self, where):
        """Return the names of some groups, in words."""
        if self.feature_groups is None:
            return "all features"
        return spell_some("group", self.feature_group_names_[where])
